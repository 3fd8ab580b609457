/* math/row8.h - profile C1-row8's linear layers: int8 weights with one scale per output row, integer activations with one scale
 * per token, and their exact integer product. The same product on masked residues is what blind workers compute.
 *
 * A stack is all rows that read one input (q|k|v, the attention's output, gate|up, down, the output matrix): one x, one scale, one
 * norm bound. Rows count through the whole stack. Rules ("row8") are written beside each function. */
#ifndef MATH_ROW8_H
#define MATH_ROW8_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "math/field.h"
#include "math/kern.h"

enum {
    ROW8_GROUP = 16,            /* rows that are packed together */
    ROW8_COLS_MAX = 65536,      /* a digit's sum over them stays below 2^31 */
    ROW8_ROWS_MAX = 1 << 20,
    ROW8_DIGITS_MAX = 4,
    ROW8_T_MAX = 65536          /* norm bound of the integers of one token */
};

/* Packed weights of one stack: groups of 16 rows; per 4 columns one line of 16 rows x 4 bytes (the last columns padded with zeros, the
 * last group with zero rows), then 16 sums of row weights as i32. The layout is private to math/. */
struct row8 {
    uint32_t rows, cols;
    uint32_t groups;    /* ceil(rows / 16) */
    size_t group_bytes; /* a multiple of 64 */
    uint8_t *data;      /* groups * group_bytes, 64-byte aligned, the caller's */
};
/* Fills in everything but data (NULL). ERR_RANGE: a dimension is 0 or over its maximum. */
int row8_shape(struct row8 *m, uint32_t rows, uint32_t cols);
size_t row8_bytes(const struct row8 *m);
/* Stores rows [first, first + count); w: count * cols values. Whole groups, or up to the last row. Different groups may be stored by
 * different threads. */
void row8_pack(const struct row8 *m, uint32_t first, uint32_t count, const int8_t *w);
/* Row `row` as it was stored: cols values. */
void row8_unpack(const struct row8 *m, uint32_t row, int8_t *w);

/* One row of weights: amax over y, scale = amax / 127, w_i = RNE_int(y_i * (127 / amax)), -127..127; amax < 2^-100: scale 0, all 0.
 * ERR_NONFINITE if a value is NaN or infinite. Any n. */
int row8_quantise(const struct kern *k, const float *y, uint32_t n, int8_t *w, float *scale);

/* ---- activations ---- */

/* T for a stack: min(2^16, floor((p/2 - 1) / sqrt(norm2_max) - (g + 1/2) sqrt(cols)) - 1) in binary64, g = 0.8 (p24), 1.6 (p26);
 * norm2_max = the largest sum of squares of a row, at least 1. So norm(row) * (norm(x_q) + g sqrt(cols)) < p/2 - 1 always: no sum
 * wraps, whatever the weights. ERR_RANGE if T < 1: the matrix cannot be used. */
int row8_bound(const struct field *f, uint32_t cols, uint64_t norm2_max, uint32_t *t);
/* Sum of squares of one row. */
uint64_t row8_norm2(const int8_t *w, uint32_t n);

/* One token: amax < 2^-50 counts as x = 0: scale 0, all 0. Else scale = sqrt(SUM64(x^2)) / f32(T), q_i = RNE_int(x_i / scale).
 * ERR_NONFINITE if a value is NaN or infinite, or the norm overflows. |q| <= T + a rounding of each element by Cauchy-Schwarz; the
 * function checks norm(q) on integers against the bound of row8_bound and returns ERR_RANGE if it does not hold (it cannot). */
int row8_token(const struct kern *k, const float *x, uint32_t n, uint32_t t, int32_t *q, float *scale);

/* ---- products ---- */

/* Columns (tokens) prepared for the kernels: balanced 8-bit digits, the digits of a column beside each other (layout private). */
struct row8_cols {
    uint32_t cols, count, digits;
    size_t column_bytes;
    uint8_t *data; /* 64-byte aligned, the caller's */
};
size_t row8_cols_bytes(uint32_t cols, uint32_t count, uint32_t digits); /* a multiple of 64 */
void row8_cols_init(struct row8_cols *c, uint32_t cols, uint32_t count, uint32_t digits, void *mem);
/* Column t from integers, or from residues of f (each < p). |q_i| must fit `digits` balanced digits: 8355711 (3), 2^31 - 1 - 2^7 - ...
 * (4). Different columns may be filled by different threads. */
void row8_cols_fill(const struct row8_cols *c, uint32_t t, const int32_t *q);
void row8_cols_fill_residues(const struct row8_cols *c, uint32_t t, const struct field *f, const uint32_t *u);

/* Exact sums for the rows of groups [g0, g1) and every column. Different group ranges may run in different threads.
 * row8_mul: y[t * y_stride + row], sums that are known to fit i32 (row8_bound). row8_mul_residues: the sum mod f->p. */
void row8_mul(const struct kern *k, const struct row8 *m, uint32_t g0, uint32_t g1, const struct row8_cols *c, int32_t *y,
              size_t y_stride);
void row8_mul_residues(const struct kern *k, const struct row8 *m, uint32_t g0, uint32_t g1, const struct row8_cols *c,
                       const struct field *f, uint32_t *z, size_t z_stride);

/* y[row] = f32(sum) * (row_scale[row] * token_scale), the sum converted once, then + bias[row] unless NULL. n rows. */
void row8_scale(const int32_t *sum, const float *row_scale, float token_scale, const float *bias, uint32_t n, float *y);

#endif
