/* seal/p256.h - points of P-256 (FIPS 186-4, D.1.2.3) as HPKE and key statements have them, over OpenSSL.
 *
 * A key statement and an envelope hold 32 bytes for a public key. For P-256 these are the x coordinate, big endian, of the one of two
 * points that has an even y; so whoever makes a key pair takes -d for d where y is odd, and a TPM makes another key. Inside HPKE the point is
 * written out as RFC 9180 says: 04 || x || y. */
#ifndef SEAL_P256_H
#define SEAL_P256_H

#include <stdint.h>

enum { P256_X_BYTES = 32, P256_SECRET_BYTES = 32, P256_POINT_BYTES = 65 };

/* A pair whose y is even. ERR_NOMEM, ERR_INTERNAL. */
int p256_keypair(uint8_t x[P256_X_BYTES], uint8_t secret[P256_SECRET_BYTES]);
/* 04 || x || y with an even y. ERR_AUTH: no point has that x. */
int p256_point(uint8_t point[P256_POINT_BYTES], const uint8_t x[P256_X_BYTES]);
/* The point of a secret. ERR_RANGE: zero, or not below the order. */
int p256_public(uint8_t point[P256_POINT_BYTES], const uint8_t secret[P256_SECRET_BYTES]);
/* The x coordinate of secret times point: ECDH (SP 800-56A, 5.7.1.2). ERR_AUTH: not on the curve, or the result is no point; ERR_RANGE. */
int p256_ecdh(uint8_t out[32], const uint8_t secret[P256_SECRET_BYTES], const uint8_t point[P256_POINT_BYTES]);

#endif
