/* evidence/tdx_tcb.h - how old a platform is, by what Intel publishes: signatures, dates and levels. The steps are those of Intel's PCS
 * documentation ("How to check TCB Level"). */
#ifndef EVIDENCE_TDX_TCB_H
#define EVIDENCE_TDX_TCB_H

#include "evidence/tdx.h"
#include "evidence/tdx_pck.h"

/* Notes tcb_info, qe_identity, tcb_module, tcb_status and tcb_evaluation. vouched: the quote's own bytes are. */
void tdx_tcb_judge(struct ev_report *r, int vouched, const struct tdx_quote *q, const struct tdx_pck *pck,
                   const struct tdx_collateral *c, const struct tdx_policy *policy, const struct ev_anchors *anchors,
                   int64_t now);

#endif
