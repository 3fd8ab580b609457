/* evidence/tpm_quote.h - quotes of a TPM 2.0: which values its PCRs had, signed by a key that the TPM lets sign nothing but its own words.
 *
 * Of ev_input: evidence is a quote in one of the forms of evidence/tpm_container.h, or the member of an envelope (evidence/tpm_member.h, which
 * says what it checks beyond this). nonce is the quote's extraData, all of it. key is the AK: a public key as PEM or DER, a TPM2B_PUBLIC or
 * TPMT_PUBLIC (then its attributes are checked too), a certificate, or Azure's HCL report, which names it (evidence/tpm_hcl.h). chain holds what
 * there is of the AK's certificate (clouds issue them) and its issuers, of the EK's, and of the VCEK that signed an HCL report's SEV-SNP
 * report; roots are pinned. Without key the AK is the one of its certificate, or of the HCL report in the JSON form. collateral goes to
 * SEV-SNP.
 *
 * In this order, with what each becomes when it fails:
 *     format          unsupported  none of the forms, over a limit, cut short, bytes left over
 *     version         unsupported  of the JSON form: not 1 or 2
 *     magic           invalid      not made by a TPM
 *     type            invalid      something else that a TPM attests; unsupported: a type that is not known
 *     certificates    unsupported  chain is no certificates, too large, too many
 *     key             unsupported  key is none of its forms
 *     hcl_report      unsupported  malformed, of an unknown version, of a TDX machine; invalid: its JSON is not what REPORT_DATA has the digest of,
 *                                  the SEV-SNP report is not good (its factors are noted too), its AK is not the key that was given
 *     signature       invalid      none, no key to check it with, or not by that key; unsupported: not RSASSA, RSAPSS or ECDSA, SHA-256 or
 *                                  SHA-384, RSA from 2048 bits, P-256 or P-384
 *     nonce           invalid      extraData is another
 *     pcr_selection   refused      no PCR, a bank of SHA-1, or other PCRs than the policy's, as signed (the container's claim decides nothing)
 *     resettable_pcr  refused      nothing but PCR 16 and 23 is quoted
 *     pcr_digest      invalid      the values that came with it are not those that were signed, or claim another selection
 *     pcr_values      refused      not the policy's, or they did not come
 *     software_tpm    refused      the firmware's version, or the EK's certificate, is that of a TPM in software
 *     firmware        refused      none of the policy's
 *     ak_attributes   invalid      evidence/tpm_ak.h
 *     ak_certificate, ek_certificate, chain, dates, ek_allowed, ek_root: evidence/tpm_certs.h
 *     ak_not_activated refused     the key came with the quote, and neither key nor a certificate nor an HCL report vouches for it
 * After signature failed, what fails further is noted, and nothing is noted as good.
 * Unchecked: "nonce", "pcr_selection", "pcr_digest" (no values came), "pcr_values", "ak_attributes" (known as a public key only),
 * "ak_not_activated" (that the key named by the caller is in a TPM is the caller's word). */
#ifndef EVIDENCE_TPM_QUOTE_H
#define EVIDENCE_TPM_QUOTE_H

#include "evidence/sev_snp.h"
#include "evidence/tpm_container.h"
#include "evidence/tpm_policy.h"

/* best is EV_T1. */
void tpm_quote_verify(const struct ev_input *in, struct ev_report *out);

/* What decides: policies, and where trust ends. Tests bring their own; the product has tpm_trust_pinned alone. */
struct tpm_trust {
    const struct tpm_policy *policy;
    struct ev_anchors roots;
    const struct snp_policy *snp; /* for the report in an HCL report */
    struct snp_anchors snp_roots;
};
struct tpm_trust tpm_trust_pinned(const struct ev_policy *policy);
#ifdef LULL_TEST_TPM
struct ev_anchors tpm_test_anchors(void); /* tests/testbuild/tpm_roots.c */
#endif
void tpm_quote_verify_with(const struct ev_input *in, const struct tpm_trust *trust, struct ev_report *out);

/* Judges what a quote says, once it is known whether its signature is good. values NULL: they did not come; values_err: as
 * tpm_container_pcrs. Notes nonce to firmware, and facts. */
void tpm_quote_judge(struct ev_report *r, int vouched, const struct tpm_attest *a, const struct tpm_signature *sig,
                     struct ev_bytes nonce, const struct tpm_pcrs *values, int values_err, const struct tpm_policy *policy);
/* Notes "format", "magic" or "type" when an attestation is not one of this type. 1: it is. */
int tpm_attest_is(struct ev_report *r, const struct tpm_attest *a, int attest_err, uint16_t type);

#endif
