/* cuda/gpu.c - see gpu.h: what is computed here and what is not, and the GPU's memory. */
#include "cuda/gpu_parts.h"

#include <stdlib.h>

/* Room for the parts of attention: more rows than fit are done in several launches. */
#define PARTS_BYTES ((size_t)256 << 20)

static int failed(struct why *why, cudaError_t e, const char *what) {
    int r = e == cudaErrorMemoryAllocation ? ERR_NOMEM : ERR_IO;
    return why_set(why, r, "the GPU: %s: %s", what, cudaGetErrorString(e));
}

/* ---- what the kernels compute ---- */

static const char *missing_feature(const struct model *m, const struct engine_opts *o) {
    const struct hparams *h = &m->hp;
    if (o->kv != KV_F16) return "keys and values as q8";
    if (h->n_embd > GPU_NORM_MAX) return "models this wide";
    if (h->n_expert) return "experts";
    if (h->family->post_norms) return "norms behind the blocks";
    if (h->family->gelu) return "GELU";
    if (h->attn_softcap != 0) return "capped scores";
    if (h->residual_scale != 1) return "scaled residuals";
    return NULL;
}

static const char *missing_type(const struct model *m) {
    const struct matrix *out = &m->output;
    if (!gpu_multiply_supported(out->type->kernel)) return out->type->name;
    for (uint32_t i = 0; i < m->hp.n_layer; i++) {
        const struct layer *y = &m->layer[i];
        const struct matrix *all[] = {&y->wq, &y->wk, &y->wv, &y->wo, &y->gate, &y->up, &y->down};
        for (size_t j = 0; j < sizeof all / sizeof all[0]; j++)
            if (!gpu_multiply_supported(all[j]->type->kernel)) return all[j]->type->name;
    }
    return NULL;
}

static int check(const struct model *m, const struct engine_opts *o, struct why *why) {
    int count = 0;
    if (cudaGetDeviceCount(&count) != cudaSuccess || count == 0)
        return why_set(why, ERR_NOTFOUND, "no NVIDIA GPU can be used here");
    const char *feature = missing_feature(m, o), *type = missing_type(m);
    if (feature) return why_set(why, ERR_UNSUPPORTED, "the GPU does not compute %s (%s)", feature, model_arch(m));
    if (type) return why_set(why, ERR_UNSUPPORTED, "the GPU does not compute weights of type %s", type);
    return 0;
}

/* ---- memory ---- */

/* Called twice: to count (base NULL), then to hand out. */
struct planner {
    uint8_t *base;
    size_t bytes;
};
static void *plan(struct planner *p, size_t count, size_t size) {
    uint8_t *at = p->base ? p->base + p->bytes : NULL;
    p->bytes += (count * size + 255) & ~(size_t)255; /* bounded as the engine's own buffers are */
    return at;
}

static uint32_t widest(const struct model *m) {
    const struct hparams *h = &m->hp;
    uint32_t n = h->n_head * h->head_dim;
    n = h->n_embd > n ? h->n_embd : n;
    return h->n_ff > n ? h->n_ff : n;
}

static size_t layout(struct gpu *g, uint8_t *base) {
    const struct hparams *h = &g->m->hp;
    struct planner p = {base, 0};
    size_t rows = g->rows_max, q = (size_t)h->n_head * h->head_dim, kv = (size_t)h->n_kv * h->head_dim;
    size_t padded = (rows + GPU_TOKENS_ALIGN - 1) / GPU_TOKENS_ALIGN * GPU_TOKENS_ALIGN, wide = widest(g->m);
    g->x = plan(&p, rows * h->n_embd, sizeof(float));
    g->h = plan(&p, rows * h->n_embd, sizeof(float));
    g->proj = plan(&p, rows * h->n_embd, sizeof(float));
    g->q = plan(&p, rows * q, sizeof(float));
    g->att = plan(&p, rows * q, sizeof(float));
    g->k = plan(&p, rows * kv, sizeof(float));
    g->v = plan(&p, rows * kv, sizeof(float));
    g->gate = plan(&p, rows * h->n_ff, sizeof(float));
    g->up = plan(&p, rows * h->n_ff, sizeof(float));
    g->logits = plan(&p, (size_t)g->logits_max * g->m->n_vocab, sizeof(float));
    for (int t = 0; t < ROPE_TABLES; t++) {
        g->rope_cos[t] = plan(&p, rows * (h->rope.n_rot / 2), sizeof(float));
        g->rope_sin[t] = plan(&p, rows * (h->rope.n_rot / 2), sizeof(float));
    }
    for (int i = 0; i < 2; i++) {
        g->acts[i].q = plan(&p, padded * (wide / 32 + 1), 32);
        g->acts[i].scale = plan(&p, padded * (wide / 32 + 1), sizeof(float));
        g->acts[i].sum = plan(&p, padded * (wide / 32 + 1), sizeof(int32_t));
    }
    g->position = plan(&p, rows, sizeof(uint32_t));
    g->first_page = plan(&p, rows, sizeof(uint32_t));
    g->logits_row = plan(&p, rows, sizeof(uint32_t));
    g->tile = plan(&p, rows, 2 * sizeof(uint32_t));
    g->page_number = plan(&p, g->pages_max, sizeof(uint32_t));
    g->bad = plan(&p, rows, 1);
    size_t chunks = h->n_context / KV_CHUNK + 2, a_row = chunks * h->n_head * (2 + h->head_dim) * sizeof(float);
    size_t all = a_row * rows, tile = a_row * GPU_ATTEND_ROWS;
    g->parts_room = all < PARTS_BYTES ? all : tile > PARTS_BYTES ? tile : PARTS_BYTES;
    g->parts = plan(&p, g->parts_room, 1);
    return p.bytes;
}

static size_t rounded(size_t n) { return (n + 255) & ~(size_t)255; }

const void *gpu_copy_of(const struct gpu *g, const void *p) {
    const uint8_t *at = p;
    if (!at) return NULL;
    if (at >= g->m->packed && at < g->m->packed + g->m->packed_bytes) return g->weights + (at - g->m->packed);
    return g->weights + rounded(g->m->packed_bytes) + (at - g->m->small.base);
}

static int upload(struct gpu *g, struct why *why) {
    const struct model *m = g->m;
    cudaError_t e = cudaMemcpy(g->weights, m->packed, m->packed_bytes, cudaMemcpyHostToDevice);
    if (e == cudaSuccess)
        e = cudaMemcpy(g->weights + rounded(m->packed_bytes), m->small.base, m->small.used, cudaMemcpyHostToDevice);
    return e == cudaSuccess ? 0 : failed(why, e, "copying the weights");
}

static int take(uint8_t **out, size_t bytes, const char *what, struct why *why) {
    cudaError_t e = cudaMalloc((void **)out, bytes);
    if (e == cudaSuccess) return 0;
    *out = NULL;
    if (e != cudaErrorMemoryAllocation) return failed(why, e, what);
    return why_set(why, ERR_NOMEM, "the GPU has no %zu MiB for %s", bytes >> 20, what);
}

/* ---- the device ---- */

static void gpu_close(void *device) {
    struct gpu *g = device;
    if (!g) return;
    if (g->kv) (void)cudaMemset(g->kv, 0, g->kv_bytes); /* the conversation */
    if (g->work) (void)cudaMemset(g->work, 0, g->work_bytes);
    (void)cudaDeviceSynchronize();
    (void)cudaFree(g->weights);
    (void)cudaFree(g->kv);
    (void)cudaFree(g->work);
    if (g->stream) (void)cudaStreamDestroy(g->stream);
    free(g->tiles_here);
    free(g);
}

static int gpu_open(void **out, const struct model *m, const struct engine_opts *o, struct why *why) {
    *out = NULL;
    int r = check(m, o, why);
    if (r != 0) return r;
    struct gpu *g = calloc(1, sizeof *g);
    if (!g) return why_set(why, ERR_NOMEM, "no memory for the GPU's tables");
    g->m = m;
    g->tiles_here = calloc(o->rows_max, 2 * sizeof *g->tiles_here);
    g->rows_max = o->rows_max;
    g->logits_max = o->logits_max;
    g->pages_max = o->rows_max * ((m->hp.n_context + KV_PAGE - 1) / KV_PAGE); /* 4096 rows of 2^14 pages at most */
    g->page_bytes = engine_page_bytes(m, o->kv);
    g->head_bytes = kv_page_bytes(o->kv, m->hp.head_dim);
    g->weights_bytes = rounded(m->packed_bytes) + m->small.used;
    g->kv_bytes = g->page_bytes * o->kv_pages;
    g->work_bytes = layout(g, NULL);
    r = take(&g->weights, g->weights_bytes, "weights", why);
    if (r == 0) r = take(&g->kv, g->kv_bytes, "keys and values", why);
    if (r == 0) r = take(&g->work, g->work_bytes, "a step's rows", why);
    if (!g->tiles_here) r = why_set(why, ERR_NOMEM, "no memory for the GPU's tables");
    if (r == 0) r = upload(g, why);
    if (r == 0 && cudaStreamCreate(&g->stream) != cudaSuccess) r = failed(why, cudaGetLastError(), "a stream");
    if (r != 0) {
        gpu_close(g);
        return r;
    }
    layout(g, g->work);
    *out = g;
    return 0;
}

static void gpu_wipe(void *device, uint32_t page) {
    struct gpu *g = device;
    (void)cudaMemsetAsync(g->kv + page * g->page_bytes, 0, g->page_bytes, g->stream); /* before the next step, on one stream */
}

const struct device_ops gpu_device = {"cuda", gpu_open, gpu_close, gpu_step_run, gpu_wipe};
