/* evidence/apple_mda_entry.c - apple_mda_verify: the policy of the input, and the pinned root; nothing else can be passed in here. */
#include "evidence/apple_mda.h"

#include "evidence/policy.h"

void apple_mda_verify(const struct ev_input *in, struct ev_report *out) {
    struct ev_anchors anchors = ev_pinned(EV_ROOTS_APPLE);
    apple_mda_verify_with(in, &in->policy->apple, &anchors, out);
}
