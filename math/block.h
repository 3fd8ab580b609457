/* math/block.h - one quantised block of a file, taken apart: scales, and the unsigned code of each value, in column order. The
 * only place that knows where the bits of each format lie; decoding and packing both start from here.
 *
 * Formats: ggml's block layouts, little-endian. In the drawings a field's size is in brackets; d, dmin and m are fp16. */
#ifndef MATH_BLOCK_H
#define MATH_BLOCK_H

#include <stdint.h>

#include "math/weight.h"

/* 32 columns: weight = d*value, plus m for Q4_1 and Q5_1. */
struct block32 {
    uint16_t d, m; /* fp16 bits; d of MXFP4: bf16 bits of its power of two */
    uint8_t code[32];
};
/* Q8_0   d, int8[32]
 * Q4_0   d, nibbles[16]             low nibbles are columns 0..15, high ones 16..31 (so in all of these)
 * Q4_1   d, m, nibbles[16]
 * Q5_0   d, bits[4], nibbles[16]    bit i of the word is bit 4 of column i
 * Q5_1   d, m, bits[4], nibbles[16]
 * IQ4_NL d, nibbles[16]
 * MXFP4  e[1], nibbles[16]          d = 2^(e-128), half of what the OCP format says, for the values are doubled; e = 255: NaN */
void block32_read(enum weight_kernel kind, const uint8_t *block, struct block32 *out);

/* 256 columns in sub-blocks of 32 or 16: weight = (d*sc)*value, minus dmin*m for Q2_K, Q4_K and Q5_K. */
struct block256 {
    uint16_t d, dmin; /* fp16 bits */
    int8_t sc[16];    /* of each sub-block: the first 8, or all 16 */
    uint8_t m[16];
    uint8_t code[256];
};
/* Q2_K   scales[16], 2 bits[64], d, dmin              sc = scale & 15, m = scale >> 4
 * Q3_K   high bits[32], 2 bits[64], scales[12], d     sc 6 bits - 32
 * Q4_K   d, dmin, scales[12], nibbles[128]            sc and m 6 bits; sub-blocks of 32
 * Q5_K   d, dmin, scales[12], bits[32], nibbles[128]  the same
 * Q6_K   low[128], high[64], int8 scales[16], d
 * IQ4_XS d, scales_h[2], scales_l[4], nibbles[128]    sc 6 bits - 32; sub-blocks of 32 */
void block256_read(enum weight_kernel kind, const uint8_t *block, struct block256 *out);

/* 1 for sub-blocks of 32 columns, 0 for 16. */
static inline int block_sub_is_32(enum weight_kernel kind) { return kind == WK_Q4_K || kind == WK_Q5_K || kind == WK_IQ4_XS; }
/* 1 for blocks of 256 columns, 0 for 32. */
static inline int block_is_256(enum weight_kernel kind) {
    return block_sub_is_32(kind) || kind == WK_Q2_K || kind == WK_Q3_K || kind == WK_Q6_K;
}
/* 1 if a minimum goes with each (sub-)block. */
static inline int block_has_minimum(enum weight_kernel kind) {
    return kind == WK_Q4_1 || kind == WK_Q5_1 || kind == WK_Q2_K || kind == WK_Q4_K || kind == WK_Q5_K;
}

/* The 16 values of IQ4_NL and IQ4_XS, and of MXFP4 (twice the values of a float with 1 sign, 2 exponent, 1 mantissa bits). */
#define BLOCK_IQ4_VALUES -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113
#define BLOCK_FP4_VALUES 0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12

/* The whole number that a code stands for. */
static inline int32_t block_value(enum weight_kernel kind, uint8_t code) {
    static const int8_t iq4[16] = {BLOCK_IQ4_VALUES}, fp4[16] = {BLOCK_FP4_VALUES};
    switch (kind) {
    case WK_Q8_0: return code - 128;
    case WK_Q4_0: return code - 8;
    case WK_Q5_0: return code - 16;
    case WK_Q3_K: return code - 4;
    case WK_Q6_K: return code - 32;
    case WK_IQ4_NL:
    case WK_IQ4_XS: return iq4[code & 15];
    case WK_MXFP4: return fp4[code & 15];
    default: return code;
    }
}

#endif
