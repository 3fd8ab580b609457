/* What evidence is bound to: the values of a second implementation (tests/data/evidence/binding/binding_twin.py), that every input
 * counts, and nonces that are a log's checkpoint. */
#include <sodium.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/hash.h"
#include "evidence/binding.h"
#include "evidence/prefetched.h"
#include "tests/check.h"

#define FOLDER "tests/data/evidence/binding/"

/* ---- binding values ---- */

static void hex_of(uint8_t *out, size_t n, const char *hex) { CHECK_INT(hex_decode(out, n, hex, strlen(hex)), 0); }

static unsigned made_of(struct ev_made *made, char *text) {
    unsigned n = 0;
    char *at = NULL;
    if (strcmp(text, "-") == 0) return 0;
    for (char *one = strtok_r(text, ",", &at); one; one = strtok_r(NULL, ",", &at)) {
        char *colon = strchr(one, ':');
        *colon = 0;
        made[n].kind = (enum ev_kind)atoi(one);
        hex_of(made[n++].digest, 32, colon + 1);
    }
    return n;
}

static void one_vector(char *line) {
    char *field[8], *at = NULL;
    int fields = 0;
    for (char *f = strtok_r(line, " ", &at); f && fields < 8; f = strtok_r(NULL, " ", &at)) field[fields++] = f;
    CHECK_INT(fields, 8);
    struct ev_bound bound = {.channel = (uint8_t)atoi(field[1])};
    struct ev_made made[EV_MEMBERS_MAX];
    uint8_t b[64], want[64], digest[32];
    hex_of(bound.nonce, 32, field[2]);
    hex_of(bound.key_hash, 32, field[3]);
    hex_of(bound.x, 32, field[4]);
    unsigned n = made_of(made, field[5]);
    ev_binding_long(b, &bound, (enum ev_kind)atoi(field[0]), made, n);
    hex_of(want, 64, field[6]);
    CHECK_MEM(b, want, 64);
    ev_binding_short(digest, b);
    hex_of(want, 32, field[7]);
    CHECK_MEM(digest, want, 32);
}

TEST(binding_values_are_those_of_a_second_implementation) {
    struct buf text;
    char *at = NULL;
    int cases = 0;
    CHECK_INT(file_read(&text, FOLDER "bindings.txt", 65536, NULL), 0);
    CHECK_INT(buf_add(&text, "", 1), 0);
    for (char *line = strtok_r((char *)text.data, "\n", &at); line; line = strtok_r(NULL, "\n", &at), cases++) one_vector(line);
    CHECK_INT(cases, 14);
    buf_release(&text);
}

TEST(every_input_of_a_binding_value_counts) {
    struct ev_bound good = {.channel = 1}, other;
    struct ev_made made[2] = {{.kind = EV_NVIDIA_GPU}, {.kind = EV_TPM_QUOTE}}, changed[2];
    uint8_t b[64], c[64];
    ev_binding_long(b, &good, EV_SEV_SNP, made, 2);
    for (size_t i = 0; i < sizeof good; i++) {
        other = good;
        ((uint8_t *)&other)[i] ^= 1;
        ev_binding_long(c, &other, EV_SEV_SNP, made, 2);
        CHECK(memcmp(b, c, 64) != 0);
    }
    ev_binding_long(c, &good, EV_TDX, made, 2);
    CHECK(memcmp(b, c, 64) != 0);
    ev_binding_long(c, &good, EV_SEV_SNP, made, 1);
    CHECK(memcmp(b, c, 64) != 0);
    memcpy(changed, made, sizeof made);
    changed[1].digest[31] ^= 1;
    ev_binding_long(c, &good, EV_SEV_SNP, changed, 2);
    CHECK(memcmp(b, c, 64) != 0);
    changed[0] = made[1], changed[1] = made[0];
    ev_binding_long(c, &good, EV_SEV_SNP, changed, 2);
    CHECK(memcmp(b, c, 64) != 0);
}

TEST(every_kind_has_its_place_and_the_form_its_field_takes) {
    static const struct {
        enum ev_kind kind;
        enum ev_slot slot;
        size_t size;
    } rows[] = {{EV_SEV_SNP, EV_SLOT_CPU, 64},   {EV_TDX, EV_SLOT_CPU, 64},        {EV_TPM_QUOTE, EV_SLOT_TPM, 32},
                {EV_AWS_NITRO, EV_SLOT_CPU, 64}, {EV_NVIDIA_GPU, EV_SLOT_GPU, 32}, {EV_APPLE_MDA, EV_SLOT_APPLE, 64}};
    CHECK_INT(sizeof rows / sizeof *rows, EV_KIND_END - 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CHECK_INT(ev_slot_of(rows[i].kind), rows[i].slot);
        CHECK_INT(ev_binding_size(rows[i].kind), rows[i].size);
    }
    CHECK_INT(ev_slot_of(EV_KIND_NONE), EV_SLOT_END);
    CHECK_INT(ev_slot_of((enum ev_kind)99), EV_SLOT_END);
}

/* ---- prefetched nonces ---- */

enum { FIRST = 1795600000, SECOND = FIRST + 10, THIRD = FIRST + 30 }; /* the twin's witnesses signed then */
struct scene {
    struct buf file;
    struct ev_prefetched p;
    struct log_policy policy;
    uint8_t nonce[32];
};
static void open_scene(struct scene *s) {
    struct buf text;
    memset(s, 0, sizeof *s);
    CHECK_INT(file_read(&s->file, FOLDER "checkpoint.cbor", 65536, NULL), 0);
    CHECK_INT(ev_prefetched_read(&s->p, (struct ev_bytes){s->file.data, s->file.len}), 0);
    CHECK_INT(file_read(&text, FOLDER "checkpoint.txt", 65536, NULL), 0);
    CHECK_INT(hex_decode(s->nonce, 32, (char *)text.data + 6, 64), 0);
    CHECK_INT(hex_decode(s->policy.key, 32, (char *)text.data + 6 + 65 + 4, 64), 0);
    buf_release(&text);
    s->policy.given = 1;
    strcpy(s->policy.origin, "log.example/lull");
    for (unsigned i = 0; i < 3; i++) memcpy(s->policy.witness[i], s->p.cosignature[i].key, 32);
    s->policy.witnesses = 3;
    s->policy.k = 2;
}
/* The factor that must fail (NULL: none), and what the whole becomes. */
static void judged(const struct scene *s, int64_t max_age, int64_t now, uint64_t seen, const char *factor, enum ev_verdict as) {
    static struct ev_report r;
    memset(&r, 0, sizeof r);
    int good = ev_prefetched_check(&r, &s->p, &s->policy, max_age, now, seen);
    CHECK_INT(good, factor == NULL);
    CHECK_INT(ev_report_verdict(&r), as);
    if (factor) CHECK(ev_report_failed(&r, factor) != NULL);
}

TEST(a_prefetched_nonce_is_that_of_a_second_implementation) {
    struct scene s;
    uint8_t nonce[32];
    open_scene(&s);
    ev_prefetched_nonce(nonce, &s.p);
    CHECK_MEM(nonce, s.nonce, 32);
    CHECK_INT(s.p.log_size, 1234);
    CHECK_INT(s.p.count, 3);
    judged(&s, 3600, THIRD, 0, NULL, EV_OK);
    buf_release(&s.file);
}

TEST(the_age_of_a_nonce_counts_from_the_oldest_of_the_k_newest_times) {
    struct scene s;
    open_scene(&s);
    judged(&s, 100, SECOND + 100, 0, NULL, EV_OK); /* k = 2: the third newest does not count */
    judged(&s, 100, SECOND + 101, 0, "nonce_age", EV_REFUSED);
    s.policy.k = 3;
    judged(&s, 100, FIRST + 100, 0, NULL, EV_OK);
    judged(&s, 100, FIRST + 101, 0, "nonce_age", EV_REFUSED);
    buf_release(&s.file);
}

TEST(a_clock_behind_the_newest_cosignature_is_noticed) {
    struct scene s;
    open_scene(&s);
    judged(&s, 100, THIRD - 1, 0, "nonce_time", EV_INVALID);
    buf_release(&s.file);
}

TEST(an_old_checkpoint_cosigned_anew_is_refused_by_who_has_seen_a_later_one) {
    struct scene s;
    open_scene(&s);
    judged(&s, 3600, THIRD, 1234, NULL, EV_OK);
    judged(&s, 3600, THIRD, 1235, "log_rollback", EV_REFUSED);
    buf_release(&s.file);
}

TEST(signatures_of_others_and_changed_ones_are_refused) {
    struct scene s, changed;
    open_scene(&s);
    changed = s;
    changed.policy.given = 0;
    judged(&changed, 3600, THIRD, 0, "nonce_log", EV_REFUSED);
    changed = s;
    strcpy(changed.policy.origin, "log.example/lul");
    judged(&changed, 3600, THIRD, 0, "nonce_log", EV_REFUSED);
    changed = s;
    changed.p.log_sig[9] ^= 1;
    judged(&changed, 3600, THIRD, 0, "log_signature", EV_INVALID);
    changed = s;
    changed.policy.key[0] ^= 1;
    judged(&changed, 3600, THIRD, 0, "log_signature", EV_INVALID);
    changed = s;
    changed.p.cosignature[1].time++; /* the time is signed */
    judged(&changed, 3600, THIRD, 0, "cosignatures", EV_INVALID);
    changed = s;
    changed.p.cosignature[2].sig[63] ^= 1;
    judged(&changed, 3600, THIRD, 0, "cosignatures", EV_INVALID);
    changed = s;
    changed.policy.witness[0][0] ^= 1;
    changed.policy.witness[1][0] ^= 1;
    judged(&changed, 3600, THIRD, 0, "witnesses", EV_REFUSED);
    buf_release(&s.file);
}

TEST(every_flip_of_a_prefetched_nonce_changes_it_or_is_refused) {
    struct scene s;
    open_scene(&s);
    for (size_t i = 0; i < s.file.len * 8; i++) {
        static struct ev_report r;
        struct ev_prefetched p;
        memset(&r, 0, sizeof r);
        s.file.data[i / 8] ^= (uint8_t)(1u << i % 8);
        int read = ev_prefetched_read(&p, (struct ev_bytes){s.file.data, s.file.len});
        CHECK(read != 0 || !ev_prefetched_check(&r, &p, &s.policy, 3600, THIRD, 0));
        s.file.data[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    for (size_t n = 0; n < s.file.len; n++) {
        struct ev_prefetched p;
        CHECK(ev_prefetched_read(&p, (struct ev_bytes){s.file.data, n}) != 0);
    }
    buf_release(&s.file);
}

TESTS_MAIN("binding", T(binding_values_are_those_of_a_second_implementation), T(every_input_of_a_binding_value_counts),
           T(every_kind_has_its_place_and_the_form_its_field_takes), T(a_prefetched_nonce_is_that_of_a_second_implementation),
           T(the_age_of_a_nonce_counts_from_the_oldest_of_the_k_newest_times),
           T(a_clock_behind_the_newest_cosignature_is_noticed),
           T(an_old_checkpoint_cosigned_anew_is_refused_by_who_has_seen_a_later_one),
           T(signatures_of_others_and_changed_ones_are_refused), T(every_flip_of_a_prefetched_nonce_changes_it_or_is_refused))
