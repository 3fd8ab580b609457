/* base/hash.c - see hash.h. The low-level SHA256_* calls are used because they never allocate and sit in the token loop. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/hash.h"
#include "base/err.h"
#include "base/mem.h"

#include <openssl/sha.h>
#include <string.h>

_Static_assert(sizeof(SHA256_CTX) <= sizeof(struct sha256), "struct sha256 must hold OpenSSL's context");

void sha256_init(struct sha256 *h) { SHA256_Init((SHA256_CTX *)(void *)h); }

void sha256_add(struct sha256 *h, const void *p, size_t n) {
    if (n) SHA256_Update((SHA256_CTX *)(void *)h, p, n);
}

void sha256_done(struct sha256 *h, uint8_t out[SHA256_BYTES]) {
    SHA256_Final(out, (SHA256_CTX *)(void *)h);
    mem_wipe(h, sizeof *h);
}

void sha256_of(uint8_t out[SHA256_BYTES], const void *p, size_t n) { sha256_joined(out, "", p, n, NULL, 0); }

void sha256_joined(uint8_t out[SHA256_BYTES], const char *label, const void *a, size_t na, const void *b, size_t nb) {
    struct sha256 h;
    sha256_init(&h);
    sha256_add(&h, label, strlen(label));
    sha256_add(&h, a, na);
    sha256_add(&h, b, nb);
    sha256_done(&h, out);
}

void hex_encode(char *out, const void *p, size_t n) {
    static const char digit[] = "0123456789abcdef";
    const uint8_t *b = p;
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digit[b[i] >> 4];
        out[2 * i + 1] = digit[b[i] & 15];
    }
    out[2 * n] = 0;
}

static int nibble(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

int hex_decode(uint8_t *out, size_t n, const char *hex, size_t hex_len) {
    if (hex_len / 2 != n || hex_len % 2) return ERR_FORMAT;
    for (size_t i = 0; i < n; i++) {
        int hi = nibble(hex[2 * i]), lo = nibble(hex[2 * i + 1]);
        if (hi < 0 || lo < 0) return ERR_FORMAT;
        out[i] = (uint8_t)(hi << 4 | lo);
    }
    return 0;
}
