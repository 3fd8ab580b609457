/* evidence/sev_snp_chain.h - from a VCEK or VLEK up to its product's ARK, and AMD's list of the ASKs that it took back. */
#ifndef EVIDENCE_SEV_SNP_CHAIN_H
#define EVIDENCE_SEV_SNP_CHAIN_H

#include "evidence/x509.h"

/* Notes "chain" and "dates"; crl of n not 0: "revocation_list" and "revoked" as well. 1: all good. */
int snp_chain_check(struct ev_report *r, X509 *leaf, const struct ev_certs *others, const struct ev_anchors *anchors, int64_t now,
                    struct ev_bytes crl);

#endif
