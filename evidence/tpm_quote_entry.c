/* evidence/tpm_quote_entry.c - tpm_quote_verify: the policy of the input, and the pinned roots; nothing else can be passed in here. */
#include "evidence/policy.h"
#include "evidence/tpm_quote.h"

struct tpm_trust tpm_trust_pinned(const struct ev_policy *policy) {
#ifdef LULL_TEST_TPM /* another program, for tests with a software TPM (tests/testbuild) */
    struct ev_anchors roots = tpm_test_anchors();
#else
    struct ev_anchors roots = ev_pinned(EV_ROOTS_TPM);
#endif
    return (struct tpm_trust){&policy->tpm, roots, &policy->snp, snp_pinned()};
}

void tpm_quote_verify(const struct ev_input *in, struct ev_report *out) {
    struct tpm_trust trust = tpm_trust_pinned(in->policy);
    tpm_quote_verify_with(in, &trust, out);
}
