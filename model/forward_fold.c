/* model/forward_fold.c - one forward pass in profile C1-row8-fold: two rounds of products for each layer (row8_fold.h says why).
 *
 *     q|k|v of layer 0; then for each layer: heads, attention | output and gate|up | activation | down and the next q|k|v; head
 *
 * After a round every row of the batch first gets what the block adds, x = x + s w, w its first product, s = 1 or, with a norm on it,
 * 1 / rms(w) (times the family's residual scale); then r = 1 / rms(x); then y = (y + folded * s) * r, and its bias. */
#include "math/vec.h"
#include "model/forward_parts.h"

/* One stage, row by row: what came back, then what is asked for next. */
struct fold_job {
    struct row_job rows; /* layer: whose heads, attention or feed-forward run */
    const float *gain;   /* of the norm whose products are asked for together with `next` */
    struct products *next, *beside;
    const float *post_norm; /* on what the block adds; NULL: none */
};

/* ---- rows ---- */

/* g * x into h: what the second stack of a round reads. */
static void gained(const struct fold_job *j, uint32_t r) {
    const struct engine *e = j->rows.e;
    size_t n = e->m->hp.n_embd;
    vec_gain(e->kern, e->h + r * n, e->x + r * n, j->gain, n);
}

/* Row r of what a block yields onto the residual stream. What the folded rows of it are multiplied by. */
static float add_row(const struct fold_job *j, uint32_t r) {
    const struct engine *e = j->rows.e;
    const struct hparams *h = &e->m->hp;
    float *x = e->x + (size_t)r * h->n_embd, *add = e->proj + (size_t)r * h->n_embd, s = h->residual_scale;
    if (j->post_norm) {
        s = vec_rms(e->kern, add, h->n_embd, h->eps) * h->residual_scale;
        vec_rmsnorm(e->kern, add, add, j->post_norm, h->n_embd, h->eps);
    }
    if (h->residual_scale != 1) vec_scale(e->kern, add, add, h->residual_scale, h->n_embd);
    vec_add(e->kern, x, x, add, h->n_embd);
    return s;
}

/* y = (y + folded * s) * r, then + bias. */
static void combine(const struct engine *e, float *y, float *folded, float s, float r, const float *bias, uint32_t n) {
    if (s != 1) vec_scale(e->kern, folded, folded, s, n);
    vec_add(e->kern, y, y, folded, n);
    vec_scale(e->kern, y, y, r, n);
    if (bias) vec_add(e->kern, y, y, bias, n);
}

static float rms_of(const struct engine *e, uint32_t r) {
    const struct hparams *h = &e->m->hp;
    return vec_rms(e->kern, e->x + (size_t)r * h->n_embd, h->n_embd, h->eps);
}

/* Where the folded rows' results of the k-th matrix of a stage lie. */
static float *folded_at(const struct engine *e, size_t width_before) { return e->folded + e->rows_max * width_before; }

static void first_rows(void *arg, uint32_t begin, uint32_t end) {
    struct fold_job *j = arg;
    for (uint32_t r = begin; r < end; r++) gained(j, r);
    products_input(j->next, begin, end, j->rows.e->h, j->rows.e->bad);
}

/* The first q, k, v have no folded part. */
static void first_scaled(void *arg, uint32_t begin, uint32_t end) {
    struct fold_job *j = arg;
    struct engine *e = j->rows.e;
    const struct layer *y = j->rows.layer;
    uint32_t q = q_width(e), kv = kv_width(e);
    for (uint32_t r = begin; r < end; r++) {
        const struct {
            float *y;
            const float *bias;
            uint32_t n;
        } all[] = {{e->q, y->q_bias, q}, {e->k, y->k_bias, kv}, {e->v, y->v_bias, kv}};
        float rms = rms_of(e, r);
        for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
            float *row = all[i].y + (size_t)r * all[i].n;
            vec_scale(e->kern, row, row, rms, all[i].n);
            if (all[i].bias) vec_add(e->kern, row, row, all[i].bias, all[i].n);
        }
    }
}

static void attended_rows(void *arg, uint32_t begin, uint32_t end) {
    struct fold_job *j = arg;
    struct engine *e = j->rows.e;
    products_input(j->next, begin, end, e->att, e->bad);
    for (uint32_t r = begin; r < end; r++) gained(j, r);
    products_input(j->beside, begin, end, e->h, e->bad);
}

/* gate and up of one row, and the activation. */
static void activated_rows(void *arg, uint32_t begin, uint32_t end) {
    struct fold_job *j = arg;
    struct engine *e = j->rows.e;
    size_t n = e->m->hp.n_ff;
    for (uint32_t r = begin; r < end; r++) {
        float s = add_row(j, r), rms = rms_of(e, r), *gate = e->gate + r * n, *up = e->up + r * n;
        combine(e, gate, folded_at(e, 0) + r * n, s, rms, NULL, (uint32_t)n);
        combine(e, up, folded_at(e, n) + r * n, s, rms, NULL, (uint32_t)n);
        forward_gate(e, gate, up);
    }
    products_input(j->next, begin, end, e->gate, e->bad);
    for (uint32_t r = begin; j->beside && r < end; r++) gained(j, r);
    if (j->beside) products_input(j->beside, begin, end, e->h, e->bad);
}

/* q, k, v of the layer that is next, which job's layer is already. */
static void next_rows(void *arg, uint32_t begin, uint32_t end) {
    struct fold_job *j = arg;
    struct engine *e = j->rows.e;
    const struct layer *y = j->rows.layer;
    size_t q = q_width(e), kv = kv_width(e);
    for (uint32_t r = begin; r < end; r++) {
        float s = add_row(j, r), rms = rms_of(e, r);
        combine(e, e->q + r * q, folded_at(e, 0) + r * q, s, rms, y->q_bias, (uint32_t)q);
        combine(e, e->k + r * kv, folded_at(e, q) + r * kv, s, rms, y->k_bias, (uint32_t)kv);
        combine(e, e->v + r * kv, folded_at(e, q + kv) + r * kv, s, rms, y->v_bias, (uint32_t)kv);
    }
}

static void last_rows(void *arg, uint32_t begin, uint32_t end) {
    struct fold_job *j = arg;
    for (uint32_t r = begin; r < end; r++) (void)add_row(j, r);
}

/* ---- rounds ---- */

static uint32_t stack_of(const struct fold_job *j, enum linear_kind kind) { return j->rows.layer_index * LINEAR_KINDS + kind; }

static void go_to_layer(struct fold_job *j, uint32_t i) {
    j->rows.layer_index = i;
    j->rows.layer = &j->rows.e->m->layer[i];
}

/* Biases come after the scalar of the norm. */
static struct products qkv_of(const struct fold_job *j, unsigned room) {
    struct engine *e = j->rows.e;
    uint32_t q = q_width(e), kv = kv_width(e);
    return (struct products){.e = e,
                             .stack = stack_of(j, LINEAR_QKV),
                             .p = {{.rows = q, .y = e->q}, {.rows = kv, .y = e->k}, {.rows = kv, .y = e->v}},
                             .count = 3,
                             .room = room};
}

static int run_first(struct fold_job *j) {
    struct engine *e = j->rows.e;
    struct products qkv = qkv_of(j, 0);
    j->gain = j->rows.layer->attn_norm;
    j->next = &qkv;
    products_begin(&qkv, e->rows);
    by_rows(e, e->rows, first_rows, j);
    int r = products_run(&qkv);
    if (r == 0) by_rows(e, e->rows, first_scaled, j);
    return r;
}

/* The attention's output, and gate|up. */
static int run_attention(struct fold_job *j) {
    struct engine *e = j->rows.e;
    const struct hparams *h = &e->m->hp;
    uint32_t n = h->n_ff;
    struct products out = {
        .e = e,
        .stack = stack_of(j, LINEAR_OUT),
        .p = {{.rows = h->n_embd, .y = e->proj}, {.rows = n, .y = folded_at(e, 0)}, {.rows = n, .y = folded_at(e, n)}},
        .count = 3};
    struct products wide = {.e = e,
                            .stack = stack_of(j, LINEAR_GATE_UP),
                            .p = {{.rows = n, .y = e->gate}, {.rows = n, .y = e->up}},
                            .count = 2,
                            .room = 1};
    by_rows(e, e->rows, forward_heads, &j->rows);
    pool_range(e->pool, e->tiles * h->n_kv, 1, forward_attend, &j->rows);
    j->gain = j->rows.layer->ffn_norm;
    j->next = &out;
    j->beside = &wide;
    products_begin(&out, e->rows);
    products_begin(&wide, e->rows);
    by_rows(e, e->rows, attended_rows, j);
    j->post_norm = j->rows.layer->post_attn_norm;
    return products_run_both(&out, &wide);
}

/* down, and q|k|v of the next layer, where the job then is. */
static int run_ffn(struct fold_job *j) {
    struct engine *e = j->rows.e;
    uint32_t q = q_width(e), kv = kv_width(e);
    struct products down = {.e = e,
                            .stack = stack_of(j, LINEAR_DOWN),
                            .p = {{.rows = e->m->hp.n_embd, .y = e->proj},
                                  {.rows = q, .y = folded_at(e, 0)},
                                  {.rows = kv, .y = folded_at(e, q)},
                                  {.rows = kv, .y = folded_at(e, q + kv)}},
                            .count = 4};
    const float *post_norm = j->rows.layer->post_ffn_norm;
    go_to_layer(j, j->rows.layer_index + 1);
    struct products qkv = qkv_of(j, 1);
    j->gain = j->rows.layer->attn_norm;
    j->next = &down;
    j->beside = &qkv;
    products_begin(&down, e->rows);
    products_begin(&qkv, e->rows);
    by_rows(e, e->rows, activated_rows, j);
    j->post_norm = post_norm;
    int r = products_run_both(&down, &qkv);
    if (r == 0) by_rows(e, e->rows, next_rows, j);
    return r;
}

static int run_last_ffn(struct fold_job *j) {
    struct engine *e = j->rows.e;
    struct products down = {
        .e = e, .stack = stack_of(j, LINEAR_DOWN), .p = {{.rows = e->m->hp.n_embd, .y = e->proj}}, .count = 1};
    j->next = &down;
    j->beside = NULL;
    products_begin(&down, e->rows);
    by_rows(e, e->rows, activated_rows, j);
    j->post_norm = j->rows.layer->post_ffn_norm;
    int r = products_run(&down);
    if (r == 0) by_rows(e, e->rows, last_rows, j);
    return r;
}

int forward_fold(struct engine *e) {
    uint32_t layers = e->m->hp.n_layer;
    struct fold_job j = {.rows.e = e};
    forward_embed(e);
    go_to_layer(&j, 0);
    int r = run_first(&j);
    for (uint32_t i = 0; r == 0 && i < layers; i++) {
        r = run_attention(&j);
        if (r == 0) r = i + 1 < layers ? run_ffn(&j) : run_last_ffn(&j);
    }
    struct row_job head = {.e = e}; /* nothing is added any more */
    return r == 0 && e->logits_rows ? forward_head(e, &head) : r;
}
