/* math/plain.h - the plain C forms, where a SIMD table has nothing better. */
#ifndef MATH_PLAIN_H
#define MATH_PLAIN_H

#include "math/kern_table.h"

tile_fn plain_tile_f32, plain_tile_f16, plain_tile_bf16;
tile_fn plain_tile_q8_0, plain_tile_q4_0, plain_tile_q4_1, plain_tile_q5_0, plain_tile_q5_1, plain_tile_iq4_nl, plain_tile_mxfp4;
tile_fn plain_tile_q2_k, plain_tile_q3_k, plain_tile_q4_k, plain_tile_q5_k, plain_tile_q6_k, plain_tile_iq4_xs;

uint32_t plain_amax_bits(const float *x, uint32_t n);
void plain_quantise(const float *x, uint32_t n, float r, int8_t *q, int32_t *sums16);

/* The folds of rule 6, in place: returns s[0]. */
float plain_fold64(float s[64]);

void plain_to_f16(uint16_t *out, const float *x, size_t n);
void plain_scores(const uint8_t *k, uint32_t groups, uint32_t head_dim, const float *q, uint32_t width, float *s);
int plain_softmax(float *s, uint32_t from, uint32_t to, float scale, float softcap, float *m, float *l);
void plain_values(const uint8_t *const *v, uint32_t from, uint32_t to, uint32_t dim_padded, const float *e, uint32_t width,
                  float *o);
void plain_values_q8(const uint8_t *const *v, uint32_t from, uint32_t to, uint32_t head_dim, const float *e, uint32_t width,
                     float *o);
void plain_merge(float *o, const float *oc, uint32_t n, float a, float b);
void plain_divide(float *y, const float *o, uint32_t n, float l);

#endif
