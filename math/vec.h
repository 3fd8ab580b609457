/* math/vec.h - rules 6, 7, 8 on vectors. Outputs may be the same array as an input; they may not overlap otherwise. */
#ifndef MATH_VEC_H
#define MATH_VEC_H

#include <stddef.h>

#include "math/kern.h"

/* SUM64 of x (64 lanes, then folds; rule 6). */
float vec_sum64(const struct kern *k, const float *x, size_t n);
/* y = x / sqrt(mean(x^2) + eps) * w (rule 7). Also the per-head norm, with n = head_dim. n >= 1. */
void vec_rmsnorm(const struct kern *k, float *y, const float *x, const float *w, size_t n, float eps);
/* The norm's two halves, for who has its gains elsewhere: 1 / sqrt(mean(x^2) + eps); y = x * w. */
float vec_rms(const struct kern *k, const float *x, size_t n, float eps);
void vec_gain(const struct kern *k, float *y, const float *x, const float *w, size_t n);
void vec_add(const struct kern *k, float *y, const float *a, const float *b, size_t n);    /* y = a + b */
void vec_scale(const struct kern *k, float *y, const float *x, float s, size_t n);         /* y = x * s */
void vec_axpy(const struct kern *k, float *y, const float *x, float a, size_t n);          /* y = fma(a, x, y) */
void vec_divide(float *y, const float *x, float d, size_t n);                              /* y = x / d */
void vec_exp(const struct kern *k, float *y, const float *x, size_t n);                    /* canon_exp */
void vec_swiglu(const struct kern *k, float *y, const float *g, const float *u, size_t n); /* silu(g) * u */
void vec_geglu(const struct kern *k, float *y, const float *g, const float *u, size_t n);  /* gelu(g) * u */
void vec_softcap(const struct kern *k, float *y, const float *x, float c, size_t n);       /* c * tanh(x / c) */
/* 1 if no element is NaN or infinite (logits, norms and biases at load). */
int vec_finite(const struct kern *k, const float *x, size_t n);

#endif
