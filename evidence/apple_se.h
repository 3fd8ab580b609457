/* evidence/apple_se.h - keys of Apple's Secure Enclave and what they sign: P-256, ECDSA over SHA-256 of the message, signature in DER.
 *
 * Apple certifies no such key. What links one to a device is the freshness value of an attestation (evidence/apple_mda.h), which the one
 * who asked for it made the SHA-256 of the key. */
#ifndef EVIDENCE_APPLE_SE_H
#define EVIDENCE_APPLE_SE_H

#include "evidence/x509.h"

enum { APPLE_SE_SIGNATURE_MAX = 72 };

/* A key as 65 bytes (04 || x || y), as 64 (x || y), or as SubjectPublicKeyInfo in DER that holds one on P-256, uncompressed. point is x || y.
 * ERR_FORMAT: none of them, or not on the curve. */
int apple_se_point(struct ev_bytes key, uint8_t point[64]);
/* 1: value is the SHA-256 of this point in one of the three spellings: each says the same key, and none can be mistaken for another. */
int apple_se_digest_is(const uint8_t point[64], const uint8_t value[32]);

/* 1: a signature by the key over the message; 0: not, or not DER in its one spelling; ERR_FORMAT: no key. */
int apple_se_verify(struct ev_bytes key, struct ev_bytes message, struct ev_bytes signature);

#endif
