/* evidence/ima_policy.h - which files may have run: section "ima" of a policy, a list of SHA-256 digests as IMA measures them.
 *
 *     "ima": ["<64 hex digits>", ...]        1 to IMA_POLICY_MAX, any order
 *
 * With it, a TPM's member must bring IMA's list, and every entry of it that the quote covers must be one of these. */
#ifndef EVIDENCE_IMA_POLICY_H
#define EVIDENCE_IMA_POLICY_H

#include "evidence/ima_log.h"

enum { IMA_POLICY_MAX = 3800 }; /* as many as a policy of EV_POLICY_BYTES_MAX can hold */
struct ima_policy {
    int given;
    unsigned count;
    uint8_t digest[IMA_POLICY_MAX][32]; /* ascending */
};
void ima_policy_strict(struct ima_policy *p);
int ima_policy_read(const json_t *section, struct ima_policy *p, struct why *why); /* ERR_FORMAT */
struct ima_sorted ima_policy_sorted(const struct ima_policy *p);

#endif
