/* model/products.c - see products.h: the products of profile C1, and who computes those of the engine's model. */
#include "model/products.h"
#include "model/engine_parts.h"

void by_rows(struct engine *e, uint32_t rows, pool_range_fn *fn, void *arg) { pool_range(e->pool, rows, ACTS_PANEL, fn, arg); }

static int in_row8(const struct products *j) { return arith_in_stacks(j->e->m->arith); }

/* The input in the form that each matrix's type wants. */
void products_begin(struct products *j, uint32_t tokens) {
    struct engine *e = j->e;
    j->tokens = tokens;
    if (in_row8(j)) {
        row8_products_begin(j);
        return;
    }
    for (unsigned i = 0; i < j->count; i++) {
        const struct matrix *m = j->p[i].m;
        acts_init(&e->acts[m->type->act], m->type->act, m->cols, tokens, e->acts_mem[m->type->act]);
    }
}

void products_input(const struct products *j, uint32_t begin, uint32_t end, const float *x, uint8_t *bad) {
    unsigned done = 0;
    if (in_row8(j)) {
        row8_products_input(j, begin, end, x, bad);
        return;
    }
    for (unsigned i = 0; i < j->count; i++) {
        enum act_kind kind = j->p[i].m->type->act;
        if (done & 1u << kind) continue;
        acts_fill(j->e->kern, &j->e->acts[kind], begin, end, x, j->p[i].m->cols, bad);
        done |= 1u << kind;
    }
}

/* Groups of all products count as one range, so that q, k and v are one dispatch. */
static void multiply_groups(void *arg, uint32_t begin, uint32_t end) {
    const struct products *j = arg;
    uint32_t first = 0;
    for (unsigned i = 0; i < j->count; i++) {
        const struct matrix *m = j->p[i].m;
        uint32_t lo = begin > first ? begin - first : 0, hi = end > first ? end - first : 0;
        if (hi > m->groups) hi = m->groups;
        if (lo < hi) matrix_mul(j->e->kern, m, lo, hi, &j->e->acts[m->type->act], j->p[i].bias, j->p[i].y, m->rows);
        first += m->groups;
    }
}

int products_run(struct products *j) {
    uint32_t groups = 0;
    if (in_row8(j)) return row8_products_run(j);
    for (unsigned i = 0; i < j->count; i++) groups += j->p[i].m->groups;
    pool_range(j->e->pool, groups, 0, multiply_groups, j);
    return 0;
}
