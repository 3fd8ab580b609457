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

/* Where the next digits of a column go, and their sums so far. */
struct place {
    uint8_t *to;
    size_t row_bytes; /* of the panel */
    uint32_t digits;
    int32_t sum[ROW8_DIGITS_MAX];
};

static struct place place_of(const struct row8_cols *c, uint32_t t) {
    uint32_t first = t - t % (ROW8_PANEL / c->digits);
    size_t row_bytes = 4 * (size_t)row8_panel_columns(c, first) * c->digits;
    uint8_t *panel = c->data + first * c->column_bytes;
    return (struct place){panel + 4 * (size_t)(t - first) * c->digits + row_bytes, row_bytes, c->digits, {0}};
}

/* Four consecutive integers. Adding 128 to every digit makes the digits plain bytes, and taking it off again is an exclusive or. */
static void put_four(struct place *p, const uint32_t v[4]) {
    uint32_t u[4];
    for (uint32_t i = 0; i < 4; i++) u[i] = (v[i] + 0x80808080u) ^ 0x80808080u;
    for (uint32_t d = 0; d < p->digits; d++) {
        uint8_t four[4];
        for (uint32_t i = 0; i < 4; i++) {
            four[i] = (uint8_t)(u[i] >> 8 * d);
            p->sum[d] += (int8_t)four[i];
        }
        memcpy(p->to + 4 * d, four, 4);
    }
    p->to += p->row_bytes;
}

/* After all of them: the panel's first row. */
static void put_sums(const struct row8_cols *c, uint32_t t, const struct place *end) {
    uint8_t *to = place_of(c, t).to - end->row_bytes;
    for (uint32_t d = 0; d < end->digits; d++) {
        int32_t s = -ROW8_ZERO * end->sum[d];
        memcpy(to + 4 * d, &s, 4);
    }
}

void row8_cols_fill(const struct row8_cols *c, uint32_t t, const int32_t *q) {
    struct place p = place_of(c, t);
    for (uint32_t i = 0; i < c->cols; i += 4) {
        uint32_t v[4] = {0};
        memcpy(v, q + i, (c->cols - i < 4 ? c->cols - i : 4) * sizeof *v);
        put_four(&p, v);
    }
    put_sums(c, t, &p);
}

void row8_cols_fill_residues(const struct row8_cols *c, uint32_t t, const struct field *f, const uint32_t *u) {
    struct place p = place_of(c, t);
    for (uint32_t i = 0; i < c->cols; i += 4) {
        uint32_t v[4] = {0};
        for (uint32_t j = 0; j < 4 && i + j < c->cols; j++) v[j] = (uint32_t)field_balanced(f, u[i + j]);
        put_four(&p, v);
    }
    put_sums(c, t, &p);
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
