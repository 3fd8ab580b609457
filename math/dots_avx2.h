/* math/dots_avx2.h - products of codes and activations without VNNI.
 *
 * vpmaddubsw multiplies unsigned with signed bytes and adds pairs with saturation at 16 bits, so every sum here is kept below
 * 32768. Codes up to 31: four registers of pairs together, 4*2*31*127 = 31496. Six bits: two, 2*2*63*127 = 32004. Signed values
 * up to 128 in size: one, as |w| and sign(a, w), 2*128*127 = 32512. All integer sums are exact. */
#ifndef MATH_DOTS_AVX2_H
#define MATH_DOTS_AVX2_H

#include "math/codes_ymm.h"

/* sum[t] += scale * dot of four k-groups, for n tokens of a panel of w; scale: int16, twice in each dword; columns: the first
 * token's words of the part. */
ALWAYS_INLINE void add_four(enum weight_kernel kind, unsigned n, unsigned w, const __m256i q[4], unsigned half, __m256i scale,
                            const uint8_t *columns, __m256i sum[TOKENS]) {
    const unsigned together = as_values(kind) ? 1 : kind == WK_Q6_K ? 2 : 4;
    EACH(t, n) {
        __m256i pairs = _mm256_setzero_si256();
        EACH(i, 4) {
            __m256i a = spread(columns + 4 * group_of(kind, half, i) * w + 4 * t);
            __m256i p = as_values(kind) ? _mm256_maddubs_epi16(_mm256_abs_epi8(q[i]), _mm256_sign_epi8(a, q[i]))
                                        : _mm256_maddubs_epi16(q[i], a);
            pairs = i % together ? _mm256_add_epi16(pairs, p) : p;
            if ((i + 1) % together == 0) sum[t] = _mm256_add_epi32(sum[t], _mm256_madd_epi16(pairs, scale));
        }
    }
}

#endif
