/* model/hparams.c - see hparams.h: the keys that all families share, and the refusal of those that would change the function. */
#include "model/hparams.h"
#include "model/keys.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static int is(struct gguf_str s, const char *text) { return s.n == strlen(text) && memcmp(s.p, text, s.n) == 0; }

static int find_family(struct hparams *h, const struct gguf *g, struct why *why) {
    struct gguf_str arch;
    int r = gguf_text(g, "general.architecture", &arch, why);
    if (r != 0) return r;
    h->family = family_find(arch.p, arch.n);
    if (h->family) return 0;
    char name[33], known[128];
    size_t n = arch.n < 32 ? arch.n : 32;
    for (size_t i = 0; i < n; i++) name[i] = arch.p[i] > ' ' && arch.p[i] < 127 ? arch.p[i] : '?';
    name[n] = 0;
    family_names(known, sizeof known);
    return why_set(why, ERR_UNSUPPORTED, "architecture \"%s\" is not one we compute (%s)", name, known);
}

/* ---- sizes ---- */

static int read_heads(struct hparams *h, struct keys *k) {
    int r = keys_need_u32(k, "attention.head_count", 1, HEADS_MAX, &h->n_head);
    h->n_kv = h->n_head;
    if (r == 0) r = keys_want_u32(k, "attention.head_count_kv", 1, HEADS_MAX, &h->n_kv);
    if (r != 0) return r;
    if (h->n_head % h->n_kv) return why_set(k->why, ERR_RANGE, "%s: %u does not divide %u heads", k->key, h->n_kv, h->n_head);
    h->head_dim = h->n_embd / h->n_head;
    r = keys_want_u32(k, "attention.key_length", 1, HEAD_DIM_MAX, &h->head_dim);
    uint32_t value_length = h->head_dim;
    if (r == 0) r = keys_want_u32(k, "attention.value_length", 1, HEAD_DIM_MAX, &value_length);
    if (r != 0) return r;
    if (h->head_dim < 1 || h->head_dim > HEAD_DIM_MAX)
        return why_set(k->why, ERR_RANGE, "head size %u is outside 1..%d", h->head_dim, HEAD_DIM_MAX);
    if (value_length != h->head_dim)
        return why_set(k->why, ERR_UNSUPPORTED, "%s differs from the key length", keys_name(k, "attention.value_length"));
    if (h->n_head * h->head_dim > WIDTH_MAX)
        return why_set(k->why, ERR_RANGE, "%u heads of %u are too wide", h->n_head, h->head_dim);
    return 0;
}

/* Rule 14 renormalises a softmax over the chosen experts; files that ask for anything else are refused. */
static int read_experts(struct hparams *h, struct keys *k) {
    uint32_t gate = 1;
    float scale = 0;
    int norm = 1;
    int r = h->family->experts == EXPERTS_ALWAYS ? keys_need_u32(k, "expert_count", 1, EXPERTS_MAX, &h->n_expert)
                                                 : keys_want_u32(k, "expert_count", 0, EXPERTS_MAX, &h->n_expert);
    if (r != 0 || h->n_expert == 0) return r;
    if (h->family->experts == EXPERTS_NEVER)
        return why_set(k->why, ERR_UNSUPPORTED, "%s: experts are not computed for %s", k->key, k->arch);
    uint32_t most = h->n_expert < EXPERTS_USED_MAX ? h->n_expert : EXPERTS_USED_MAX;
    r = keys_need_u32(k, "expert_used_count", 1, most, &h->n_expert_used);
    if (r == 0) r = keys_want_u32(k, "expert_feed_forward_length", 1, WIDTH_MAX, &h->n_ff);
    if (r == 0) r = keys_want_bool(k, "expert_weights_norm", &norm);
    if (r == 0 && !norm) return why_set(k->why, ERR_UNSUPPORTED, "%s: only renormalised experts are computed", k->key);
    if (r == 0) r = keys_want_f32(k, "expert_weights_scale", -1e6f, 1e6f, &scale);
    if (r == 0 && scale != 0 && scale != 1) return why_set(k->why, ERR_UNSUPPORTED, "%s: only the scale 1 is computed", k->key);
    if (r == 0) r = keys_want_u32(k, "expert_gating_func", 0, UINT32_MAX, &gate);
    if (r == 0 && gate > 1) return why_set(k->why, ERR_UNSUPPORTED, "%s: only softmax is computed", k->key);
    return r;
}

static int read_sizes(struct hparams *h, struct keys *k) {
    int r = keys_need_u32(k, "embedding_length", 1, WIDTH_MAX, &h->n_embd);
    if (r == 0) r = keys_need_u32(k, "block_count", 1, LAYERS_MAX, &h->n_layer);
    if (r == 0) r = keys_need_u32(k, "context_length", 1, UINT32_MAX, &h->n_context);
    if (r == 0) r = read_heads(h, k);
    /* a mixture may give only the width of an expert */
    int width_of_experts = h->family->experts != EXPERTS_NEVER && keys_has(k, "expert_feed_forward_length");
    if (r == 0) r = (width_of_experts ? keys_want_u32 : keys_need_u32)(k, "feed_forward_length", 1, WIDTH_MAX, &h->n_ff);
    if (r == 0) r = read_experts(h, k);
    if (r == 0 && h->n_ff == 0) r = keys_need_u32(k, "feed_forward_length", 1, WIDTH_MAX, &h->n_ff);
    if (h->n_context > CONTEXT_MAX) h->n_context = CONTEXT_MAX;
    return r;
}

/* ---- attention, RoPE ---- */

static int read_attention(struct hparams *h, struct keys *k) {
    int r = keys_need_f32(k, "attention.layer_norm_rms_epsilon", 0, 1, &h->eps);
    if (r == 0) r = keys_want_u32(k, "attention.sliding_window", 0, UINT32_MAX, &h->window);
    if (r != 0) return r;
    if (h->window && h->window < h->n_context && h->family->window == WINDOW_REFUSED)
        return why_set(k->why, ERR_UNSUPPORTED, "%s: not computed for %s", k->key, k->arch);
    if (h->family->window == WINDOW_REFUSED) h->window = 0;
    h->attn_scale = 1.0f / sqrtf((float)h->head_dim);
    return 0;
}

static int read_yarn(struct rope_params *p, struct keys *k) {
    float multiplier = 0, ext = 1;
    int r = keys_need_u32(k, "rope.scaling.original_context_length", 1, CONTEXT_MAX, &p->n_orig);
    if (r == 0) r = keys_want_f32(k, "rope.scaling.yarn_beta_fast", 0, 1e6f, &p->beta_fast);
    if (r == 0) r = keys_want_f32(k, "rope.scaling.yarn_beta_slow", 0, 1e6f, &p->beta_slow);
    if (r == 0) r = keys_want_f32(k, "rope.scaling.yarn_log_multiplier", -1e6f, 1e6f, &multiplier);
    if (r == 0) r = keys_want_f32(k, "rope.scaling.yarn_ext_factor", -1e6f, 1e6f, &ext);
    if (r == 0 && (multiplier != 0 || (ext != 1 && ext != -1)))
        return why_set(k->why, ERR_UNSUPPORTED, "rope scaling: yarn_log_multiplier and yarn_ext_factor are not computed");
    p->scaling = ROPE_YARN;
    return r;
}

/* The factors are tensors; converters for Phi-3 write them without naming a type of scaling. */
static int read_longrope(struct hparams *h, struct keys *k) {
    if (h->rope.factor != 1)
        return why_set(k->why, ERR_UNSUPPORTED, "%s: not computed beside longrope factors", keys_name(k, "rope.scaling.factor"));
    return keys_need_u32(k, "rope.scaling.original_context_length", 1, CONTEXT_MAX, &h->longrope_orig);
}

static int read_scaling(struct hparams *h, struct keys *k) {
    struct rope_params *p = &h->rope;
    struct gguf_str type = {"", 0};
    int r = keys_has(k, "rope.scaling.type") ? gguf_text(k->g, k->key, &type, k->why) : 0;
    p->factor = 1;
    if (r == 0) r = keys_want_f32(k, "rope.scaling.factor", 0, 1e6f, &p->factor);
    if (r == 0 && !keys_has(k, "rope.scaling.factor"))
        r = keys_want_f32(k, "rope.scale_linear", 0, 1e6f, &p->factor); /* the key of old files */
    if (r != 0) return r;
    if (p->factor == 0) p->factor = 1; /* written by converters for "no scaling" */
    int factors = gguf_tensor(k->g, "rope_factors_long.weight") || gguf_tensor(k->g, "rope_factors_short.weight");
    if (is(type, "longrope") || (type.n == 0 && factors)) return read_longrope(h, k);
    if (is(type, "none")) return 0;
    if (is(type, "yarn")) return read_yarn(p, k);
    if (type.n != 0 && !is(type, "linear"))
        return why_set(k->why, ERR_UNSUPPORTED, "%s: only none, linear, yarn and longrope are computed",
                       keys_name(k, "rope.scaling.type"));
    if (type.n != 0 || p->factor != 1) p->scaling = ROPE_LINEAR; /* the format's default */
    return 0;
}

static int read_rope(struct hparams *h, struct keys *k) {
    struct rope_params *p = &h->rope;
    p->n_rot = h->head_dim;
    p->base = 10000;
    int r = keys_want_u32(k, "rope.dimension_count", 2, h->head_dim, &p->n_rot);
    if (r == 0) r = keys_want_f32(k, "rope.freq_base", 1, 1e12f, &p->base);
    if (r == 0) r = keys_want_f32(k, "rope.scaling.attn_factor", 0, 1e6f, &p->attn_factor);
    if (r == 0) r = read_scaling(h, k);
    if (r == 0 && p->n_rot % 2) r = why_set(k->why, ERR_RANGE, "rope dimensions: %u is odd", p->n_rot);
    return r;
}

/* ---- what would change the function ---- */

static int lists(const char *list, const char *name) {
    size_t n = strlen(name);
    for (const char *at = list; at && *at; at += strcspn(at, " "), at += *at == ' ')
        if (strncmp(at, name, n) == 0 && (at[n] == ' ' || at[n] == 0)) return 1;
    return 0;
}

/* Keys that some family obeys and most do not know. Zero means "none" in all of them. */
static int refuse_others(const struct hparams *h, struct keys *k) {
    static const char *const names[] = {"attention.scale",     "embedding_scale",          "residual_scale",
                                        "logit_scale",         "attn_logit_softcapping",   "final_logit_softcapping",
                                        "attention.clamp_kqv", "attention.max_alibi_bias", "expert_shared_count",
                                        "expert_group_count",  "use_parallel_residual"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        float x = 0;
        uint32_t n = 0;
        int b = 0;
        if (lists(h->family->own_keys, names[i]) || !keys_has(k, names[i])) continue;
        if (gguf_f32(k->g, k->key, 0, 0, &x, NULL) == 0 || gguf_u32(k->g, k->key, 0, 0, &n, NULL) == 0) continue;
        if (gguf_bool(k->g, k->key, &b, NULL) == 0 && !b) continue;
        return why_set(k->why, ERR_UNSUPPORTED, "%s: not computed for %s", k->key, k->arch);
    }
    return 0;
}

int hparams_read(struct hparams *h, const struct gguf *g, struct why *why) {
    *h = (struct hparams){.embd_scale = 1, .residual_scale = 1, .logit_scale = 1};
    int r = find_family(h, g, why);
    if (r != 0) return r;
    struct keys k = {.g = g, .arch = h->family->arch, .why = why};
    r = read_sizes(h, &k);
    if (r == 0) r = read_attention(h, &k);
    if (r == 0) r = read_rope(h, &k);
    if (r == 0) r = refuse_others(h, &k);
    if (r == 0 && h->family->read) r = h->family->read(h, &k);
    return r;
}

struct layer_plan hparams_layer(const struct hparams *h, uint32_t i) {
    struct layer_plan plan = {h->window, ROPE_TABLE_MAIN};
    if (h->family->layer) h->family->layer(h, i, &plan);
    return plan;
}
