/* math/block_256.c - blocks of 256 columns taken apart; see block.h. Eight columns at a time: what a shift carries from one byte into
 * the next is masked away, so that neither the order of bytes nor the compiler matters. */
#include "math/block.h"

#include "math/packed.h"

#define BYTES(x) (0x0101010101010101u * (uint64_t)(x))

static uint64_t load_8(const uint8_t *p) {
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}
static void store_8(uint8_t *p, uint64_t v) { memcpy(p, &v, sizeof v); }

/* Q2_K, Q3_K: 64 bytes; each half of 128 columns takes bits 0-1 of 32 bytes, then bits 2-3 of the same, and so on. */
static void two_bits(const uint8_t *from, uint8_t code[256]) {
    for (unsigned i = 0; i < 256; i += 8) store_8(code + i, load_8(from + i / 128 * 32 + i % 32) >> i % 128 / 32 * 2 & BYTES(3));
}

static void read_q2_k(const uint8_t *block, struct block256 *out) {
    out->d = load_u16(block + 80);
    out->dmin = load_u16(block + 82);
    for (unsigned j = 0; j < 16; j++) {
        out->sc[j] = (int8_t)(block[j] & 15);
        out->m[j] = block[j] >> 4;
    }
    two_bits(block + 16, out->code);
}

/* Bit c of byte l is the high bit of column 32*c + l. Scales: the 4 low bits of the 16 are nibbles of 8 bytes, the 2 high
 * bits are in the last 4. */
static void read_q3_k(const uint8_t *block, struct block256 *out) {
    const uint8_t *scales = block + 96;
    out->d = load_u16(block + 108);
    for (unsigned j = 0; j < 16; j++) {
        int low = j < 8 ? scales[j] & 15 : scales[j - 8] >> 4, high = scales[8 + j % 4] >> j / 4 * 2 & 3;
        out->sc[j] = (int8_t)((low | high << 4) - 32);
    }
    two_bits(block + 32, out->code);
    for (unsigned i = 0; i < 256; i += 8)
        store_8(out->code + i, load_8(out->code + i) | (load_8(block + i % 32) >> i / 32 & BYTES(1)) << 2);
}

/* The 12 bytes of Q4_K and Q5_K: 6 bits each of sc[0..3], then of m[0..3]; the other four of each have their 4 low bits in
 * the last bytes' nibbles and their 2 high bits on top of the first eight. */
static void read_scales6(const uint8_t *s, struct block256 *out) {
    for (unsigned j = 0; j < 4; j++) {
        out->sc[j] = (int8_t)(s[j] & 63);
        out->m[j] = s[j + 4] & 63;
        out->sc[j + 4] = (int8_t)((s[j + 8] & 15) | s[j] >> 6 << 4);
        out->m[j + 4] = (uint8_t)(s[j + 8] >> 4 | s[j + 4] >> 6 << 4);
    }
}

/* Bytes 32*c .. 32*c+31 hold sub-block 2*c in their low nibbles and 2*c+1 in their high ones; `bits` (or NULL) holds bit 4:
 * bit j of byte l belongs to element l of sub-block j. */
static void read_q45_k(const uint8_t *block, const uint8_t *bits, const uint8_t *nibbles, struct block256 *out) {
    out->d = load_u16(block);
    out->dmin = load_u16(block + 2);
    read_scales6(block + 4, out);
    for (unsigned i = 0; i < 256; i += 8) {
        unsigned j = i / 32, l = i % 32;
        uint64_t high = bits ? load_8(bits + l) >> j & BYTES(1) : 0;
        store_8(out->code + i, (load_8(nibbles + 32 * (j / 2) + l) >> j % 2 * 4 & BYTES(15)) | high << 4);
    }
}

/* In each half of 128 columns, column 32*part + l takes 4 low bits from low[32*(part & 1) + l] (upper nibble for parts 2, 3)
 * and 2 high bits from high[l] >> 2*part. */
static void read_q6_k(const uint8_t *block, struct block256 *out) {
    out->d = load_u16(block + 208);
    memcpy(out->sc, block + 192, 16);
    for (unsigned i = 0; i < 256; i += 8) {
        unsigned half = i / 128, part = i % 128 / 32, l = i % 32;
        uint64_t low = load_8(block + 64 * half + 32 * (part & 1) + l) >> (part & 2 ? 4 : 0) & BYTES(15);
        uint64_t high = load_8(block + 128 + 32 * half + l) >> 2 * part & BYTES(3);
        store_8(out->code + i, low | high << 4);
    }
}

static void read_iq4_xs(const uint8_t *block, struct block256 *out) {
    out->d = load_u16(block);
    for (unsigned j = 0; j < 8; j++) {
        int low = block[4 + j / 2] >> j % 2 * 4 & 15, high = load_u16(block + 2) >> 2 * j & 3;
        out->sc[j] = (int8_t)((low | high << 4) - 32);
        for (unsigned i = 0; i < 32; i += 8)
            store_8(out->code + 32 * j + i, load_8(block + 8 + 16 * j + i % 16) >> i / 16 * 4 & BYTES(15));
    }
}

void block256_read(enum weight_kernel kind, const uint8_t *block, struct block256 *out) {
    memset(out->m, 0, sizeof out->m);
    out->dmin = 0;
    switch (kind) {
    case WK_Q2_K: read_q2_k(block, out); break;
    case WK_Q3_K: read_q3_k(block, out); break;
    case WK_Q4_K: read_q45_k(block, NULL, block + 16, out); break;
    case WK_Q5_K: read_q45_k(block, block + 16, block + 48, out); break;
    case WK_Q6_K: read_q6_k(block, out); break;
    default: read_iq4_xs(block, out); break;
    }
}
