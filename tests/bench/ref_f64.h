/* tests/bench/ref_f64.h - the same model in double precision: the file's weights decoded one by one, plain loops, libm. Shares
 * with the engine the file reader and the table of families, nothing of its arithmetic. Slow: for small models. */
#ifndef TESTS_REF_F64_H
#define TESTS_REF_F64_H

#include "tests/bench/ref_attend.h"
#include "tests/bench/ref_ffn.h"

struct ref_buffers {
    double *x, *h, *q, *k, *v, *att, *gate, *up, *add;
};

/* h = norm(x), row by row. */
static void ref_norms(const struct ref *r, const struct gguf_tensor *w, const double *x, double *h, uint32_t n) {
    size_t e = r->h.n_embd;
    for (uint32_t t = 0; t < n; t++) ref_norm(w, x + t * e, h + t * e, e, (double)r->h.eps);
}

/* x += what a block yields, normed where the family does that, scaled. */
static void ref_add(const struct ref *r, const struct gguf_tensor *post, struct ref_buffers *b, uint32_t n) {
    if (post) ref_norms(r, post, b->add, b->add, n);
    for (size_t i = 0; i < (size_t)n * r->h.n_embd; i++) b->x[i] += (double)r->h.residual_scale * b->add[i];
}

static void ref_qkv(const struct ref *r, int y, struct ref_buffers *b, uint32_t n) {
    const struct gguf_tensor *fused = ref_tensor(r, y, "attn_qkv.weight");
    size_t q = (size_t)r->h.n_head * r->h.head_dim, kv = (size_t)r->h.n_kv * r->h.head_dim;
    struct ref_rows wq = ref_all(ref_tensor(r, y, "attn_q.weight"), ref_tensor(r, y, "attn_q.bias"));
    struct ref_rows wk = ref_all(ref_tensor(r, y, "attn_k.weight"), ref_tensor(r, y, "attn_k.bias"));
    struct ref_rows wv = ref_all(ref_tensor(r, y, "attn_v.weight"), ref_tensor(r, y, "attn_v.bias"));
    if (fused) {
        wq = (struct ref_rows){fused, NULL, 0, q};
        wk = (struct ref_rows){fused, NULL, q, kv};
        wv = (struct ref_rows){fused, NULL, q + kv, kv};
    }
    ref_mul(wq, b->h, b->q, n);
    ref_mul(wk, b->h, b->k, n);
    ref_mul(wv, b->h, b->v, n);
}

static void ref_layer(const struct ref *r, int y, struct ref_buffers *b, uint32_t n) {
    ref_norms(r, ref_tensor(r, y, "attn_norm.weight"), b->x, b->h, n);
    ref_qkv(r, y, b, n);
    ref_heads(r, y, "attn_q_norm.weight", b->q, r->h.n_head, n);
    ref_heads(r, y, "attn_k_norm.weight", b->k, r->h.n_kv, n);
    ref_attend(r, y, b->q, b->k, b->v, b->att, n);
    ref_mul(ref_all(ref_tensor(r, y, "attn_output.weight"), NULL), b->att, b->add, n);
    ref_add(r, ref_tensor(r, y, "post_attention_norm.weight"), b, n);
    ref_norms(r, ref_tensor(r, y, "ffn_norm.weight"), b->x, b->h, n);
    (r->h.n_expert ? ref_experts : ref_dense)(r, y, b->h, b->gate, b->up, b->add, n);
    ref_add(r, ref_tensor(r, y, "post_ffw_norm.weight"), b, n);
}

static void ref_embed(const struct ref *r, const int32_t *id, double *x, uint32_t n) {
    const struct gguf_tensor *embd = gguf_tensor(&r->g, "token_embd.weight");
    const struct weight_type *type = weight_type_of(embd->type);
    uint32_t e = r->h.n_embd;
    float *row = malloc(e * sizeof *row);
    for (uint32_t t = 0; t < n; t++) {
        weight_row_decode(type, embd->data + (size_t)id[t] * weight_row_bytes(type, e), e, row);
        for (uint32_t i = 0; i < e; i++) x[(size_t)t * e + i] = (double)row[i] * (double)r->h.embd_scale;
    }
    free(row);
}

/* Logits of n positions, n_vocab each; the caller frees them. The file was accepted by model_open before; context: as there,
 * 0 for the model's own. */
static double *ref_logits(const char *path, const int32_t *id, uint32_t n, uint32_t context) {
    struct ref r;
    if (gguf_open(&r.g, path, NULL) != 0 || hparams_read(&r.h, &r.g, NULL) != 0) return NULL;
    if (context && context < r.h.n_context) r.h.n_context = context;
    const struct gguf_tensor *embd = gguf_tensor(&r.g, "token_embd.weight"), *out = gguf_tensor(&r.g, "output.weight");
    size_t e = r.h.n_embd, q = (size_t)r.h.n_head * r.h.head_dim, kv = (size_t)r.h.n_kv * r.h.head_dim, ff = r.h.n_ff,
           vocab = embd->dims[1];
    double *all = malloc(n * (3 * e + 2 * q + 2 * kv + 2 * ff + vocab) * sizeof *all), *at = all + n * vocab;
    struct ref_buffers b;
    double **const part[] = {&b.x, &b.h, &b.add, &b.q, &b.att, &b.k, &b.v, &b.gate, &b.up};
    const size_t size[] = {e, e, e, q, q, kv, kv, ff, ff};
    for (size_t i = 0; i < 9; at += n * size[i++]) *part[i] = at;
    ref_embed(&r, id, b.x, n);
    for (int y = 0; y < (int)r.h.n_layer; y++) ref_layer(&r, y, &b, n);
    ref_norms(&r, gguf_tensor(&r.g, "output_norm.weight"), b.x, b.h, n);
    ref_mul(ref_all(out ? out : embd, NULL), b.h, all, n);
    for (size_t i = 0; i < n * vocab; i++) all[i] = ref_softcap(all[i] / (double)r.h.logit_scale, (double)r.h.final_softcap);
    gguf_close(&r.g);
    return all; /* the logits are its beginning */
}

#endif
