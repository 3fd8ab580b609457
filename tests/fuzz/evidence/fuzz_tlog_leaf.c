/* Fuzz: leaves. What is read is its own canonical form; what can be written is read. */
#include "tests/fuzz/fuzz.h"

#include "evidence/canonical_json.h"
#include "evidence/tlog_leaf.h"
#include "evidence/tlog_tile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static struct tlog_leaf leaf;
    struct buf entry;
    char *own = fuzz_copy(data, n);
    int r = tlog_leaf_read(&leaf, (struct ev_bytes){(const uint8_t *)own, n}, NULL);
    if (r == 0) CHECK(leaf.type > 0 && leaf.type < TLOG_LEAF_END && canonical_json_check(own, n, NULL) == 0);
    if (r == 0 && leaf.type == TLOG_STATE)
        CHECK(leaf.until > leaf.from && leaf.until - leaf.from <= TLOG_STATE_S_MAX &&
              leaf.in_force + leaf.revoked <= 2 * TLOG_LISTED_MAX);
    int w = tlog_leaf_write(&entry, own, n, NULL);
    if (r == 0) CHECK(w == 0 && entry.len == n && memcmp(entry.data, own, n) == 0);
    if (w == 0) {
        CHECK(entry.len <= TLOG_ENTRY_BYTES_MAX);
        buf_release(&entry);
    }
    free(own);
    return 0;
}
