/* model/row8_products.c - see products.h: a stage's products in integers, one stack, by this processor or by the engine's linear_ops.
 *
 * Either way the integers are the same, and so is what is made of the sums: where they were computed cannot be seen in the logits. */
#include <string.h>

#include "model/engine_parts.h"
#include "model/products.h"
#include "model/row8_stacks.h"

static const struct row8_stack *stack_of(const struct products *j) { return &j->e->m->stack[j->stack]; }

/* ---- the input ---- */

void row8_products_begin(struct products *j) {
    const struct linear *l = &stack_of(j)->linear;
    row8_cols_init(&j->e->row8.cols, l->cols, j->tokens, row8_token_digits(l->t), j->e->row8.cols_mem);
}

void row8_products_input(const struct products *j, uint32_t begin, uint32_t end, const float *x, uint8_t *bad) {
    struct engine *e = j->e;
    const struct linear *l = &stack_of(j)->linear;
    for (uint32_t t = begin; t < end; t++) {
        int32_t *q = e->row8.x + (size_t)t * l->cols;
        if (row8_token(e->kern, x + (size_t)t * l->cols, l->cols, l->t, q, &e->row8.scale[t]) != 0) {
            bad[t] = 1; /* and multiplies as zero: whoever computes gets integers within their bounds, always */
            e->row8.scale[t] = 0;
            memset(q, 0, l->cols * sizeof *q);
        }
        if (!e->linear) row8_cols_fill(&e->row8.cols, t, q);
    }
}

/* ---- the products ---- */

/* A single product's sums can lie where its result will: for the output matrix that halves the largest buffer of all. */
static int32_t *sums_of(const struct products *j) { return j->count == 1 ? (int32_t *)(void *)j->p[0].y : j->e->row8.sums; }

/* Sums of the stack's rows [from, to) of some tokens, to where their products go. */
static void scale_rows(const struct products *j, uint32_t from, uint32_t to, uint32_t t0, uint32_t t1) {
    const struct linear *l = &stack_of(j)->linear;
    uint32_t first = 0;
    for (unsigned i = 0; i < j->count; first += j->p[i++].rows) {
        const struct product *p = &j->p[i];
        uint32_t lo = from > first ? from - first : 0, hi = to > first ? to - first : 0;
        if (hi > p->rows) hi = p->rows;
        for (uint32_t t = t0; lo < hi && t < t1; t++)
            row8_scale(sums_of(j) + (size_t)t * l->rows + first + lo, l->row_scale + first + lo, j->e->row8.scale[t],
                       p->bias ? p->bias + lo : NULL, hi - lo, p->y + (size_t)t * p->rows + lo);
    }
}

static void multiply_groups(void *arg, uint32_t begin, uint32_t end) {
    const struct products *j = arg;
    const struct row8 *w = &stack_of(j)->weights;
    uint32_t last = end == w->groups ? w->rows : end * ROW8_GROUP;
    row8_mul(j->e->kern, w, begin, end, &j->e->row8.cols, sums_of(j), w->rows);
    scale_rows(j, begin * ROW8_GROUP, last, 0, j->tokens);
}

static void scale_tokens(void *arg, uint32_t begin, uint32_t end) {
    const struct products *j = arg;
    scale_rows(j, 0, stack_of(j)->linear.rows, begin, end);
}

int row8_products_run(struct products *j) {
    struct engine *e = j->e;
    if (!e->linear) {
        pool_range(e->pool, stack_of(j)->weights.groups, 0, multiply_groups, j);
        return 0;
    }
    int r = e->linear->product(e->linear_state, j->stack, j->tokens, e->row8.x, sums_of(j));
    if (r == 0) by_rows(e, j->tokens, scale_tokens, j);
    return r;
}

/* ---- memory ---- */

void row8_products_layout(struct engine *e, void *(*plan)(void *ctx, size_t count, size_t size), void *ctx) {
    const struct model *m = e->m;
    size_t cols = 0, rows = 0, prepared = 0;
    if (m->arith != ARITH_ROW8) return;
    for (uint32_t i = 0; i < m->stack_count; i++) {
        const struct linear *l = &m->stack[i].linear;
        size_t n = e->linear ? 0 : row8_cols_bytes(l->cols, e->rows_max, row8_token_digits(l->t));
        if (n > prepared) prepared = n;
        if (l->cols > cols) cols = l->cols;
        if (i + 1 < m->stack_count && l->rows > rows) rows = l->rows; /* the output matrix's lie in the logits */
    }
    e->row8.x = plan(ctx, e->rows_max * cols, sizeof *e->row8.x);
    e->row8.scale = plan(ctx, e->rows_max, sizeof *e->row8.scale);
    e->row8.sums = plan(ctx, e->rows_max * rows, sizeof *e->row8.sums);
    e->row8.cols_mem = plan(ctx, prepared, 1);
}
