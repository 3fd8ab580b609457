/* model/forward.c - one forward pass: rule 7 of the profile, layer by layer, over all rows of the batch.
 *
 * Each stage is one dispatch to the compute threads: by rows (norms, activations, RoPE), by groups of 16 output rows (matrix
 * products) or by tiles (attention). A stage of few rows runs on the calling thread, as waking others would cost more. */
#include "math/attend.h"
#include "math/vec.h"
#include "model/forward_parts.h"

/* ---- by rows ---- */

static void embed_rows(void *arg, uint32_t begin, uint32_t end) {
    struct engine *e = arg;
    const struct model *m = e->m;
    size_t half = m->hp.rope.n_rot / 2, n = m->hp.n_embd;
    for (uint32_t r = begin; r < end; r++) {
        const uint8_t *row = m->embd_rows + (size_t)e->row_id[r] * m->embd_row_bytes;
        weight_row_decode(m->embd_type, row, m->hp.n_embd, e->x + r * n);
        if (m->hp.embd_scale != 1) vec_scale(e->kern, e->x + r * n, e->x + r * n, m->hp.embd_scale, n);
        for (int t = 0; t < ROPE_TABLES; t++)
            if (e->rope_cos[t]) rope_row(&m->rope[t], e->row_position[r], e->rope_cos[t] + r * half, e->rope_sin[t] + r * half);
    }
}

/* Row r of what a block yields, onto the residual stream. */
static float *add_row(const struct row_job *j, size_t r) {
    const struct engine *e = j->e;
    const struct hparams *h = &e->m->hp;
    float *x = e->x + r * h->n_embd, *add = j->add ? j->add + r * h->n_embd : NULL;
    if (!add) return x;
    if (j->post_norm) vec_rmsnorm(e->kern, add, add, j->post_norm, h->n_embd, h->eps);
    if (h->residual_scale != 1) vec_scale(e->kern, add, add, h->residual_scale, h->n_embd);
    vec_add(e->kern, x, x, add, h->n_embd);
    return x;
}

static void norm_rows(void *arg, uint32_t begin, uint32_t end) {
    struct row_job *j = arg;
    struct engine *e = j->e;
    size_t n = e->m->hp.n_embd;
    for (uint32_t r = begin; r < end; r++) vec_rmsnorm(e->kern, e->h + r * n, add_row(j, r), j->norm, n, e->m->hp.eps);
    products_input(j->next, begin, end, e->h, e->bad);
}

/* The heads of one row of q or k: norm, then RoPE. */
static void turn_heads(const struct row_job *j, uint32_t r, float *head, uint32_t heads, const float *norm) {
    const struct engine *e = j->e;
    const struct hparams *h = &e->m->hp;
    size_t at = (size_t)r * (h->rope.n_rot / 2);
    enum rope_table t = j->layer->plan.table;
    for (uint32_t i = 0; i < heads; i++, head += h->head_dim) {
        if (norm) vec_rmsnorm(e->kern, head, head, norm, h->head_dim, h->eps);
        if (t == ROPE_TABLE_NONE) continue;
        rope_apply(e->kern, head, h->rope.n_rot, h->family->pairs, e->rope_cos[t] + at, e->rope_sin[t] + at);
    }
}

/* Per-head norms, RoPE, and K and V into the pages. */
void forward_heads(void *arg, uint32_t begin, uint32_t end) {
    struct row_job *j = arg;
    struct engine *e = j->e;
    const struct hparams *h = &e->m->hp;
    size_t head_page = kv_page_bytes(e->format, h->head_dim);
    for (uint32_t r = begin; r < end; r++) {
        float *k = e->k + (size_t)r * kv_width(e), *v = e->v + (size_t)r * kv_width(e);
        turn_heads(j, r, e->q + (size_t)r * q_width(e), h->n_head, j->layer->q_norm);
        turn_heads(j, r, k, h->n_kv, j->layer->k_norm);
        uint32_t position = e->row_position[r];
        uint8_t *page = e->part[e->row_part[r]].seq->page[position / KV_PAGE];
        page += (size_t)j->layer_index * h->n_kv * head_page;
        for (uint32_t i = 0; i < h->n_kv; i++, k += h->head_dim, v += h->head_dim, page += head_page)
            if (kv_store(e->kern, e->format, page, position % KV_PAGE, h->head_dim, k, v) != 0) e->bad[r] = 1;
    }
}

static void att_rows(void *arg, uint32_t begin, uint32_t end) {
    struct row_job *j = arg;
    products_input(j->next, begin, end, j->e->att, j->e->bad);
}

void forward_gate(const struct engine *e, float *gate, const float *up) {
    if (e->m->hp.family->gelu)
        vec_geglu(e->kern, gate, gate, up, e->m->hp.n_ff);
    else
        vec_swiglu(e->kern, gate, gate, up, e->m->hp.n_ff);
}

static void act_rows(void *arg, uint32_t begin, uint32_t end) {
    struct row_job *j = arg;
    struct engine *e = j->e;
    size_t n = e->m->hp.n_ff;
    for (uint32_t r = begin; r < end; r++) forward_gate(e, e->gate + r * n, e->up + r * n);
    products_input(j->next, begin, end, e->gate, e->bad);
}

/* ---- attention ---- */

void forward_attend(void *arg, uint32_t begin, uint32_t end) {
    struct row_job *j = arg;
    struct engine *e = j->e;
    const struct hparams *h = &e->m->hp;
    uint32_t group = h->n_head / h->n_kv;
    for (uint32_t i = begin; i < end; i++) {
        const struct tile *t = &e->tile[i / h->n_kv];
        uint32_t kv = i % h->n_kv;
        size_t at = (size_t)t->row * q_width(e) + (size_t)kv * group * h->head_dim;
        const struct attend a = {
            .format = e->format,
            .head_dim = h->head_dim,
            .heads = group,
            .tokens = t->tokens,
            .first_pos = t->position,
            .window = j->layer->plan.window,
            .scale = h->attn_scale,
            .softcap = h->attn_softcap,
            .q = e->q + at,
            .q_stride = q_width(e),
            .out = e->att + at,
            .out_stride = q_width(e),
            .pages = (const uint8_t *const *)e->part[t->part].seq->page,
            .page_offset = ((size_t)j->layer_index * h->n_kv + kv) * kv_page_bytes(e->format, h->head_dim),
        };
        if (attend(e->kern, &a) != 0) __atomic_store_n(&e->bad_att[t->part], 1, __ATOMIC_RELAXED);
    }
}

/* ---- a layer, the head ---- */

/* From the residual stream and what the block before adds to it, to what this one adds. 0, or what products_run returns. */
static int run_attention(struct engine *e, struct row_job *j) {
    const struct layer *y = j->layer;
    uint32_t stack = j->layer_index * LINEAR_KINDS, q = q_width(e), kv = kv_width(e);
    struct products qkv = {
        e, stack + LINEAR_QKV, {{&y->wq, q, y->q_bias, e->q}, {&y->wk, kv, y->k_bias, e->k}, {&y->wv, kv, y->v_bias, e->v}}, 3, 0,
        0};
    struct products out = {e, stack + LINEAR_OUT, {{&y->wo, e->m->hp.n_embd, NULL, e->proj}}, 1, 0, 0};
    j->norm = y->attn_norm;
    j->next = &qkv;
    products_begin(&qkv, e->rows);
    by_rows(e, e->rows, norm_rows, j);
    int r = products_run(&qkv);
    if (r != 0) return r;
    by_rows(e, e->rows, forward_heads, j);
    pool_range(e->pool, e->tiles * e->m->hp.n_kv, 1, forward_attend, j);
    j->next = &out;
    products_begin(&out, e->rows);
    by_rows(e, e->rows, att_rows, j);
    return products_run(&out);
}

static int run_ffn(struct engine *e, struct row_job *j) {
    const struct layer *y = j->layer;
    const struct hparams *h = &e->m->hp;
    uint32_t stack = j->layer_index * LINEAR_KINDS;
    struct products wide = {e, stack + LINEAR_GATE_UP, {{&y->gate, h->n_ff, NULL, e->gate}, {&y->up, h->n_ff, NULL, e->up}}, 2, 0,
                            0};
    struct products router = {e, 0, {{&y->router, h->n_expert, NULL, e->moe.logits}}, 1, 0, 0};
    struct products down = {e, stack + LINEAR_DOWN, {{&y->down, h->n_embd, NULL, e->proj}}, 1, 0, 0};
    struct products *first = h->n_expert ? &router : &wide;
    j->norm = y->ffn_norm;
    j->next = first;
    products_begin(first, e->rows);
    by_rows(e, e->rows, norm_rows, j);
    int r = products_run(first);
    if (r != 0) return r;
    if (h->n_expert) {
        moe_run(e, y);
        return 0;
    }
    j->next = &down;
    products_begin(&down, e->rows);
    by_rows(e, e->rows, act_rows, j);
    return products_run(&down);
}

/* Only rows that yield logits go on: their norms are written to h in order. */
static void logits_in(void *arg, uint32_t begin, uint32_t end) {
    struct row_job *j = arg;
    struct engine *e = j->e;
    size_t n = e->m->hp.n_embd;
    for (uint32_t i = begin; i < end; i++)
        vec_rmsnorm(e->kern, e->h + i * n, add_row(j, e->logits_row[i]), j->norm, n, e->m->hp.eps);
    products_input(j->next, begin, end, e->h, e->bad_head);
    for (uint32_t i = begin; i < end; i++) {
        if (e->bad_head[i]) e->bad[e->logits_row[i]] = 1;
        e->bad_head[i] = 0;
    }
}

/* Tested before the soft cap, which would hide an infinity. */
static void logits_out(void *arg, uint32_t begin, uint32_t end) {
    struct engine *e = arg;
    const struct hparams *h = &e->m->hp;
    size_t n = e->m->n_vocab;
    for (uint32_t i = begin; i < end; i++) {
        float *l = e->logits + i * n;
        if (h->logit_scale != 1) vec_divide(l, l, h->logit_scale, n);
        if (!vec_finite(e->kern, l, n)) e->bad[e->logits_row[i]] = 1;
        if (h->final_softcap != 0) vec_softcap(e->kern, l, l, h->final_softcap, n);
    }
}

void forward_embed(struct engine *e) { by_rows(e, e->rows, embed_rows, e); }
void forward_logits(struct engine *e) { pool_range(e->pool, e->logits_rows, 4, logits_out, e); }

int forward_head(struct engine *e, struct row_job *j) {
    const struct model *m = e->m;
    struct products head = {e, m->hp.n_layer * LINEAR_KINDS, {{&m->output, m->n_vocab, NULL, e->logits}}, 1, 0, 0};
    j->next = &head;
    j->norm = m->output_norm;
    products_begin(&head, e->logits_rows);
    by_rows(e, e->logits_rows, logits_in, j);
    int r = products_run(&head);
    if (r == 0) forward_logits(e);
    return r;
}

int forward_run(struct engine *e) {
    const struct model *m = e->m;
    struct row_job j = {.e = e};
    int r = 0;
    if (m->arith == ARITH_ROW8_FOLD) return forward_fold(e);
    forward_embed(e);
    for (uint32_t i = 0; r == 0 && i < m->hp.n_layer; i++) {
        j.layer = &m->layer[i];
        j.layer_index = i;
        r = run_attention(e, &j);
        j.add = e->proj;
        j.post_norm = j.layer->post_attn_norm;
        if (r == 0) r = run_ffn(e, &j);
        j.post_norm = j.layer->post_ffn_norm;
    }
    return r == 0 && e->logits_rows ? forward_head(e, &j) : r;
}
