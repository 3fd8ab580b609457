/* math/matrix.c - shapes, packing into R16K4 (pack.h), and the driver of the matrix product. */
#include "math/matrix.h"

#include <string.h>

#include "math/kern_table.h"
#include "math/pack.h"

int matrix_shape(struct matrix *m, const struct weight_type *type, uint32_t rows, uint32_t cols) {
    if (rows == 0 || cols == 0 || rows > MATRIX_DIM_MAX || cols > MATRIX_DIM_MAX || cols % type->block_len) return ERR_RANGE;
    *m = (struct matrix){type, rows, cols, (rows + MATRIX_ROWS - 1) / MATRIX_ROWS, pack_group_bytes(type, cols), NULL};
    return 0;
}

size_t matrix_bytes(const struct matrix *m) { return m->groups * m->group_bytes; }

int matrix_pack(const struct matrix *m, uint32_t g0, uint32_t g1, const uint8_t *rows) {
    size_t row_bytes = weight_row_bytes(m->type, m->cols);
    for (uint32_t g = g0; g < g1; g++) {
        uint8_t *dst = m->data + g * m->group_bytes;
        memset(dst, 0, m->group_bytes); /* padding rows: scale 0 (and value 0), so they compute to 0 */
        uint32_t left = m->rows - g * MATRIX_ROWS, count = left < MATRIX_ROWS ? left : MATRIX_ROWS;
        const uint8_t *first = rows + (size_t)g * MATRIX_ROWS * row_bytes;
        if (weight_rows_check(m->type, first, count, m->cols) != 0) return ERR_NONFINITE;
        pack_rows(m->type, dst, first, count, m->cols);
    }
    return 0;
}

/* ---- the product ------------------------------------------------------------------------------------------------------ */

/* Panels whose activations stay in a core's second-level cache while all rows pass over them. */
enum { ACTS_CACHE_BYTES = 448 * 1024, ACTS_CACHE_PANELS = 10 };

static uint32_t panels_per_pass(const struct acts *a) {
    size_t fit = ACTS_CACHE_BYTES / (a->token_bytes * ACTS_PANEL);
    return fit < 1 ? 1 : fit > ACTS_CACHE_PANELS ? ACTS_CACHE_PANELS : (uint32_t)fit;
}

static void store_tile(const float *tile, uint32_t width, uint32_t row, uint32_t rows, const float *bias, float *y,
                       size_t stride) {
    uint32_t n = rows - row < MATRIX_ROWS ? rows - row : MATRIX_ROWS;
    for (uint32_t t = 0; t < width; t++, tile += MATRIX_ROWS) {
        float *to = y + t * stride + row;
        if (bias != NULL)
            for (uint32_t r = 0; r < n; r++) to[r] = tile[r] + bias[row + r];
        else if (n == MATRIX_ROWS)
            memcpy(to, tile, MATRIX_ROWS * sizeof *to); /* a constant size: a few moves, where the other one is a call */
        else
            memcpy(to, tile, n * sizeof *to);
    }
}

void matrix_mul(const struct kern *k, const struct matrix *m, uint32_t g0, uint32_t g1, const struct acts *a, const float *bias,
                float *y, size_t y_stride) {
    _Alignas(64) float tile[ACTS_PANEL * MATRIX_ROWS];
    tile_fn *fn = k->tile[m->type->kernel];
    uint32_t panels = (a->count + ACTS_PANEL - 1) / ACTS_PANEL, per_pass = panels_per_pass(a);
    for (uint32_t first = 0; first < panels; first += per_pass) {
        uint32_t last = panels - first < per_pass ? panels : first + per_pass;
        for (uint32_t g = g0; g < g1; g++) {
            const uint8_t *group = m->data + g * m->group_bytes;
            for (uint32_t p = first; p < last; p++) {
                uint32_t t0 = p * ACTS_PANEL, width = a->count - t0 < ACTS_PANEL ? a->count - t0 : ACTS_PANEL;
                fn(group, m->cols, a->data + t0 * a->token_bytes, width, tile);
                store_tile(tile, width, g * MATRIX_ROWS, m->rows, bias, y + t0 * y_stride, y_stride);
            }
        }
    }
}
