/* evidence/tdx_log.h - the firmware's event log (CCEL) beside a TDX quote, against the RTMRs that the quote signs. Notes:
 *     event_log  unsupported  not readable; invalid: it does not give the quoted RTMRs, the first one that disagrees is named; refused: the
 *                             policy requires one, and there is none
 * Compared are RTMR 0 to 2, and RTMR 3 where the log extends it: that one is for programs, which often keep no log. "rtmr3" is unchecked
 * where it is not zero and neither the log nor the policy says anything of it. Without a log "event_log" is unchecked. */
#ifndef EVIDENCE_TDX_LOG_H
#define EVIDENCE_TDX_LOG_H

#include "evidence/tdx.h"

/* vouched: the RTMRs are signed by whom they should be. Until then nothing is noted as good (evidence/vouched.h). */
void tdx_log_check(struct ev_report *r, int vouched, struct ev_bytes text, const struct tdx_body *body,
                   const struct tdx_policy *policy);

#endif
