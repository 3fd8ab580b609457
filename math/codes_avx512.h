/* math/codes_avx512.h - the codes of 32 columns (a part, packed.h) as unsigned bytes in eight registers, one for each k-group:
 * the operand that vpdpbusd takes. Values from a table become value + 128. */
#ifndef MATH_CODES_AVX512_H
#define MATH_CODES_AVX512_H

#include "math/lanes_avx512.h"
#include "math/packed.h"

enum { A_OR_B_AND_C = 0xf8 };

ALWAYS_INLINE __m512i line(const uint8_t *p) { return _mm512_load_si512(p); }
ALWAYS_INLINE __m512i spread(const uint8_t *p) { return _mm512_set1_epi32(load_i32(p)); }

/* The dwords of all rows shifted by a constant, to the left if positive. Bits that cross bytes are masked away later. */
ALWAYS_INLINE __m512i shifted(__m512i v, int by) {
    return by > 0 ? _mm512_slli_epi32(v, (unsigned)by) : by < 0 ? _mm512_srli_epi32(v, (unsigned)-by) : v;
}
/* a | (shifted b & mask), byte by byte */
ALWAYS_INLINE __m512i with_bits(__m512i a, __m512i b, int by, char mask) {
    return _mm512_ternarylogic_epi32(a, shifted(b, by), _mm512_set1_epi8(mask), A_OR_B_AND_C);
}

/* A table's value for every nibble, plus 128. */
ALWAYS_INLINE __m512i table_codes(enum weight_kernel kind, __m512i nibbles) {
    const __m128i iq4 = _mm_setr_epi8(BLOCK_IQ4_VALUES), fp4 = _mm_setr_epi8(BLOCK_FP4_VALUES);
    __m128i t = _mm_xor_si128(kind == WK_MXFP4 ? fp4 : iq4, _mm_set1_epi8(-128));
    return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(t), nibbles);
}

/* Line i of nibbles: k-groups i and i + 4; fifth: the line of their upper bits. */
ALWAYS_INLINE void nibble_codes(enum weight_kernel kind, const uint8_t *part, int i, __m512i fifth, __m512i *lo, __m512i *hi) {
    const __m512i low4 = _mm512_set1_epi8(15);
    __m512i both = line(part + 64 * i);
    *lo = _mm512_and_si512(both, low4);
    *hi = _mm512_and_si512(_mm512_srli_epi32(both, 4), low4);
    if (kind == WK_Q5_0 || kind == WK_Q5_1 || kind == WK_Q5_K) {
        *lo = with_bits(*lo, fifth, 4 - i, 0x10);
        *hi = with_bits(*hi, fifth, -i, 0x10);
    }
    if (kind == WK_IQ4_NL || kind == WK_IQ4_XS || kind == WK_MXFP4) {
        *lo = table_codes(kind, *lo);
        *hi = table_codes(kind, *hi);
    }
}

ALWAYS_INLINE void six_bit_codes(const uint8_t *lines, __m512i q[4]) {
    const __m512i low4 = _mm512_set1_epi8(15);
    __m512i l0 = line(lines), l1 = line(lines + 64), h = line(lines + 128);
    q[0] = with_bits(_mm512_and_si512(l0, low4), h, 4, 0x30);
    q[1] = with_bits(_mm512_and_si512(_mm512_srli_epi32(l0, 4), low4), h, 2, 0x30);
    q[2] = with_bits(_mm512_and_si512(l1, low4), h, 0, 0x30);
    q[3] = with_bits(_mm512_and_si512(_mm512_srli_epi32(l1, 4), low4), h, -2, 0x30);
}

/* Half of a part (16 columns) of Q2_K or Q3_K; third: the line of bits 2. */
ALWAYS_INLINE void two_bit_codes(enum weight_kernel kind, const uint8_t *lines, int half, __m512i third, __m512i q[4]) {
    const __m512i low2 = _mm512_set1_epi8(3);
    __m512i both = line(lines + 64 * half);
    EACH(i, 4) {
        q[i] = _mm512_and_si512(shifted(both, -2 * (int)i), low2);
        if (kind == WK_Q3_K) q[i] = with_bits(q[i], third, 2 - (4 * half + (int)i), 4);
    }
}

/* All eight k-groups of a part of a 256-block. */
ALWAYS_INLINE void part_codes(enum weight_kernel kind, const uint8_t *part, __m512i q[8]) {
    __m512i high = kind == WK_Q5_K ? line(part + 256) : kind == WK_Q3_K ? line(part + 128) : _mm512_setzero_si512();
    switch (kind) {
    case WK_Q6_K:
        six_bit_codes(part, q);
        six_bit_codes(part + 192, q + 4);
        break;
    case WK_Q2_K:
    case WK_Q3_K:
        two_bit_codes(kind, part, 0, high, q);
        two_bit_codes(kind, part, 1, high, q + 4);
        break;
    default: EACH(i, 4) nibble_codes(kind, part, (int)i, high, &q[i], &q[i + 4]); break;
    }
}

#endif
