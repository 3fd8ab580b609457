/* Fuzz: offline proofs up to the verdict, what a client keeps, and bundles of entries. Nothing made up may be in force, and nothing
 * that is kept may move for it. */
#include "tests/fuzz/fuzz.h"

#include "evidence/tlog_client.h"
#include "evidence/tlog_tile.h"

static void try_bundle(struct ev_bytes b) {
    struct ev_bytes entry;
    for (unsigned i = 0; i < TLOG_TILE_WIDTH && tlog_bundle_entry(&entry, b, i) == 0; i++)
        CHECK(entry.p >= b.p && entry.p + entry.n <= b.p + b.n);
    (void)tlog_bundle_check(b, 256);
}

static void try_kept(struct ev_bytes text) {
    struct tlog_kept k;
    struct buf again;
    if (tlog_kept_read(&k, text) != 0) return;
    CHECK(tlog_kept_text(&again, &k) == 0 && again.len == text.n && memcmp(again.data, text.p, text.n) == 0);
    buf_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static struct tlog_answer answer;
    static struct ev_report report;
    static const struct log_policy trust = {.given = 1, .origin = "log.example/lull", .witnesses = 1, .k = 1, .witness = {{1}}};
    static const struct tlog_kept kept = {.origin = "log.example/lull", .size = 1, .newest = 5, .states = 1};
    char *own = fuzz_copy(data, n);
    struct ev_bytes bytes = {(const uint8_t *)own, n};
    struct tlog_question q = {.trust = &trust, .kept = &kept, .bundle = bytes, .now = 1795600000};
    CHECK(tlog_judge(&q, &answer, &report) == 0);
    CHECK(report.factors > 0 && ev_report_verdict(&report) != EV_OK && ev_report_verdict(&report) != EV_INTERNAL);
    CHECK(answer.next.size == 1 && answer.next.newest == 5 && answer.next.states == 1);
    try_kept(bytes);
    try_bundle(bytes);
    free(own);
    return 0;
}
