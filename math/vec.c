/* math/vec.c - vectors: thin drivers over the kernels. */
#include "math/vec.h"

#include <math.h>

#include "math/kern_table.h"
#include "math/rope.h"

float vec_sum64(const struct kern *k, const float *x, size_t n) { return k->sum64(x, n); }

float vec_rms(const struct kern *k, const float *x, size_t n, float eps) {
    float ms = k->sum64_squares(x, n) / (float)n;
    return 1.0f / sqrtf(ms + eps);
}

void vec_rmsnorm(const struct kern *k, float *y, const float *x, const float *w, size_t n, float eps) {
    k->norm(y, x, w, n, vec_rms(k, x, n, eps));
}

void vec_gain(const struct kern *k, float *y, const float *x, const float *w, size_t n) { k->norm(y, x, w, n, 1.0f); }

void vec_add(const struct kern *k, float *y, const float *a, const float *b, size_t n) { k->add(y, a, b, n); }
void vec_scale(const struct kern *k, float *y, const float *x, float s, size_t n) { k->scale(y, x, s, n); }
/* The merge of attention with nothing to shrink: fma(x, a, y * 1). It takes multiples of 16. */
void vec_axpy(const struct kern *k, float *y, const float *x, float a, size_t n) {
    size_t whole = n & ~(size_t)15;
    k->merge(y, x, (uint32_t)whole, 1.0f, a);
    for (size_t i = whole; i < n; i++) y[i] = fmaf(x[i], a, y[i]);
}
/* Division is correctly rounded whatever the compiler makes of this. */
void vec_divide(float *y, const float *x, float d, size_t n) {
    for (size_t i = 0; i < n; i++) y[i] = x[i] / d;
}
void vec_exp(const struct kern *k, float *y, const float *x, size_t n) { k->exp(y, x, n); }
void vec_swiglu(const struct kern *k, float *y, const float *g, const float *u, size_t n) { k->swiglu(y, g, u, n); }
void vec_geglu(const struct kern *k, float *y, const float *g, const float *u, size_t n) { k->geglu(y, g, u, n); }
void vec_softcap(const struct kern *k, float *y, const float *x, float c, size_t n) { k->softcap(y, x, c, n); }
int vec_finite(const struct kern *k, const float *x, size_t n) { return k->finite(x, n); }

void rope_apply(const struct kern *k, float *head, uint32_t n_rot, enum rope_pairs pairs, const float *cos_row,
                const float *sin_row) {
    if (pairs == ROPE_PAIRS_HALF)
        k->rope_half(head, head + n_rot / 2, cos_row, sin_row, n_rot / 2);
    else
        k->rope_next(head, cos_row, sin_row, n_rot / 2);
}
