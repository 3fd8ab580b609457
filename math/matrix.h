/* math/matrix.h - a weight matrix in layout R16K4, activations prepared for it, and the product of the two.
 *
 * R16K4: rows in groups of 16 (the last group padded with zero rows), so that SIMD lanes are rows; per block of columns the
 * scales of the 16 rows, then for each 4 consecutive columns ("k-group") 16 rows x 4 bytes. matrix.c draws it for each type.
 * One packed matrix serves every kernel. */
#ifndef MATH_MATRIX_H
#define MATH_MATRIX_H

#include <stddef.h>
#include <stdint.h>

#include "math/kern.h"
#include "math/weight.h"

enum { MATRIX_ROWS = 16, MATRIX_DIM_MAX = 1 << 24 };

struct matrix {
    const struct weight_type *type;
    uint32_t rows, cols;
    uint32_t groups;    /* ceil(rows / 16) */
    size_t group_bytes; /* bytes of one packed group, a multiple of 64 */
    uint8_t *data;      /* groups * group_bytes, 64-byte aligned, owned by the caller */
};
/* Fills in everything but data (NULL). ERR_RANGE: a dimension is 0, over MATRIX_DIM_MAX or no multiple of the block. */
int matrix_shape(struct matrix *m, const struct weight_type *type, uint32_t rows, uint32_t cols);
/* What data must hold: groups * group_bytes. */
size_t matrix_bytes(const struct matrix *m);
/* Packs groups [g0, g1) from the file's rows (`rows` points at row 0). Different ranges may run in different threads.
 * 0, or ERR_NONFINITE if a scale (float types: a value) is NaN or infinite. */
int matrix_pack(const struct matrix *m, uint32_t g0, uint32_t g1, const uint8_t *rows);

/* Activations of `count` tokens, prepared for one act_kind: float32, or int8 blocks with their scale and sums (rule 2).
 * Stored in panels of ACTS_PANEL tokens, values of the panel's tokens side by side; the last panel is as narrow as it needs. */
enum { ACTS_PANEL = 12 };
struct acts {
    enum act_kind kind;
    uint32_t cols, count;
    size_t token_bytes; /* bytes per token: panels have count * token_bytes bytes in all */
    uint8_t *data;      /* 64-byte aligned, owned by the caller */
};
/* Bytes for `count` tokens (a multiple of 64). cols is a multiple of the kind's block (1, 32, 256). */
size_t acts_bytes(enum act_kind kind, uint32_t cols, uint32_t count);
/* Sets a over mem (64-byte aligned, acts_bytes(..) bytes); no values yet. */
void acts_init(struct acts *a, enum act_kind kind, uint32_t cols, uint32_t count, void *mem);
/* Prepares tokens [t0, t1): token t's values are x[t * x_stride ...]. Different tokens may run in different threads.
 * bad[t] is set to 1 (never cleared) if a token to be quantised holds a NaN or an infinity; its result is then meaningless.
 * ACT_F32 is only stored, not tested: what is wrong there reaches a later test. */
void acts_fill(const struct kern *k, const struct acts *a, uint32_t t0, uint32_t t1, const float *x, size_t x_stride,
               uint8_t *bad);

/* y[t * y_stride + row] = sum over columns (rules 3, 4, 5), plus bias[row] unless bias is NULL, for the rows of groups
 * [g0, g1) and every token of a. Padding rows are not written. a->kind must be m->type->act and a->cols m->cols.
 * Different group ranges may run in different threads: no two write the same element. */
void matrix_mul(const struct kern *k, const struct matrix *m, uint32_t g0, uint32_t g1, const struct acts *a, const float *bias,
                float *y, size_t y_stride);

#endif
