/* math/rope.h - rotary position embedding (rule 9): frequencies and angles in binary64 with + - * / floor only, so that they
 * are the same everywhere; one rounding to binary32 at the end. */
#ifndef MATH_ROPE_H
#define MATH_ROPE_H

#include <stdint.h>

#include "base/err.h"
#include "math/kern.h"

enum { ROPE_DIM_MAX = 512, ROPE_POS_MAX = 1 << 24 };
enum rope_scaling { ROPE_NONE, ROPE_LINEAR, ROPE_YARN };
enum rope_pairs { ROPE_PAIRS_NEXT, ROPE_PAIRS_HALF }; /* (2i, 2i+1): llama; (i, i + n_rot/2): qwen, gemma, phi ("neox") */

struct rope_params {
    uint32_t n_rot; /* rotated dimensions, even, 2..ROPE_DIM_MAX */
    float base;     /* > 1 */
    enum rope_scaling scaling;
    float factor;               /* linear, yarn: >= 1 */
    uint32_t n_orig;            /* yarn: the original context length */
    float beta_fast, beta_slow; /* yarn; 0 means 32 and 1 */
    float attn_factor;          /* 0 means 1 */
    const float *freq_div;      /* n_rot/2 divisors (rope_freqs.weight) or NULL */
};
struct rope {
    uint32_t n_rot;
    double m; /* magnitude of the entries */
    double freq[ROPE_DIM_MAX / 2];
};
/* 0, or ERR_RANGE for parameters outside what is written above (non-finite ones too). */
int rope_init(struct rope *r, const struct rope_params *p);
/* The table row of one position: n_rot/2 cosines and n_rot/2 sines. pos < ROPE_POS_MAX. */
void rope_row(const struct rope *r, uint32_t pos, float *cos_out, float *sin_out);
/* Rotates one head's first n_rot dimensions in place; the rest passes unchanged. */
void rope_apply(const struct kern *k, float *head, uint32_t n_rot, enum rope_pairs pairs, const float *cos_row,
                const float *sin_row);

/* The binary64 functions behind it, for tests. x > 0; |x| < 700; 0 <= a < 2^25. */
double rope_ln(double x);
double rope_exp(double x);
void rope_sincos(double a, double *s, double *c);

#endif
