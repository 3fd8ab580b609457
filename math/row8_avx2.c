/* math/row8_avx2.c - row8's kernel for AVX2. vpmaddubsw multiplies unsigned with signed bytes and adds pairs with saturation at 16
 * bits: the size of the digit, up to 128, times the weight, up to 127, with the digit's sign: 2 * 128 * 127 = 32512 fits. The other
 * way round would not do: minus -128 is no byte. */
#if defined(__x86_64__)
#include "math/codes_ymm.h"
#include "math/row8_x86.h"

ALWAYS_INLINE __m256i first_sum(const uint8_t *p) { return (void)p, _mm256_setzero_si256(); }
ALWAYS_INLINE __m256i row8_weights(const uint8_t *p) { return _mm256_xor_si256(half_line(p), _mm256_set1_epi8(-128)); }
ALWAYS_INLINE __m256i row8_dot(__m256i sum, __m256i w, __m256i d) {
    __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(d), _mm256_sign_epi8(w, d));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

#define YMM_ROW8 avx2_row8
#include "math/row8_ymm.h"
#endif
