/* model/make.c - see make.h. Spreads are 1 / sqrt(row length), so activations and logits keep the size they have in trained
 * models. */
#include "model/make.h"
#include "model/family.h"
#include "model/make_parts.h"
#include "model/quantize.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum fill { FILL_MATRIX, FILL_HEAD, FILL_ROUTER, FILL_MORE, FILL_NORM, FILL_BIAS, FILL_ROPE, FILL_LONG, FILL_SHORT };
struct making {
    struct gguf_writer *w;
    const struct make_shape *s;
    const struct family *family;
    const struct weight_type *type;
    uint64_t seed;
    uint8_t *row;
    uint64_t number; /* of the tensor: each has a stream of its own */
    int writing;     /* 0: declaring */
};

/* Llama 3.1's frequency factors: 1 for waves shorter than a quarter of 8192 positions, 32 for those longer than all of them. */
static float rope_factor(const struct make_shape *s, uint32_t i) {
    double wave = 6.283185307179586 * pow((double)s->rope_base, 2.0 * i / s->head_dim), old = 8192;
    if (wave < old / 4) return 1;
    if (wave > old) return 32;
    double smooth = (old / wave - 1) / 3;
    return (float)(1 / ((1 - smooth) / 32 + smooth));
}

static float value(const struct making *m, enum fill fill, uint32_t i, struct rng *r) {
    uint32_t bits = (uint32_t)rng_next(r);
    switch (fill) {
    case FILL_NORM: return 1.0f + random_even(bits, 0.1f);
    case FILL_BIAS: return random_even(bits, 0.1f);
    case FILL_LONG: return 1.0f + 0.25f * (float)i; /* the like of Phi-3's: from 1 up to tens */
    case FILL_SHORT: return 1.0f + 0.02f * (float)i;
    default: return rope_factor(m->s, i);
    }
}

/* depth: matrices of that shape in one tensor, 1 for most. */
static void stack(struct making *m, const char *name, enum fill fill, uint32_t cols, uint32_t rows, uint32_t depth) {
    int matrix = fill <= FILL_MORE, packed = matrix && fill != FILL_ROUTER; /* routers are never quantised */
    enum quantize_role role = fill == FILL_HEAD ? QUANTIZE_HEAD : fill == FILL_MORE ? QUANTIZE_MORE : QUANTIZE_MATRIX;
    const struct weight_type *t = packed ? quantize_fit(m->type, cols, role) : weight_type_of(WEIGHT_F32);
    if (!m->writing) {
        if (depth > 1)
            gguf_put_stack(m->w, name, t->id, cols, rows, depth);
        else
            gguf_put_tensor(m->w, name, t->id, matrix ? 2 : 1, cols, rows);
        return;
    }
    struct rng r;
    rng_init(&r, m->seed ^ (m->number++ + 1) * 0xd1342543de82ef95u);
    float spread = (fill == FILL_HEAD ? m->s->spread : 1.0f) / sqrtf((float)cols);
    for (uint64_t row = 0; row < (uint64_t)rows * depth; row++) {
        if (matrix)
            random_row(&r, t, cols, spread, m->row);
        else
            for (uint32_t i = 0; i < cols; i++) {
                float x = value(m, fill, i, &r);
                quantize_row(t, &x, 1, m->row + (size_t)4 * i);
            }
        gguf_put_data(m->w, m->row, weight_row_bytes(t, cols));
    }
}
static void tensor(struct making *m, const char *name, enum fill fill, uint32_t cols, uint32_t rows) {
    stack(m, name, fill, cols, rows, 1);
}

static void layer(struct making *m, uint32_t l) {
    const struct make_shape *s = m->s;
    const struct family *f = m->family;
    uint32_t q = s->heads * s->head_dim, kv = s->kv_heads * s->head_dim, many = s->experts;
    int fused = f->fused, parts = !fused, dense = many == 0;
    enum fill more = quantize_more_bits(l, s->layers) ? FILL_MORE : FILL_MATRIX;
    const struct {
        int wanted;
        const char *name;
        enum fill fill;
        uint32_t cols, rows, depth;
    } rows[] = {
        {1, "attn_norm.weight", FILL_NORM, s->embd, 1, 1},
        {fused, "attn_qkv.weight", FILL_MATRIX, s->embd, q + 2 * kv, 1},
        {parts, "attn_q.weight", FILL_MATRIX, s->embd, q, 1},
        {f->qkv_bias, "attn_q.bias", FILL_BIAS, q, 1, 1},
        {parts, "attn_k.weight", FILL_MATRIX, s->embd, kv, 1},
        {f->qkv_bias, "attn_k.bias", FILL_BIAS, kv, 1, 1},
        {parts, "attn_v.weight", more, s->embd, kv, 1},
        {f->qkv_bias, "attn_v.bias", FILL_BIAS, kv, 1, 1},
        {f->qk_norm, "attn_q_norm.weight", FILL_NORM, s->head_dim, 1, 1},
        {f->qk_norm, "attn_k_norm.weight", FILL_NORM, s->head_dim, 1, 1},
        {1, "attn_output.weight", FILL_MATRIX, q, s->embd, 1},
        {f->post_norms, "post_attention_norm.weight", FILL_NORM, s->embd, 1, 1},
        {1, "ffn_norm.weight", FILL_NORM, s->embd, 1, 1},
        {!dense, "ffn_gate_inp.weight", FILL_ROUTER, s->embd, many, 1},
        {!dense, "ffn_gate_exps.weight", FILL_MATRIX, s->embd, s->ffn, many},
        {!dense, "ffn_down_exps.weight", more, s->ffn, s->embd, many},
        {!dense, "ffn_up_exps.weight", FILL_MATRIX, s->embd, s->ffn, many},
        {dense && parts, "ffn_gate.weight", FILL_MATRIX, s->embd, s->ffn, 1},
        {dense, "ffn_down.weight", more, s->ffn, s->embd, 1},
        {dense, "ffn_up.weight", FILL_MATRIX, s->embd, fused ? 2 * s->ffn : s->ffn, 1},
        {f->post_norms, "post_ffw_norm.weight", FILL_NORM, s->embd, 1, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char name[GGUF_NAME_BYTES_MAX + 1];
        if (!rows[i].wanted) continue;
        snprintf(name, sizeof name, "blk.%" PRIu32 ".%s", l, rows[i].name);
        stack(m, name, rows[i].fill, rows[i].cols, rows[i].rows, rows[i].depth);
    }
}

static void all_tensors(struct making *m, int writing, const struct convert_watch *watch) {
    const struct make_shape *s = m->s;
    m->writing = writing;
    tensor(m, "token_embd.weight", FILL_HEAD, s->embd, s->vocab);
    for (uint32_t l = 0; l < s->layers; l++) {
        layer(m, l);
        if (writing && watch) watch->tell(watch->ctx, l + 1, s->layers);
    }
    tensor(m, "output_norm.weight", FILL_NORM, s->embd, 1);
    if (s->rope == MAKE_ROPE_LLAMA3) tensor(m, "rope_freqs.weight", FILL_ROPE, s->head_dim / 2, 1);
    if (s->rope == MAKE_ROPE_LONG) {
        tensor(m, "rope_factors_long.weight", FILL_LONG, s->head_dim / 2, 1);
        tensor(m, "rope_factors_short.weight", FILL_SHORT, s->head_dim / 2, 1);
    }
    if (!s->tied) tensor(m, "output.weight", FILL_HEAD, s->embd, s->vocab);
}

static void put_keys(struct gguf_writer *w, const struct make_shape *s, const struct weight_type *type) {
    const struct make_key counts[] = {{"context_length", .u = s->context},
                                      {"embedding_length", .u = s->embd},
                                      {"block_count", .u = s->layers},
                                      {"feed_forward_length", .u = s->ffn},
                                      {"attention.head_count", .u = s->heads},
                                      {"attention.head_count_kv", .u = s->kv_heads},
                                      {"rope.dimension_count", .u = s->head_dim},
                                      {"vocab_size", .u = s->vocab},
                                      {"rope.freq_base", .f = s->rope_base},
                                      {"attention.layer_norm_rms_epsilon", .f = s->eps},
                                      {"attention.key_length", .u = s->head_dim * s->heads == s->embd ? 0 : s->head_dim},
                                      {"attention.value_length", .u = s->head_dim * s->heads == s->embd ? 0 : s->head_dim},
                                      {"expert_count", .u = s->experts},
                                      {"expert_used_count", .u = s->experts_used}};
    enum { COUNTS = sizeof counts / sizeof counts[0] };
    char name[80];
    gguf_put_text(w, "general.architecture", s->arch);
    gguf_put_text(w, "general.name", s->name);
    gguf_put_u32(w, "general.file_type", quantize_file_type(type));
    gguf_put_u32(w, "general.quantization_version", 2);
    for (size_t i = 0; i < COUNTS + MAKE_KEYS_MAX; i++) {
        const struct make_key *k = i < COUNTS ? &counts[i] : &s->key[i - COUNTS];
        snprintf(name, sizeof name, "%s.%s", s->arch, k->name ? k->name : "");
        if (k->text)
            gguf_put_text(w, name, k->text);
        else if (k->u)
            gguf_put_u32(w, name, k->u);
        else if (k->f != 0)
            gguf_put_f32(w, name, k->f);
    }
}

static const struct make_shape *shape_named(const char *name) {
    for (const struct make_shape *s = make_shapes; s->name; s++)
        if (strcmp(s->name, name) == 0) return s;
    return NULL;
}

int make_model(const char *shape, const struct weight_type *type, uint64_t seed, const char *out,
               const struct convert_watch *watch, struct why *why) {
    struct making m = {.s = shape_named(shape), .type = type, .seed = seed};
    if (!m.s) return why_set(why, ERR_NOTFOUND, "no shape \"%.40s\"; there are %s", shape, make_shape_names);
    m.family = family_find(m.s->arch, strlen(m.s->arch));
    uint32_t longest = m.s->ffn > m.s->embd ? m.s->ffn : m.s->embd;
    if (m.s->heads * m.s->head_dim > longest) longest = m.s->heads * m.s->head_dim; /* rows of attn_output */
    m.row = mem_zalloc(longest, sizeof(float));
    int r = m.row ? gguf_writer_new(&m.w, out, why) : ERR_NOMEM;
    if (r == 0) {
        put_keys(m.w, m.s, type);
        r = make_vocab(m.w, m.s);
    }
    if (r == 0) {
        all_tensors(&m, 0, NULL);
        all_tensors(&m, 1, watch);
        r = gguf_writer_finish(m.w, why);
    }
    gguf_writer_free(m.w);
    free(m.row);
    return r;
}
