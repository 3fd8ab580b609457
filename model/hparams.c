/* model/hparams.c - see hparams.h. */
#include "model/hparams.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Mistral 7B and its fine-tunes, TinyLlama, SmolLM, Yi and others are published under "llama". */
const struct family families[] = {
    {"llama", ROPE_PAIRS_NEXT, .window = 1},
    {"qwen2", ROPE_PAIRS_HALF, .qkv_bias = 1},
    {"qwen3", ROPE_PAIRS_HALF, .qk_norm = 1},
    {0},
};

struct keys { /* builds "{arch}.name" */
    const struct gguf *g;
    const char *arch;
    struct why *why;
    char key[96];
};
static const char *key(struct keys *k, const char *name) {
    snprintf(k->key, sizeof k->key, "%s.%s", k->arch, name);
    return k->key;
}
static int need_u32(struct keys *k, const char *name, uint32_t lo, uint32_t hi, uint32_t *out) {
    return gguf_u32(k->g, key(k, name), lo, hi, out, k->why);
}
/* Absent leaves *out alone and is no error; why is not touched then. */
static int want_u32(struct keys *k, const char *name, uint32_t lo, uint32_t hi, uint32_t *out) {
    return gguf_find(k->g, key(k, name)) ? gguf_u32(k->g, k->key, lo, hi, out, k->why) : 0;
}
static int want_f32(struct keys *k, const char *name, float lo, float hi, float *out) {
    return gguf_find(k->g, key(k, name)) ? gguf_f32(k->g, k->key, lo, hi, out, k->why) : 0;
}

static int family_of(struct hparams *h, const struct gguf *g, struct why *why) {
    struct gguf_str arch;
    int r = gguf_text(g, "general.architecture", &arch, why);
    if (r != 0) return r;
    for (const struct family *f = families; f->arch; f++)
        if (strlen(f->arch) == arch.n && memcmp(f->arch, arch.p, arch.n) == 0) {
            h->family = f;
            return 0;
        }
    char name[33];
    size_t n = arch.n < 32 ? arch.n : 32;
    for (size_t i = 0; i < n; i++) name[i] = arch.p[i] > ' ' && arch.p[i] < 127 ? arch.p[i] : '?';
    name[n] = 0;
    return why_set(why, ERR_UNSUPPORTED, "architecture \"%s\" is not one we compute (llama, qwen2, qwen3)", name);
}

static int read_sizes(struct hparams *h, struct keys *k) {
    uint32_t experts = 0, value_length = 0;
    int r = need_u32(k, "embedding_length", 1, WIDTH_MAX, &h->n_embd);
    if (r == 0) r = need_u32(k, "block_count", 1, LAYERS_MAX, &h->n_layer);
    if (r == 0) r = need_u32(k, "feed_forward_length", 1, WIDTH_MAX, &h->n_ff);
    if (r == 0) r = need_u32(k, "attention.head_count", 1, HEADS_MAX, &h->n_head);
    h->n_kv = h->n_head;
    if (r == 0) r = want_u32(k, "attention.head_count_kv", 1, HEADS_MAX, &h->n_kv);
    if (r == 0) r = need_u32(k, "context_length", 1, UINT32_MAX, &h->n_context);
    if (r == 0) r = want_u32(k, "expert_count", 0, UINT32_MAX, &experts);
    if (r != 0) return r;
    if (experts) return why_set(k->why, ERR_UNSUPPORTED, "%s: mixtures of experts are not computed yet", k->key);
    if (h->n_context > CONTEXT_MAX) h->n_context = CONTEXT_MAX;
    if (h->n_head % h->n_kv)
        return why_set(k->why, ERR_RANGE, "%s: %u does not divide %u heads", key(k, "attention.head_count_kv"), h->n_kv,
                       h->n_head);
    h->head_dim = h->n_embd / h->n_head;
    r = want_u32(k, "attention.key_length", 1, HEAD_DIM_MAX, &h->head_dim);
    value_length = h->head_dim;
    if (r == 0) r = want_u32(k, "attention.value_length", 1, HEAD_DIM_MAX, &value_length);
    if (r != 0) return r;
    if (h->head_dim < 1 || h->head_dim > HEAD_DIM_MAX)
        return why_set(k->why, ERR_RANGE, "head size %u is outside 1..%d", h->head_dim, HEAD_DIM_MAX);
    if (value_length != h->head_dim)
        return why_set(k->why, ERR_UNSUPPORTED, "%s differs from the key length", key(k, "attention.value_length"));
    if (h->n_head * h->head_dim > WIDTH_MAX)
        return why_set(k->why, ERR_RANGE, "%u heads of %u are too wide", h->n_head, h->head_dim);
    return 0;
}

static int read_attention(struct hparams *h, struct keys *k) {
    uint32_t window = 0;
    float scale = 0;
    int r = gguf_f32(k->g, key(k, "attention.layer_norm_rms_epsilon"), 0, 1, &h->eps, k->why);
    if (r == 0) r = want_u32(k, "attention.sliding_window", 0, UINT32_MAX, &window);
    if (r == 0 && window && window < h->n_context) {
        if (!h->family->window) return why_set(k->why, ERR_UNSUPPORTED, "%s: not computed for %s", k->key, k->arch);
        h->window = window;
    }
    if (r == 0) r = want_f32(k, "attention.scale", 0, 1e6f, &scale);
    if (r != 0) return r;
    if (scale != 0) return why_set(k->why, ERR_UNSUPPORTED, "%s: not computed for %s", k->key, k->arch);
    h->attn_scale = 1.0f / sqrtf((float)h->head_dim);
    return 0;
}

static int read_scaling(struct hparams *h, struct keys *k) {
    struct rope_params *p = &h->rope;
    struct gguf_str type = {"", 0};
    int r = gguf_find(k->g, key(k, "rope.scaling.type")) ? gguf_text(k->g, k->key, &type, k->why) : 0;
    p->factor = 1;
    if (r == 0) r = want_f32(k, "rope.scaling.factor", 0, 1e6f, &p->factor);
    if (r == 0 && !gguf_find(k->g, key(k, "rope.scaling.factor"))) {
        r = want_f32(k, "rope.scale_linear", 0, 1e6f, &p->factor); /* the key of old files */
        if (r == 0 && type.n == 0 && p->factor > 1) type = (struct gguf_str){"linear", 6};
    }
    if (r != 0) return r;
    if (p->factor == 0) p->factor = 1;                                        /* written by converters for "no scaling" */
    if (type.n == 0 && p->factor != 1) type = (struct gguf_str){"linear", 6}; /* the format's default */
    if (type.n == 0 || (type.n == 4 && memcmp(type.p, "none", 4) == 0)) {
        p->scaling = ROPE_NONE;
        return 0;
    }
    if (type.n == 6 && memcmp(type.p, "linear", 6) == 0) {
        p->scaling = ROPE_LINEAR;
        return 0;
    }
    if (type.n != 4 || memcmp(type.p, "yarn", 4) != 0)
        return why_set(k->why, ERR_UNSUPPORTED, "%s: only none, linear and yarn are computed", key(k, "rope.scaling.type"));
    p->scaling = ROPE_YARN;
    float multiplier = 0, ext = 1;
    r = need_u32(k, "rope.scaling.original_context_length", 1, CONTEXT_MAX, &p->n_orig);
    if (r == 0) r = want_f32(k, "rope.scaling.yarn_beta_fast", 0, 1e6f, &p->beta_fast);
    if (r == 0) r = want_f32(k, "rope.scaling.yarn_beta_slow", 0, 1e6f, &p->beta_slow);
    if (r == 0) r = want_f32(k, "rope.scaling.yarn_log_multiplier", -1e6f, 1e6f, &multiplier);
    if (r == 0) r = want_f32(k, "rope.scaling.yarn_ext_factor", -1e6f, 1e6f, &ext);
    if (r == 0 && (multiplier != 0 || (ext != 1 && ext != -1)))
        return why_set(k->why, ERR_UNSUPPORTED, "rope scaling: yarn_log_multiplier and yarn_ext_factor are not computed");
    return r;
}

static int read_rope(struct hparams *h, struct keys *k) {
    struct rope_params *p = &h->rope;
    p->n_rot = h->head_dim;
    p->base = 10000;
    int r = want_u32(k, "rope.dimension_count", 2, h->head_dim, &p->n_rot);
    if (r == 0) r = want_f32(k, "rope.freq_base", 1, 1e12f, &p->base);
    if (r == 0) r = want_f32(k, "rope.scaling.attn_factor", 0, 1e6f, &p->attn_factor);
    if (r == 0) r = read_scaling(h, k);
    if (r == 0 && p->n_rot % 2) r = why_set(k->why, ERR_RANGE, "rope dimensions: %u is odd", p->n_rot);
    return r;
}

int hparams_read(struct hparams *h, const struct gguf *g, struct why *why) {
    *h = (struct hparams){0};
    int r = family_of(h, g, why);
    if (r != 0) return r;
    struct keys k = {.g = g, .arch = h->family->arch, .why = why};
    r = read_sizes(h, &k);
    if (r == 0) r = read_attention(h, &k);
    if (r == 0) r = read_rope(h, &k);
    return r;
}
