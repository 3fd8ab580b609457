/* math/fold_avx2.c - the product of fold.h for AVX2: four rows and eight columns at a time, whose sums are eight registers. */
#if defined(__x86_64__)
#include <immintrin.h>

#include "math/fold.h"
#include "math/kern_table.h"
#include "math/unroll.h"

enum { ROWS = 4, COLS = 8 };

static void part(const double *left, const float *panel, uint32_t depth, float *out) {
    __m256d sum[ROWS][2];
    EACH(r, ROWS) EACH(c, 2) sum[r][c] = _mm256_setzero_pd();
    for (uint32_t k = 0; k < depth; k++, left += FOLD_ROWS, panel += FOLD_LANES) {
        __m256d b0 = _mm256_cvtps_pd(_mm_loadu_ps(panel)), b1 = _mm256_cvtps_pd(_mm_loadu_ps(panel + 4));
        EACH(r, ROWS) {
            __m256d a = _mm256_broadcast_sd(left + r);
            sum[r][0] = _mm256_fmadd_pd(a, b0, sum[r][0]);
            sum[r][1] = _mm256_fmadd_pd(a, b1, sum[r][1]);
        }
    }
    EACH(r, ROWS) EACH(c, 2) _mm_storeu_ps(out + r * FOLD_LANES + 4 * c, _mm256_cvtpd_ps(sum[r][c]));
}

void avx2_fold(const double *left, const float *panel, uint32_t depth, float *out) {
    for (unsigned r = 0; r < FOLD_ROWS; r += ROWS)
        for (unsigned c = 0; c < FOLD_LANES; c += COLS) part(left + r, panel + c, depth, out + r * FOLD_LANES + c);
}
#endif
