/* math/fold_plain.c - the product of fold.h in plain C: the reference, a row after another. */
#include "math/fold.h"
#include "math/kern_table.h"

void plain_fold(const double *left, const float *panel, uint32_t depth, float *out) {
    for (uint32_t r = 0; r < FOLD_ROWS; r++, out += FOLD_LANES) {
        double sum[FOLD_LANES] = {0};
        for (uint32_t k = 0; k < depth; k++) {
            double a = left[(size_t)k * FOLD_ROWS + r];
            for (uint32_t c = 0; c < FOLD_LANES; c++) sum[c] += a * (double)panel[(size_t)k * FOLD_LANES + c];
        }
        for (uint32_t c = 0; c < FOLD_LANES; c++) out[c] = (float)sum[c];
    }
}
