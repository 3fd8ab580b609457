/* blind/freivalds.c - see freivalds.h. */
#include "blind/freivalds.h"
#include "base/mem.h"
#include "base/secret.h"

#include <string.h>

size_t freivalds_words(uint32_t rows, uint32_t cols) { return FREIVALDS_VECTORS * ((size_t)rows + cols); }

void freivalds_place(struct freivalds *c, const struct field *f, uint32_t rows, uint32_t cols, uint32_t *words) {
    *c = (struct freivalds){.rows = rows, .cols = cols, .field = f, .s = words, .t = words + (size_t)FREIVALDS_VECTORS * rows};
}

/* Draws below the next power of two, until one is below p: uniform. */
static void draw_residues(const struct field *f, uint32_t *out, size_t n) {
    uint32_t draw[256], mask = 1;
    while (mask < f->p - 1) mask = mask << 1 | 1;
    for (size_t have = 0; have < n;) {
        random_bytes(draw, sizeof draw);
        for (size_t i = 0; i < sizeof draw / sizeof *draw && have < n; i++) {
            uint32_t v = draw[i] & mask;
            if (v < f->p) out[have++] = v;
        }
    }
    mem_wipe(draw, sizeof draw);
}

void freivalds_draw(struct freivalds *c) {
    draw_residues(c->field, c->s, (size_t)FREIVALDS_VECTORS * c->rows);
    memset(c->t, 0, (size_t)FREIVALDS_VECTORS * c->cols * sizeof *c->t);
}

void freivalds_add_row(struct freivalds *c, uint32_t row, const int8_t *w) {
    for (size_t v = 0; v < FREIVALDS_VECTORS; v++)
        field_add_scaled(c->field, c->t + v * c->cols, c->s[v * c->rows + row], w, c->cols);
}

void freivalds_expect(const struct freivalds *c, const uint32_t *u, uint32_t want[FREIVALDS_VECTORS]) {
    for (size_t v = 0; v < FREIVALDS_VECTORS; v++) want[v] = field_dot(c->field, c->t + v * c->cols, u, c->cols);
}

void freivalds_sum(const struct freivalds *c, uint32_t first, uint32_t count, const uint32_t *z,
                   uint32_t sum[FREIVALDS_VECTORS]) {
    for (size_t v = 0; v < FREIVALDS_VECTORS; v++)
        sum[v] = field_add(c->field, sum[v], field_dot(c->field, c->s + v * c->rows + first, z, count));
}
