/* evidence/sev_snp_judge.h - what a report says, against a policy, and for people. Who says it was looked at before (sev_snp.c). */
#ifndef EVIDENCE_SEV_SNP_JUDGE_H
#define EVIDENCE_SEV_SNP_JUDGE_H

#include "evidence/sev_snp.h"
#include "evidence/sev_snp_leaf.h"

/* Notes the factors from "debug" to "chip_allowed"; vouched as in vouched.h. */
void snp_judge(struct ev_report *r, const struct snp_report *s, enum snp_product product, const struct snp_policy *policy,
               int vouched);
/* "nonce". */
void snp_judge_data(struct ev_report *r, const struct snp_report *s, struct ev_bytes want, int vouched);
void snp_tell(struct ev_report *r, const struct snp_report *s, const struct snp_leaf *leaf);

#endif
