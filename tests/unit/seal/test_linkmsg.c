/* seal: link records, the directory answer, codes. */
#include "seal/dirlist.h"
#include "seal/linkmsg.h"
#include "tests/check.h"
#include "tests/unit/seal/seal_fixture.h"

static uint8_t bytes[LINK_MESSAGE_MAX + 1];

static size_t put(const struct link_message *m) {
    struct writer w = writer_over(bytes, sizeof bytes);
    link_write(&w, m);
    CHECK_INT(w.err, 0);
    return w.len;
}
static int get(size_t n, int from_node, struct link_message *m) {
    size_t used;
    int e = link_read(bytes, n, from_node, m, &used);
    CHECK(e != 0 || used <= n);
    CHECK(e == 0 || used == 0);
    return e;
}

static const struct {
    struct link_message m;
    int from_node;
} samples[] = {
    {{.type = LINK_HEARTBEAT, .heartbeat = {250, 4, 3, REASON_OWNER}}, 1},
    {{.type = LINK_DRAIN, .code = REASON_DRAINING}, 1},
    {{.type = LINK_DRAIN, .code = REASON_OWNER}, 0},
    {{.type = LINK_DRAINED}, 1},
    {{.type = LINK_WELCOME,
      .welcome = {.time_ms = 5, .envelope_bytes_max = 1 << 25, .heartbeat_ms = 2000, .silence_ms = 3000, .streams_max = 8}},
     0},
    {{.type = LINK_REFUSED, .code = CODE_RATE}, 0},
};

TEST(every_link_record_round_trips_and_needs_every_byte) {
    struct link_message m;
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        size_t n = put(&samples[i].m);
        uint8_t again[64];
        for (size_t k = 0; k < n; k++) CHECK_INT(get(k, samples[i].from_node, &m), ERR_MORE);
        CHECK_INT(get(n, samples[i].from_node, &m), 0);
        CHECK_INT(m.type, samples[i].m.type);
        memcpy(again, bytes, n);
        CHECK_INT(put(&m), n);
        CHECK_MEM(bytes, again, n);
        if (n > LINK_RECORD_HEAD) { /* a length that is one off, either way */
            bytes[3]--;
            CHECK_INT(get(n, samples[i].from_node, &m), ERR_SHORT);
            bytes[3]++;
        }
        bytes[3]++;
        bytes[n] = 0;
        CHECK_INT(get(n + 1, samples[i].from_node, &m), ERR_TRAILING);
    }
}

TEST(records_of_the_wrong_side_are_refused) {
    struct link_message m;
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        size_t n = put(&samples[i].m);
        CHECK_INT(get(n, !samples[i].from_node, &m), samples[i].m.type == LINK_DRAIN ? 0 : ERR_WRONG_STATE);
    }
    memset(bytes, 0, sizeof bytes);
    for (unsigned type = 0; type < 256; type++) {
        bytes[4] = (uint8_t)type;
        if (type >= LINK_REGISTER && type <= LINK_DRAINED) continue;
        CHECK(get(LINK_RECORD_HEAD, 1, &m) == (type == LINK_WELCOME || type == LINK_REFUSED ? ERR_WRONG_STATE : ERR_FORMAT));
    }
    bytes[1] = 2; /* 128 KiB, refused before it is waited for */
    CHECK_INT(get(LINK_RECORD_HEAD, 1, &m), ERR_LIMIT);
}

TEST(values_outside_their_sets_are_refused) {
    struct link_message m;
    static const struct {
        struct link_message m;
        int from_node;
    } bad[] = {{{.type = LINK_HEARTBEAT, .heartbeat = {1001, 4, 3, 0}}, 1},
               {{.type = LINK_HEARTBEAT, .heartbeat = {0, 4, 5, 0}}, 1},
               {{.type = LINK_HEARTBEAT, .heartbeat = {0, 1025, 5, 0}}, 1},
               {{.type = LINK_HEARTBEAT, .heartbeat = {0, 4, 4, REASON_END}}, 1},
               {{.type = LINK_REFUSED, .code = 0}, 0},
               {{.type = LINK_REFUSED, .code = CODE_END}, 0},
               {{.type = LINK_DRAIN, .code = REASON_END}, 0},
               {{.type = LINK_WELCOME}, 0}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) CHECK_INT(get(put(&bad[i].m), bad[i].from_node, &m), ERR_RANGE);
}

TEST(a_registration_carries_record_and_proof_and_refuses_cuts) {
    struct fix_node x;
    struct link_message m = {.type = LINK_REGISTER}, got;
    uint8_t exporter[32] = {7};
    fix_node(&x, 1);
    m.reg.record = x.record;
    CHECK_INT(link_proof_make(m.reg.proof, exporter, x.identity_secret), 0);
    size_t n = put(&m);
    CHECK_INT(get(n, 1, &got), 0);
    CHECK_INT(record_verify(&got.reg.record, FIX_NOW), 0);
    CHECK_INT(link_proof_check(got.reg.proof, exporter, got.reg.record.keys.identity), 0);
    struct reader raw = reader_over(got.reg.record_bytes, got.reg.record_n);
    struct record same;
    CHECK_INT(record_read(&raw, &same), 0);
    for (size_t k = 0; k < n; k++) CHECK_INT(get(k, 1, &got), ERR_MORE);
    for (size_t k = 0; k < n - LINK_RECORD_HEAD; k++) { /* a body that is cut though its length says so */
        bytes[2] = (uint8_t)(k >> 8);
        bytes[3] = (uint8_t)k;
        CHECK_INT(get(LINK_RECORD_HEAD + k, 1, &got), ERR_SHORT);
    }
    /* without link proof: zeros do not pass */
    memset(m.reg.proof, 0, sizeof m.reg.proof);
    CHECK_INT(get(put(&m), 1, &got), 0);
    CHECK_INT(link_proof_check(got.reg.proof, exporter, got.reg.record.keys.identity), BAD_LINK_PROOF);
    bytes[5] = 2;
    CHECK_INT(get(n, 1, &got), ERR_VERSION);
    fix_node_done(&x);
}

TEST(a_directory_answer_round_trips_and_refuses_cuts) {
    struct fix_node x;
    static uint8_t dir[DIRLIST_HEAD_BYTES + 2 * DIRLIST_ENTRY_MAX], record[RECORD_BYTES_MAX];
    struct dirlist_head h = {.time_ms = 77, .count = 2}, head;
    struct dirlist_entry e;
    fix_node(&x, 1);
    struct writer wr = writer_over(record, sizeof record), w = writer_over(dir, sizeof dir);
    record_write(&wr, &x.record);
    dirlist_write_head(&w, &h);
    for (unsigned i = 0; i < 2; i++) dirlist_write_entry(&w, &(struct dirlist_entry){record, wr.len, 100, 4, (uint16_t)i});
    CHECK_INT(w.err, 0);
    for (size_t n = 0; n <= w.len; n++) {
        struct reader r = reader_over(dir, n);
        int err = dirlist_read_head(&r, &head);
        for (unsigned i = 0; i < 2 && err == 0; i++) {
            err = dirlist_read_entry(&r, &e);
            if (err == 0) CHECK(e.record_n == wr.len && e.slots_free == i && e.slots == 4);
        }
        CHECK_INT(err ? err : read_end(&r), n < w.len ? ERR_SHORT : 0);
    }
    dir[DIRLIST_HEAD_BYTES - 2] = 1;
    dir[DIRLIST_HEAD_BYTES - 1] = 1; /* 257 entries */
    struct reader r = reader_over(dir, w.len);
    CHECK_INT(dirlist_read_head(&r, &head), ERR_LIMIT);
    fix_node_done(&x);
}

TEST(codes_are_a_closed_set_with_one_name_each) {
    static const char *const names[] = {"refused",     "version",      "busy",     "draining",  "no_model", "too_large",
                                        "bad_request", "context_over", "deadline", "cancelled", "rate",     "internal"};
    for (unsigned i = 0; i < CODE_END - 1; i++) {
        CHECK_STR(code_name(i + 1), names[i]);
        CHECK_INT(code_from_name(names[i]), i + 1);
        CHECK(code_http_status(i + 1) >= 400);
    }
    CHECK(!code_name(0) && !code_name(CODE_END) && code_from_name("other") == CODE_NONE && code_http_status(99) == 500);
    CHECK(code_from_err(ERR_CONTEXT) == CODE_CONTEXT_OVER && code_from_err(BAD_LINK_PROOF) == CODE_REFUSED &&
          code_from_err(ERR_IO) == CODE_INTERNAL);
    CHECK_STR(tier_name(TIER_SEALED), "sealed");
    CHECK(!tier_name(0) && !tier_name(TIER_END) && !reason_name(REASON_END));
}

TESTS_MAIN("linkmsg", T(every_link_record_round_trips_and_needs_every_byte), T(records_of_the_wrong_side_are_refused),
           T(values_outside_their_sets_are_refused), T(a_registration_carries_record_and_proof_and_refuses_cuts),
           T(a_directory_answer_round_trips_and_refuses_cuts), T(codes_are_a_closed_set_with_one_name_each))
