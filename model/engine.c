/* model/engine.c - see engine.h: memory, and the plan of one step. */
#include "model/engine.h"
#include "math/attend.h"
#include "model/engine_parts.h"

#include <stdlib.h>

size_t engine_page_bytes(const struct model *m, enum kv_format f) {
    return (size_t)m->hp.n_layer * m->hp.n_kv * kv_page_bytes(f, m->hp.head_dim);
}

/* ---- memory ---- */

/* Called twice: to count (base NULL), then to hand out. Sizes are multiples of 64, and so are the addresses. */
struct planner {
    struct arena *a;
    size_t bytes;
};
static void *plan(void *ctx, size_t count, size_t size) {
    struct planner *p = ctx;
    size_t n = (count * size + 63) & ~(size_t)63; /* no overflow: rows, widths and vocabularies are bounded at 2^31 together */
    p->bytes += n;
    return p->a ? arena_take(p->a, n, 1) : NULL;
}

/* Room for the activations of one kind: its widest matrix. */
static size_t acts_room(const struct engine *e, enum act_kind kind) {
    const struct model *m = e->m;
    size_t most = 0;
    for (uint32_t i = 0; i < m->hp.n_layer; i++) {
        const struct layer *y = &m->layer[i];
        const struct matrix *all[] = {&y->wq, &y->wk, &y->wv, &y->wo, &y->gate, &y->up, &y->down, &y->router, &m->output};
        for (size_t j = 0; j < sizeof all / sizeof all[0]; j++) {
            if (!all[j]->type || all[j]->type->act != kind) continue;
            size_t n = acts_bytes(kind, all[j]->cols, e->rows_max);
            if (n > most) most = n;
        }
    }
    return most;
}

static size_t layout(struct engine *e, struct arena *a) {
    const struct hparams *h = &e->m->hp;
    struct planner p = {a, 0};
    size_t rows = e->rows_max, q = (size_t)h->n_head * h->head_dim, kv = (size_t)h->n_kv * h->head_dim;
    e->x = plan(&p, rows * h->n_embd, sizeof(float));
    e->h = plan(&p, rows * h->n_embd, sizeof(float));
    e->proj = plan(&p, rows * h->n_embd, sizeof(float));
    e->q = plan(&p, rows * q, sizeof(float));
    e->att = plan(&p, rows * q, sizeof(float));
    e->k = plan(&p, rows * kv, sizeof(float));
    e->v = plan(&p, rows * kv, sizeof(float));
    e->gate = plan(&p, h->n_expert ? 0 : rows * h->n_ff, sizeof(float));
    e->up = plan(&p, h->n_expert ? 0 : rows * h->n_ff, sizeof(float));
    for (int t = 0; t < ROPE_TABLES; t++) {
        if (e->m->rope[t].n_rot == 0) continue;
        e->rope_cos[t] = plan(&p, rows * (h->rope.n_rot / 2), sizeof(float));
        e->rope_sin[t] = plan(&p, rows * (h->rope.n_rot / 2), sizeof(float));
    }
    e->logits = plan(&p, (size_t)e->logits_max * e->m->n_vocab, sizeof(float));
    for (int kind = 0; kind < ACT_KINDS; kind++) e->acts_mem[kind] = plan(&p, acts_room(e, (enum act_kind)kind), 1);
    moe_layout(e, plan, &p);
    row8_products_layout(e, plan, &p);
    e->row_id = plan(&p, rows, sizeof *e->row_id);
    e->row_part = plan(&p, rows, sizeof *e->row_part);
    e->row_position = plan(&p, rows, sizeof *e->row_position);
    e->logits_row = plan(&p, rows, sizeof *e->logits_row);
    e->tile = plan(&p, rows, sizeof *e->tile);
    e->bad = plan(&p, rows, 1);
    e->bad_att = plan(&p, rows, 1);
    e->bad_head = plan(&p, rows, 1);
    if (e->device) {
        e->device_first = plan(&p, rows, sizeof *e->device_first);
        e->device_page = plan(&p, rows * (h->n_context / KV_PAGE + 1), sizeof *e->device_page);
    }
    return p.bytes;
}

size_t engine_buffer_bytes(const struct model *m, const struct engine_opts *o) {
    struct engine e = {.m = m, .rows_max = o->rows_max, .logits_max = o->logits_max, .device = o->device, .linear = o->linear};
    return layout(&e, NULL);
}

/* Whoever is to compute must be able to. */
static int opts_check(const struct model *m, const struct engine_opts *o, struct why *why) {
    if (o->rows_max == 0 || o->rows_max > 4096 || o->logits_max > o->rows_max)
        return why_set(why, ERR_RANGE, "an engine takes 1 to 4096 rows a step");
    if (m->stacks == STACKS_STREAMED) return why_set(why, ERR_USAGE, "the model was opened to read its rows only");
    if (m->stacks == STACKS_ELSEWHERE && !o->linear)
        return why_set(why, ERR_USAGE, "this is a client file: its large products must be computed by workers");
    if (o->linear && !arith_in_stacks(m->arith))
        return why_set(why, ERR_USAGE, "only products of row8 can be computed by workers");
    if (o->device && arith_in_stacks(m->arith))
        return why_set(why, ERR_UNSUPPORTED, "row8 is computed by the processor, not by %s", o->device->name);
    return model_kv_check(m, o->kv, why);
}

int engine_new(struct engine **out, const struct model *m, const struct engine_opts *o, struct why *why) {
    *out = NULL;
    int r = opts_check(m, o, why);
    if (r != 0) return r;
    struct engine *e = mem_zalloc(1, sizeof *e);
    if (!e) return why_set(why, ERR_NOMEM, "no memory for the engine");
    e->m = m;
    e->kern = o->kern ? o->kern : m->kern;
    e->format = o->kv;
    e->rows_max = o->rows_max;
    e->logits_max = o->logits_max;
    e->device = o->device;
    e->linear = o->linear;
    e->linear_state = o->linear_state;
    r = pool_new(&e->pool, o->threads, why);
    if (r == 0 && (r = arena_init(&e->mem, layout(e, NULL))) != 0) why_set(why, r, "no memory for %u rows a step", o->rows_max);
    if (r == 0) {
        mem_private(e->mem.base, e->mem.cap);
        layout(e, &e->mem);
        r = kv_pool_init(&e->kv, engine_page_bytes(m, o->kv), o->kv_pages);
        if (r != 0) why_set(why, r, "no memory for %u KV pages", o->kv_pages);
    }
    if (r == 0 && e->device && (r = e->device->open(&e->device_state, m, o, why)) == 0) {
        e->kv.wipe = e->device->wipe;
        e->kv.wipe_arg = e->device_state;
    }
    if (r != 0)
        engine_free(e);
    else
        *out = e;
    return r;
}

void engine_free(struct engine *e) {
    if (!e) return;
    pool_free(e->pool);
    if (e->device) e->device->close(e->device_state);
    kv_pool_release(&e->kv);
    arena_release(&e->mem);
    free(e);
}

struct kv_pool *engine_kv(struct engine *e) {
    return &e->kv;
}
const struct kern *engine_kern(const struct engine *e) { return e->kern; }
const char *engine_kernels(const struct engine *e) { return e->device ? e->device->name : kern_name(e->kern); }
struct pool *engine_threads(struct engine *e) {
    return e->pool;
}

uint64_t engine_token_bytes(const struct engine *e, uint32_t position) {
    const struct hparams *h = &e->m->hp;
    uint64_t bytes = matrix_bytes(&e->m->output), experts = h->n_expert ? h->n_expert_used : 1;
    if (arith_in_stacks(e->m->arith)) bytes = e->m->packed_bytes; /* and no matrices */
    for (uint32_t i = 0; i < h->n_layer; i++) {
        const struct layer *y = &e->m->layer[i];
        uint64_t keys = (uint64_t)position + 1;
        if (y->plan.window && keys > y->plan.window) keys = y->plan.window;
        bytes += matrix_bytes(&y->wq) + matrix_bytes(&y->wk) + matrix_bytes(&y->wv) + matrix_bytes(&y->wo);
        bytes += experts * (matrix_bytes(&y->gate) + matrix_bytes(&y->up) + matrix_bytes(&y->down));
        if (h->n_expert) bytes += matrix_bytes(&y->router);
        bytes += keys * h->n_kv * kv_page_bytes(e->format, h->head_dim) / KV_PAGE;
    }
    return bytes;
}

void engine_forget(struct engine *e) { mem_wipe(e->mem.base, e->mem.used); }

/* ---- one step ---- */

static int part_check(const struct engine *e, const struct engine_part *p) {
    if (p->count == 0 || p->logits_from > p->count) return ERR_RANGE;
    for (uint32_t i = 0; i < p->count; i++)
        if (p->ids[i] < 0 || (uint32_t)p->ids[i] >= e->m->n_vocab) return ERR_RANGE;
    uint64_t end = (uint64_t)p->seq->length + p->count;
    return end > e->m->hp.n_context || end > (uint64_t)p->seq->page_count * KV_PAGE ? ERR_CONTEXT : 0;
}

static int step_check(const struct engine *e, const struct engine_part *part, size_t parts) {
    uint64_t rows = 0, logits = 0;
    for (size_t i = 0; i < parts; i++) {
        int r = part_check(e, &part[i]);
        if (r != 0) return r;
        rows += part[i].count;
        logits += part[i].count - part[i].logits_from;
    }
    return parts == 0 || rows > e->rows_max || logits > e->logits_max ? ERR_RANGE : 0;
}

static void plan_part(struct engine *e, uint32_t index) {
    struct engine_part *p = &e->part[index];
    uint32_t first = e->rows, position = p->seq->length;
    p->err = 0;
    p->logits = e->logits + (size_t)e->logits_rows * e->m->n_vocab;
    e->bad_att[index] = 0;
    for (uint32_t i = 0; i < p->count; i++) {
        if (i % TILE_TOKENS == 0) {
            uint32_t tokens = p->count - i < TILE_TOKENS ? p->count - i : TILE_TOKENS;
            e->tile[e->tiles++] = (struct tile){index, first + i, tokens, position + i};
        }
        if (i >= p->logits_from) e->logits_row[e->logits_rows++] = first + i;
        e->row_id[e->rows] = p->ids[i];
        e->row_part[e->rows] = index;
        e->row_position[e->rows] = position + i;
        e->bad[e->rows++] = 0;
    }
}

/* The step was left half-way: nothing of it counts, but whatever it stored must be wiped when the pages go back. */
static void part_left(struct engine_part *p) {
    uint32_t end = p->seq->length + p->count;
    if (p->seq->written < end) p->seq->written = end;
}

int engine_step(struct engine *e, struct engine_part *part, size_t parts) {
    int r = step_check(e, part, parts);
    if (r != 0) return r;
    e->part = part;
    e->rows = e->tiles = e->logits_rows = 0;
    for (size_t i = 0; i < parts; i++) plan_part(e, (uint32_t)i);
    r = e->device ? device_run(e) : forward_run(e);
    for (size_t i = 0; r != 0 && i < parts; i++) part_left(&part[i]);
    if (r != 0) return r;
    for (size_t i = 0; i < parts; i++) {
        part[i].seq->length += part[i].count;
        if (e->bad_att[i]) part[i].err = ERR_NONFINITE;
    }
    for (uint32_t row = 0; row < e->rows; row++)
        if (e->bad[row]) part[e->row_part[row]].err = ERR_NONFINITE;
    return 0;
}
