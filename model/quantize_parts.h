/* model/quantize_parts.h - one block of finite values to each format; shared by quantize.c (the table), quantize_32.c and
 * quantize_256.c. Layouts as drawn in math/block.h. Plain rounding, with a search over a few scales where it pays. */
#ifndef MODEL_QUANTIZE_PARTS_H
#define MODEL_QUANTIZE_PARTS_H

#include <math.h>
#include <stdint.h>

#include "math/float_bits.h"

static inline void put16(uint8_t *to, uint16_t v) {
    to[0] = (uint8_t)v;
    to[1] = (uint8_t)(v >> 8);
}

/* To the nearest whole number of a range; ties to even, the mode every program starts in. */
static inline int quantize_clamp(float x, int lo, int hi) {
    float r = nearbyintf(x);
    return r < (float)lo ? lo : r > (float)hi ? hi : (int)r;
}
/* 1/x, 0 for 0: what has no scale becomes zeros. */
static inline float quantize_inverse(float x) { return x != 0 ? 1.0f / x : 0; }

/* The value of largest size, with its sign. */
float quantize_top(const float *x, unsigned n);
/* A step for which whole numbers -limit..limit-1 come near to n values: least squared error, large values weighing more (x^2),
 * among the obvious step and some around it, each followed by the best step for the integers it gives. */
float quantize_step(const float *x, unsigned n, int limit);
/* The same for the 16 values of IQ4_NL and IQ4_XS. */
float quantize_table_step(const float *x, unsigned n);
/* The nibble of the table's value nearest to x. */
unsigned quantize_table_code(float x);
/* 32 codes of 4 bits (more are ignored) as 16 bytes: i in the low, i + 16 in the high nibbles. */
void quantize_put_nibbles(const uint8_t code[32], uint8_t out[16]);

typedef void quantize_fn(const float *x, uint8_t *out);
quantize_fn to_q8_0, to_q4_0, to_q4_1, to_q5_0, to_q5_1, to_iq4_nl, to_mxfp4; /* 32 values */
quantize_fn to_q2_k, to_q3_k, to_q4_k, to_q5_k, to_q6_k, to_iq4_xs;           /* 256 values */

#endif
