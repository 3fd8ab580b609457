/* math/matrix.c - shapes, packing into R16K4 (packed.h), and the driver of the matrix product. */
#include "math/matrix.h"

#include <string.h>

#include "math/kern_table.h"
#include "math/packed.h"

static size_t group_bytes(const struct weight_type *t, uint32_t cols) {
    switch (t->kernel) {
    case WK_F32: return (size_t)cols * 64;
    case WK_F16:
    case WK_BF16: return ((size_t)cols * 32 + 63) & ~(size_t)63;
    case WK_Q8_0: return paired_bytes(cols / 32, BODY_Q8_0);
    case WK_Q4_0: return paired_bytes(cols / 32, BODY_Q4_0);
    case WK_Q6_K: return paired_bytes(cols / 256, BODY_Q6_K);
    case WK_COUNT: break;
    }
    return 0;
}

int matrix_shape(struct matrix *m, const struct weight_type *type, uint32_t rows, uint32_t cols) {
    if (rows == 0 || cols == 0 || rows > MATRIX_DIM_MAX || cols > MATRIX_DIM_MAX || cols % type->block_len) return ERR_RANGE;
    *m = (struct matrix){type, rows, cols, (rows + MATRIX_ROWS - 1) / MATRIX_ROWS, group_bytes(type, cols), NULL};
    return 0;
}

size_t matrix_bytes(const struct matrix *m) { return m->groups * m->group_bytes; }

/* ---- packing one row's blocks into lane r of a group (dst is zeroed) ------------------------------------------------- */

static void pack_float(uint8_t *dst, const uint8_t *row, uint32_t cols, uint32_t r, size_t size) {
    for (uint32_t k = 0; k < cols; k++) memcpy(dst + (float_line(k, cols) * MATRIX_ROWS + r) * size, row + k * size, size);
}

static void pack_q8_0(uint8_t *dst, const uint8_t *row, uint32_t blocks, uint32_t r) {
    for (uint32_t b = 0; b < blocks; b++, row += 34) {
        memcpy(dst + scale_at(b, BODY_Q8_0) + 2 * r, row, 2);
        uint8_t *body = dst + body_at(b, BODY_Q8_0) + 4 * r;
        for (unsigned g = 0; g < 8; g++) {
            uint32_t v = load_u32(row + 2 + 4 * g) ^ 0x80808080u;
            memcpy(body + 64 * g, &v, 4);
        }
    }
}

static void pack_q4_0(uint8_t *dst, const uint8_t *row, uint32_t blocks, uint32_t r) {
    for (uint32_t b = 0; b < blocks; b++, row += 18) {
        memcpy(dst + scale_at(b, BODY_Q4_0) + 2 * r, row, 2);
        uint8_t *body = dst + body_at(b, BODY_Q4_0) + 4 * r;
        for (unsigned g = 0; g < 4; g++) memcpy(body + 64 * g, row + 2 + 4 * g, 4);
    }
}

static void pack_q6_k(uint8_t *dst, const uint8_t *row, uint32_t blocks, uint32_t r) {
    for (uint32_t b = 0; b < blocks; b++, row += 210) {
        memcpy(dst + scale_at(b, BODY_Q6_K) + 2 * r, row + 208, 2);
        uint8_t *body = dst + body_at(b, BODY_Q6_K), q[256];
        q6k_quants(row, q);
        for (unsigned j = 0; j < 16; j++) {
            body[16 * j + r] = row[192 + j];
            uint8_t *lines = body + Q6K_SCALES + Q6K_SUB * j + 4 * r;
            const uint8_t *v = q + 16 * j;
            for (unsigned i = 0; i < 4; i++) {
                lines[i] = (uint8_t)((v[i] & 15) | (v[4 + i] & 15) << 4);
                lines[64 + i] = (uint8_t)((v[8 + i] & 15) | (v[12 + i] & 15) << 4);
                lines[128 + i] = (uint8_t)(v[i] >> 4 | v[4 + i] >> 4 << 2 | v[8 + i] >> 4 << 4 | v[12 + i] >> 4 << 6);
            }
        }
    }
}

static void pack_row(const struct matrix *m, uint8_t *dst, const uint8_t *row, uint32_t r) {
    switch (m->type->kernel) {
    case WK_F32: pack_float(dst, row, m->cols, r, 4); break;
    case WK_F16:
    case WK_BF16: pack_float(dst, row, m->cols, r, 2); break;
    case WK_Q8_0: pack_q8_0(dst, row, m->cols / 32, r); break;
    case WK_Q4_0: pack_q4_0(dst, row, m->cols / 32, r); break;
    case WK_Q6_K: pack_q6_k(dst, row, m->cols / 256, r); break;
    case WK_COUNT: break;
    }
}

int matrix_pack(const struct matrix *m, uint32_t g0, uint32_t g1, const uint8_t *rows) {
    size_t row_bytes = weight_row_bytes(m->type, m->cols);
    for (uint32_t g = g0; g < g1; g++) {
        uint8_t *dst = m->data + g * m->group_bytes;
        memset(dst, 0, m->group_bytes); /* padding rows: scale 0 (and value 0), so they compute to 0 */
        for (uint32_t r = 0; r < MATRIX_ROWS && g * MATRIX_ROWS + r < m->rows; r++) {
            const uint8_t *row = rows + (g * MATRIX_ROWS + r) * row_bytes;
            if (weight_rows_check(m->type, row, 1, m->cols) != 0) return ERR_NONFINITE;
            pack_row(m, dst, row, r);
        }
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
        if (bias == NULL)
            memcpy(to, tile, n * sizeof *to);
        else
            for (uint32_t r = 0; r < n; r++) to[r] = tile[r] + bias[row + r];
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
