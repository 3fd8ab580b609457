/* evidence/tpm_credential.h - activation: a secret that only the TPM with this EK can open, and only for this AK (TPM2_MakeCredential in
 * software, TCG "TPM 2.0 Library" part 1, 24 and appendices B.10, C.6).
 *
 * Nothing but this binds an AK to an EK: there is no certificate between them. The EK is one of the TCG's templates with SHA-256 and
 * AES-128: RSA-2048 or P-256. */
#ifndef EVIDENCE_TPM_CREDENTIAL_H
#define EVIDENCE_TPM_CREDENTIAL_H

#include <openssl/evp.h>

#include "evidence/tpm_wire.h"

enum {
    TPM_SECRET_BYTES = 32,
    TPM_CREDENTIAL_BYTES = 2 + 2 + 32 + 2 + TPM_SECRET_BYTES, /* TPM2B_ID_OBJECT for a secret of that size */
    TPM_ENCRYPTED_BYTES_MAX = 2 + 256,                        /* TPM2B_ENCRYPTED_SECRET */
};

/* What a challenger keeps (secret; wipe it) and sends (credential and encrypted, as TPM2_ActivateCredential takes them). */
struct tpm_challenge {
    uint8_t secret[TPM_SECRET_BYTES];
    uint8_t ek_digest[32]; /* SHA-256 of the EK's SubjectPublicKeyInfo: whom it is for */
    uint8_t ak_name[TPM_NAME_BYTES];
    uint8_t credential[TPM_CREDENTIAL_BYTES];
    uint8_t encrypted[TPM_ENCRYPTED_BYTES_MAX];
    size_t encrypted_n;
};
/* With a new secret. The caller has checked the EK's certificate. ERR_UNSUPPORTED: an EK of another kind; ERR_INTERNAL. */
int tpm_challenge_make(struct tpm_challenge *out, EVP_PKEY *ek, const uint8_t ak_name[TPM_NAME_BYTES]);
/* The TPM gave the secret back: EK and AK of the challenge are in one TPM. Constant time. */
int tpm_challenge_answered(const struct tpm_challenge *c, const void *answer, size_t n);
void tpm_challenge_wipe(struct tpm_challenge *c);

/* The steps, for tests: the credential for a seed that has been shared with the EK, and KDFa and KDFe of part 1 for up to 256 bits. label is
 * without its NUL, which is added. */
int tpm_credential_blob(uint8_t out[TPM_CREDENTIAL_BYTES], const uint8_t seed[32], const uint8_t ak_name[TPM_NAME_BYTES],
                        const uint8_t secret[TPM_SECRET_BYTES]);
int tpm_kdfa(uint8_t out[32], const uint8_t key[32], const char *label, struct ev_bytes u, uint32_t bits);
void tpm_kdfe(uint8_t out[32], const uint8_t z[32], const char *label, const uint8_t u[32], const uint8_t v[32]);

#endif
