/* tests/bench/ref_parts.h - double precision: tensors by name, products with decoded weights, norms. */
#ifndef TESTS_REF_PARTS_H
#define TESTS_REF_PARTS_H

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

static float ref_f32(const struct gguf_tensor *t, size_t i) {
    float x;
    memcpy(&x, t->data + 4 * i, 4);
    return x;
}

/* Some rows of a tensor, all its dimensions counted as one list of rows. */
struct ref_rows {
    const struct gguf_tensor *w, *bias;
    size_t first, count;
};
static struct ref_rows ref_all(const struct gguf_tensor *w, const struct gguf_tensor *bias) {
    return (struct ref_rows){w, bias, 0, w ? w->dims[1] : 0};
}

/* Eight sums side by side: the processor need not wait for each addition. */
static double ref_dot(const float *w, const double *x, uint32_t n) {
    double s[8] = {0};
    uint32_t k = 0;
    for (; k + 8 <= n; k += 8)
        for (uint32_t j = 0; j < 8; j++) s[j] += (double)w[k + j] * x[k + j];
    for (; k < n; k++) s[0] += (double)w[k] * x[k];
    return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
}

/* y[t][i] = sum of W[first + i][k] * x[t][k], plus bias. */
static void ref_mul(struct ref_rows m, const double *x, double *y, uint32_t n) {
    const struct weight_type *type = weight_type_of(m.w->type);
    uint32_t cols = (uint32_t)m.w->dims[0];
    float *row = malloc(cols * sizeof *row);
    for (size_t i = 0; i < m.count; i++) {
        weight_row_decode(type, m.w->data + (m.first + i) * weight_row_bytes(type, cols), cols, row);
        double bias = m.bias ? (double)ref_f32(m.bias, i) : 0;
        for (uint32_t t = 0; t < n; t++) y[t * m.count + i] = ref_dot(row, x + (size_t)t * cols, cols) + bias;
    }
    free(row);
}

/* n values; y may be x. */
static void ref_norm(const struct gguf_tensor *w, const double *x, double *y, size_t n, double eps) {
    double ms = 0;
    for (size_t i = 0; i < n; i++) ms += x[i] * x[i];
    double scale = 1 / sqrt(ms / (double)n + eps);
    for (size_t i = 0; i < n; i++) y[i] = x[i] * scale * (double)ref_f32(w, i);
}

static double ref_softcap(double x, double cap) { return cap != 0 ? cap * tanh(x / cap) : x; }

#endif
