/* Receipts of tier blind, read back: those that a gateway writes, or wrote in version 1, are consistent; a part that is missing, of
 * another form, or from another receipt makes them unreadable or wrong, and which of the two is in the table. */
#include <stdlib.h>

#include "base/file.h"
#include "base/json.h"
#include "gateway/gw_blind_judge.h"
#include "gateway/gw_blind_receipt.h"
#include "tests/check.h"

/* A receipt as it is written. */
static void make(struct buf *b, enum gw_blind_mode mode, int with_incident) {
    static const uint8_t id[16] = {1}, manifest[32] = {2};
    struct gw_blind_account a = {.products = 900,
                                 .verified = 900,
                                 .bytes_up = 7,
                                 .bytes_down = 8,
                                 .sessions = 1,
                                 .passes = 5,
                                 .prompt_padded = 64,
                                 .kept = 70};
    uint8_t who[2][32] = {{5}, {6}}, whose[2][32] = {{7}, {8}};
    struct gw_blind_receipt q = {.request_id = id,
                                 .model = "toy:q8_0",
                                 .profile = "C1-row8-f16",
                                 .mode = mode,
                                 .params = mode == GW_BLIND_LATTICE ? "d6" : NULL,
                                 .manifest = manifest,
                                 .start_ms = 1000,
                                 .end_ms = 2000,
                                 .prompt_tokens = 75,
                                 .output_tokens = 6,
                                 .stop = STOP_LENGTH,
                                 .account = &a};
    gw_blind_account_worker(&a, PAIR_A, who[0], whose[0]);
    if (mode == GW_BLIND_PAIR) gw_blind_account_worker(&a, PAIR_B, who[1], whose[1]);
    if (with_incident) {
        struct blind_incident lie = {.identity = {9}, .operator_id = {7}, .role = PAIR_A, .fault = FAULT_PRODUCT};
        gw_blind_account_incident(&a, &lie);
        a.verified -= 64;
    }
    buf_init(b, BLIND_RECEIPT_BYTES_MAX);
    CHECK_INT(gw_blind_receipt_write(b, &q), 0);
}

static struct gw_blind_judged v;
static void judge(const struct buf *b) { gw_blind_judge(&v, b->data, b->len); }

TEST(receipts_as_they_are_written_are_consistent) {
    for (int mode = 0; mode < GW_BLIND_MODES; mode++)
        for (int incident = 0; incident < 2; incident++) {
            struct buf b;
            make(&b, (enum gw_blind_mode)mode, incident);
            judge(&b);
            if (v.bad) printf("# %s %s\n", v.member, v.bad);
            CHECK(v.readable && !v.bad);
            CHECK_INT(v.mode, mode);
            CHECK_STR(v.model, "toy:q8_0");
            CHECK_INT(v.tokens, 6);
            CHECK_INT(v.workers, mode == GW_BLIND_PAIR ? 2 : 1);
            CHECK_INT(v.products, 900);
            buf_release(&b);
        }
}

/* ---- changed ones ---- */

enum { UNREADABLE, WRONG };
struct change {
    enum gw_blind_mode mode;
    const char *from, *to; /* first place; to NULL: cut the receipt there */
    int becomes;
};
static const struct change changes[] = {
    {GW_BLIND_PAIR, "\"lull_receipt\":\"blind\"", "\"lull_receipt\":\"sealed\"", UNREADABLE},
    {GW_BLIND_PAIR, "\"version\":2", "\"version\":3", UNREADABLE},
    {GW_BLIND_PAIR, "\"version\":2", "\"version\":1", UNREADABLE}, /* whose members are others */
    {GW_BLIND_PAIR, "\"version\":2", "\"version\":0", UNREADABLE},
    {GW_BLIND_PAIR, "\"version\":2", "\"version\":2.0", UNREADABLE},
    {GW_BLIND_PAIR, "\"version\":2", "\"version\":2,\"more\":1", UNREADABLE},
    {GW_BLIND_PAIR, "\"version\":2", "\"version\":2,\"version\":2", UNREADABLE},
    {GW_BLIND_PAIR, "\"notice\":", "\"note\":", UNREADABLE},
    {GW_BLIND_PAIR, "not yet reviewed", "reviewed twice..", WRONG},
    {GW_BLIND_PAIR, "\"id\":\"01", "\"id\":\"0x", UNREADABLE},
    {GW_BLIND_PAIR, "\"id\":\"01", "\"id\":\"0101", UNREADABLE},
    {GW_BLIND_PAIR, "\"model\":\"toy:q8_0\"", "\"model\":\"toy\"", UNREADABLE},
    {GW_BLIND_PAIR, "\"model\":\"toy:q8_0\"", "\"model\":\"Toy:q8_0\"", UNREADABLE},
    {GW_BLIND_PAIR, "\"model\":\"toy:q8_0\"", "\"model\":\"two:q8_0\"", UNREADABLE}, /* visible_to_workers has the other */
    {GW_BLIND_PAIR, "\"model\":\"toy:q8_0\"", "\"model\":\"toy:q8_0\\u0000\"", UNREADABLE},
    {GW_BLIND_PAIR, "\"manifest\":\"02", "\"manifest\":\"", UNREADABLE},
    {GW_BLIND_PAIR, "\"mode\":\"pair\"", "\"mode\":\"triple\"", UNREADABLE},
    {GW_BLIND_PAIR, "\"mode\":\"pair\"", "\"mode\":\"lattice\"", UNREADABLE},
    {GW_BLIND_PAIR, "\"mode\":\"pair\"", "\"mode\":\"pair\",\"params\":\"d6\"", UNREADABLE},
    {GW_BLIND_LATTICE, "\"mode\":\"lattice\"", "\"mode\":\"pair\"", UNREADABLE},
    {GW_BLIND_LATTICE, "\"params\":\"d6\",", "", UNREADABLE},
    {GW_BLIND_LATTICE, "\"replay\":\"not exact", "\"replay\":\"exact", WRONG},
    {GW_BLIND_PAIR, "\"replay\":\"exact", "\"replay\":\"not exact", WRONG},
    {GW_BLIND_PAIR, "1970-01-01T00:00:01", "1970-01-01T00:00:03", WRONG},
    {GW_BLIND_PAIR, "\"stop_reason\":\"length\"", "\"stop_reason\":\"end\"", WRONG},
    {GW_BLIND_PAIR, "\"prompt_tokens\":75", "\"prompt_tokens\":-75", UNREADABLE},
    {GW_BLIND_PAIR, "\"prompt_tokens\":75", "\"prompt_tokens\":\"75\"", UNREADABLE},
    {GW_BLIND_PAIR, "\"prompt_tokens\":75", "\"prompt_tokens\":135", WRONG},
    {GW_BLIND_PAIR, "\"prompt_tokens\":75", "\"prompt_tokens\":70", WRONG}, /* all of it was kept */
    {GW_BLIND_PAIR, "\"kept_tokens\":70", "\"kept_tokens\":10", WRONG},     /* then there were two chunks */
    {GW_BLIND_PAIR, "\"kept_tokens\":70", "\"kept_tokens\":76", WRONG},
    {GW_BLIND_PAIR, "\"kept_tokens\":70,", "", UNREADABLE},
    {GW_BLIND_PAIR, "\"kept_tokens\":70", "\"kept_tokens\":-1", UNREADABLE},
    {GW_BLIND_PAIR, "\"prompt_columns\":64", "\"prompt_columns\":63", WRONG},
    {GW_BLIND_PAIR, "\"passes\":5", "\"passes\":7", WRONG},
    {GW_BLIND_PAIR, "\"passes\":5", "\"passes\":4", WRONG}, /* of one column: five tokens with the prompt's */
    {GW_BLIND_PAIR, "\"passes\":5", "\"passes_of_one_column\":5", UNREADABLE},
    {GW_BLIND_PAIR, "\"columns_per_pass\":1", "\"columns_per_pass\":0", UNREADABLE},
    {GW_BLIND_PAIR, "\"columns_per_pass\":1", "\"columns_per_pass\":65", UNREADABLE},
    {GW_BLIND_PAIR, ",\"columns_per_pass\":1", "", UNREADABLE},
    {GW_BLIND_PAIR, "\"output_tokens\":6", "\"output_tokens\":4294967296", UNREADABLE},
    {GW_BLIND_PAIR, "\"products\":900", "\"products\":68", WRONG},
    {GW_BLIND_PAIR, "\"products\":900", "\"products\":9e2", UNREADABLE},
    {GW_BLIND_PAIR, "\"products\":900", "\"products\":99999999999999999999", UNREADABLE},
    {GW_BLIND_PAIR, "\"verified\":836", "\"verified\":0", WRONG},
    {GW_BLIND_LATTICE, "\"verified\":836", "\"verified\":901", WRONG},
    {GW_BLIND_LATTICE, "\"worker_count\":1", "\"worker_count\":2", WRONG},
    {GW_BLIND_LATTICE, "\"incident_count\":1", "\"incident_count\":0", WRONG},
    {GW_BLIND_LATTICE, "\"workers\":[{", "\"workers\":[7,{", UNREADABLE},
    {GW_BLIND_LATTICE, "\"role\":\"worker\"", "\"role\":\"A\"", UNREADABLE},
    {GW_BLIND_PAIR, "\"role\":\"A\"", "\"role\":\"C\"", UNREADABLE},
    {GW_BLIND_PAIR, "\"role\":\"A\"", "\"role\":\"B\"", WRONG},
    {GW_BLIND_PAIR, "\"identity\":\"05", "\"identity\":\"06", WRONG}, /* one worker as A and B */
    {GW_BLIND_PAIR, "\"operator\":\"07", "\"operator\":\"08", WRONG}, /* one operator */
    {GW_BLIND_PAIR, "\"operator\":\"07", "\"operator\":\"0\",\"x\":\"7", UNREADABLE},
    {GW_BLIND_PAIR, "\"what\":\"a wrong product\"", "\"what\":\"a bad mood\"", UNREADABLE},
    {GW_BLIND_PAIR, "\"what\":\"a wrong product\"", "\"what\":\"the connection was lost\"", UNREADABLE},
    {GW_BLIND_PAIR, "\"what\":\"a wrong product\"", "\"what\":\"nothing\"", UNREADABLE},
    {GW_BLIND_PAIR, "\"banned\":true", "\"banned\":false", UNREADABLE},
    {GW_BLIND_PAIR, "\"banned\":true", "\"banned\":1", UNREADABLE},
    {GW_BLIND_PAIR, "\"times\":1", "\"times\":0", UNREADABLE},
    {GW_BLIND_PAIR, "\"also\":", "\"as\":", UNREADABLE},
    {GW_BLIND_PAIR, "\"visible_to_workers\":{", "\"visible_to_workers\":7,\"x\":{", UNREADABLE},
    {GW_BLIND_PAIR, ",\"incidents\"", NULL, UNREADABLE},
};

static void change_in(const char *text, const struct change *c, struct buf *out) {
    const char *at = strstr(text, c->from);
    if (!at) printf("# not there: %s\n", c->from);
    CHECK(at != NULL);
    buf_init(out, BLIND_RECEIPT_BYTES_MAX);
    CHECK_INT(buf_add(out, text, (size_t)(at - text)), 0);
    if (c->to) CHECK_INT(buf_addf(out, "%s%s", c->to, at + strlen(c->from)), 0);
}
static void change(const struct change *c, struct buf *out) {
    struct buf b;
    make(&b, c->mode, 1);
    CHECK_INT(buf_add(&b, "", 1), 0);
    change_in((const char *)b.data, c, out);
    buf_release(&b);
}

TEST(changed_receipts_are_unreadable_or_wrong_as_the_table_says) {
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct buf b;
        change(&changes[i], &b);
        judge(&b);
        int got = v.readable ? WRONG : UNREADABLE;
        if (!v.bad || got != changes[i].becomes)
            printf("# %s -> %s: readable %d, %s %s\n", changes[i].from, changes[i].to, v.readable, v.member,
                   v.bad ? v.bad : "fine");
        CHECK(v.bad != NULL);
        CHECK_INT(got, changes[i].becomes);
        buf_release(&b);
    }
    printf("# %zu changes\n", sizeof changes / sizeof changes[0]);
}

/* Of version 1: as gateways wrote them, and with what only version 2 has. */
TEST(receipts_of_version_1_are_read_as_such) {
    static const char *const files[] = {"tests/data/blind/receipt_1_pair.json", "tests/data/blind/receipt_1_lattice.json"};
    static const struct change others[] = {
        {GW_BLIND_PAIR, "\"prompt_tokens\":", "\"kept_tokens\":0,\"prompt_tokens\":", UNREADABLE},
        {GW_BLIND_PAIR, "\"passes_of_one_column\"", "\"columns_per_pass\":1,\"passes_of_one_column\"", UNREADABLE},
        {GW_BLIND_PAIR, "\"passes_of_one_column\"", "\"passes\"", UNREADABLE},
        {GW_BLIND_PAIR, "\"version\":1", "\"version\":2", UNREADABLE},
        {GW_BLIND_PAIR, "\"prompt_columns\":64", "\"prompt_columns\":128", WRONG},
    };
    for (int f = 0; f < 2; f++) {
        struct buf b, c;
        CHECK_INT(file_read(&b, files[f], BLIND_RECEIPT_BYTES_MAX, NULL), 0);
        judge(&b);
        if (v.bad) printf("# %s: %s %s\n", files[f], v.member, v.bad);
        CHECK(v.readable && !v.bad);
        CHECK_INT(v.mode, f ? GW_BLIND_LATTICE : GW_BLIND_PAIR);
        for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
            CHECK_INT(buf_add(&b, "", 1), 0);
            b.len--;
            change_in((const char *)b.data, &others[i], &c);
            judge(&c);
            CHECK(v.bad != NULL);
            CHECK_INT(v.readable ? WRONG : UNREADABLE, others[i].becomes);
            buf_release(&c);
        }
        buf_release(&b);
    }
}

/* Guessed ids: a pass of four columns gives up to four tokens. */
TEST(passes_of_several_columns_give_several_tokens_and_no_more) {
    static const struct {
        const char *tokens;
        int wrong;
    } counts[] = {
        {"\"output_tokens\":24", 0}, {"\"output_tokens\":25", 1}, {"\"output_tokens\":4", 1}, {"\"output_tokens\":5", 0}};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct change pass = {GW_BLIND_PAIR, "\"columns_per_pass\":1", "\"columns_per_pass\":4", 0};
        struct change tokens = {GW_BLIND_PAIR, "\"output_tokens\":6", counts[i].tokens, 0};
        struct buf b, c;
        change(&pass, &b);
        CHECK_INT(buf_add(&b, "", 1), 0);
        change_in((const char *)b.data, &tokens, &c);
        judge(&c);
        CHECK(v.readable && !v.bad == !counts[i].wrong);
        buf_release(&b), buf_release(&c);
    }
}

/* In mode lattice no answer goes missing without an incident. */
TEST(an_answer_that_nobody_misses_is_wrong) {
    struct buf b;
    make(&b, GW_BLIND_LATTICE, 0);
    char *at = strstr((char *)b.data, "\"verified\":900");
    CHECK(at != NULL);
    memcpy(at, "\"verified\":899", 14);
    judge(&b);
    CHECK(v.readable && v.bad && strcmp(v.member, "verified") == 0);
    buf_release(&b);
}

TEST(every_cut_of_a_receipt_is_unreadable) {
    struct buf b;
    make(&b, GW_BLIND_PAIR, 1);
    for (size_t n = 0; n + 2 <= b.len; n++) { /* the last byte is the newline after it */
        gw_blind_judge(&v, b.data, n);
        CHECK(!v.readable && v.bad);
    }
    buf_release(&b);
}

TEST(what_is_longer_than_any_receipt_is_not_read) {
    size_t n = BLIND_RECEIPT_BYTES_MAX + 1;
    char *text = malloc(n);
    CHECK(text != NULL);
    memset(text, ' ', n);
    memcpy(text, "{}", 2);
    gw_blind_judge(&v, text, n);
    CHECK(!v.readable && strstr(v.bad, "too long"));
    free(text);
}

TESTS_MAIN("gw_blind_judge", T(receipts_as_they_are_written_are_consistent),
           T(changed_receipts_are_unreadable_or_wrong_as_the_table_says), T(receipts_of_version_1_are_read_as_such),
           T(passes_of_several_columns_give_several_tokens_and_no_more), T(an_answer_that_nobody_misses_is_wrong),
           T(every_cut_of_a_receipt_is_unreadable), T(what_is_longer_than_any_receipt_is_not_read))
