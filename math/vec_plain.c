/* math/vec_plain.c - the reference of the vector functions (rules 6 to 9), and the plain table. */
#include <math.h>

#include "math/float_bits.h"
#include "math/ntt_kern.h"
#include "math/plain.h"
#include "math/row8_layout.h"
#include "math/scalar.h"

float plain_fold64(float s[64]) {
    for (int h = 32; h >= 1; h /= 2)
        for (int j = 0; j < h; j++) s[j] = s[j] + s[j + h];
    return s[0];
}

static float sum64(const float *x, size_t n) {
    float s[64] = {0};
    for (size_t i = 0; i < n; i++) s[i % 64] = s[i % 64] + x[i];
    return plain_fold64(s);
}
static float sum64_squares(const float *x, size_t n) {
    float s[64] = {0};
    for (size_t i = 0; i < n; i++) s[i % 64] = fmaf(x[i], x[i], s[i % 64]);
    return plain_fold64(s);
}
static void norm(float *y, const float *x, const float *w, size_t n, float r) {
    for (size_t i = 0; i < n; i++) y[i] = (x[i] * r) * w[i];
}
static void add(float *y, const float *a, const float *b, size_t n) {
    for (size_t i = 0; i < n; i++) y[i] = a[i] + b[i];
}
static void scale(float *y, const float *x, float s, size_t n) {
    for (size_t i = 0; i < n; i++) y[i] = x[i] * s;
}
static void exp_all(float *y, const float *x, size_t n) {
    for (size_t i = 0; i < n; i++) y[i] = canon_exp(x[i]);
}
static void swiglu(float *y, const float *g, const float *u, size_t n) {
    for (size_t i = 0; i < n; i++) y[i] = canon_silu(g[i]) * u[i];
}
static void geglu(float *y, const float *g, const float *u, size_t n) {
    for (size_t i = 0; i < n; i++) y[i] = canon_gelu(g[i]) * u[i];
}
static void softcap(float *y, const float *x, float c, size_t n) {
    for (size_t i = 0; i < n; i++) y[i] = canon_softcap(x[i], c);
}
static int all_finite(const float *x, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (f32_not_finite(x[i])) return 0;
    return 1;
}

static void rotate(float *x0, float *x1, float c, float s) {
    float t = *x1 * s, y0 = fmaf(*x0, c, -t);
    t = *x1 * c;
    *x1 = fmaf(*x0, s, t);
    *x0 = y0;
}
static void rope_half(float *x0, float *x1, const float *c, const float *s, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) rotate(x0 + i, x1 + i, c[i], s[i]);
}
static void rope_next(float *x, const float *c, const float *s, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) rotate(x + 2 * i, x + 2 * i + 1, c[i], s[i]);
}

static int always(void) { return 1; }

const struct kern kern_plain = {
    .name = "plain",
    .supported = always,
    .tile = {plain_tile_f32, plain_tile_f16, plain_tile_bf16, QUANT_TILES(plain_tile)},
    .row8 = plain_row8,
    .fold = plain_fold,
    .ntt = &ntt_plain,
    .amax_bits = plain_amax_bits,
    .quantise = plain_quantise,
    .sum64 = sum64,
    .sum64_squares = sum64_squares,
    .norm = norm,
    .add = add,
    .scale = scale,
    .exp = exp_all,
    .swiglu = swiglu,
    .geglu = geglu,
    .softcap = softcap,
    .finite = all_finite,
    .rope_half = rope_half,
    .rope_next = rope_next,
    .to_f16 = plain_to_f16,
    .scores = plain_scores,
    .softmax = plain_softmax,
    .values = plain_values,
    .values_q8 = plain_values_q8,
    .merge = plain_merge,
    .divide = plain_divide,
};
