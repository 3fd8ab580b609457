/* model/chacha.c - see chacha.h. */
#include "model/chacha.h"

#include <string.h>

static uint32_t rotl(uint32_t x, unsigned n) { return x << n | x >> (32 - n); }

static uint32_t load32(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void quarter(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d) {
    *a += *b, *d = rotl(*d ^ *a, 16);
    *c += *d, *b = rotl(*b ^ *c, 12);
    *a += *b, *d = rotl(*d ^ *a, 8);
    *c += *d, *b = rotl(*b ^ *c, 7);
}

void chacha20_block(uint8_t out[64], const uint8_t key[32], uint32_t counter, const uint8_t nonce[12]) {
    uint32_t s[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574}, w[16]; /* "expand 32-byte k" */
    for (unsigned i = 0; i < 8; i++) s[4 + i] = load32(key + 4 * i);
    s[12] = counter;
    for (unsigned i = 0; i < 3; i++) s[13 + i] = load32(nonce + 4 * i);
    memcpy(w, s, sizeof w);
    for (unsigned round = 0; round < 10; round++) {
        for (unsigned i = 0; i < 4; i++) quarter(&w[i], &w[4 + i], &w[8 + i], &w[12 + i]);
        for (unsigned i = 0; i < 4; i++) quarter(&w[i], &w[4 + (i + 1) % 4], &w[8 + (i + 2) % 4], &w[12 + (i + 3) % 4]);
    }
    for (unsigned i = 0; i < 64; i++) out[i] = (uint8_t)((w[i / 4] + s[i / 4]) >> 8 * (i % 4));
}
