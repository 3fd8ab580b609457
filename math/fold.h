/* math/fold.h - the product of two matrices of weights, as profile C1-row8-fold derives its folded rows (model/row8_fold.h).
 *
 * y[r][j] = f32(sum over k of left[r][k] * right[k][j]): the chain in binary64, ascending k, from +0, rounded to f32 once at the end.
 * A product of two f32 values is exact in binary64, so an fma and a multiplication followed by an addition give the same bits: each
 * kernel takes what its processor has. Lanes hold different outputs. */
#ifndef MATH_FOLD_H
#define MATH_FOLD_H

#include <stddef.h>
#include <stdint.h>

#include "math/kern.h"

enum {
    FOLD_LANES = 16, /* columns of a panel of the right matrix */
    FOLD_ROWS = 8    /* rows of the left one that pass over a panel together */
};

/* The right matrix: depth rows of cols values, in panels of FOLD_LANES columns, the last one filled up with zeros. */
struct fold {
    uint32_t depth, cols, panels;
    float *right; /* fold_right_floats, zeroed before its first row; the caller's */
};
void fold_shape(struct fold *f, uint32_t depth, uint32_t cols); /* all but right (NULL) */
size_t fold_right_floats(const struct fold *f);
/* Row k of the right matrix. Different rows may be stored by different threads. */
void fold_right_row(const struct fold *f, uint32_t k, const float *row);

/* Room for so many rows of the left matrix, whole groups of FOLD_ROWS; zeroed before its first row. */
size_t fold_left_doubles(const struct fold *f, uint32_t rows);
/* Row r of it: depth values. Likewise. */
void fold_left_row(const struct fold *f, double *left, uint32_t r, const float *row);

/* Columns of panels [p0, p1) of rows 0 .. rows - 1: y[r * y_stride + column]. Different panels may run in different threads. */
void fold_rows(const struct kern *k, const struct fold *f, uint32_t p0, uint32_t p1, const double *left, uint32_t rows, float *y,
               size_t y_stride);

#endif
