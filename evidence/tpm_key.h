/* evidence/tpm_key.h - public keys of TPMs as OpenSSL's, and signatures by them. */
#ifndef EVIDENCE_TPM_KEY_H
#define EVIDENCE_TPM_KEY_H

#include <openssl/evp.h>

#include "evidence/tpm_wire.h"

/* RSA of 2048 to 4096 bits, or a point on P-256 or P-384. NULL: another key, or not on its curve. Freed with EVP_PKEY_free. */
EVP_PKEY *tpm_public_key(const struct tpm_public *p);
/* From modulus and exponent, big-endian. */
EVP_PKEY *tpm_rsa_key(struct ev_bytes modulus, struct ev_bytes exponent);
/* The key is of a kind and size that AKs and EKs may have, wherever it came from. */
int tpm_key_allowed(EVP_PKEY *key);
/* SHA-256 of the SubjectPublicKeyInfo. ERR_INTERNAL. */
int tpm_key_digest(EVP_PKEY *key, uint8_t out[32]);

/* RSASSA, RSAPSS or ECDSA with SHA-256 or SHA-384. 1: good; 0: not; ERR_UNSUPPORTED: another hash or scheme, or not of this key's kind. */
int tpm_signature_check(EVP_PKEY *key, const struct tpm_signature *sig, struct ev_bytes message);

#endif
