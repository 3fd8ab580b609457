/* model/row8_products.c - see products.h: a stage's products in integers, one stack, by this processor or by the engine's linear_ops.
 *
 * Either way the integers are the same, and so is what is made of the sums: where they were computed cannot be seen in the logits. */
#include <string.h>

#include "model/engine_parts.h"
#include "model/products.h"
#include "model/row8_stacks.h"

static const struct row8_stack *stack_of(const struct products *j) { return &j->e->m->stack[j->stack]; }
static struct row8_room *room_of(const struct products *j) { return &j->e->row8[j->room]; }

/* ---- the input ---- */

void row8_products_begin(struct products *j) {
    const struct linear *l = &stack_of(j)->linear;
    row8_cols_init(&room_of(j)->cols, l->cols, j->tokens, row8_token_digits(l->t), room_of(j)->cols_mem);
}

void row8_products_input(const struct products *j, uint32_t begin, uint32_t end, const float *x, uint8_t *bad) {
    struct engine *e = j->e;
    struct row8_room *room = room_of(j);
    const struct linear *l = &stack_of(j)->linear;
    for (uint32_t t = begin; t < end; t++) {
        int32_t *q = room->x + (size_t)t * l->cols;
        if (row8_token(e->kern, x + (size_t)t * l->cols, l->cols, l->t, q, &room->scale[t]) != 0) {
            bad[t] = 1; /* and multiplies as zero: whoever computes gets integers within their bounds, always */
            room->scale[t] = 0;
            memset(q, 0, l->cols * sizeof *q);
        }
        if (!e->linear) row8_cols_fill(&room->cols, t, q);
    }
}

/* ---- the products ---- */

/* A single product's sums can lie where its result will: for the output matrix that halves the largest buffer of all. */
static int32_t *sums_of(const struct products *j) { return j->count == 1 ? (int32_t *)(void *)j->p[0].y : room_of(j)->sums; }

/* Sums of the stack's rows [from, to) of some tokens, to where their products go. */
static void scale_rows(const struct products *j, uint32_t from, uint32_t to, uint32_t t0, uint32_t t1) {
    const struct linear *l = &stack_of(j)->linear;
    uint32_t first = 0;
    for (unsigned i = 0; i < j->count; first += j->p[i++].rows) {
        const struct product *p = &j->p[i];
        uint32_t lo = from > first ? from - first : 0, hi = to > first ? to - first : 0;
        if (hi > p->rows) hi = p->rows;
        for (uint32_t t = t0; lo < hi && t < t1; t++)
            row8_scale(sums_of(j) + (size_t)t * l->rows + first + lo, l->row_scale + first + lo, room_of(j)->scale[t],
                       p->bias ? p->bias + lo : NULL, hi - lo, p->y + (size_t)t * p->rows + lo);
    }
}

static void multiply_groups(void *arg, uint32_t begin, uint32_t end) {
    const struct products *j = arg;
    const struct row8 *w = &stack_of(j)->weights;
    uint32_t last = end == w->groups ? w->rows : end * ROW8_GROUP;
    row8_mul(j->e->kern, w, begin, end, &room_of(j)->cols, sums_of(j), w->rows);
    scale_rows(j, begin * ROW8_GROUP, last, 0, j->tokens);
}

static void scale_tokens(void *arg, uint32_t begin, uint32_t end) {
    const struct products *j = arg;
    scale_rows(j, 0, stack_of(j)->linear.rows, begin, end);
}

static void run_here(struct products *j) { pool_range(j->e->pool, stack_of(j)->weights.groups, 0, multiply_groups, j); }

static struct linear_ask ask_for(const struct products *j) {
    return (struct linear_ask){j->stack, j->tokens, room_of(j)->x, sums_of(j)};
}

static int ask_one(struct products *j) {
    struct engine *e = j->e;
    struct linear_ask a = ask_for(j);
    int r = e->linear->product(e->linear_state, a.stack, a.count, a.x, a.y);
    if (r == 0) by_rows(e, j->tokens, scale_tokens, j);
    return r;
}

int row8_products_run(struct products *j) {
    if (j->e->linear) return ask_one(j);
    run_here(j);
    return 0;
}

static int ask_both(struct products *a, struct products *b) {
    struct engine *e = a->e;
    struct linear_ask both[LINEAR_ASKS_MAX] = {ask_for(a), ask_for(b)};
    int r = e->linear->products(e->linear_state, both, LINEAR_ASKS_MAX);
    if (r != 0) return r;
    by_rows(e, a->tokens, scale_tokens, a);
    by_rows(e, b->tokens, scale_tokens, b);
    return 0;
}

int products_run_both(struct products *a, struct products *b) {
    if (a->e->linear && a->e->linear->products) return ask_both(a, b);
    int r = row8_products_run(a);
    return r == 0 ? row8_products_run(b) : r;
}

/* ---- memory ---- */

/* One room has what any stack needs: which of them are asked for together differs from stage to stage. */
static void room_layout(struct engine *e, struct row8_room *to, void *(*plan)(void *ctx, size_t count, size_t size), void *ctx) {
    const struct model *m = e->m;
    size_t cols = 0, rows = 0, prepared = 0;
    for (uint32_t i = 0; i < m->stack_count; i++) {
        const struct linear *l = &m->stack[i].linear;
        size_t n = e->linear ? 0 : row8_cols_bytes(l->cols, e->rows_max, row8_token_digits(l->t));
        if (n > prepared) prepared = n;
        if (l->cols > cols) cols = l->cols;
        if (i + 1 < m->stack_count && l->rows > rows) rows = l->rows; /* the output matrix's lie in the logits */
    }
    to->x = plan(ctx, e->rows_max * cols, sizeof *to->x);
    to->scale = plan(ctx, e->rows_max, sizeof *to->scale);
    to->sums = plan(ctx, e->rows_max * rows, sizeof *to->sums);
    to->cols_mem = plan(ctx, prepared, 1);
}

void row8_products_layout(struct engine *e, void *(*plan)(void *ctx, size_t count, size_t size), void *ctx) {
    const struct hparams *h = &e->m->hp;
    size_t ffn = 2 * (size_t)h->n_ff, qkv = (size_t)(h->n_head + 2 * h->n_kv) * h->head_dim;
    if (!arith_in_stacks(e->m->arith)) return;
    room_layout(e, &e->row8[0], plan, ctx);
    if (e->m->arith != ARITH_ROW8_FOLD) return;
    room_layout(e, &e->row8[1], plan, ctx);
    e->folded = plan(ctx, e->rows_max * (ffn > qkv ? ffn : qkv), sizeof *e->folded);
}
