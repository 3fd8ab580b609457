/* math/lanes_pairs_x86.h - rotating neighbours, four pairs at a time; the same for 8 and 16 lanes. Part of lanes_avx*.h. */
#ifndef MATH_LANES_PAIRS_X86_H
#define MATH_LANES_PAIRS_X86_H

/* n pairs (x[2i], x[2i+1]): even lanes fma(x0, c, -(x1*s)), odd lanes fma(x0, s, x1*c). Returns how many pairs were done. */
ALWAYS_INLINE uint32_t vf_rope_pairs(float *x, const float *c, const float *s, uint32_t n) {
    uint32_t i = 0;
    for (; i + 4 <= n; i += 4) {
        __m128 c4 = _mm_loadu_ps(c + i), s4 = _mm_loadu_ps(s + i);
        __m256 cs = _mm256_set_m128(_mm_unpackhi_ps(c4, s4), _mm_unpacklo_ps(c4, s4)), sc = _mm256_permute_ps(cs, 0xb1);
        __m256 v = _mm256_loadu_ps(x + 2 * i);
        _mm256_storeu_ps(x + 2 * i, _mm256_fmaddsub_ps(_mm256_moveldup_ps(v), cs, _mm256_mul_ps(_mm256_movehdup_ps(v), sc)));
    }
    return i;
}

#endif
