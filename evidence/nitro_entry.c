/* evidence/nitro_entry.c - nitro_verify: the policy of the input, and the pinned root; nothing else can be passed in here. */
#include "evidence/nitro.h"

#include "evidence/policy.h"

void nitro_verify(const struct ev_input *in, struct ev_report *out) {
    struct ev_anchors anchors = ev_pinned(EV_ROOTS_NITRO);
    nitro_verify_with(in, &in->policy->nitro, &anchors, out);
}
