/* math/tile_plain.c - activations (rule 2) and float weights (rule 5), plain: one output after another. */
#include <math.h>

#include "math/float_bits.h"
#include "math/packed.h"
#include "math/plain.h"

uint32_t plain_amax_bits(const float *x, uint32_t n) {
    uint32_t m = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t b = f32_bits(x[i]) & 0x7fffffffu;
        m = b > m ? b : m;
    }
    return m;
}

void plain_quantise(const float *x, uint32_t n, float r, int8_t *q, int32_t *sums16) {
    for (uint32_t j = 0; j < n / 16; j++) {
        int32_t sum = 0;
        for (uint32_t i = 16 * j; i < 16 * j + 16; i++) {
            float p = x[i] * r;
            q[i] = (int8_t)((p + 0x1.8p23f) - 0x1.8p23f); /* to nearest, ties to even: |p| < 128 */
            sum += q[i];
        }
        sums16[j] = sum;
    }
}

/* Rule 5 for one row and token: w is the row's first weight, 16 weights apart; x the token's, width apart. */
static float float_chain(const uint8_t *w, uint32_t cols, const uint8_t *x, uint32_t width, enum weight_kernel kind) {
    float acc = 0.0f;
    for (uint32_t k0 = 0; k0 < cols; k0 += 32) {
        float p = 0.0f;
        for (uint32_t k = k0; k < k0 + 32 && k < cols; k++) {
            const uint8_t *wk = w + float_line(k, cols) * (kind == WK_F32 ? 64 : 32);
            float v = kind == WK_F32 ? load_f32(wk) : kind == WK_F16 ? f16_to_f32(load_u16(wk)) : bf16_to_f32(load_u16(wk));
            p = fmaf(v, load_f32(x + 4 * (size_t)k * width), p);
        }
        acc = acc + p;
    }
    return acc;
}

static void tile_float(const uint8_t *group, uint32_t cols, const uint8_t *panel, uint32_t width, float *out,
                       enum weight_kernel kind) {
    for (uint32_t t = 0; t < width; t++)
        for (uint32_t r = 0; r < 16; r++)
            out[16 * t + r] = float_chain(group + r * (kind == WK_F32 ? 4u : 2u), cols, panel + 4 * t, width, kind);
}

void plain_tile_f32(const uint8_t *group, uint32_t cols, const uint8_t *panel, uint32_t width, float *out) {
    tile_float(group, cols, panel, width, out, WK_F32);
}
void plain_tile_f16(const uint8_t *group, uint32_t cols, const uint8_t *panel, uint32_t width, float *out) {
    tile_float(group, cols, panel, width, out, WK_F16);
}
void plain_tile_bf16(const uint8_t *group, uint32_t cols, const uint8_t *panel, uint32_t width, float *out) {
    tile_float(group, cols, panel, width, out, WK_BF16);
}
