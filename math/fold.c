/* math/fold.c - see fold.h: layouts, and the driver of the kernels. */
#include "math/fold.h"

#include <string.h>

#include "math/kern_table.h"

void fold_shape(struct fold *f, uint32_t depth, uint32_t cols) {
    *f = (struct fold){depth, cols, (cols + FOLD_LANES - 1) / FOLD_LANES, NULL};
}

size_t fold_right_floats(const struct fold *f) { return (size_t)f->panels * f->depth * FOLD_LANES; }

static float *panel_of(const struct fold *f, uint32_t p) { return f->right + (size_t)p * f->depth * FOLD_LANES; }

static uint32_t columns_of(const struct fold *f, uint32_t p) {
    uint32_t left = f->cols - p * FOLD_LANES;
    return left < FOLD_LANES ? left : FOLD_LANES;
}

void fold_right_row(const struct fold *f, uint32_t k, const float *row) {
    for (uint32_t p = 0; p < f->panels; p++)
        memcpy(panel_of(f, p) + (size_t)k * FOLD_LANES, row + (size_t)p * FOLD_LANES, columns_of(f, p) * sizeof *row);
}

size_t fold_left_doubles(const struct fold *f, uint32_t rows) {
    return (size_t)(rows + FOLD_ROWS - 1) / FOLD_ROWS * FOLD_ROWS * f->depth;
}

void fold_left_row(const struct fold *f, double *left, uint32_t r, const float *row) {
    double *to = left + (size_t)(r / FOLD_ROWS) * FOLD_ROWS * f->depth + r % FOLD_ROWS;
    for (uint32_t k = 0; k < f->depth; k++) to[(size_t)k * FOLD_ROWS] = (double)row[k];
}

/* A panel stays in the second-level cache while all rows pass over it. */
void fold_rows(const struct kern *k, const struct fold *f, uint32_t p0, uint32_t p1, const double *left, uint32_t rows, float *y,
               size_t y_stride) {
    float tile[FOLD_ROWS * FOLD_LANES];
    for (uint32_t p = p0; p < p1; p++)
        for (uint32_t r = 0; r < rows; r += FOLD_ROWS) {
            k->fold(left + (size_t)r * f->depth, panel_of(f, p), f->depth, tile);
            for (uint32_t i = 0; i < FOLD_ROWS && r + i < rows; i++)
                memcpy(y + (r + i) * y_stride + (size_t)p * FOLD_LANES, tile + (size_t)i * FOLD_LANES,
                       columns_of(f, p) * sizeof *y);
        }
}
