/* math/ntt_ymm.h - the ring's operations with AVX2: 8 lanes. The file that includes this defines vu_dot2. */
#ifndef MATH_NTT_YMM_H
#define MATH_NTT_YMM_H

#include <immintrin.h>

#include "math/unroll.h"
#include "math/ntt_kern.h"

enum { LANES = 8, PANEL_ROWS = 6 };
typedef __m256i vu;
#define WIDE_Q _mm256_set1_epi64x((long long)((uint64_t)NTT_Q << 32))

ALWAYS_INLINE vu vu_load(const uint32_t *p) { return _mm256_loadu_si256((const __m256i *)(const void *)p); }
ALWAYS_INLINE void vu_store(uint32_t *p, vu v) { _mm256_storeu_si256((__m256i *)(void *)p, v); }
ALWAYS_INLINE vu vu_set1(uint32_t v) { return _mm256_set1_epi32((int)v); }
ALWAYS_INLINE vu vu_add(vu a, vu b) { return _mm256_add_epi32(a, b); }
ALWAYS_INLINE vu vu_sub(vu a, vu b) { return _mm256_sub_epi32(a, b); }
ALWAYS_INLINE vu vu_min(vu a, vu b) { return _mm256_min_epu32(a, b); }
ALWAYS_INLINE vu vu_shift_left(vu v, uint32_t n) { return _mm256_sll_epi32(v, _mm_cvtsi32_si128((int)n)); }
/* 1 in each lane where a >= b */
ALWAYS_INLINE vu vu_not_below(vu a, vu b) { return _mm256_srli_epi32(_mm256_cmpeq_epi32(_mm256_max_epu32(a, b), a), 31); }
ALWAYS_INLINE vu vu_mul(vu a, vu b) { return _mm256_mullo_epi32(a, b); }
ALWAYS_INLINE vu vu_bytes(const uint8_t *p) {
    return _mm256_and_si256(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p)), _mm256_set1_epi32(63));
}

struct vu_wide {
    vu a, b; /* the products of even lanes, of odd lanes */
};
ALWAYS_INLINE struct vu_wide wide_mul(vu a, vu b) {
    return (struct vu_wide){_mm256_mul_epu32(a, b), _mm256_mul_epu32(_mm256_srli_epi64(a, 32), _mm256_srli_epi64(b, 32))};
}
ALWAYS_INLINE struct vu_wide wide_add(struct vu_wide x, struct vu_wide y) {
    return (struct vu_wide){_mm256_add_epi64(x.a, y.a), _mm256_add_epi64(x.b, y.b)};
}
ALWAYS_INLINE vu wide_low(struct vu_wide v) { return _mm256_blend_epi32(v.a, _mm256_slli_epi64(v.b, 32), 0xaa); }
ALWAYS_INLINE vu wide_high(struct vu_wide v) { return _mm256_blend_epi32(_mm256_srli_epi64(v.a, 32), v.b, 0xaa); }
ALWAYS_INLINE vu vu_mul_high(vu a, vu b) { return wide_high(wide_mul(a, b)); }

/* Lanes, pairs of lanes, halves change places with the row 1, 2, 4 below. */
ALWAYS_INLINE void vu_turn(uint32_t *out, const uint32_t *in, size_t stride) {
    vu v[8], w[8];
    EACH(i, 8) v[i] = vu_load(in + stride * i);
    EACH(i, 4) {
        w[2 * i] = _mm256_unpacklo_epi32(v[2 * i], v[2 * i + 1]);
        w[2 * i + 1] = _mm256_unpackhi_epi32(v[2 * i], v[2 * i + 1]);
    }
    EACH(i, 2) {
        EACH(j, 2) {
            v[4 * i + 2 * j] = _mm256_unpacklo_epi64(w[4 * i + j], w[4 * i + 2 + j]);
            v[4 * i + 2 * j + 1] = _mm256_unpackhi_epi64(w[4 * i + j], w[4 * i + 2 + j]);
        }
    }
    EACH(i, 4) {
        vu_store(out + 16 * i, _mm256_permute2x128_si256(v[i], v[4 + i], 0x20));
        vu_store(out + 16 * (4 + i), _mm256_permute2x128_si256(v[i], v[4 + i], 0x31));
    }
}

#endif
