/* Fuzz: policies and canonical JSON. The canonical form of what is accepted is its own canonical form, reads as the same policy, and has
 * the same digest. */
#include "tests/fuzz/fuzz.h"

#include "evidence/canonical_json.h"
#include "evidence/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct buf b;
    if (n > 1 << 16) return 0;
    char *own = fuzz_copy(data, n);
    struct ev_policy *p = ev_policy_read(own, n, NULL);
    if (canonical_json(&b, own, n, NULL) == 0) {
        CHECK(canonical_json_check(b.data, b.len, NULL) == 0);
        struct ev_policy *again = ev_policy_read(b.data, b.len, NULL);
        CHECK((again != NULL) == (p != NULL));
        if (p) {
            CHECK(memcmp(p->digest, again->digest, 32) == 0);
            CHECK(p->max_age_s >= 1 && p->max_age_s <= EV_AGE_S_MAX && p->classes != 0);
            CHECK(!p->log.given || (p->log.k >= 1 && p->log.k <= p->log.witnesses));
        }
        ev_policy_free(again);
        buf_release(&b);
    } else
        CHECK(p == NULL);
    ev_policy_free(p);
    free(own);
    return 0;
}
