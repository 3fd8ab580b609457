/* The client's rule: what it takes, and each way to lead it back or aside that must fail. */
#include <inttypes.h>

#include "tests/unit/evidence/tlog_scene.h"

enum { NOW = 1795600000, DAY = 24 * 3600 };
#define MODEL                                                                                                                 \
    "{\"manifest\":\"1111111111111111111111111111111111111111111111111111111111111111\",\"name\":\"toy\",\"type\":\"model\"," \
    "\"v\":1}"

static struct scene s;
static struct tlog_answer answer;
static struct ev_report report;
static struct tlog_kept kept;

/* ---- a log: entry 0 the model, then states and other things ---- */

static void model_hash(char hex[65]) {
    uint8_t h[32];
    tree_leaf_hash(h, MODEL, strlen(MODEL));
    hex_encode(hex, h, 32);
}

static void add_state(struct scene *to, int64_t from, int64_t until, const char *list) {
    char text[512], hex[65];
    model_hash(hex);
    int in_force = strcmp(list, "in_force") == 0, revoked = strcmp(list, "revoked") == 0;
    snprintf(text, sizeof text,
             "{\"from\":%" PRId64 ",\"in_force\":[%s%s%s],\"revoked\":[%s%s%s],\"type\":\"state\",\"until\":%" PRId64 ",\"v\":1}",
             from, in_force ? "\"" : "", in_force ? hex : "", in_force ? "\"" : "", revoked ? "\"" : "", revoked ? hex : "",
             revoked ? "\"" : "", until);
    scene_add(to, text);
}

static void open_log(void) {
    scene_open(&s);
    kept = (struct tlog_kept){.size = 0};
    scene_add(&s, MODEL);
    add_state(&s, NOW - 3600, NOW + 3600, "in_force");
}

/* The verdict; what is to be kept is kept. factor NULL: all is good; else that one failed. */
static void judged_by(const struct log_policy *trust, const struct buf *bundle, int64_t now, enum ev_verdict want,
                      const char *factor) {
    struct tlog_question q = {.trust = trust, .kept = &kept, .bundle = {bundle->data, bundle->len}, .now = now};
    CHECK_INT(tlog_judge(&q, &answer, &report), 0);
    enum ev_verdict got = ev_report_verdict(&report);
    int good = got == want && (!factor || ev_report_failed(&report, factor));
    for (unsigned i = 0; !good && i < report.factors; i++)
        print_error("%s %s\n", report.factor[i].name, report.factor[i].ok ? "ok" : report.factor[i].why);
    CHECK_INT(got, want);
    if (factor) CHECK(ev_report_failed(&report, factor) != NULL);
    CHECK(answer.next.size >= kept.size && answer.next.newest >= kept.newest && answer.next.states >= kept.states);
    kept = answer.next;
}
static void judged(const struct buf *bundle, int64_t now, enum ev_verdict want, const char *factor) {
    judged_by(&s.trust, bundle, now, want, factor);
}

/* One proof of the model and the newest state of the log as it is now, judged at NOW. */
static void one(unsigned witnesses, int64_t signed_at, int state, uint64_t from, int64_t now, enum ev_verdict want,
                const char *factor) {
    struct buf note;
    scene_checkpoint(&s, &note, witnesses, signed_at);
    struct buf b = prove(&s, &note, s.edge.size, 0, state, from);
    judged(&b, now, want, factor);
    buf_release(&b);
    buf_release(&note);
}

TEST(what_is_in_force_is_taken_and_the_tree_is_kept) {
    open_log();
    one(2, NOW - 60, 1, 0, NOW, EV_OK, NULL);
    CHECK_INT(answer.leaf.type, TLOG_MODEL);
    CHECK_STR(answer.leaf.name, "toy");
    CHECK_INT(kept.size, 2);
    CHECK_INT(kept.newest, NOW - 60);
    CHECK_INT(kept.states, 2);
    one(3, NOW - 30, 1, 0, NOW, EV_OK, NULL); /* the log rests */
    for (int i = 0; i < 700; i++) {
        char text[160];
        snprintf(text, sizeof text, "{\"digest\":\"%064d\",\"name\":\"p\",\"type\":\"policy\",\"v\":1}", i);
        scene_add(&s, text);
    }
    one(2, NOW, 1, 2, NOW, EV_OK, NULL);
    CHECK_INT(kept.size, 702);
    one(2, NOW, 1, 0, NOW, EV_OK, NULL); /* nothing has grown: nothing to be shown */
    scene_close(&s);
}

TEST(a_state_speaks_for_itself) {
    struct buf note;
    open_log();
    scene_checkpoint(&s, &note, 2, NOW);
    struct buf b = prove(&s, &note, 2, 1, NO_STATE, 0);
    judged(&b, NOW, EV_OK, NULL);
    judged(&b, NOW + 3601, EV_REFUSED, "state_date");
    buf_release(&b);
    buf_release(&note);
    scene_close(&s);
}

TEST(too_few_witnesses_are_refused) {
    open_log();
    one(1, NOW, 1, 0, NOW, EV_REFUSED, "witnesses");
    CHECK_INT(kept.size, 0);
    one(0, NOW, 1, 0, NOW, EV_REFUSED, "witnesses");
    s.trust.k = 3;
    one(2, NOW, 1, 0, NOW, EV_REFUSED, "witnesses");
    s.trust.k = 0; /* a policy that asks for nobody is none */
    one(2, NOW, 1, 0, NOW, EV_REFUSED, "origin");
    scene_close(&s);
}

TEST(one_witness_that_signs_twice_is_one) {
    struct buf note;
    open_log();
    scene_checkpoint(&s, &note, 1, NOW);
    struct tlog_note read;
    CHECK_INT(tlog_note_read(&read, (struct ev_bytes){note.data, note.len}), 0);
    uint8_t text[512];
    size_t n = read.text.n;
    memcpy(text, read.text.p, n);
    CHECK_INT(tlog_sign(&note, (struct ev_bytes){text, n}, &s.witness[0], s.witness_seed[0], NOW - 1), 0);
    strcpy(s.witness[0].name, "another.example/name"); /* nor is it two under two names */
    CHECK_INT(tlog_sign(&note, (struct ev_bytes){text, n}, &s.witness[0], s.witness_seed[0], NOW - 2), 0);
    struct buf b = prove(&s, &note, 2, 0, 1, 0);
    judged(&b, NOW, EV_REFUSED, "witnesses");
    buf_release(&b);
    buf_release(&note);
    scene_close(&s);
}

TEST(cosignatures_older_than_24_hours_are_refused) {
    open_log();
    add_state(&s, NOW + DAY - 3600, NOW + DAY + 3600, "in_force");
    one(2, NOW, 2, 0, NOW + DAY, EV_OK, NULL);
    one(2, NOW, 2, 0, NOW + DAY + 1, EV_REFUSED, "cosigned_age");
    scene_close(&s);
}

TEST(a_clock_behind_the_newest_cosignature_is_refused) {
    open_log();
    one(2, NOW, 1, 0, NOW - 1, EV_INVALID, "clock");
    CHECK_INT(kept.size, 0);
    one(2, NOW, 1, 0, NOW, EV_OK, NULL);
    one(2, NOW - 100, 1, 0, NOW - 50, EV_INVALID, "clock"); /* behind the one that was kept */
    scene_close(&s);
}

TEST(a_state_out_of_date_puts_nothing_in_force) {
    open_log();
    one(2, NOW, 1, 0, NOW + 3600, EV_OK, NULL);
    one(2, NOW, 1, 0, NOW + 3601, EV_REFUSED, "state_date");
    one(2, NOW - 3700, NO_STATE, 0, NOW, EV_REFUSED, "state");
    add_state(&s, NOW + 5000, NOW + 6000, "in_force");
    one(2, NOW, 2, 2, NOW + 1, EV_REFUSED, "state_date"); /* not yet */
    scene_close(&s);
}

TEST(what_is_revoked_or_not_listed_is_refused_and_the_older_state_does_not_come_back) {
    open_log();
    one(2, NOW, 1, 0, NOW, EV_OK, NULL);
    add_state(&s, NOW - 10, NOW + 3000, "revoked");
    one(2, NOW, 2, 2, NOW, EV_REFUSED, "in_force");
    CHECK_INT(kept.states, 3);
    one(2, NOW, 1, 0, NOW, EV_REFUSED, "state"); /* that state is still in date */
    add_state(&s, NOW - 10, NOW + 3000, "neither");
    one(2, NOW, 3, 3, NOW, EV_REFUSED, "in_force");
    scene_close(&s);
}

TEST(an_old_checkpoint_cosigned_anew_is_refused) {
    struct buf old;
    open_log();
    scene_checkpoint(&s, &old, 2, NOW); /* as if the witnesses had signed the old tree at NOW */
    struct buf b = prove(&s, &old, 2, 0, 1, 0);
    scene_add(&s, "{\"digest\":\""
                  "2222222222222222222222222222222222222222222222222222222222222222"
                  "\",\"name\":\"p\",\"type\":\"policy\",\"v\":1}");
    one(2, NOW - 60, 1, 0, NOW, EV_OK, NULL);
    CHECK_INT(kept.size, 3);
    judged(&b, NOW, EV_REFUSED, "log_rollback");
    CHECK_INT(kept.size, 3);
    buf_release(&b);
    buf_release(&old);
    scene_close(&s);
}

TEST(a_forked_log_is_refused_at_the_same_size_and_grown_on) {
    static struct scene fork;
    struct buf note;
    open_log();
    one(2, NOW, 1, 0, NOW, EV_OK, NULL);
    scene_open(&fork); /* the same keys */
    scene_add(&fork, MODEL);
    add_state(&fork, NOW - 3599, NOW + 3600, "in_force");
    scene_checkpoint(&fork, &note, 2, NOW);
    struct buf b = prove(&fork, &note, 2, 0, 1, 0);
    judged(&b, NOW, EV_INVALID, "consistency");
    buf_release(&b);
    buf_release(&note);
    add_state(&fork, NOW - 3599, NOW + 3600, "in_force");
    scene_checkpoint(&fork, &note, 2, NOW);
    b = prove(&fork, &note, 3, 0, 2, 2);
    judged(&b, NOW, EV_INVALID, "consistency");
    CHECK_INT(kept.size, 2);
    buf_release(&b);
    b = prove(&fork, &note, 3, 0, 2, 0); /* without a proof */
    judged(&b, NOW, EV_REFUSED, "consistency");
    buf_release(&b);
    b = prove(&fork, &note, 3, 0, 2, 1); /* from another size */
    judged(&b, NOW, EV_REFUSED, "consistency");
    buf_release(&b);
    buf_release(&note);
    scene_close(&fork);
    scene_close(&s);
}

TEST(another_log_and_a_forged_signature_are_refused) {
    struct buf note;
    open_log();
    scene_checkpoint(&s, &note, 2, NOW);
    struct buf b = prove(&s, &note, 2, 0, 1, 0);
    struct log_policy other = s.trust;
    strcpy(other.origin, "log.example/other");
    judged_by(&other, &b, NOW, EV_REFUSED, "origin");
    other = s.trust;
    other.key[0] ^= 1;
    judged_by(&other, &b, NOW, EV_INVALID, "log_signature");
    strcpy(kept.origin, "log.example/other");
    kept.size = 1;
    judged(&b, NOW, EV_REFUSED, "origin");
    kept = (struct tlog_kept){.size = 0};
    /* the text changed under its signatures: they claim the keys, and do not verify */
    char *size = memmem(b.data, b.len, "lull\\n2\\n", 8);
    CHECK(size != NULL);
    size[6] = '3';
    judged(&b, NOW, EV_INVALID, "log_signature");
    CHECK(ev_report_failed(&report, "cosignatures") != NULL);
    buf_release(&b);
    buf_release(&note);
    scene_close(&s);
}

TEST(an_entry_that_is_not_in_the_tree_is_refused) {
    struct buf note;
    open_log();
    scene_checkpoint(&s, &note, 2, NOW);
    struct buf b = prove(&s, &note, 2, 0, 1, 0);
    char *name = memmem(b.data, b.len, "toy", 3);
    CHECK(name != NULL);
    memcpy(name, "tox", 3);
    judged(&b, NOW, EV_INVALID, "inclusion");
    memcpy(name, "toy", 3);
    char *until = memmem(b.data, b.len, "until", 5); /* the state's dates */
    CHECK(until != NULL);
    until[strlen("until\\\":179560360")] ^= 1;
    judged(&b, NOW, EV_INVALID, "state_inclusion");
    buf_release(&b);
    buf_release(&note);
    scene_close(&s);
}

TEST(nodes_of_another_hour_are_refused) {
    struct buf note;
    char nodes[300], state[400], hex[65];
    uint8_t h[32];
    scene_open(&s);
    kept = (struct tlog_kept){.size = 0};
    snprintf(nodes, sizeof nodes, "{\"hour\":%d,\"nodes\":[],\"part\":0,\"parts\":1,\"type\":\"nodes\",\"v\":1}", NOW / 3600);
    tree_leaf_hash(h, nodes, strlen(nodes));
    hex_encode(hex, h, 32);
    snprintf(state, sizeof state, "{\"from\":%d,\"in_force\":[\"%s\"],\"revoked\":[],\"type\":\"state\",\"until\":%d,\"v\":1}",
             NOW, hex, NOW + DAY);
    scene_add(&s, nodes);
    scene_add(&s, state);
    scene_checkpoint(&s, &note, 2, NOW);
    struct buf b = prove(&s, &note, 2, 0, 1, 0);
    judged(&b, NOW, EV_OK, NULL);
    judged(&b, (NOW / 3600 + 2) * 3600 - 1, EV_OK, NULL);
    judged(&b, (NOW / 3600 + 2) * 3600, EV_REFUSED, "hour");
    buf_release(&b);
    buf_release(&note);
    scene_close(&s);
}

TEST(what_is_no_proof_is_unsupported_and_no_cut_one_is_good) {
    struct buf note;
    open_log();
    scene_checkpoint(&s, &note, 2, NOW);
    struct buf b = prove(&s, &note, 2, 0, 1, 0);
    for (size_t n = 0; n < b.len; n += 7) {
        struct buf cut = {.data = b.data, .len = n};
        judged(&cut, NOW, EV_UNSUPPORTED, "proof_form");
    }
    static const char *const swaps[][2] = {{"\"v\":1,", "\"v\":2,"}, {"\"leaf\"", "\"loaf\""}, {"\"index\":0", "\"index\":-"}};
    for (size_t i = 0; i < sizeof swaps / sizeof *swaps; i++) {
        char *at = memmem(b.data, b.len, swaps[i][0], strlen(swaps[i][0]));
        CHECK(at != NULL);
        memcpy(at, swaps[i][1], strlen(swaps[i][1]));
        judged(&b, NOW, EV_UNSUPPORTED, "proof_form");
        memcpy(at, swaps[i][0], strlen(swaps[i][0]));
    }
    judged(&b, NOW, EV_OK, NULL);
    buf_release(&b);
    buf_release(&note);
    scene_close(&s);
}

TEST(any_changed_byte_of_a_proof_is_refused) {
    struct buf note;
    open_log();
    scene_checkpoint(&s, &note, 2, NOW);
    struct buf b = prove(&s, &note, 2, 0, 1, 0);
    for (size_t at = 0; at < b.len; at++) {
        struct tlog_question q = {.trust = &s.trust, .kept = &kept, .bundle = {b.data, b.len}, .now = NOW};
        b.data[at] ^= 1;
        CHECK_INT(tlog_judge(&q, &answer, &report), 0);
        enum ev_verdict got = ev_report_verdict(&report);
        if (got == EV_OK || got == EV_INTERNAL) print_error("byte %zu\n", at);
        CHECK(got != EV_OK && got != EV_INTERNAL);
        b.data[at] ^= 1;
    }
    judged(&b, NOW, EV_OK, NULL);
    buf_release(&b);
    buf_release(&note);
    scene_close(&s);
}

TEST(what_is_kept_goes_out_and_comes_back) {
    struct tlog_kept k = {.origin = "log.example/lull", .size = 77, .newest = NOW, .states = 5}, back;
    struct buf b;
    memset(k.root.b, 9, 32);
    CHECK_INT(tlog_kept_text(&b, &k), 0);
    CHECK_INT(tlog_kept_read(&back, (struct ev_bytes){b.data, b.len}), 0);
    CHECK_STR(back.origin, k.origin);
    CHECK(back.size == 77 && back.newest == NOW && back.states == 5 && tlog_hash_equal(&back.root, &k.root));
    for (size_t n = 0; n < b.len; n++) CHECK(tlog_kept_read(&back, (struct ev_bytes){b.data, n}) != 0);
    b.data[0] ^= 1;
    CHECK_INT(tlog_kept_read(&back, (struct ev_bytes){b.data, b.len}), ERR_VERSION);
    buf_release(&b);
}

TESTS_MAIN("tlog_client", T(what_is_in_force_is_taken_and_the_tree_is_kept), T(a_state_speaks_for_itself),
           T(too_few_witnesses_are_refused), T(one_witness_that_signs_twice_is_one),
           T(cosignatures_older_than_24_hours_are_refused), T(a_clock_behind_the_newest_cosignature_is_refused),
           T(a_state_out_of_date_puts_nothing_in_force),
           T(what_is_revoked_or_not_listed_is_refused_and_the_older_state_does_not_come_back),
           T(an_old_checkpoint_cosigned_anew_is_refused), T(a_forked_log_is_refused_at_the_same_size_and_grown_on),
           T(another_log_and_a_forged_signature_are_refused), T(an_entry_that_is_not_in_the_tree_is_refused),
           T(nodes_of_another_hour_are_refused), T(what_is_no_proof_is_unsupported_and_no_cut_one_is_good),
           T(any_changed_byte_of_a_proof_is_refused), T(what_is_kept_goes_out_and_comes_back))
