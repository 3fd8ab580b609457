/* math/scalar.h - rule 8, one value at a time: exp and what is built on it. The vector forms (vec.h) give the same bits.
 *
 * exp: arguments below -87 give +0, above 88 count as 88; at most 2 ulp off in between, exp(+-0) = 1, never above 1 for
 * x <= 0. Coefficients: ARM optimized-routines (MIT), vector expf. A NaN in gives an unspecified value out: callers test
 * for NaN where the profile says so, before or after. */
#ifndef MATH_SCALAR_H
#define MATH_SCALAR_H

#include <stdint.h>

float canon_exp(float x);
float canon_silu(float x);             /* x / (1 + exp(-x)) */
float canon_gelu(float x);             /* the tanh form */
float canon_softcap(float x, float c); /* c * tanh(x / c) */
/* Nearest integer, ties to even, |x| < 2^22. */
float canon_rint(float x);
/* Upper 64 bits of a * b: the sampler's draw (rule 12 g). */
static inline uint64_t canon_mulhi64(uint64_t a, uint64_t b) {
    __extension__ typedef unsigned __int128 u128;
    return (uint64_t)((u128)a * b >> 64);
}
/* Sampler weight of a logit (rule 12 c): u64(exp((l - l_max) / temperature) * 2^40), truncated; at most 2^40. */
uint64_t canon_weight(float l, float l_max, float temperature);

#endif
