/* Fuzz: TCG event logs, as a TPM's and as a confidential VM's. What is read is inside the input, is read the same again, and replays. */
#include "tests/fuzz/fuzz.h"

#include "evidence/event_log.h"

static void check_event(const struct event *e, const struct event_log *log, const uint8_t *p, size_t n) {
    struct ev_bytes what;
    CHECK(e->digests <= log->banks && (e->type == EV_NO_ACTION_TYPE || e->index < EVENT_REGISTERS));
    CHECK(e->data.p >= p && e->data.p + e->data.n <= p + n);
    for (unsigned i = 0; i < e->digests; i++) {
        const struct ev_bytes d = e->digest[i].digest;
        CHECK(d.p >= p && d.p + d.n <= p + n);
        enum event_cover cover = event_covered(e, e->digest[i].alg, &what);
        CHECK((cover == EVENT_NOT_COVERED) == (what.p == NULL));
        if (cover != EVENT_NOT_COVERED) CHECK(what.p >= e->data.p && what.p + what.n <= e->data.p + e->data.n);
    }
}

static void one(const uint8_t *p, size_t n, enum event_log_of of) {
    struct event_log log;
    struct event_replay replay;
    struct event e;
    struct why why = {""};
    unsigned count = 0;
    int r = event_log_read(&log, (struct ev_bytes){p, n}, of, &why);
    CHECK((r == 0) == (why.text[0] == 0));
    if (r != 0) return;
    CHECK(log.banks > 0 && log.banks <= EVENT_LOG_BANKS_MAX && log.count <= EVENT_LOG_EVENTS_MAX);
    for (struct event_walk w = event_walk_over(&log); event_next(&w, &e); count++) check_event(&e, &log, p, n);
    CHECK(count == log.count);
    for (unsigned i = 0; i < log.banks; i++) {
        r = event_log_replay(&log, log.bank[i].alg, &replay);
        CHECK(r == (tpm_hash_size(log.bank[i].alg) ? 0 : ERR_UNSUPPORTED));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    char *own = fuzz_copy(data, n);
    one((const uint8_t *)own, n, EVENT_LOG_TPM);
    one((const uint8_t *)own, n, EVENT_LOG_CC);
    free(own);
    return 0;
}
