/* base/hash.h - SHA-256 (FIPS 180-4) through OpenSSL, and hex. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

enum { SHA256_BYTES = 32 };

struct sha256 {
    uint64_t state[16]; /* OpenSSL's SHA256_CTX lives here; its size is checked at build time */
};
void sha256_init(struct sha256 *h);
void sha256_add(struct sha256 *h, const void *p, size_t n);
void sha256_done(struct sha256 *h, uint8_t out[SHA256_BYTES]); /* wipes h */
void sha256_of(uint8_t out[SHA256_BYTES], const void *p, size_t n);
/* SHA-256(label || a || b): what chains and labelled hashes need. b may be NULL when nb is 0. */
void sha256_joined(uint8_t out[SHA256_BYTES], const char *label, const void *a, size_t na, const void *b, size_t nb);

/* 2n lower-case digits and a NUL. */
void hex_encode(char *out, const void *p, size_t n);
/* Exactly 2n digits, either case: 0, or ERR_FORMAT. */
int hex_decode(uint8_t *out, size_t n, const char *hex, size_t hex_len);

#endif
