/* math/codes_ymm.h - the codes of 32 columns (a part, packed.h) for 8 rows in a 256-bit register, four k-groups at a time. Their
 * products are in dots_avx2.h and dots_avxvnni.h. */
#ifndef MATH_CODES_YMM_H
#define MATH_CODES_YMM_H

#include "math/lanes_avx2.h"
#include "math/packed.h"

enum { TOKENS = 4 }; /* at a time: there are 16 registers */

ALWAYS_INLINE __m256i half_line(const uint8_t *p) { return _mm256_load_si256((const __m256i *)(const void *)p); }
ALWAYS_INLINE __m256i spread(const uint8_t *p) { return _mm256_set1_epi32(load_i32(p)); }

/* Whether codes become signed values, to be multiplied by size and sign: one operand of the byte products is unsigned. */
ALWAYS_INLINE int as_values(enum weight_kernel kind) {
    return kind == WK_Q8_0 || kind == WK_IQ4_NL || kind == WK_IQ4_XS || kind == WK_MXFP4;
}
ALWAYS_INLINE int has_nibbles(enum weight_kernel kind) {
    return kind != WK_Q8_0 && kind != WK_Q2_K && kind != WK_Q3_K && kind != WK_Q6_K;
}
/* Which k-group is number i of four: nibbles come as lines 2*half and 2*half + 1, two k-groups each. */
ALWAYS_INLINE unsigned group_of(enum weight_kernel kind, unsigned half, unsigned i) {
    return has_nibbles(kind) ? 2 * half + i / 2 + i % 2 * 4 : 4 * half + i;
}

/* The dwords of all rows shifted by a constant, to the left if positive. Bits that cross bytes are masked away later. */
ALWAYS_INLINE __m256i shifted(__m256i v, int by) {
    return by > 0 ? _mm256_slli_epi32(v, by) : by < 0 ? _mm256_srli_epi32(v, -by) : v;
}
ALWAYS_INLINE __m256i masked(__m256i v, int by, char mask) { return _mm256_and_si256(shifted(v, by), _mm256_set1_epi8(mask)); }
ALWAYS_INLINE __m256i with_bits(__m256i a, __m256i b, int by, char mask) { return _mm256_or_si256(a, masked(b, by, mask)); }

ALWAYS_INLINE __m256i table_values(enum weight_kernel kind, __m256i nibbles) {
    const __m128i iq4 = _mm_setr_epi8(BLOCK_IQ4_VALUES), fp4 = _mm_setr_epi8(BLOCK_FP4_VALUES);
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(kind == WK_MXFP4 ? fp4 : iq4), nibbles);
}

ALWAYS_INLINE void nibble_codes(enum weight_kernel kind, const uint8_t *part, unsigned half, __m256i q[4]) {
    EACH(i, 2) {
        int l = (int)(2 * half + i);
        __m256i both = half_line(part + 64 * l), *lo = &q[2 * i], *hi = &q[2 * i + 1];
        *lo = masked(both, 0, 15);
        *hi = masked(both, -4, 15);
        if (kind == WK_Q5_0 || kind == WK_Q5_1 || kind == WK_Q5_K) {
            __m256i fifth = half_line(part + 256);
            *lo = with_bits(*lo, fifth, 4 - l, 0x10);
            *hi = with_bits(*hi, fifth, -l, 0x10);
        }
        if (as_values(kind)) {
            *lo = table_values(kind, *lo);
            *hi = table_values(kind, *hi);
        }
    }
}

/* Four k-groups: codes, or values if as_values(). part: the first byte of these 8 rows. */
ALWAYS_INLINE void four_codes(enum weight_kernel kind, const uint8_t *part, unsigned half, __m256i q[4]) {
    if (kind == WK_Q8_0) {
        EACH(i, 4) q[i] = _mm256_xor_si256(half_line(part + 64 * (4 * half + i)), _mm256_set1_epi8(-128));
    } else if (kind == WK_Q6_K) {
        const uint8_t *lines = part + 192 * half;
        __m256i l0 = half_line(lines), l1 = half_line(lines + 64), h = half_line(lines + 128);
        q[0] = with_bits(masked(l0, 0, 15), h, 4, 0x30);
        q[1] = with_bits(masked(l0, -4, 15), h, 2, 0x30);
        q[2] = with_bits(masked(l1, 0, 15), h, 0, 0x30);
        q[3] = with_bits(masked(l1, -4, 15), h, -2, 0x30);
    } else if (kind == WK_Q2_K || kind == WK_Q3_K) {
        __m256i pairs = half_line(part + 64 * half);
        EACH(i, 4) {
            q[i] = masked(pairs, -2 * (int)i, 3);
            if (kind == WK_Q3_K) q[i] = with_bits(q[i], half_line(part + 128), 2 - (int)(4 * half + i), 4);
        }
    } else
        nibble_codes(kind, part, half, q);
}

/* Splits a panel into at most four tokens at a time and two halves of the rows. */
#define TILE_IN_PARTS(part, kind)                                             \
    for (uint32_t t = 0; t < width; t += TOKENS)                              \
        for (unsigned half = 0; half < 2; half++) {                           \
            const uint8_t *act = panel + 4 * t;                               \
            float *to = out + 16 * t + 8 * half;                              \
            switch (width - t) {                                              \
            case 1: part(1, width, kind, half, group, cols, act, to); break;  \
            case 2: part(2, width, kind, half, group, cols, act, to); break;  \
            case 3: part(3, width, kind, half, group, cols, act, to); break;  \
            default: part(4, width, kind, half, group, cols, act, to); break; \
            }                                                                 \
        }

#endif
