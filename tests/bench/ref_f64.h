/* tests/bench/ref_f64.h - the same model in double precision: the file's weights decoded one by one, plain loops, libm. Shares
 * with the engine the file reader and the table of families, nothing of its arithmetic. Slow: for small models. */
#ifndef TESTS_REF_F64_H
#define TESTS_REF_F64_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "math/weight.h"
#include "model/gguf.h"
#include "model/hparams.h"

struct ref {
    struct gguf g;
    struct hparams h;
    uint32_t n_vocab;
};

static const struct gguf_tensor *ref_tensor(const struct ref *r, int layer, const char *part) {
    char name[96];
    if (layer < 0)
        snprintf(name, sizeof name, "%s", part);
    else
        snprintf(name, sizeof name, "blk.%d.%s", layer, part);
    return gguf_tensor(&r->g, name);
}

/* y[t][row] = sum of W[row][k] * x[t][k], plus bias. */
static void ref_mul(const struct gguf_tensor *w, const struct gguf_tensor *bias, const double *x, double *y, uint32_t n) {
    const struct weight_type *type = weight_type_of(w->type);
    uint32_t cols = (uint32_t)w->dims[0], rows = (uint32_t)w->dims[1];
    float *row = malloc(cols * sizeof *row);
    for (uint32_t i = 0; i < rows; i++) {
        float b = 0;
        weight_row_decode(type, w->data + i * weight_row_bytes(type, cols), cols, row);
        if (bias) memcpy(&b, bias->data + 4 * (size_t)i, 4);
        for (uint32_t t = 0; t < n; t++) {
            const double *xt = x + (size_t)t * cols;
            double sum = 0;
            for (uint32_t k = 0; k < cols; k++) sum += (double)row[k] * xt[k];
            y[(size_t)t * rows + i] = sum + (double)b;
        }
    }
    free(row);
}

static void ref_norm(const struct gguf_tensor *w, const double *x, double *y, uint32_t n, double eps) {
    double ms = 0;
    for (uint32_t i = 0; i < n; i++) ms += x[i] * x[i];
    double scale = 1 / sqrt(ms / n + eps);
    for (uint32_t i = 0; i < n; i++) {
        float f;
        memcpy(&f, w->data + 4 * (size_t)i, 4);
        y[i] = x[i] * scale * (double)f;
    }
}

/* Frequency of pair i and the magnitude, with yarn as its paper has it (Peng et al. 2023, 3.4). */
static double ref_frequency(const struct ref *r, uint32_t i, double *magnitude) {
    const struct rope_params *p = &r->h.rope;
    const struct gguf_tensor *divisors = gguf_tensor(&r->g, "rope_freqs.weight");
    double n = p->n_rot, base = (double)p->base, f = pow(base, -2.0 * i / n), s = (double)p->factor, pi = acos(-1);
    *magnitude = p->attn_factor != 0 ? (double)p->attn_factor : 1;
    if (divisors) {
        float d;
        memcpy(&d, divisors->data + 4 * (size_t)i, 4);
        f /= (double)d;
    }
    if (p->scaling == ROPE_LINEAR) return f / s;
    if (p->scaling != ROPE_YARN) return f;
    double fast = p->beta_fast != 0 ? (double)p->beta_fast : 32, slow = p->beta_slow != 0 ? (double)p->beta_slow : 1;
    double lo = fmax(0, floor(n * log(p->n_orig / (fast * 2 * pi)) / (2 * log(base))));
    double hi = fmin(n - 1, ceil(n * log(p->n_orig / (slow * 2 * pi)) / (2 * log(base))));
    double keep = 1 - fmin(1, fmax(0, (i - lo) / fmax(0.001, hi - lo)));
    *magnitude *= 1 + 0.1 * log(s);
    return f / s * (1 - keep) + f * keep;
}

static void ref_rope(const struct ref *r, double *head, uint32_t position) {
    uint32_t half = r->h.rope.n_rot / 2, next = r->h.family->pairs == ROPE_PAIRS_NEXT;
    for (uint32_t i = 0; i < half; i++) {
        double m, angle = position * ref_frequency(r, i, &m), c = cos(angle) * m, s = sin(angle) * m;
        double *a = next ? &head[2 * i] : &head[i], *b = next ? &head[2 * i + 1] : &head[i + half];
        double x0 = *a, x1 = *b;
        *a = x0 * c - x1 * s;
        *b = x0 * s + x1 * c;
    }
}

static void ref_attend(const struct ref *r, const double *q, const double *k, const double *v, double *out, uint32_t n) {
    const struct hparams *h = &r->h;
    uint32_t d = h->head_dim, qw = h->n_head * d, kw = h->n_kv * d, group = h->n_head / h->n_kv;
    double *p = malloc(n * sizeof *p);
    for (uint32_t t = 0; t < n; t++)
        for (uint32_t i = 0; i < h->n_head; i++) {
            const double *qt = q + (size_t)t * qw + i * d;
            uint32_t from = h->window && t + 1 > h->window ? t + 1 - h->window : 0;
            double max = -INFINITY, sum = 0, *o = out + (size_t)t * qw + i * d;
            for (uint32_t j = from; j <= t; j++) {
                const double *kj = k + (size_t)j * kw + i / group * d;
                p[j] = 0;
                for (uint32_t x = 0; x < d; x++) p[j] += qt[x] * kj[x];
                p[j] /= sqrt(d);
                max = fmax(max, p[j]);
            }
            for (uint32_t j = from; j <= t; j++) sum += p[j] = exp(p[j] - max);
            memset(o, 0, d * sizeof *o);
            for (uint32_t j = from; j <= t; j++)
                for (uint32_t x = 0; x < d; x++) o[x] += p[j] / sum * v[(size_t)j * kw + i / group * d + x];
        }
    free(p);
}

struct ref_buffers {
    double *x, *h, *q, *k, *v, *att, *gate, *up, *add;
};

static void ref_heads(const struct ref *r, int layer, const char *norm, double *x, uint32_t heads, uint32_t n) {
    const struct gguf_tensor *w = ref_tensor(r, layer, norm);
    uint32_t d = r->h.head_dim;
    for (uint32_t t = 0; t < n; t++)
        for (uint32_t i = 0; i < heads; i++) {
            double *head = x + ((size_t)t * heads + i) * d;
            if (w) ref_norm(w, head, head, d, (double)r->h.eps);
            ref_rope(r, head, t);
        }
}

static void ref_layer(const struct ref *r, int y, struct ref_buffers *b, uint32_t n) {
    const struct hparams *h = &r->h;
    uint32_t e = h->n_embd;
    for (uint32_t t = 0; t < n; t++)
        ref_norm(ref_tensor(r, y, "attn_norm.weight"), b->x + (size_t)t * e, b->h + (size_t)t * e, e, (double)h->eps);
    ref_mul(ref_tensor(r, y, "attn_q.weight"), ref_tensor(r, y, "attn_q.bias"), b->h, b->q, n);
    ref_mul(ref_tensor(r, y, "attn_k.weight"), ref_tensor(r, y, "attn_k.bias"), b->h, b->k, n);
    ref_mul(ref_tensor(r, y, "attn_v.weight"), ref_tensor(r, y, "attn_v.bias"), b->h, b->v, n);
    ref_heads(r, y, "attn_q_norm.weight", b->q, h->n_head, n);
    ref_heads(r, y, "attn_k_norm.weight", b->k, h->n_kv, n);
    ref_attend(r, b->q, b->k, b->v, b->att, n);
    ref_mul(ref_tensor(r, y, "attn_output.weight"), NULL, b->att, b->add, n);
    for (size_t i = 0; i < (size_t)n * e; i++) b->x[i] += b->add[i];
    for (uint32_t t = 0; t < n; t++)
        ref_norm(ref_tensor(r, y, "ffn_norm.weight"), b->x + (size_t)t * e, b->h + (size_t)t * e, e, (double)h->eps);
    ref_mul(ref_tensor(r, y, "ffn_gate.weight"), NULL, b->h, b->gate, n);
    ref_mul(ref_tensor(r, y, "ffn_up.weight"), NULL, b->h, b->up, n);
    for (size_t i = 0; i < (size_t)n * h->n_ff; i++) b->gate[i] = b->gate[i] / (1 + exp(-b->gate[i])) * b->up[i];
    ref_mul(ref_tensor(r, y, "ffn_down.weight"), NULL, b->gate, b->add, n);
    for (size_t i = 0; i < (size_t)n * e; i++) b->x[i] += b->add[i];
}

/* Logits of n positions, n_vocab each; the caller frees them. The file was accepted by model_open before. */
static double *ref_logits(const char *path, const int32_t *id, uint32_t n) {
    struct ref r;
    if (gguf_open(&r.g, path, NULL) != 0 || hparams_read(&r.h, &r.g, NULL) != 0) return NULL;
    const struct gguf_tensor *embd = gguf_tensor(&r.g, "token_embd.weight"), *out = gguf_tensor(&r.g, "output.weight");
    const struct weight_type *type = weight_type_of(embd->type);
    size_t e = r.h.n_embd, q = (size_t)r.h.n_head * r.h.head_dim, kv = (size_t)r.h.n_kv * r.h.head_dim, ff = r.h.n_ff,
           vocab = embd->dims[1];
    double *all = malloc(n * (3 * e + 2 * q + 2 * kv + 2 * ff + vocab) * sizeof *all), *at = all + n * vocab;
    struct ref_buffers b;
    double **const part[] = {&b.x, &b.h, &b.add, &b.q, &b.att, &b.k, &b.v, &b.gate, &b.up};
    const size_t size[] = {e, e, e, q, q, kv, kv, ff, ff};
    for (size_t i = 0; i < 9; at += n * size[i++]) *part[i] = at;
    float *row = malloc(e * sizeof *row);
    for (uint32_t t = 0; t < n; t++) {
        weight_row_decode(type, embd->data + (size_t)id[t] * weight_row_bytes(type, (uint32_t)e), (uint32_t)e, row);
        for (size_t i = 0; i < e; i++) b.x[t * e + i] = (double)row[i];
    }
    free(row);
    for (int y = 0; y < (int)r.h.n_layer; y++) ref_layer(&r, y, &b, n);
    for (uint32_t t = 0; t < n; t++)
        ref_norm(gguf_tensor(&r.g, "output_norm.weight"), b.x + t * e, b.h + t * e, (uint32_t)e, (double)r.h.eps);
    ref_mul(out ? out : embd, NULL, b.h, all, n);
    gguf_close(&r.g);
    return all; /* the logits are its beginning */
}

#endif
