/* math/row8_mul.c - columns as balanced digits, and the driver of the exact products.
 *
 * A column's integers are split into balanced 8-bit digits, q = d0 + 256 d1 + 65536 d2 + .., so that a product of 8-bit integers
 * serves. Each digit's sums are exact in 32 bits: 127 * 128 * 65536 < 2^31. The kernels see digits only, up to 12 side by side, so one
 * pass over the weights serves all digits of several columns. */
#include <string.h>

#include "math/kern_table.h"
#include "math/row8_layout.h"

/* ---- columns ---------------------------------------------------------------------------------------------------------- */

static size_t column_bytes(uint32_t cols, uint32_t digits) { return 4 * (size_t)digits * (1 + row8_lines(cols)); }

size_t row8_cols_bytes(uint32_t cols, uint32_t count, uint32_t digits) {
    return (column_bytes(cols, digits) * count + 63) & ~(size_t)63;
}

void row8_cols_init(struct row8_cols *c, uint32_t cols, uint32_t count, uint32_t digits, void *mem) {
    *c = (struct row8_cols){cols, count, digits, column_bytes(cols, digits), mem};
}

/* Where a column's digits go. */
struct place {
    uint8_t *sums; /* the first digit's word in the panel's first row */
    size_t row_bytes;
};
static struct place place_of(const struct row8_cols *c, uint32_t t) {
    uint32_t first = t - t % (ROW8_PANEL / c->digits);
    uint8_t *panel = c->data + first * c->column_bytes;
    return (struct place){panel + 4 * (size_t)(t - first) * c->digits, 4 * (size_t)row8_panel_columns(c, first) * c->digits};
}

/* The integer of a residue of p, or v itself (p = 0), with 128 added to each of its digits: these are now plain bytes, no carries. */
static inline uint32_t biased(uint32_t v, uint32_t p) { return v - (p & -((p / 2 - v) >> 31)) + 0x80808080u; }

/* Four consecutive values: their digits to `to`, the sums of their digits to sum. Values 0 and 1 share a register, 2 and 3 another: a
 * digit's bytes are then picked at 0, 2, 1, 3 from 16-bit lanes, and pushed together. */
static inline void put_four(uint8_t *to, uint32_t digits, const uint32_t v[4], uint32_t p, uint32_t sum[ROW8_DIGITS_MAX]) {
    const uint64_t low_bytes = 0x000000ff000000ff, lanes = 0x0001000100010001;
    uint64_t v01 = biased(v[0], p) | (uint64_t)biased(v[1], p) << 32, v23 = biased(v[2], p) | (uint64_t)biased(v[3], p) << 32;
    for (uint32_t d = 0; d < digits; d++, to += 4) {
        uint64_t four = (v01 & low_bytes) | (v23 & low_bytes) << 16;
        uint32_t signs = (uint32_t)(four | four >> 24) ^ 0x80808080u;
        sum[d] += (uint32_t)(four * lanes >> 48) - 4 * 128; /* the highest lane has the sum of all */
        memcpy(to, &signs, 4);
        v01 >>= 8, v23 >>= 8;
    }
}

static void fill(const struct row8_cols *c, uint32_t t, const uint32_t *v, uint32_t p) {
    const struct place at = place_of(c, t);
    const uint32_t cols = c->cols, digits = c->digits;
    uint32_t sum[ROW8_DIGITS_MAX] = {0}, last[4] = {0}, i = 0;
    uint8_t *to = at.sums + at.row_bytes;
    for (; cols - i >= 4; i += 4, to += at.row_bytes) put_four(to, digits, v + i, p, sum);
    memcpy(last, v + i, (cols - i) * sizeof *v);
    if (i < cols) put_four(to, digits, last, p, sum);
    for (uint32_t d = 0; d < digits; d++) {
        uint32_t s = 0 - 128 * sum[d];
        memcpy(at.sums + 4 * d, &s, 4);
    }
}

void row8_cols_fill(const struct row8_cols *c, uint32_t t, const int32_t *q) { fill(c, t, (const uint32_t *)q, 0); }
void row8_cols_fill_residues(const struct row8_cols *c, uint32_t t, const struct field *f, const uint32_t *u) {
    fill(c, t, u, f->p);
}

/* ---- products --------------------------------------------------------------------------------------------------------- */

/* Columns whose panels stay in a core's second-level cache while all rows pass over them: whole panels, at least one. */
enum { CACHE_BYTES = 448 * 1024 };

static uint32_t columns_per_pass(const struct row8_cols *c) {
    uint32_t panel = ROW8_PANEL / c->digits;
    size_t fit = CACHE_BYTES / (c->column_bytes * panel);
    return fit < 1 ? panel : (uint32_t)fit * panel;
}

/* Digit d's sums for the 16 rows of a tile are at sums + 16 * d. */
static void combine(const int32_t *sums, uint32_t digits, uint32_t rows, int32_t *y) {
    for (uint32_t r = 0; r < rows; r++) {
        uint32_t v = 0; /* modulo 2^32, as what is left fits */
        for (uint32_t d = digits; d-- > 0;) v = (v << 8) + (uint32_t)sums[ROW8_GROUP * d + r];
        y[r] = (int32_t)v;
    }
}
static void combine_residues(const int32_t *sums, uint32_t digits, uint32_t rows, const struct field *f, uint32_t *z) {
    for (uint32_t r = 0; r < rows; r++) {
        int64_t v = 0; /* below 2^55 */
        for (uint32_t d = digits; d-- > 0;) v = v * 256 + sums[ROW8_GROUP * d + r];
        z[r] = field_reduce_signed(f, v);
    }
}

/* Where sums go: integers (y), or residues of f (z). Of a column, `stride` apart. */
struct target {
    int32_t *y;
    uint32_t *z;
    const struct field *f;
    size_t stride;
};

static void multiply_tile(const struct kern *k, const struct row8 *m, uint32_t g, const struct row8_cols *c, uint32_t first,
                          const struct target *to) {
    _Alignas(64) int32_t tile[ROW8_PANEL * ROW8_GROUP];
    uint32_t columns = row8_panel_columns(c, first), row = g * ROW8_GROUP;
    uint32_t rows = m->rows - row < ROW8_GROUP ? m->rows - row : ROW8_GROUP;
    k->row8(m->data + g * m->group_bytes, row8_lines(m->cols), c->data + first * c->column_bytes, columns * c->digits, tile);
    for (uint32_t t = 0; t < columns; t++) {
        const int32_t *sums = tile + (size_t)t * c->digits * ROW8_GROUP;
        size_t at = (first + t) * to->stride + row;
        if (to->f == NULL)
            combine(sums, c->digits, rows, to->y + at);
        else
            combine_residues(sums, c->digits, rows, to->f, to->z + at);
    }
}

static void multiply(const struct kern *k, const struct row8 *m, uint32_t g0, uint32_t g1, const struct row8_cols *c,
                     const struct target *to) {
    uint32_t panel = ROW8_PANEL / c->digits, per_pass = columns_per_pass(c);
    for (uint32_t first = 0; first < c->count; first += per_pass) {
        uint32_t end = c->count - first < per_pass ? c->count : first + per_pass;
        for (uint32_t g = g0; g < g1; g++)
            for (uint32_t t = first; t < end; t += panel) multiply_tile(k, m, g, c, t, to);
    }
}

void row8_mul(const struct kern *k, const struct row8 *m, uint32_t g0, uint32_t g1, const struct row8_cols *c, int32_t *y,
              size_t y_stride) {
    const struct target to = {.y = y, .stride = y_stride};
    multiply(k, m, g0, g1, c, &to);
}

void row8_mul_residues(const struct kern *k, const struct row8 *m, uint32_t g0, uint32_t g1, const struct row8_cols *c,
                       const struct field *f, uint32_t *z, size_t z_stride) {
    const struct target to = {.z = z, .f = f, .stride = z_stride};
    multiply(k, m, g0, g1, c, &to);
}
