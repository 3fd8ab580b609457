/* math/lanes_avx2.h - 8 float lanes. The *_lanes.h files are written over these names and compiled once for each width. */
#ifndef MATH_LANES_H
#define MATH_LANES_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "math/unroll.h"

enum { LANES = 8 };
typedef __m256 vf;

ALWAYS_INLINE __m256i vf_mask(size_t n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
ALWAYS_INLINE vf vf_load(const float *p) { return _mm256_loadu_ps(p); }
ALWAYS_INLINE void vf_store(float *p, vf v) { _mm256_storeu_ps(p, v); }
ALWAYS_INLINE vf vf_set1(float x) { return _mm256_set1_ps(x); }
ALWAYS_INLINE vf vf_zero(void) { return _mm256_setzero_ps(); }
/* The first min(n, LANES) elements; the other lanes are zero, or not written. */
ALWAYS_INLINE vf vf_load_n(const float *p, size_t n) { return n >= LANES ? vf_load(p) : _mm256_maskload_ps(p, vf_mask(n)); }
ALWAYS_INLINE void vf_store_n(float *p, vf v, size_t n) {
    if (n >= LANES)
        vf_store(p, v);
    else
        _mm256_maskstore_ps(p, vf_mask(n), v);
}
ALWAYS_INLINE vf vf_add(vf a, vf b) { return _mm256_add_ps(a, b); }
ALWAYS_INLINE vf vf_sub(vf a, vf b) { return _mm256_sub_ps(a, b); }
ALWAYS_INLINE vf vf_mul(vf a, vf b) { return _mm256_mul_ps(a, b); }
ALWAYS_INLINE vf vf_div(vf a, vf b) { return _mm256_div_ps(a, b); }
ALWAYS_INLINE vf vf_fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
ALWAYS_INLINE vf vf_fnma(vf a, vf b, vf c) { return _mm256_fnmadd_ps(a, b, c); } /* c - a*b, rounded once */
ALWAYS_INLINE vf vf_fms(vf a, vf b, vf c) { return _mm256_fmsub_ps(a, b, c); }   /* a*b - c, rounded once */
ALWAYS_INLINE vf vf_neg(vf a) { return _mm256_xor_ps(a, _mm256_set1_ps(-0.0f)); }
ALWAYS_INLINE vf vf_min(vf a, vf b) { return _mm256_min_ps(a, b); } /* b if either is NaN */
ALWAYS_INLINE vf vf_max(vf a, vf b) { return _mm256_max_ps(a, b); }
ALWAYS_INLINE vf vf_zero_where_less(vf v, vf x, vf limit) { return _mm256_and_ps(_mm256_cmp_ps(x, limit, _CMP_NLT_UQ), v); }
/* 2^n from the sum n + 1.5 * 2^23 whose low bits hold n */
ALWAYS_INLINE vf vf_pow2(vf z) {
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_slli_epi32(_mm256_castps_si256(z), 23), _mm256_set1_epi32(0x3f800000)));
}
ALWAYS_INLINE int vf_any_not_finite(vf v) {
    __m256i inf = _mm256_set1_epi32(0x7f800000);
    return _mm256_movemask_epi8(_mm256_cmpeq_epi32(_mm256_and_si256(_mm256_castps_si256(v), inf), inf)) != 0;
}
/* The last folds of rule 6: s[j] + s[j + h] for h = 4, 2, 1. */
ALWAYS_INLINE float vf_fold(vf v) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
/* The largest lane; finite lanes only. */
ALWAYS_INLINE float vf_top(vf v) {
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}
ALWAYS_INLINE vf vf_from_f16(const uint8_t *p) { return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p)); }
ALWAYS_INLINE vf vf_from_bf16(const uint8_t *p) {
    __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
}
ALWAYS_INLINE vf vf_from_i8(const uint8_t *p) {
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p)));
}
ALWAYS_INLINE vf vf_from_f32(const uint8_t *p) { return _mm256_loadu_ps((const float *)(const void *)p); }
ALWAYS_INLINE void vf_to_f16(uint16_t *p, vf v) {
    _mm_storeu_si128((__m128i *)(void *)p, _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

#include "math/lanes_pairs_x86.h"

#endif
