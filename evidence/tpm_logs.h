/* evidence/tpm_logs.h - the logs in a TPM's member against the values that its quote signed: what was booted, and what ran.
 *
 * Only after the member's own verifier found signature and values good; else both stay unchecked. Notes:
 *     event_log       unsupported  not readable; invalid: it does not give the quoted PCRs
 *     ima_log         unsupported  not readable; invalid: a line is not what its hash says, or no beginning of it gives the quoted PCR 10;
 *                     refused      PCR 10 is not quoted; the policy names programs, and there is no list
 *     boot_aggregate  invalid      IMA's first entry is not of the quoted boot
 *     ima_entries     refused      the list has an entry that is none of the policy's
 * Unchecked: "boot_aggregate" when the quote lacks some of PCR 0 to 9, "ima_entries" without the policy's list. */
#ifndef EVIDENCE_TPM_LOGS_H
#define EVIDENCE_TPM_LOGS_H

#include "evidence/ima_policy.h"
#include "evidence/tpm_member.h"

void tpm_logs_check(struct ev_report *r, const struct tpm_member *m, const struct ima_policy *policy);

/* Takes a name off the unchecked ones: somebody has looked after all. */
void ev_looked_at(struct ev_report *r, const char *name);

#endif
