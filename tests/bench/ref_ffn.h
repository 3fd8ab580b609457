/* tests/bench/ref_ffn.h - double precision: the gated feed-forward part, plain or of chosen experts. */
#ifndef TESTS_REF_FFN_H
#define TESTS_REF_FFN_H

#include "tests/bench/ref_parts.h"

static double ref_act(const struct ref *r, double x) {
    if (!r->h.family->gelu) return x / (1 + exp(-x));
    return x / 2 * (1 + tanh(sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x)));
}

/* out[t] = down(act(gate x[t]) * up x[t]); gate and up are room for n * n_ff. */
static void ref_gated(const struct ref *r, const struct ref_rows part[3], const double *x, double *gate, double *up, double *out,
                      uint32_t n) {
    ref_mul(part[0], x, gate, n);
    ref_mul(part[1], x, up, n);
    for (size_t i = 0; i < (size_t)n * r->h.n_ff; i++) gate[i] = ref_act(r, gate[i]) * up[i];
    ref_mul(part[2], gate, out, n);
}

static void ref_dense(const struct ref *r, int y, const double *x, double *gate, double *up, double *out, uint32_t n) {
    struct ref_rows part[3] = {ref_all(ref_tensor(r, y, "ffn_gate.weight"), NULL),
                               ref_all(ref_tensor(r, y, "ffn_up.weight"), NULL),
                               ref_all(ref_tensor(r, y, "ffn_down.weight"), NULL)};
    if (!part[0].w) { /* fused */
        part[0] = (struct ref_rows){part[1].w, NULL, 0, r->h.n_ff};
        part[1].first = part[1].count = r->h.n_ff;
    }
    ref_gated(r, part, x, gate, up, out, n);
}

/* The largest `used` of p by value; the others become 0, and these sum to 1. */
static void ref_choose(double *p, uint32_t n, uint32_t used) {
    double sum = 0, max = -INFINITY, *kept = calloc(n, sizeof *kept);
    for (uint32_t i = 0; i < n; i++) max = fmax(max, p[i]);
    for (uint32_t k = 0; k < used; k++) {
        uint32_t best = 0;
        for (uint32_t i = 1; i < n; i++)
            if (p[i] > p[best]) best = i;
        sum += kept[best] = exp(p[best] - max);
        p[best] = -INFINITY;
    }
    for (uint32_t i = 0; i < n; i++) p[i] = kept[i] / sum;
    free(kept);
}

static void ref_experts(const struct ref *r, int y, const double *x, double *gate, double *up, double *out, uint32_t n) {
    const struct hparams *h = &r->h;
    static const char *const names[3] = {"ffn_gate_exps.weight", "ffn_up_exps.weight", "ffn_down_exps.weight"};
    double *p = malloc((size_t)n * h->n_expert * sizeof *p), *one = malloc(h->n_embd * sizeof *one);
    ref_mul(ref_all(ref_tensor(r, y, "ffn_gate_inp.weight"), NULL), x, p, n);
    memset(out, 0, (size_t)n * h->n_embd * sizeof *out);
    for (uint32_t t = 0; t < n; t++) {
        double *pt = p + (size_t)t * h->n_expert;
        ref_choose(pt, h->n_expert, h->n_expert_used);
        for (uint32_t e = 0; e < h->n_expert; e++) {
            struct ref_rows part[3];
            if (pt[e] == 0) continue;
            for (int i = 0; i < 3; i++) {
                part[i] = ref_all(ref_tensor(r, y, names[i]), NULL);
                part[i].first = e * part[i].count;
            }
            ref_gated(r, part, x + (size_t)t * h->n_embd, gate, up, one, 1);
            for (uint32_t i = 0; i < h->n_embd; i++) out[(size_t)t * h->n_embd + i] += pt[e] * one[i];
        }
    }
    free(p), free(one);
}

#endif
