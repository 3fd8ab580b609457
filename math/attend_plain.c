/* math/attend_plain.c - the reference of attention's parts (rules 10, 11). */
#include <math.h>
#include <string.h>

#include "math/float_bits.h"
#include "math/packed.h"
#include "math/plain.h"
#include "math/scalar.h"

void plain_to_f16(uint16_t *out, const float *x, size_t n) {
    for (size_t i = 0; i < n; i++) out[i] = f32_to_f16_sat(x[i]);
}

void plain_scores(const uint8_t *k, uint32_t groups, uint32_t head_dim, const float *q, uint32_t width, float *s) {
    for (uint32_t row = 0; row < width; row++)
        for (uint32_t i = 0; i < 16 * groups; i++) {
            const uint8_t *key = k + (size_t)(i / 16) * head_dim * 32 + i % 16 * 2;
            float acc = 0.0f;
            for (uint32_t d = 0; d < head_dim; d++)
                acc = fmaf(q[d * width + row], f16_to_f32(load_u16(key + 32 * (size_t)d)), acc);
            s[row * KV_CHUNK + i] = acc;
        }
}

int plain_softmax(float *s, uint32_t from, uint32_t to, float scale, float softcap, float *m, float *l) {
    float max = -INFINITY, lanes[64] = {0};
    for (uint32_t i = from; i < to; i++) {
        s[i] = s[i] * scale;
        if (f32_not_finite(s[i])) return ERR_NONFINITE;
        if (softcap != 0.0f) s[i] = canon_softcap(s[i], softcap);
        max = s[i] > max ? s[i] : max;
    }
    for (uint32_t i = 0; i < ((to + 63) & ~63u); i++) {
        s[i] = i < from || i >= to ? 0.0f : canon_exp(s[i] - max);
        lanes[i % 64] = lanes[i % 64] + s[i];
    }
    *m = max;
    *l = plain_fold64(lanes);
    return 0;
}

void plain_values(const uint8_t *const *v, uint32_t from, uint32_t to, uint32_t dim_padded, const float *e, uint32_t width,
                  float *o) {
    for (uint32_t row = 0; row < width; row++)
        for (uint32_t d = 0; d < dim_padded; d++) {
            float acc = 0.0f;
            for (uint32_t i = from; i < to; i++) {
                const uint8_t *value = v[i / KV_PAGE] + ((size_t)(i % KV_PAGE) * dim_padded + d) * 2;
                acc = fmaf(e[row * KV_CHUNK + i], f16_to_f32(load_u16(value)), acc);
            }
            o[row * HEAD_DIM_MAX + d] = acc;
        }
}

void plain_values_q8(const uint8_t *const *v, uint32_t from, uint32_t to, uint32_t head_dim, const float *e, uint32_t width,
                     float *o) {
    for (uint32_t row = 0; row < width; row++)
        for (uint32_t d = 0; d < head_dim; d++) {
            float acc = 0.0f;
            for (uint32_t i = from; i < to; i++) {
                const uint8_t *block = v[i / KV_PAGE] + d / 32 * (size_t)KV_V8_BLOCK;
                uint32_t slot = i % KV_PAGE;
                float weight = e[row * KV_CHUNK + i] * f16_to_f32(load_u16(block + 2 * slot));
                acc = fmaf(weight, (float)(int8_t)block[KV_V8_SCALES + 32 * slot + d % 32], acc);
            }
            o[row * HEAD_DIM_MAX + d] = acc;
        }
}

void plain_merge(float *o, const float *oc, uint32_t n, float a, float b) {
    for (uint32_t i = 0; i < n; i++) o[i] = fmaf(oc[i], b, o[i] * a);
}
void plain_divide(float *y, const float *o, uint32_t n, float l) {
    for (uint32_t i = 0; i < n; i++) y[i] = o[i] / l + 0.0f; /* + 0 turns -0 into +0 */
}
