/* math/dots_avxvnni.h - products of codes and activations with vpdpbusd on 256-bit registers: four products of unsigned and
 * signed bytes are added to 32 bits without saturation, so all sums are exact. AVX-VNNI's encoding, or AVX-512 VL's where a test
 * is compiled for that: the same instruction. */
#ifndef MATH_DOTS_AVXVNNI_H
#define MATH_DOTS_AVXVNNI_H

#include "math/codes_ymm.h"

#if defined(__AVXVNNI__)
#define DPBUSD _mm256_dpbusd_avx_epi32
#else
#define DPBUSD _mm256_dpbusd_epi32
#endif

/* sum[t] += scale * dot of four k-groups, for n tokens of a panel of w; scale: int16, twice in each dword; columns: the first
 * token's words of the part. Blocks of 32 have no scales of sub-blocks: theirs is 1. */
ALWAYS_INLINE void add_four(enum weight_kernel kind, unsigned n, unsigned w, const __m256i q[4], unsigned half, __m256i scale,
                            const uint8_t *columns, __m256i sum[TOKENS]) {
    const int scaled = block_is_256(kind);
    const __m256i wide = _mm256_srai_epi32(scale, 16);
    EACH(t, n) {
        __m256i dot = scaled ? _mm256_setzero_si256() : sum[t];
        EACH(i, 4) {
            __m256i a = spread(columns + 4 * group_of(kind, half, i) * w + 4 * t);
            dot = as_values(kind) ? DPBUSD(dot, _mm256_abs_epi8(q[i]), _mm256_sign_epi8(a, q[i])) : DPBUSD(dot, q[i], a);
        }
        sum[t] = scaled ? _mm256_add_epi32(sum[t], _mm256_mullo_epi32(dot, wide)) : dot;
    }
}

#endif
