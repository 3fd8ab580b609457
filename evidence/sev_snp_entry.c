/* evidence/sev_snp_entry.c - sev_snp_verify: the policy of the input, and the pinned roots; nothing else can be passed in here. */
#include "evidence/policy.h"
#include "evidence/sev_snp.h"

struct snp_anchors snp_pinned(void) {
    return (struct snp_anchors){{[SNP_MILAN] = ev_pinned(EV_ROOTS_AMD_MILAN),
                                 [SNP_GENOA] = ev_pinned(EV_ROOTS_AMD_GENOA),
                                 [SNP_TURIN] = ev_pinned(EV_ROOTS_AMD_TURIN)}};
}

void sev_snp_verify(const struct ev_input *in, struct ev_report *out) {
    struct snp_anchors anchors = snp_pinned();
    sev_snp_verify_with(in, &in->policy->snp, &anchors, out);
}
