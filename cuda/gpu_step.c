/* cuda/gpu_step.c - one forward pass: the stages of model/forward.c, a launch each. */
#include "cuda/gpu_parts.h"

/* ---- in and out ---- */

static void put(struct gpu *g, void *to, const void *from, size_t bytes) {
    if (from) (void)cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, g->stream); /* errors stay until the step's end */
}

/* Neighbouring rows of one sequence, as many as share a block of the attention. */
static void make_tiles(struct gpu *g, const struct device_step *s) {
    uint32_t most = gpu_attend_tokens(g->m->hp.n_head, g->m->hp.n_kv), n = 0;
    for (uint32_t r = 0; r < s->rows;) {
        uint32_t count = 1;
        while (count < most && r + count < s->rows && s->first_page[r + count] == s->first_page[r]) count++;
        g->tiles_here[2 * n] = r;
        g->tiles_here[2 * n++ + 1] = count;
        r += count;
    }
    g->tile_count = n;
}

static void put_step(struct gpu *g, const struct device_step *s) {
    const struct hparams *h = &g->m->hp;
    size_t rows = s->rows, angles = rows * (h->rope.n_rot / 2) * sizeof(float);
    put(g, g->x, s->x, rows * h->n_embd * sizeof(float));
    for (int t = 0; t < ROPE_TABLES; t++) {
        put(g, g->rope_cos[t], s->rope_cos[t], angles);
        put(g, g->rope_sin[t], s->rope_sin[t], angles);
    }
    put(g, g->position, s->position, rows * sizeof(uint32_t));
    put(g, g->first_page, s->first_page, rows * sizeof(uint32_t));
    put(g, g->page_number, s->page, s->page_count * sizeof(uint32_t));
    make_tiles(g, s);
    put(g, g->tile, g->tiles_here, 2 * g->tile_count * sizeof(uint32_t));
    put(g, g->logits_row, s->logits_row, s->logits_rows * sizeof(uint32_t));
    (void)cudaMemsetAsync(g->bad, 0, rows, g->stream);
}

/* ---- products ---- */

struct product {
    const struct matrix *m;
    const float *bias;
    float *y;
};

/* What the products read: x [tokens][cols], or silu(x) * up, quantised for each kind of block that they have. */
static void prepare(struct gpu *g, const struct product *p, uint32_t count, float *x, const float *up, uint32_t tokens,
                    const uint32_t *rows) {
    unsigned done = 0;
    for (uint32_t i = 0; i < count; i++) {
        enum act_kind kind = p[i].m->type->act;
        if (done & 1u << kind || kind == ACT_F32) continue;
        gpu_quantise(g->stream, kind, g->acts[kind == ACT_Q256], x, up, p[i].m->cols, tokens, rows, g->bad);
        done |= 1u << kind;
    }
    /* after the others, which read x too */
    if (up && p[0].m->type->act == ACT_F32) gpu_swiglu(g->stream, x, up, (size_t)tokens * p[0].m->cols);
}

/* Products of one kind are one launch. */
static void multiply(struct gpu *g, const struct product *p, uint32_t count, const float *x, uint32_t tokens) {
    unsigned done = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (done & 1u << i) continue;
        const struct weight_type *t = p[i].m->type;
        struct gpu_multiply_job job = {
            .kind = t->kernel, .cols = p[i].m->cols, .tokens = tokens, .acts = g->acts[t->act == ACT_Q256], .x = x};
        for (uint32_t j = i; j < count; j++) {
            const struct matrix *m = p[j].m;
            if (m->type != t) continue;
            job.p[job.count++] = (struct gpu_product){.w = gpu_copy_of(g, m->data),
                                                      .bias = gpu_copy_of(g, p[j].bias),
                                                      .y = p[j].y,
                                                      .group_bytes = m->group_bytes,
                                                      .rows = m->rows,
                                                      .groups = m->groups};
            done |= 1u << j;
        }
        gpu_multiply(g->stream, &job, tokens >= GPU_WIDE_FROM);
    }
}

/* ---- attention ---- */

static uint32_t first_chunk(uint32_t position, uint32_t window) {
    return (window != 0 && position + 1 > window ? position + 1 - window : 0) / KV_CHUNK;
}

/* Most chunks that one of the step's tiles reads. */
static uint32_t chunks_of(const struct gpu *g, const struct device_step *s, uint32_t window) {
    uint32_t most = 1;
    for (uint32_t i = 0; i < g->tile_count; i++) {
        uint32_t first = g->tiles_here[2 * i], last = first + g->tiles_here[2 * i + 1] - 1;
        uint32_t n = s->position[last] / KV_CHUNK - first_chunk(s->position[first], window) + 1;
        most = n > most ? n : most;
    }
    return most;
}

/* As many tiles at a time as the parts have room for. */
static void attend_rows(struct gpu *g, const struct device_step *s, const struct layer *y, const struct gpu_pages *pages) {
    const struct hparams *h = &g->m->hp;
    uint32_t chunks = chunks_of(g, s, y->plan.window);
    size_t a_row = (size_t)chunks * h->n_head * (2 + h->head_dim) * sizeof(float);
    struct gpu_attend_job job = {.q = g->q,
                                 .out = g->att,
                                 .n_head = h->n_head,
                                 .n_kv = h->n_kv,
                                 .head_dim = h->head_dim,
                                 .window = y->plan.window,
                                 .scale = h->attn_scale,
                                 .tile = g->tile,
                                 .chunks = chunks,
                                 .parts = g->parts};
    for (uint32_t i = 0; i < g->tile_count;) {
        job.first_tile = i;
        job.first_row = g->tiles_here[2 * i];
        for (job.tiles = job.rows = job.tile_most = 0; i < g->tile_count; i++, job.tiles++) {
            uint32_t count = g->tiles_here[2 * i + 1];
            if (job.tiles && (job.rows + count) * a_row > g->parts_room) break; /* one tile always fits */
            job.rows += count;
            job.tile_most = count > job.tile_most ? count : job.tile_most;
        }
        gpu_attend(g->stream, &job, pages, g->bad);
    }
}

/* ---- a layer, the head ---- */

static void norm(struct gpu *g, const float *add, const float *w, const uint32_t *map, uint32_t rows) {
    gpu_norm(g->stream, g->h, g->x, add, gpu_copy_of(g, w), map, g->m->hp.n_embd, rows, g->m->hp.eps);
}

static void run_attention(struct gpu *g, const struct device_step *s, uint32_t index, const float *add) {
    const struct hparams *h = &g->m->hp;
    const struct layer *y = &g->m->layer[index];
    const struct product qkv[] = {{&y->wq, y->q_bias, g->q}, {&y->wk, y->k_bias, g->k}, {&y->wv, y->v_bias, g->v}};
    const struct product out = {&y->wo, NULL, g->proj};
    const struct gpu_pages pages = {.base = g->kv + (size_t)index * h->n_kv * g->head_bytes,
                                    .page_bytes = g->page_bytes,
                                    .head_bytes = g->head_bytes,
                                    .number = g->page_number,
                                    .first = g->first_page,
                                    .position = g->position};
    int turned = y->plan.table != ROPE_TABLE_NONE;
    const struct gpu_heads_job heads = {.q = g->q,
                                        .k = g->k,
                                        .v = g->v,
                                        .q_norm = gpu_copy_of(g, y->q_norm),
                                        .k_norm = gpu_copy_of(g, y->k_norm),
                                        .cos = turned ? g->rope_cos[y->plan.table] : NULL,
                                        .sin = turned ? g->rope_sin[y->plan.table] : NULL,
                                        .n_head = h->n_head,
                                        .n_kv = h->n_kv,
                                        .head_dim = h->head_dim,
                                        .n_rot = h->rope.n_rot,
                                        .half = h->family->pairs == ROPE_PAIRS_HALF,
                                        .eps = h->eps};
    norm(g, add, y->attn_norm, NULL, s->rows);
    prepare(g, qkv, 3, g->h, NULL, s->rows, NULL);
    multiply(g, qkv, 3, g->h, s->rows);
    gpu_heads(g->stream, &heads, &pages, s->rows, g->bad);
    attend_rows(g, s, y, &pages);
    prepare(g, &out, 1, g->att, NULL, s->rows, NULL);
    multiply(g, &out, 1, g->att, s->rows);
}

static void run_ffn(struct gpu *g, const struct device_step *s, const struct layer *y) {
    const struct product wide[] = {{&y->gate, NULL, g->gate}, {&y->up, NULL, g->up}};
    const struct product down = {&y->down, NULL, g->proj};
    norm(g, g->proj, y->ffn_norm, NULL, s->rows);
    prepare(g, wide, 2, g->h, NULL, s->rows, NULL);
    multiply(g, wide, 2, g->h, s->rows);
    prepare(g, &down, 1, g->gate, g->up, s->rows, NULL);
    multiply(g, &down, 1, g->gate, s->rows);
}

int gpu_step_run(void *device, const struct device_step *s) {
    struct gpu *g = device;
    const struct model *m = g->m;
    put_step(g, s);
    for (uint32_t i = 0; i < m->hp.n_layer; i++) {
        run_attention(g, s, i, i ? g->proj : NULL);
        run_ffn(g, s, &m->layer[i]);
    }
    if (s->logits_rows) {
        const struct product head = {&m->output, NULL, g->logits};
        norm(g, g->proj, m->output_norm, g->logits_row, s->logits_rows);
        prepare(g, &head, 1, g->h, NULL, s->logits_rows, g->logits_row);
        multiply(g, &head, 1, g->h, s->logits_rows);
        size_t bytes = (size_t)s->logits_rows * m->n_vocab * sizeof(float);
        (void)cudaMemcpyAsync(s->logits, g->logits, bytes, cudaMemcpyDeviceToHost, g->stream);
    }
    (void)cudaMemcpyAsync(s->bad, g->bad, s->rows, cudaMemcpyDeviceToHost, g->stream);
    cudaError_t e = cudaStreamSynchronize(g->stream);
    if (e == cudaSuccess) e = cudaGetLastError(); /* of a launch or a copy above */
    return e == cudaSuccess ? 0 : ERR_IO;
}
