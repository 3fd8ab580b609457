/* model/moe.c - see moe.h. */
#include "model/moe.h"
#include "math/float_bits.h"
#include "math/scalar.h"
#include "math/vec.h"
#include "model/engine_parts.h"

#include <string.h>

/* ---- choosing ---- */

/* 1 if expert a comes before b. */
static int before(const float *l, uint32_t a, uint32_t b) { return l[a] > l[b] || (l[a] == l[b] && a < b); }

int moe_choose(const float *logits, uint32_t n, uint32_t used, uint32_t *id, float *weight) {
    for (uint32_t i = 0; i < used; i++) id[i] = i, weight[i] = 0;
    for (uint32_t i = 0; i < n; i++)
        if (f32_not_finite(logits[i])) return ERR_NONFINITE;
    for (uint32_t i = 0, have = 0; i < n; i++) { /* best first, by insertion */
        uint32_t at = have;
        while (at > 0 && before(logits, i, id[at - 1])) at--;
        if (at == used) continue;
        if (have < used) have++;
        memmove(id + at + 1, id + at, (have - at - 1) * sizeof *id);
        id[at] = i;
    }
    float max = logits[id[0]], sum = 0;
    for (uint32_t i = 1; i < used; i++) { /* then by id */
        uint32_t x = id[i], at = i;
        for (; at > 0 && id[at - 1] > x; at--) id[at] = id[at - 1];
        id[at] = x;
    }
    for (uint32_t i = 0; i < used; i++) {
        weight[i] = canon_exp(logits[id[i]] - max);
        sum = sum + weight[i];
    }
    for (uint32_t i = 0; i < used; i++) weight[i] = weight[i] / sum;
    return 0;
}

static void choose_rows(void *arg, uint32_t begin, uint32_t end) {
    struct engine *e = arg;
    struct moe *x = &e->moe;
    uint32_t n = e->m->hp.n_expert, used = e->m->hp.n_expert_used;
    for (uint32_t r = begin; r < end; r++) {
        size_t at = (size_t)r * used;
        if (moe_choose(x->logits + (size_t)r * n, n, used, x->chosen + at, x->weight + at) != 0) e->bad[r] = 1;
        memset(e->proj + (size_t)r * e->m->hp.n_embd, 0, e->m->hp.n_embd * sizeof(float));
    }
}

/* ---- waves ---- */

static void count_pairs(struct engine *e) {
    struct moe *x = &e->moe;
    size_t all = (size_t)e->rows * e->m->hp.n_expert_used;
    memset(x->start, 0, e->m->hp.n_expert * sizeof *x->start);
    for (size_t i = 0; i < all; i++) x->start[x->chosen[i]]++;
}

static void add_run(struct moe *x, uint32_t expert, uint32_t count) {
    for (uint32_t at = 0; at < count; at += ACTS_PANEL)
        x->panel[x->panels++] = (struct moe_panel){x->runs, at, at + ACTS_PANEL < count ? at + ACTS_PANEL : count};
    x->run[x->runs++] = (struct moe_run){.expert = expert, .first = x->pairs, .count = count};
    x->pairs += count;
}

/* The experts from `first` on that fit; 0: none is left that anyone chose. */
static int plan_wave(struct engine *e, uint32_t first) {
    struct moe *x = &e->moe;
    uint32_t used = e->m->hp.n_expert_used, i = first;
    x->runs = x->panels = x->pairs = 0;
    x->first_expert = first;
    for (; i < e->m->hp.n_expert && x->start[i] <= x->pairs_max - x->pairs; i++) {
        uint32_t count = x->start[i];
        x->start[i] = x->pairs;
        if (count) add_run(x, i, count);
    }
    x->end_expert = i;
    if (x->runs == 0) return 0;
    for (uint32_t r = 0; r < e->rows; r++)
        for (size_t at = (size_t)r * used; at < (size_t)(r + 1) * used; at++) {
            if (x->chosen[at] < first || x->chosen[at] >= i) continue;
            x->pair[at] = x->start[x->chosen[at]]++;
            x->pair_row[x->pair[at]] = r;
        }
    memset(x->bad, 0, x->pairs);
    return 1;
}

/* ---- the stages of a wave ---- */

static struct matrix of_expert(const struct matrix *m, uint32_t expert) {
    struct matrix one = *m;
    one.data += expert * matrix_bytes(m);
    return one;
}

/* Activations of every run, one behind the other; a and b are the matrices that will read them. */
static void acts_begin(struct moe *x, const struct matrix *a, const struct matrix *b) {
    const struct matrix *const readers[2] = {a, b};
    for (unsigned i = 0; i < 2; i++) {
        enum act_kind kind = readers[i]->type->act;
        uint8_t *mem = x->acts_mem[kind];
        for (uint32_t r = 0; r < x->runs; r++) {
            acts_init(&x->run[r].acts[kind], kind, readers[i]->cols, x->run[r].count, mem);
            mem += acts_bytes(kind, readers[i]->cols, x->run[r].count);
        }
    }
}

static void acts_pairs(struct engine *e, const struct moe_panel *p, const struct matrix *a, const struct matrix *b,
                       const float *rows) {
    struct moe *x = &e->moe;
    struct moe_run *run = &x->run[p->run];
    const float *first = rows + (size_t)run->first * a->cols;
    acts_fill(e->kern, &run->acts[a->type->act], p->begin, p->end, first, a->cols, x->bad + run->first);
    if (b->type->act != a->type->act)
        acts_fill(e->kern, &run->acts[b->type->act], p->begin, p->end, first, a->cols, x->bad + run->first);
}

static void gather_panels(void *arg, uint32_t begin, uint32_t end) {
    struct engine *e = arg;
    struct moe *x = &e->moe;
    size_t n = e->m->hp.n_embd;
    for (uint32_t i = begin; i < end; i++) {
        const struct moe_panel *p = &x->panel[i];
        uint32_t first = x->run[p->run].first;
        for (uint32_t t = first + p->begin; t < first + p->end; t++)
            memcpy(x->in + t * n, e->h + x->pair_row[t] * n, n * sizeof(float));
        acts_pairs(e, p, &x->layer->gate, &x->layer->up, x->in);
    }
}

static void gated_panels(void *arg, uint32_t begin, uint32_t end) {
    struct engine *e = arg;
    struct moe *x = &e->moe;
    size_t n = e->m->hp.n_ff;
    for (uint32_t i = begin; i < end; i++) {
        const struct moe_panel *p = &x->panel[i];
        uint32_t first = x->run[p->run].first;
        for (uint32_t t = first + p->begin; t < first + p->end; t++) forward_gate(e, x->gate + t * n, x->up + t * n);
        acts_pairs(e, p, &x->layer->down, &x->layer->down, x->gate);
    }
}

/* The 16-row groups of all runs count as one range. */
static void multiply_range(struct engine *e, const struct matrix *m, const struct moe_run *run, uint32_t begin, uint32_t end,
                           float *y) {
    struct matrix one = of_expert(m, run->expert);
    if (begin < end)
        matrix_mul(e->kern, &one, begin, end, &run->acts[m->type->act], NULL, y + (size_t)run->first * m->rows, m->rows);
}

static void wide_groups(void *arg, uint32_t begin, uint32_t end) {
    struct engine *e = arg;
    struct moe *x = &e->moe;
    const struct matrix *gate = &x->layer->gate, *up = &x->layer->up;
    uint32_t each = gate->groups + up->groups;
    for (uint32_t at = begin; at < end;) {
        const struct moe_run *run = &x->run[at / each];
        uint32_t lo = at % each, hi = end - at < each - lo ? lo + end - at : each;
        multiply_range(e, gate, run, lo, hi < gate->groups ? hi : gate->groups, x->gate);
        multiply_range(e, up, run, lo > gate->groups ? lo - gate->groups : 0, hi > gate->groups ? hi - gate->groups : 0, x->up);
        at += hi - lo;
    }
}

static void down_groups(void *arg, uint32_t begin, uint32_t end) {
    struct engine *e = arg;
    struct moe *x = &e->moe;
    const struct matrix *down = &x->layer->down;
    for (uint32_t at = begin; at < end;) {
        uint32_t lo = at % down->groups, hi = end - at < down->groups - lo ? lo + end - at : down->groups;
        multiply_range(e, down, &x->run[at / down->groups], lo, hi, x->out);
        at += hi - lo;
    }
}

static void sum_rows(void *arg, uint32_t begin, uint32_t end) {
    struct engine *e = arg;
    struct moe *x = &e->moe;
    size_t n = e->m->hp.n_embd, used = e->m->hp.n_expert_used;
    for (uint32_t r = begin; r < end; r++)
        for (size_t at = r * used; at < (r + 1) * used; at++) { /* ascending ids */
            if (x->chosen[at] < x->first_expert || x->chosen[at] >= x->end_expert) continue;
            vec_axpy(e->kern, e->proj + r * n, x->out + x->pair[at] * n, x->weight[at], n);
            if (x->bad[x->pair[at]]) e->bad[r] = 1;
        }
}

void moe_run(struct engine *e, const struct layer *y) {
    struct moe *x = &e->moe;
    x->layer = y;
    pool_range(e->pool, e->rows, ACTS_PANEL, choose_rows, e);
    count_pairs(e);
    for (uint32_t first = 0; first < e->m->hp.n_expert && plan_wave(e, first); first = x->end_expert) {
        acts_begin(x, &y->gate, &y->up);
        pool_range(e->pool, x->panels, 1, gather_panels, e);
        pool_range(e->pool, x->runs * (y->gate.groups + y->up.groups), 0, wide_groups, e);
        acts_begin(x, &y->down, &y->down);
        pool_range(e->pool, x->panels, 1, gated_panels, e);
        pool_range(e->pool, x->runs * y->down.groups, 0, down_groups, e);
        pool_range(e->pool, e->rows, ACTS_PANEL, sum_rows, e);
    }
}

/* ---- memory ---- */

static size_t acts_room(const struct engine *e, enum act_kind kind) {
    const struct moe *x = &e->moe;
    size_t most = 0;
    for (uint32_t i = 0; i < e->m->hp.n_layer; i++) {
        const struct layer *y = &e->m->layer[i];
        const struct matrix *const all[] = {&y->gate, &y->up, &y->down};
        for (size_t j = 0; j < sizeof all / sizeof all[0]; j++) {
            if (all[j]->type->act != kind) continue;
            size_t n = acts_bytes(kind, all[j]->cols, x->pairs_max) + (size_t)64 * x->runs_max; /* each run starts on 64 bytes */
            if (n > most) most = n;
        }
    }
    return most;
}

void moe_layout(struct engine *e, void *(*plan)(void *ctx, size_t count, size_t size), void *ctx) {
    const struct hparams *h = &e->m->hp;
    struct moe *x = &e->moe;
    if (h->n_expert == 0) return;
    size_t rows = e->rows_max, each = rows * h->n_expert_used;
    x->pairs_max = e->rows_max > EXPERTS_USED_MAX ? e->rows_max : EXPERTS_USED_MAX; /* one expert may be chosen by all rows */
    x->runs_max = h->n_expert < x->pairs_max ? h->n_expert : x->pairs_max;
    x->panels_max = x->pairs_max / ACTS_PANEL + x->runs_max;
    x->logits = plan(ctx, rows * h->n_expert, sizeof *x->logits);
    x->chosen = plan(ctx, each, sizeof *x->chosen);
    x->weight = plan(ctx, each, sizeof *x->weight);
    x->pair = plan(ctx, each, sizeof *x->pair);
    x->start = plan(ctx, h->n_expert, sizeof *x->start);
    x->pair_row = plan(ctx, x->pairs_max, sizeof *x->pair_row);
    x->in = plan(ctx, (size_t)x->pairs_max * h->n_embd, sizeof *x->in);
    x->out = plan(ctx, (size_t)x->pairs_max * h->n_embd, sizeof *x->out);
    x->gate = plan(ctx, (size_t)x->pairs_max * h->n_ff, sizeof *x->gate);
    x->up = plan(ctx, (size_t)x->pairs_max * h->n_ff, sizeof *x->up);
    x->bad = plan(ctx, x->pairs_max, 1);
    for (int kind = 0; kind < ACT_KINDS; kind++) x->acts_mem[kind] = plan(ctx, acts_room(e, (enum act_kind)kind), 1);
    x->run = plan(ctx, x->runs_max, sizeof *x->run);
    x->panel = plan(ctx, x->panels_max, sizeof *x->panel);
}
