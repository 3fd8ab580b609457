/* math/codes_neon.h - the codes of 32 columns (a part, packed.h) as signed bytes, one vector for each k-group and 4 rows. Codes
 * fit: they are below 128, but for Q8_0, whose codes and those of tables become values. */
#ifndef MATH_CODES_NEON_H
#define MATH_CODES_NEON_H

#include "math/lanes_neon.h"
#include "math/packed.h"

/* Every byte shifted by a constant, to the left if positive, and masked. */
ALWAYS_INLINE uint8x16_t bits_of(uint8x16_t v, int by, uint8_t mask) {
    return vandq_u8(by ? vshlq_u8(v, vdupq_n_s8((int8_t)by)) : v, vdupq_n_u8(mask));
}

/* In all of these: part is the first byte of these 4 rows, lines are 64 bytes apart; q[k-group][v]. */

ALWAYS_INLINE void nibble_codes(enum weight_kernel kind, const uint8_t *part, unsigned v, int8x16_t q[8][2]) {
    static const int8_t iq4[16] = {BLOCK_IQ4_VALUES}, fp4[16] = {BLOCK_FP4_VALUES};
    const int five = kind == WK_Q5_0 || kind == WK_Q5_1 || kind == WK_Q5_K;
    const int table = kind == WK_IQ4_NL || kind == WK_IQ4_XS || kind == WK_MXFP4;
    EACH(g, 8) {
        uint8x16_t c = bits_of(vld1q_u8(part + 64 * (g % 4)), g < 4 ? 0 : -4, 15);
        if (five) c = vorrq_u8(c, bits_of(vld1q_u8(part + 256), 4 - (int)g, 16));
        q[g][v] = table ? vqtbl1q_s8(vld1q_s8(kind == WK_MXFP4 ? fp4 : iq4), c) : vreinterpretq_s8_u8(c);
    }
}

ALWAYS_INLINE void six_bit_codes(const uint8_t *part, unsigned v, int8x16_t q[8][2]) {
    EACH(g, 8) {
        const uint8_t *lines = part + 192 * (g / 4);
        uint8x16_t low = bits_of(vld1q_u8(lines + 64 * (g % 4 / 2)), g % 2 ? -4 : 0, 15);
        q[g][v] = vreinterpretq_s8_u8(vorrq_u8(low, bits_of(vld1q_u8(lines + 128), 4 - 2 * (int)(g % 4), 0x30)));
    }
}

ALWAYS_INLINE void two_bit_codes(enum weight_kernel kind, const uint8_t *part, unsigned v, int8x16_t q[8][2]) {
    EACH(g, 8) {
        uint8x16_t c = bits_of(vld1q_u8(part + 64 * (g / 4)), -2 * (int)(g % 4), 3);
        if (kind == WK_Q3_K) c = vorrq_u8(c, bits_of(vld1q_u8(part + 128), 2 - (int)g, 4));
        q[g][v] = vreinterpretq_s8_u8(c);
    }
}

ALWAYS_INLINE void part_codes(enum weight_kernel kind, const uint8_t *part, unsigned v, int8x16_t q[8][2]) {
    switch (kind) {
    case WK_Q8_0: EACH(g, 8) q[g][v] = vreinterpretq_s8_u8(veorq_u8(vld1q_u8(part + 64 * g), vdupq_n_u8(128))); break;
    case WK_Q6_K: six_bit_codes(part, v, q); break;
    case WK_Q2_K:
    case WK_Q3_K: two_bit_codes(kind, part, v, q); break;
    default: nibble_codes(kind, part, v, q); break;
    }
}

#endif
