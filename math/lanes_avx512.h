/* math/lanes_avx512.h - 16 float lanes. The *_lanes.h files are written over these names and compiled once for each width. */
#ifndef MATH_LANES_H
#define MATH_LANES_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "math/unroll.h"

enum { LANES = 16 };
typedef __m512 vf;

ALWAYS_INLINE __mmask16 vf_mask(size_t n) { return (__mmask16)((1u << n) - 1u); }
ALWAYS_INLINE vf vf_load(const float *p) { return _mm512_loadu_ps(p); }
ALWAYS_INLINE void vf_store(float *p, vf v) { _mm512_storeu_ps(p, v); }
ALWAYS_INLINE vf vf_set1(float x) { return _mm512_set1_ps(x); }
ALWAYS_INLINE vf vf_zero(void) { return _mm512_setzero_ps(); }
/* The first min(n, LANES) elements; the other lanes are zero, or not written. */
ALWAYS_INLINE vf vf_load_n(const float *p, size_t n) { return n >= LANES ? vf_load(p) : _mm512_maskz_loadu_ps(vf_mask(n), p); }
ALWAYS_INLINE void vf_store_n(float *p, vf v, size_t n) {
    if (n >= LANES)
        vf_store(p, v);
    else
        _mm512_mask_storeu_ps(p, vf_mask(n), v);
}
ALWAYS_INLINE vf vf_add(vf a, vf b) { return _mm512_add_ps(a, b); }
ALWAYS_INLINE vf vf_sub(vf a, vf b) { return _mm512_sub_ps(a, b); }
ALWAYS_INLINE vf vf_mul(vf a, vf b) { return _mm512_mul_ps(a, b); }
ALWAYS_INLINE vf vf_div(vf a, vf b) { return _mm512_div_ps(a, b); }
ALWAYS_INLINE vf vf_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
ALWAYS_INLINE vf vf_fnma(vf a, vf b, vf c) { return _mm512_fnmadd_ps(a, b, c); } /* c - a*b, rounded once */
ALWAYS_INLINE vf vf_fms(vf a, vf b, vf c) { return _mm512_fmsub_ps(a, b, c); }   /* a*b - c, rounded once */
ALWAYS_INLINE vf vf_neg(vf a) { return _mm512_xor_ps(a, _mm512_set1_ps(-0.0f)); }
ALWAYS_INLINE vf vf_min(vf a, vf b) { return _mm512_min_ps(a, b); } /* b if either is NaN */
ALWAYS_INLINE vf vf_max(vf a, vf b) { return _mm512_max_ps(a, b); }
ALWAYS_INLINE vf vf_zero_where_less(vf v, vf x, vf limit) {
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x, limit, _CMP_NLT_UQ), v);
}
/* 2^n from the sum n + 1.5 * 2^23 whose low bits hold n */
ALWAYS_INLINE vf vf_pow2(vf z) {
    return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_slli_epi32(_mm512_castps_si512(z), 23), _mm512_set1_epi32(0x3f800000)));
}
ALWAYS_INLINE int vf_any_not_finite(vf v) {
    __m512i inf = _mm512_set1_epi32(0x7f800000);
    return _mm512_cmpeq_epi32_mask(_mm512_and_si512(_mm512_castps_si512(v), inf), inf) != 0;
}
/* The last folds of rule 6: s[j] + s[j + h] for h = 8, 4, 2, 1. */
ALWAYS_INLINE float vf_fold(vf v) {
    __m256 w = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(w), _mm256_extractf128_ps(w, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
/* The largest lane; finite lanes only. */
ALWAYS_INLINE float vf_top(vf v) { return _mm512_reduce_max_ps(v); }
ALWAYS_INLINE vf vf_from_f16(const uint8_t *p) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)p)); }
ALWAYS_INLINE vf vf_from_bf16(const uint8_t *p) {
    __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(const void *)p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}
ALWAYS_INLINE vf vf_from_i8(const uint8_t *p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(const void *)p)));
}
ALWAYS_INLINE vf vf_from_f32(const uint8_t *p) { return _mm512_loadu_ps(p); }
ALWAYS_INLINE void vf_to_f16(uint16_t *p, vf v) {
    _mm256_storeu_si256((__m256i *)(void *)p,
                        _mm512_maskz_cvtps_ph((__mmask16)0xffff, v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

#include "math/lanes_pairs_x86.h"

#endif
