/* evidence/tpm_quote_entry.c - tpm_quote_verify: the policy of the input, and the pinned roots; nothing else can be passed in here. */
#include "evidence/policy.h"
#include "evidence/tpm_logs.h"
#include "evidence/tpm_quote.h"

struct tpm_trust tpm_trust_pinned(const struct ev_policy *policy) {
#ifdef LULL_TEST_TPM /* another program, for tests with a software TPM (tests/testbuild) */
    struct ev_anchors roots = tpm_test_anchors();
#else
    struct ev_anchors roots = ev_pinned(EV_ROOTS_TPM);
#endif
    return (struct tpm_trust){&policy->tpm, roots, &policy->snp, snp_pinned()};
}

/* A policy that names programs holds for a single piece too: without a list there is nothing to judge them by. */
static void judge_programs(const struct ev_input *in, struct ev_report *out) {
    struct tpm_member m;
    if (!in->policy->ima.given) return;
    if (tpm_member_looks(in->evidence) && tpm_member_read(in->evidence, &m) == 0)
        tpm_logs_check(out, &m, &in->policy->ima);
    else
        ev_fail(out, "ima_log", EV_REFUSED,
                "the policy names the programs that may run, and a quote in this form has no list of those that ran");
}

/* In an envelope the logs are judged with the whole (evidence/envelope_verify.c). */
void tpm_quote_verify(const struct ev_input *in, struct ev_report *out) {
    struct tpm_trust trust = tpm_trust_pinned(in->policy);
    tpm_quote_verify_with(in, &trust, out);
    if (!in->enveloped) judge_programs(in, out);
}
