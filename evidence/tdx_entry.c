/* evidence/tdx_entry.c - tdx_verify: the policy of the input, and the pinned root; nothing else can be passed in here. */
#include "evidence/policy.h"
#include "evidence/tdx.h"

void tdx_verify(const struct ev_input *in, struct ev_report *out) {
    struct ev_anchors anchors = ev_pinned(EV_ROOTS_INTEL_SGX);
    tdx_verify_with(in, &in->policy->tdx, &anchors, out);
}
