/* evidence/nvidia_entry.c - nvidia_gpu_verify: the policy of the input, and the pinned root; nothing else can be passed in here. */
#include "evidence/nvidia_gpu.h"

#include "evidence/policy.h"

void nvidia_gpu_verify(const struct ev_input *in, struct ev_report *out) {
    struct ev_anchors anchors = ev_pinned(EV_ROOTS_NVIDIA);
    nvidia_gpu_verify_with(in, &in->policy->nvidia, &anchors, out);
}
