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
    ROW8_GROUP = 16,       /* rows that are packed together */
    ROW8_COLS_MAX = 65536, /* a digit's sum over them stays below 2^31 */
    ROW8_ROWS_MAX = 1 << 20,
    ROW8_DIGITS_MAX = 4,
    ROW8_T_MAX = 65536 /* norm bound of the integers of one token */
};

/* Packed weights of one stack: groups of 16 rows; per 4 columns one line of 16 rows x 4 bytes. The last columns and the last group are
 * padded with zero weights. The layout is private to math/ (row8_layout.h). */
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
 * norm2_max = the largest sum of squares of a row, 0 counts as 1. So norm(row) * (norm(x_q) + g sqrt(cols)) < p/2 - 1 always: no sum
 * wraps, whatever the weights. ERR_RANGE if T < 1: the matrix cannot be used. */
int row8_bound(const struct field *f, uint32_t cols, uint64_t norm2_max, uint32_t *t);
/* Sum of squares of one row. */
uint64_t row8_norm2(const int8_t *w, uint32_t n);

/* One token: amax < 2^-50 counts as x = 0: scale 0, all 0. Else scale = sqrt(SUM64(x^2)) / f32(T), q_i = RNE_int(x_i / scale).
 * ERR_NONFINITE if a value is NaN or infinite, or the norm overflows. Every |q_i| <= t + 1.
 *
 * Rounding adds at most sqrt(n) / 2 to the norm T of x / scale; T is one lower than needed, for the roundings of f32 before it. So
 * norm(q) <= t + 1 + sqrt(n) / 2, which is all that row8_bound assumes. It is checked on integers all the same, and ERR_RANGE
 * returned otherwise: over 30000 columns an input made for it might lose that much in f32, no other can. */
int row8_token(const struct kern *k, const float *x, uint32_t n, uint32_t t, int32_t *q, float *scale);
/* Balanced digits that the integers of row8_token need: 1, 2 or 3. Fewer are faster; masked integers always need f->digits. */
uint32_t row8_token_digits(uint32_t t);

/* ---- products ---- */

/* Columns (tokens) prepared for the kernels: 1 to 4 balanced 8-bit digits (-128..127), the digits of a column beside each other (layout
 * private). With d digits integers lie in -128 b .. 127 b, b = 1 + 256 + .. + 256^(d-1): 3 hold what p24 needs, 4 what p26 needs. */
struct row8_cols {
    uint32_t cols, count, digits;
    size_t column_bytes;
    uint8_t *data; /* 64-byte aligned, the caller's */
};
size_t row8_cols_bytes(uint32_t cols, uint32_t count, uint32_t digits); /* a multiple of 64 */
void row8_cols_init(struct row8_cols *c, uint32_t cols, uint32_t count, uint32_t digits, void *mem);
/* Column t from `cols` integers that fit its digits, or from residues of f (each < p; digits >= f->digits). Different columns may be
 * filled by different threads. */
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
