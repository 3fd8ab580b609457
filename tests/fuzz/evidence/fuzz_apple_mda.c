/* Fuzz: Apple's attestations, up to the verdict: the three forms of certificates, then the key and the signature of the Secure Enclave (which
 * come first in the input: two lengths, key, signature, certificates). Nothing made up may verify: Apple did not sign it. */
#include "tests/fuzz/fuzz.h"

#include "evidence/apple_certs.h"
#include "evidence/apple_mda.h"
#include "evidence/apple_se.h"

static void read_only(struct ev_bytes evidence) {
    struct ev_certs certs = {.count = 0};
    const char *form = NULL;
    int r = apple_certs_read(&certs, evidence, &form, NULL);
    CHECK(certs.count <= EV_CERTS_MAX && (r != 0 || (certs.count > 0 && form)));
    ev_certs_release(&certs);
}

static void read_key(struct ev_bytes key, struct ev_bytes signature) {
    uint8_t point[64];
    int r = apple_se_point(key, point);
    CHECK(r == 0 || r == ERR_FORMAT);
    int good = apple_se_verify(key, (struct ev_bytes){(const uint8_t *)"message", 7}, signature);
    CHECK(good == 0 || good == (r == 0 ? 0 : ERR_FORMAT));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static struct ev_report r;
    struct apple_policy policy;
    struct apple_version version;
    struct ev_anchors pinned = ev_pinned(EV_ROOTS_APPLE);
    uint8_t binding[64] = {1};
    if (n < 2 || data[0] + data[1] > n - 2) return 0;
    char *own = fuzz_copy(data + 2, n - 2);
    struct ev_bytes key = {(const uint8_t *)own, data[0]}, signature = {key.p + key.n, data[1]},
                    evidence = {signature.p + signature.n, n - 2 - data[0] - data[1]};
    read_only(evidence);
    read_key(key, signature);
    (void)apple_version_read(&version, key);
    apple_policy_strict(&policy);
    struct ev_input in = {.evidence = evidence, .key = key, .collateral = signature, .nonce = {binding, 64}, .now = 1750000000};
    r = (struct ev_report){.best = EV_CLASS_NONE};
    apple_mda_verify_with(&in, &policy, &pinned, &r);
    CHECK(r.factors > 0 && ev_report_verdict(&r) != EV_OK && ev_report_verdict(&r) != EV_INTERNAL);
    free(own);
    return 0;
}
