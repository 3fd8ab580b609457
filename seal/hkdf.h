/* seal/hkdf.h - HKDF-SHA256 (RFC 5869) from libsodium's HMAC; 1.0.18 has no HKDF of its own. */
#ifndef SEAL_HKDF_H
#define SEAL_HKDF_H

#include <stddef.h>
#include <stdint.h>

enum { HKDF_BYTES = 32, HKDF_OUT_MAX = 255 * 32 };
struct hkdf_part { /* inputs come in parts, so that nobody joins secrets in a scratch buffer */
    const void *p;
    size_t n;
};
/* prk = HMAC(salt, ikm parts joined). salt may be NULL when salt_n is 0. */
void hkdf_extract(uint8_t prk[HKDF_BYTES], const void *salt, size_t salt_n, const struct hkdf_part *ikm, size_t parts);
/* n <= HKDF_OUT_MAX bytes, else ERR_LIMIT (out untouched). */
int hkdf_expand(uint8_t *out, size_t n, const uint8_t prk[HKDF_BYTES], const struct hkdf_part *info, size_t parts);

#endif
