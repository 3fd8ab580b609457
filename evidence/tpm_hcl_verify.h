/* evidence/tpm_hcl_verify.h - that an HCL report is a processor's, and names this AK. Part of tpm_quote.h. */
#ifndef EVIDENCE_TPM_HCL_VERIFY_H
#define EVIDENCE_TPM_HCL_VERIFY_H

#include "evidence/tpm_hcl.h"
#include "evidence/tpm_quote.h"

/* Notes "hcl_report" and what failed of the SEV-SNP report in it; tells its facts. vcek (n 0: none) is a certificate more than in's chain.
 * ak is the key that is to be the report's; NULL: there is none but the report's. 1: good. */
int tpm_hcl_verify(const struct ev_input *in, const struct hcl_report *h, struct ev_bytes vcek, EVP_PKEY *ak,
                   const struct tpm_trust *trust, struct ev_report *r);

#endif
