/* tests/bench/ref_attend.h - double precision: RoPE with every scaling, attention with windows and soft caps. */
#ifndef TESTS_REF_ATTEND_H
#define TESTS_REF_ATTEND_H

#include "tests/bench/ref_parts.h"

/* What divides the frequency of pair i: a tensor of the file. */
static double ref_divisor(const struct ref *r, uint32_t i) {
    int is_long = r->h.n_context > r->h.longrope_orig;
    const struct gguf_tensor *t = gguf_tensor(&r->g, !r->h.longrope_orig ? "rope_freqs.weight"
                                                     : is_long           ? "rope_factors_long.weight"
                                                                         : "rope_factors_short.weight");
    return t ? (double)ref_f32(t, i) : 1;
}

/* Frequency of pair i and the magnitude, with yarn as its paper has it (Peng et al. 2023, 3.4). */
static double ref_frequency(const struct ref *r, const struct rope_params *p, uint32_t i, double *magnitude) {
    double n = p->n_rot, base = (double)p->base, f = pow(base, -2.0 * i / n), s = (double)p->factor, pi = acos(-1);
    *magnitude = p->attn_factor != 0 ? (double)p->attn_factor : 1;
    if (p == &r->h.rope) f /= ref_divisor(r, i);
    if (p->scaling == ROPE_LINEAR) return f / s;
    if (p->scaling != ROPE_YARN) return f;
    double fast = p->beta_fast != 0 ? (double)p->beta_fast : 32, slow = p->beta_slow != 0 ? (double)p->beta_slow : 1;
    double lo = fmax(0, floor(n * log(p->n_orig / (fast * 2 * pi)) / (2 * log(base))));
    double hi = fmin(n - 1, ceil(n * log(p->n_orig / (slow * 2 * pi)) / (2 * log(base))));
    double keep = 1 - fmin(1, fmax(0, (i - lo) / fmax(0.001, hi - lo)));
    *magnitude *= 1 + 0.1 * log(s);
    return f / s * (1 - keep) + f * keep;
}

static void ref_rope(const struct ref *r, const struct rope_params *p, double *head, uint32_t position) {
    uint32_t half = p->n_rot / 2, next = r->h.family->pairs == ROPE_PAIRS_NEXT;
    for (uint32_t i = 0; i < half; i++) {
        double m, angle = position * ref_frequency(r, p, i, &m), c = cos(angle) * m, s = sin(angle) * m;
        double *a = next ? &head[2 * i] : &head[i], *b = next ? &head[2 * i + 1] : &head[i + half];
        double x0 = *a, x1 = *b;
        *a = x0 * c - x1 * s;
        *b = x0 * s + x1 * c;
    }
}

/* Norms and RoPE of all heads of n rows. */
static void ref_heads(const struct ref *r, int layer, const char *norm, double *x, uint32_t heads, uint32_t n) {
    const struct gguf_tensor *w = ref_tensor(r, layer, norm);
    struct layer_plan plan = hparams_layer(&r->h, (uint32_t)layer);
    uint32_t d = r->h.head_dim;
    for (uint32_t t = 0; t < n; t++)
        for (uint32_t i = 0; i < heads; i++) {
            double *head = x + ((size_t)t * heads + i) * d;
            if (w) ref_norm(w, head, head, d, (double)r->h.eps);
            if (plan.table != ROPE_TABLE_NONE)
                ref_rope(r, plan.table == ROPE_TABLE_LOCAL ? &r->h.rope_local : &r->h.rope, head, t);
        }
}

static void ref_attend(const struct ref *r, int layer, const double *q, const double *k, const double *v, double *out,
                       uint32_t n) {
    const struct hparams *h = &r->h;
    uint32_t d = h->head_dim, qw = h->n_head * d, kw = h->n_kv * d, group = h->n_head / h->n_kv;
    uint32_t window = hparams_layer(h, (uint32_t)layer).window;
    double *p = malloc(n * sizeof *p);
    for (uint32_t t = 0; t < n; t++)
        for (uint32_t i = 0; i < h->n_head; i++) {
            const double *qt = q + (size_t)t * qw + i * d;
            uint32_t from = window && t + 1 > window ? t + 1 - window : 0;
            double max = -INFINITY, sum = 0, *o = out + (size_t)t * qw + i * d;
            for (uint32_t j = from; j <= t; j++) {
                const double *kj = k + (size_t)j * kw + i / group * d;
                p[j] = 0;
                for (uint32_t x = 0; x < d; x++) p[j] += qt[x] * kj[x];
                p[j] = ref_softcap(p[j] * (double)h->attn_scale, (double)h->attn_softcap);
                max = fmax(max, p[j]);
            }
            for (uint32_t j = from; j <= t; j++) sum += p[j] = exp(p[j] - max);
            memset(o, 0, d * sizeof *o);
            for (uint32_t j = from; j <= t; j++)
                for (uint32_t x = 0; x < d; x++) o[x] += p[j] / sum * v[(size_t)j * kw + i / group * d + x];
        }
    free(p);
}

#endif
