/* math/fold_avx512vnni.c - the product of fold.h for AVX-512: eight rows of 16 columns, whose sums are sixteen registers. */
#if defined(__x86_64__)
#include <immintrin.h>

#include "math/fold.h"
#include "math/kern_table.h"
#include "math/unroll.h"

void avx512_fold(const double *left, const float *panel, uint32_t depth, float *out) {
    __m512d sum[FOLD_ROWS][2];
    EACH(r, FOLD_ROWS) EACH(c, 2) sum[r][c] = _mm512_setzero_pd();
    for (uint32_t k = 0; k < depth; k++, left += FOLD_ROWS, panel += FOLD_LANES) {
        __m512d b0 = _mm512_cvtps_pd(_mm256_loadu_ps(panel)), b1 = _mm512_cvtps_pd(_mm256_loadu_ps(panel + 8));
        EACH(r, FOLD_ROWS) {
            __m512d a = _mm512_set1_pd(left[r]);
            sum[r][0] = _mm512_fmadd_pd(a, b0, sum[r][0]);
            sum[r][1] = _mm512_fmadd_pd(a, b1, sum[r][1]);
        }
    }
    EACH(r, FOLD_ROWS) EACH(c, 2) _mm256_storeu_ps(out + r * FOLD_LANES + 8 * c, _mm512_cvtpd_ps(sum[r][c]));
}
#endif
