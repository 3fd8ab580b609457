/* math/ntt_rows.h - products of int8 rows with public ring elements: h = sum over j of w[j] a_j, each value mod q. That is a
 * matrix product of all weights with 256 * rank columns, so it runs on 16-bit digits and the processor's small-integer products.
 *
 * Each a_j, balanced, is low + 2^16 high with both digits in 16 bits. 512 columns' sums of 127 * 2^15 fit 31 bits. */
#ifndef MATH_NTT_ROWS_H
#define MATH_NTT_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "math/ntt.h"

enum {
    NTT_ROWS_MAX = 96,     /* rows of one call of ntt_rows_mul */
    NTT_COLS_MAX = 1 << 16 /* of a matrix */
};

/* The digits of a_0 ... a_cols-1, in panels of 16 values each (layout private). */
struct ntt_rows {
    uint32_t cols, rank, panels;
    size_t panel_bytes;
    int16_t *data; /* panels * panel_bytes, 64-byte aligned, the caller's */
};
/* Fills in everything but data (NULL). ERR_RANGE: cols is 0 or over its maximum, rank is not 1..NTT_RANK_MAX. */
int ntt_rows_shape(struct ntt_rows *m, uint32_t cols, uint32_t rank);
size_t ntt_rows_bytes(const struct ntt_rows *m);
/* a_j: rank * 256 values below q. Every j once, not two at a time in different threads. */
void ntt_rows_fill(const struct ntt_rows *m, uint32_t j, const uint32_t *values);

/* Weights of 16 bits, in the order that the kernels read: bytes that ntt_rows_widen writes for any `rows` up to NTT_ROWS_MAX. */
size_t ntt_rows_wide_bytes(uint32_t cols);
void ntt_rows_widen(int16_t *wide, const int8_t *w, uint32_t rows, uint32_t cols);
/* out[r * rank * 256 + i] for the values i of panels [p0, p1): rows of `cols` columns, cols <= m->cols. Different panels may run
 * in different threads. */
void ntt_rows_mul(const struct kern *k, const struct ntt_rows *m, uint32_t p0, uint32_t p1, const int16_t *wide, uint32_t rows,
                  uint32_t cols, uint32_t *out);

#endif
