/* model/weights.c - tensors by name: shapes checked, vectors copied.
 *
 * Two passes. The first finds and checks every tensor and adds up sizes, so that nothing is allocated for a file that will be
 * refused; the second packs (weights_pack.c). */
#include "base/mem.h"
#include "math/float_bits.h"
#include "math/weight.h"
#include "model/matrix_rows.h"
#include "model/model_parts.h"
#include "model/row8_fold.h"
#include "model/row8_stacks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct load {
    struct model *m;
    const struct model_opts *o;
    struct why *why;
    size_t used;   /* tensors found so far: in the end all */
    uint8_t *seen; /* by tensor index */
    uint64_t type_weights[WK_COUNT];
    uint64_t all; /* bytes of matrices */
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

/* The shape that a tensor must have; matrices of a mixture have the experts as third dimension. */
struct shape {
    uint32_t cols, rows, depth;
};

static int check_shape(struct load *l, const struct gguf_tensor *t, struct shape s) {
    if (t->dims[0] == s.cols && t->dims[1] == s.rows && t->dims[2] == s.depth && t->dims[3] == 1) return 0;
    return why_set(l->why, ERR_FORMAT, "tensor %s is %llu x %llu x %llu, not %u x %u x %u", t->name,
                   (unsigned long long)t->dims[0], (unsigned long long)t->dims[1], (unsigned long long)t->dims[2], s.cols, s.rows,
                   s.depth);
}

/* A vector of n f32 values, copied into the arena (the file's may be unaligned). */
static int load_vector(struct load *l, const char *name, uint32_t n, const float **out) {
    const struct gguf_tensor *t = find(l, name);
    if (!t) return why_set(l->why, ERR_FORMAT, "tensor %s is missing", name);
    int r = check_shape(l, t, (struct shape){n, 1, 1});
    if (r != 0) return r;
    if (t->type != WEIGHT_F32) return why_set(l->why, ERR_UNSUPPORTED, "tensor %s is not F32", name);
    float *v = arena_take(&l->m->small, n, sizeof *v);
    if (!v) return why_set(l->why, ERR_NOMEM, "no memory for %s", name);
    memcpy(v, t->data, n * sizeof *v);
    for (uint32_t i = 0; i < n; i++)
        if (f32_not_finite(v[i])) return why_set(l->why, ERR_NONFINITE, "tensor %s holds NaN or infinity", name);
    *out = v;
    return 0;
}

/* A file can hold types that cannot be computed with: which one it is, and which can. */
static int refuse_type(struct load *l, const struct gguf_tensor *t) {
    char can[160];
    size_t at = 0;
    for (size_t i = 0; weight_type_nth(i) && at < sizeof can; i++)
        at += (size_t)snprintf(can + at, sizeof can - at, "%s%s", i ? ", " : "", weight_type_nth(i)->name);
    return why_set(l->why, ERR_UNSUPPORTED, "tensor %s has weight type %s, which cannot be computed with; these can: %s", t->name,
                   gguf_tensor_type(t->type)->name, can);
}

static int check_matrix(struct load *l, const struct gguf_tensor *t, struct shape s, const struct weight_type **type) {
    int r = check_shape(l, t, s);
    if (r != 0) return r;
    *type = weight_type_of(t->type);
    if (!*type) return refuse_type(l, t);
    uint64_t row = weight_row_bytes(*type, s.cols), rows = (uint64_t)s.rows * s.depth;
    if (row == 0) return why_set(l->why, ERR_FORMAT, "tensor %s: rows of %u are no multiple of the block", t->name, s.cols);
    if (t->bytes < row * rows) return why_set(l->why, ERR_FORMAT, "tensor %s is cut short", t->name);
    return 0;
}

/* One matrix of the file: its shape, without data. */
static int shape_matrix(struct load *l, const struct matrix_rows *s, struct matrix *out, uint32_t stack) {
    const struct gguf_tensor *t = find(l, s->tensor);
    const struct weight_type *type = NULL;
    if (!t) return why_set(l->why, ERR_FORMAT, "tensor %s is missing", s->tensor);
    int r = check_matrix(l, t, (struct shape){s->cols, s->of_rows, s->experts}, &type);
    if (r != 0) return r;
    l->type_weights[type->kernel] += (uint64_t)s->cols * s->rows * s->experts;
    l->all += (uint64_t)weight_row_bytes(type, s->cols) * s->rows * s->experts;
    if (arith_in_stacks(l->m->arith)) {
        row8_stack_add(l->m, stack, s, t, type);
        return 0;
    }
    r = matrix_shape(out, type, s->rows, s->cols);
    if (r == 0) l->m->packed_bytes += matrix_bytes(out) * s->experts;
    return r;
}

/* The same where a client file need not have it. */
static int place_matrix(struct load *l, const struct matrix_rows *s, struct matrix *out, uint32_t stack) {
    if (l->m->stacks != STACKS_ELSEWHERE) return shape_matrix(l, s, out, stack);
    row8_stack_add(l->m, stack, s, NULL, NULL);
    return 0;
}

/* ---- the layers ---- */

static int load_layer(struct load *l, uint32_t i) {
    const struct hparams *h = &l->m->hp;
    struct layer *y = &l->m->layer[i];
    uint32_t q = h->n_head * h->head_dim, kv = h->n_kv * h->head_dim;
    const struct {
        const char *part, *suffix;
        int wanted;
        uint32_t n;
        const float **to;
    } vectors[] = {
        {"attn_norm", "weight", 1, h->n_embd, &y->attn_norm},
        {"ffn_norm", "weight", 1, h->n_embd, &y->ffn_norm},
        {"post_attention_norm", "weight", h->family->post_norms, h->n_embd, &y->post_attn_norm},
        {"post_ffw_norm", "weight", h->family->post_norms, h->n_embd, &y->post_ffn_norm},
        {"attn_q_norm", "weight", h->family->qk_norm, h->head_dim, &y->q_norm},
        {"attn_k_norm", "weight", h->family->qk_norm, h->head_dim, &y->k_norm},
        {"attn_q", "bias", h->family->qkv_bias, q, &y->q_bias},
        {"attn_k", "bias", h->family->qkv_bias, kv, &y->k_bias},
        {"attn_v", "bias", h->family->qkv_bias, kv, &y->v_bias},
    };
    char name[64];
    int r = 0;
    y->plan = hparams_layer(h, i);
    for (size_t v = 0; r == 0 && v < sizeof vectors / sizeof vectors[0]; v++) {
        if (!vectors[v].wanted) continue;
        layer_tensor_name(name, i, vectors[v].part, vectors[v].suffix);
        r = load_vector(l, name, vectors[v].n, vectors[v].to);
    }
    struct layer_matrices s = layer_matrices(l->m, i);
    for (unsigned k = 0; r == 0 && k < s.count; k++)
        r = place_matrix(l, &s.matrix[k].from, s.matrix[k].to, i * LINEAR_KINDS + s.matrix[k].kind);
    return r;
}

/* The divisors of the RoPE frequencies, if the file has any, and the tables. */
static int load_rope(struct load *l) {
    struct model *m = l->m;
    struct hparams *h = &m->hp;
    const float *long_ones = NULL, *short_ones = NULL;
    uint32_t n = h->rope.n_rot / 2;
    int r = 0;
    if (h->longrope_orig) {
        r = load_vector(l, "rope_factors_long.weight", n, &long_ones);
        if (r == 0) r = load_vector(l, "rope_factors_short.weight", n, &short_ones);
        h->rope.freq_div = h->n_context > h->longrope_orig ? long_ones : short_ones;
    } else if (gguf_tensor(&m->gguf, "rope_freqs.weight"))
        r = load_vector(l, "rope_freqs.weight", n, &h->rope.freq_div);
    if (r == 0) r = rope_init(&m->rope[ROPE_TABLE_MAIN], &h->rope);
    if (r == 0 && h->rope_local.n_rot) r = rope_init(&m->rope[ROPE_TABLE_LOCAL], &h->rope_local);
    return r == ERR_RANGE ? why_set(l->why, r, "rope parameters are out of range") : r;
}

static int load_ends(struct load *l) {
    struct model *m = l->m;
    const struct hparams *h = &m->hp;
    const struct matrix_rows output = output_rows(m);
    const struct gguf_tensor *embd = find(l, "token_embd.weight");
    if (!embd) return why_set(l->why, ERR_FORMAT, "tensor token_embd.weight is missing");
    int r = check_matrix(l, embd, (struct shape){h->n_embd, m->n_vocab, 1}, &m->embd_type);
    if (r != 0) return r;
    m->embd_rows = embd->data;
    m->embd_row_bytes = weight_row_bytes(m->embd_type, h->n_embd);
    r = load_vector(l, "output_norm.weight", h->n_embd, &m->output_norm);
    if (r == 0) r = load_rope(l);
    if (r == 0) r = place_matrix(l, &output, &m->output, h->n_layer * LINEAR_KINDS);
    return r;
}

/* A tensor that nobody asked for would silently change the function computed: refuse, by name. */
static int refuse_leftovers(struct load *l) {
    const struct gguf *g = &l->m->gguf;
    for (size_t i = 0; l->used < g->tensor_count && i < g->tensor_count; i++)
        if (!l->seen[i] && l->m->stacks == STACKS_ELSEWHERE)
            return why_set(l->why, ERR_UNSUPPORTED, "tensor %s does not belong in a client file of %s", g->tensor[i].name,
                           l->m->hp.family->arch);
        else if (!l->seen[i])
            return why_set(l->why, ERR_UNSUPPORTED, "tensor %s is not part of %s as computed here", g->tensor[i].name,
                           l->m->hp.family->arch);
    return 0;
}

static void sum_up(struct load *l) {
    const struct gguf *g = &l->m->gguf;
    uint64_t most = 0;
    l->m->type_name = l->m->embd_type->name; /* of a client file; else there are matrices: */
    for (uint32_t id = 0; id < 64; id++) {   /* every number of a type that the format has so far */
        const struct weight_type *t = weight_type_of(id);
        if (t && l->type_weights[t->kernel] > most) most = l->type_weights[t->kernel], l->m->type_name = t->name;
    }
    for (size_t i = 0; i < g->tensor_count; i++)
        l->m->parameters += g->tensor[i].dims[0] * g->tensor[i].dims[1] * g->tensor[i].dims[2] * g->tensor[i].dims[3];
}

static int check_all(struct load *l) {
    struct model *m = l->m;
    int r = arith_in_stacks(m->arith) ? row8_stacks_init(m, l->why) : 0;
    if (r == 0) r = load_ends(l);
    for (uint32_t i = 0; r == 0 && i < m->hp.n_layer; i++) r = load_layer(l, i);
    if (r == 0) r = refuse_leftovers(l);
    if (r == 0 && m->arith == ARITH_ROW8_FOLD) l->all += row8_fold_stacks(m);
    if (r == 0 && arith_in_stacks(m->arith)) r = row8_stacks_shape(m, l->why);
    if (r == 0 && m->stacks == STACKS_ELSEWHERE) r = row8_stacks_take(m, l->o->linear, l->o->linear_count, l->why);
    if (r == 0) sum_up(l);
    return r;
}

/* Room for layers and vectors. A file that claims more vectors than it has bytes is refused before they are all copied. */
static size_t small_bytes(const struct model *m) {
    const struct hparams *h = &m->hp;
    size_t a_layer = (4 * (size_t)h->n_embd + 4 * (size_t)h->head_dim * (h->n_head + 2)) * sizeof(float);
    size_t vectors = h->n_layer * a_layer + ((size_t)h->n_embd + 2 * (size_t)h->head_dim) * sizeof(float);
    if (vectors > m->gguf.size) vectors = m->gguf.size;
    size_t stacks = arith_in_stacks(m->arith) ? row8_stacks_bytes(m) : 0;
    return vectors + h->n_layer * (sizeof(struct layer) + 256) + stacks + 4096;
}

int weights_load(struct model *m, const struct model_opts *o, struct why *why) {
    struct load l = {.m = m, .o = o, .why = why};
    m->stacks = o->stacks;
    if (m->stacks != STACKS_PACKED && !arith_in_stacks(m->arith))
        return why_set(why, ERR_USAGE, "only row8 has stacks that can be elsewhere");
    int r = arena_init(&m->small, small_bytes(m));
    l.seen = mem_zalloc(m->gguf.tensor_count, 1);
    if (r == 0) m->layer = arena_take(&m->small, m->hp.n_layer, sizeof *m->layer);
    if (!l.seen || !m->layer) r = why_set(why, ERR_NOMEM, "no memory for %u layers", m->hp.n_layer);
    if (r == 0) r = check_all(&l);
    if (r == 0) r = weights_pack(m, o, l.all, why);
    free(l.seen);
    return r;
}

void weights_release(struct model *m) {
    if (m->packed) munmap(m->packed, m->packed_bytes);
    m->packed = NULL;
    free(m->row_scales);
    m->row_scales = NULL;
    arena_release(&m->small);
}
