/* evidence/tpm_certs.h - certificates of EKs and AKs: what kind a certificate is for, and its chain to the pinned roots.
 *
 * An EK's key decrypts: not a CA, key usage keyEncipherment or keyAgreement (and not digitalSignature) where it says one, extended key usage
 * 2.23.133.8.1 where it says one, and one of both must be there: Azure's issuing CAs have the 8.1 too, and Google's EKs have no extended key
 * usage at all. Its subject is empty and its SAN critical as a rule; neither matters here. An AK's key signs: not a CA, digitalSignature, and
 * extended key usage with 2.23.133.8.3 where it says one. */
#ifndef EVIDENCE_TPM_CERTS_H
#define EVIDENCE_TPM_CERTS_H

#include "evidence/tpm_policy.h"

enum tpm_cert_kind { TPM_CERT_OTHER, TPM_CERT_EK, TPM_CERT_AK };
enum tpm_cert_kind tpm_cert_kind(X509 *cert);

/* Certificate `key` signs with is among them: the first with this public key; NULL. */
X509 *tpm_cert_of_key(const struct ev_certs *certs, EVP_PKEY *key);
/* The first of that kind; NULL. */
X509 *tpm_cert_of_kind(const struct ev_certs *certs, enum tpm_cert_kind kind);

/* Notes "ak_certificate" (EV_INVALID) and the chain's factors. 1: all good. */
int tpm_ak_certificate(struct ev_report *r, X509 *cert, const struct ev_certs *others, const struct ev_anchors *anchors,
                       int64_t now);
/* Notes "ek_certificate" (EV_INVALID), the chain's factors, "software_tpm" when its SAN says so (EV_REFUSED), and against the policy
 * "ek_allowed" and "ek_root" (EV_REFUSED). 1: all good. */
int tpm_ek_certificate(struct ev_report *r, X509 *cert, const struct ev_certs *others, const struct tpm_policy *policy,
                       const struct ev_anchors *anchors, int64_t now);

#endif
