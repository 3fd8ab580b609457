/* evidence/tpm_seal_key.h - that a node's seal key was made in its TPM and works only while the boot's PCRs are what was quoted.
 *
 * Notes, in this order (vouched as ev_check_vouched says; every one EV_INVALID where nothing else is said):
 *     magic, type, format     of the attestation (tpm_attest_is)
 *     seal_key_signature      not by the AK
 *     seal_key_nonce          extraData is not the binding value
 *     seal_key                not the key that the AK certified (its name is another); creation data that the certified hash is not of;
 *                             attributes (fixedTPM, fixedParent, sensitiveDataOrigin, decrypt set, and restricted, sign, userWithAuth clear:
 *                             with userWithAuth the password alone would open it, whatever was booted); not on P-256, or with a scheme
 *                             that is not ECDH's; another point than K's
 *     seal_key_policy         refused: authPolicy is not PolicyPCR over the boot's quoted values, then PolicyAuthValue; or the values did not
 *                             come */
#ifndef EVIDENCE_TPM_SEAL_KEY_H
#define EVIDENCE_TPM_SEAL_KEY_H

#include "evidence/tpm_key.h"
#include "evidence/tpm_policy.h"

struct tpm_seal_key {
    struct ev_bytes attest, signature; /* TPMS_ATTEST of TPM2_CertifyCreation, TPMT_SIGNATURE */
    struct ev_bytes public_area;       /* TPMT_PUBLIC or TPM2B_PUBLIC */
    struct ev_bytes creation;          /* TPMS_CREATION_DATA or TPM2B_CREATION_DATA */
};
/* expected: the seal key in K: 32 bytes, the x coordinate, or 65, the uncompressed point; n 0: not known here, and
 * "seal_key_statement" is unchecked. nonce: what extraData must be; n 0: "seal_key_nonce" is unchecked.
 * quoted: values that a quote by the same AK signed; NULL: none. 1: all good. */
int tpm_seal_key_verify(struct ev_report *r, int vouched, const struct tpm_seal_key *k, EVP_PKEY *ak, struct ev_bytes nonce,
                        struct ev_bytes expected, const struct tpm_pcrs *quoted, const struct tpm_policy *policy);
/* Which of the quoted PCRs the key must hold on to: the policy's boot_pcrs, or all but PCR 10, 16 and 23; of the first bank. */
struct tpm_selection tpm_seal_key_pcrs(const struct tpm_selection *quoted, const struct tpm_policy *policy);

#endif
