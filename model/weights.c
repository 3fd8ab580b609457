/* model/weights.c - tensors by name: shapes checked, vectors copied, matrices packed for the kernels.
 *
 * Two passes. The first finds and checks every tensor and adds up sizes, so that nothing is allocated for a file that will be
 * refused; the second packs, in parallel, and gives the file's pages back as it goes. */
#include "base/mem.h"
#include "math/float_bits.h"
#include "math/pool.h"
#include "math/weight.h"
#include "model/model_parts.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct load {
    struct model *m;
    struct pool *pool;
    const struct model_opts *o;
    struct why *why;
    size_t used;   /* tensors found so far: in the end all */
    uint8_t *seen; /* by tensor index */
    uint64_t type_weights[WK_COUNT];
    uint64_t done, all; /* bytes packed */
};

/* ---- finding and checking ---- */

static const struct gguf_tensor *find(struct load *l, const char *name) {
    const struct gguf_tensor *t = gguf_tensor(&l->m->gguf, name);
    if (!t) return NULL;
    size_t i = (size_t)(t - l->m->gguf.tensor);
    if (!l->seen[i]) l->used++;
    l->seen[i] = 1;
    return t;
}

static int shape_error(struct load *l, const struct gguf_tensor *t, uint32_t cols, uint32_t rows) {
    return why_set(l->why, ERR_FORMAT, "tensor %s is %llu x %llu, not %u x %u", t->name, (unsigned long long)t->dims[0],
                   (unsigned long long)t->dims[1], cols, rows);
}

/* A vector of n f32 values, copied into the arena (the file's may be unaligned). */
static int load_vector(struct load *l, const char *name, uint32_t n, const float **out) {
    const struct gguf_tensor *t = find(l, name);
    if (!t) return why_set(l->why, ERR_FORMAT, "tensor %s is missing", name);
    if (t->dims[0] != n || t->dims[1] != 1 || t->dims[2] != 1 || t->dims[3] != 1) return shape_error(l, t, n, 1);
    if (t->type != WEIGHT_F32) return why_set(l->why, ERR_UNSUPPORTED, "tensor %s is not F32", name);
    float *v = arena_take(&l->m->small, n, sizeof *v);
    if (!v) return why_set(l->why, ERR_NOMEM, "no memory for %s", name);
    memcpy(v, t->data, n * sizeof *v);
    for (uint32_t i = 0; i < n; i++)
        if (f32_not_finite(v[i])) return why_set(l->why, ERR_NONFINITE, "tensor %s holds NaN or infinity", name);
    *out = v;
    return 0;
}

static int check_matrix(struct load *l, const struct gguf_tensor *t, uint32_t cols, uint32_t rows,
                        const struct weight_type **type) {
    if (t->dims[0] != cols || t->dims[1] != rows || t->dims[2] != 1 || t->dims[3] != 1) return shape_error(l, t, cols, rows);
    *type = weight_type_of(t->type);
    if (!*type) return why_set(l->why, ERR_UNSUPPORTED, "tensor %s has type %u, which is not computed", t->name, t->type);
    size_t row = weight_row_bytes(*type, cols);
    if (row == 0) return why_set(l->why, ERR_FORMAT, "tensor %s: rows of %u are no multiple of the block", t->name, cols);
    if (t->bytes < (uint64_t)row * rows) return why_set(l->why, ERR_FORMAT, "tensor %s is cut short", t->name);
    return 0;
}

/* First pass over one matrix: its shape, without data. */
static int shape_matrix(struct load *l, const char *name, uint32_t cols, uint32_t rows, struct matrix *out) {
    const struct gguf_tensor *t = find(l, name);
    const struct weight_type *type = NULL;
    if (!t) return why_set(l->why, ERR_FORMAT, "tensor %s is missing", name);
    int r = check_matrix(l, t, cols, rows, &type);
    if (r == 0) r = matrix_shape(out, type, rows, cols);
    if (r != 0) return r;
    l->m->packed_bytes += matrix_bytes(out);
    l->type_weights[type->kernel] += (uint64_t)cols * rows;
    l->all += t->bytes;
    return 0;
}

/* ---- packing ---- */

struct pack_job {
    const struct matrix *m;
    const uint8_t *rows;
    int bad;
};
static void pack_groups(void *arg, uint32_t begin, uint32_t end) {
    struct pack_job *j = arg;
    if (matrix_pack(j->m, begin, end, j->rows) != 0) __atomic_store_n(&j->bad, 1, __ATOMIC_RELAXED);
}

/* Only pages that a file backs may be dropped: they are read again when needed. */
static void drop_pages(const struct model *m, const struct gguf_tensor *t) {
    if (!m->gguf.map.data) return;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), from = ((uintptr_t)t->data + page - 1) & ~(page - 1);
    uintptr_t to = ((uintptr_t)t->data + t->bytes) & ~(page - 1);
    if (to > from) (void)madvise((void *)from, to - from, MADV_DONTNEED);
}

static int pack_matrix(struct load *l, const char *name, struct matrix *x, size_t *at) {
    const struct gguf_tensor *t = gguf_tensor(&l->m->gguf, name);
    x->data = l->m->packed + *at;
    *at += matrix_bytes(x);
    struct pack_job job = {x, t->data, 0};
    pool_range(l->pool, x->groups, 0, pack_groups, &job);
    drop_pages(l->m, t);
    l->done += t->bytes;
    if (l->o->progress) l->o->progress(l->o->arg, l->done, l->all);
    return job.bad ? why_set(l->why, ERR_NONFINITE, "tensor %s holds a scale that is NaN or infinite", name) : 0;
}

/* ---- the layers ---- */

/* The seven matrices of a layer, in one place for both passes. */
struct slot {
    const char *name;
    size_t offset; /* of the struct matrix in struct layer */
};
static const struct slot slots[] = {
    {"attn_q", offsetof(struct layer, wq)},     {"attn_k", offsetof(struct layer, wk)},
    {"attn_v", offsetof(struct layer, wv)},     {"attn_output", offsetof(struct layer, wo)},
    {"ffn_gate", offsetof(struct layer, gate)}, {"ffn_up", offsetof(struct layer, up)},
    {"ffn_down", offsetof(struct layer, down)},
};
enum { SLOTS = sizeof slots / sizeof slots[0] };

static struct matrix *slot_matrix(struct layer *y, unsigned i) {
    return (struct matrix *)(void *)((uint8_t *)y + slots[i].offset);
}

static void tensor_name(char out[64], uint32_t layer, const char *part, const char *suffix) {
    snprintf(out, 64, "blk.%u.%s.%s", layer, part, suffix);
}

static int load_layer(struct load *l, uint32_t i) {
    const struct hparams *h = &l->m->hp;
    struct layer *y = &l->m->layer[i];
    uint32_t q = h->n_head * h->head_dim, kv = h->n_kv * h->head_dim;
    const uint32_t dims[SLOTS][2] = {{h->n_embd, q},       {h->n_embd, kv},      {h->n_embd, kv},     {q, h->n_embd},
                                     {h->n_embd, h->n_ff}, {h->n_embd, h->n_ff}, {h->n_ff, h->n_embd}};
    const struct {
        const char *part, *suffix;
        int wanted;
        uint32_t n;
        const float **to;
    } vectors[] = {
        {"attn_norm", "weight", 1, h->n_embd, &y->attn_norm},
        {"ffn_norm", "weight", 1, h->n_embd, &y->ffn_norm},
        {"attn_q_norm", "weight", h->family->qk_norm, h->head_dim, &y->q_norm},
        {"attn_k_norm", "weight", h->family->qk_norm, h->head_dim, &y->k_norm},
        {"attn_q", "bias", h->family->qkv_bias, q, &y->q_bias},
        {"attn_k", "bias", h->family->qkv_bias, kv, &y->k_bias},
        {"attn_v", "bias", h->family->qkv_bias, kv, &y->v_bias},
    };
    char name[64];
    int r = 0;
    for (size_t v = 0; r == 0 && v < sizeof vectors / sizeof vectors[0]; v++) {
        if (!vectors[v].wanted) continue;
        tensor_name(name, i, vectors[v].part, vectors[v].suffix);
        r = load_vector(l, name, vectors[v].n, vectors[v].to);
    }
    for (unsigned s = 0; r == 0 && s < SLOTS; s++) {
        tensor_name(name, i, slots[s].name, "weight");
        r = shape_matrix(l, name, dims[s][0], dims[s][1], slot_matrix(y, s));
    }
    return r;
}

static int load_ends(struct load *l, const char **output) {
    struct model *m = l->m;
    const struct hparams *h = &m->hp;
    const struct gguf_tensor *embd = find(l, "token_embd.weight");
    if (!embd) return why_set(l->why, ERR_FORMAT, "tensor token_embd.weight is missing");
    int r = check_matrix(l, embd, h->n_embd, m->n_vocab, &m->embd_type);
    if (r != 0) return r;
    m->embd_rows = embd->data;
    m->embd_row_bytes = weight_row_bytes(m->embd_type, h->n_embd);
    *output = gguf_tensor(&m->gguf, "output.weight") ? "output.weight" : "token_embd.weight"; /* absent: tied */
    r = load_vector(l, "output_norm.weight", h->n_embd, &m->output_norm);
    if (r == 0 && gguf_tensor(&m->gguf, "rope_freqs.weight"))
        r = load_vector(l, "rope_freqs.weight", h->rope.n_rot / 2, &m->hp.rope.freq_div);
    if (r == 0) r = shape_matrix(l, *output, h->n_embd, m->n_vocab, &m->output);
    if (r == 0 && rope_init(&m->rope, &h->rope) != 0) r = why_set(l->why, ERR_RANGE, "rope parameters are out of range");
    return r;
}

/* A tensor that nobody asked for would silently change the function computed: refuse, by name. */
static int refuse_leftovers(struct load *l) {
    const struct gguf *g = &l->m->gguf;
    for (size_t i = 0; l->used < g->tensor_count && i < g->tensor_count; i++)
        if (!l->seen[i])
            return why_set(l->why, ERR_UNSUPPORTED, "tensor %s is not part of %s as computed here", g->tensor[i].name,
                           l->m->hp.family->arch);
    return 0;
}

static int check_all(struct load *l, const char **output) {
    const struct gguf *g = &l->m->gguf;
    int r = load_ends(l, output);
    for (uint32_t i = 0; r == 0 && i < l->m->hp.n_layer; i++) r = load_layer(l, i);
    if (r == 0) r = refuse_leftovers(l);
    uint64_t most = 0;
    const struct weight_type *const types[] = {weight_type_of(WEIGHT_F32),  weight_type_of(WEIGHT_F16),
                                               weight_type_of(WEIGHT_BF16), weight_type_of(WEIGHT_Q8_0),
                                               weight_type_of(WEIGHT_Q4_0), weight_type_of(WEIGHT_Q6_K)};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (l->type_weights[types[i]->kernel] > most) most = l->type_weights[types[i]->kernel], l->m->type_name = types[i]->name;
    for (size_t i = 0; i < g->tensor_count; i++)
        l->m->parameters += g->tensor[i].dims[0] * g->tensor[i].dims[1] * g->tensor[i].dims[2] * g->tensor[i].dims[3];
    return r;
}

static int pack_all(struct load *l, const char *output) {
    struct model *m = l->m;
    m->packed = mmap(NULL, m->packed_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (m->packed == MAP_FAILED) {
        m->packed = NULL;
        return why_set(l->why, ERR_NOMEM, "no memory for %zu MiB of weights", m->packed_bytes >> 20);
    }
    (void)madvise(m->packed, m->packed_bytes, MADV_HUGEPAGE); /* fewer TLB misses; only advice */
    mem_dontdump(m->packed, m->packed_bytes);
    size_t at = 0;
    int r = 0;
    char name[64];
    for (uint32_t i = 0; r == 0 && i < m->hp.n_layer; i++)
        for (unsigned s = 0; r == 0 && s < SLOTS; s++) {
            tensor_name(name, i, slots[s].name, "weight");
            r = pack_matrix(l, name, slot_matrix(&m->layer[i], s), &at);
        }
    if (r == 0) r = pack_matrix(l, output, &m->output, &at);
    if (r == 0 && m->embd_rows != NULL && strcmp(output, "token_embd.weight") != 0)
        if (weight_rows_check(m->embd_type, m->embd_rows, m->n_vocab, m->hp.n_embd) != 0)
            r = why_set(l->why, ERR_NONFINITE, "tensor token_embd.weight holds NaN or infinity");
    drop_pages(m, gguf_tensor(&m->gguf, "token_embd.weight"));
    return r;
}

/* Room for layers and vectors. A file that claims more vectors than it has bytes is refused before they are all copied. */
static size_t small_bytes(const struct model *m) {
    const struct hparams *h = &m->hp;
    size_t a_layer = (2 * (size_t)h->n_embd + 4 * (size_t)h->head_dim * (h->n_head + 2)) * sizeof(float);
    size_t vectors = h->n_layer * a_layer + ((size_t)h->n_embd + h->head_dim) * sizeof(float);
    if (vectors > m->gguf.size) vectors = m->gguf.size;
    return vectors + h->n_layer * (sizeof(struct layer) + 256) + 4096;
}

int weights_load(struct model *m, const struct model_opts *o, struct why *why) {
    struct load l = {.m = m, .o = o, .why = why};
    const char *output = NULL;
    int r = arena_init(&m->small, small_bytes(m));
    l.seen = mem_zalloc(m->gguf.tensor_count, 1);
    if (r == 0) m->layer = arena_take(&m->small, m->hp.n_layer, sizeof *m->layer);
    if (!l.seen || !m->layer) r = why_set(why, ERR_NOMEM, "no memory for %u layers", m->hp.n_layer);
    if (r == 0) r = check_all(&l, &output);
    if (r == 0) r = pool_new(&l.pool, o->threads, why);
    if (r == 0) r = pack_all(&l, output);
    pool_free(l.pool);
    free(l.seen);
    return r;
}

void weights_release(struct model *m) {
    if (m->packed) munmap(m->packed, m->packed_bytes);
    m->packed = NULL;
    arena_release(&m->small);
}
