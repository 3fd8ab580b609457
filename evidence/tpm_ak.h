/* evidence/tpm_ak.h - the key that a quote is checked with: where it comes from, and whether it is an AK. */
#ifndef EVIDENCE_TPM_AK_H
#define EVIDENCE_TPM_AK_H

#include "evidence/tpm_key.h"

enum { TPM_KEY_FILE_BYTES_MAX = 16 * 1024 };

struct tpm_ak {
    EVP_PKEY *key; /* NULL: none */
    int has_public;
    struct tpm_public public_area; /* points into the bytes that it was read from */
};
/* A public key as PEM or DER SubjectPublicKeyInfo, a certificate as PEM or DER, a TPM2B_PUBLIC or a TPMT_PUBLIC (what tpm2-tools write as
 * ak.pub): told apart by content. ERR_FORMAT: none of these; ERR_UNSUPPORTED: a key that no AK of ours is. */
int tpm_ak_read(struct ev_bytes bytes, struct tpm_ak *out);
void tpm_ak_release(struct tpm_ak *ak); /* fine on a zeroed one */

/* Notes "ak_attributes" (EV_INVALID): fixedTPM, fixedParent, sensitiveDataOrigin, restricted and sign set, decrypt clear, names by SHA-256, a
 * scheme of its own that the signature has. Restricted is what keeps the key from signing a made-up attestation. */
int tpm_ak_attributes(struct ev_report *r, int vouched, const struct tpm_public *p, const struct tpm_signature *sig);

#endif
