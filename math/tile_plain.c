/* math/tile_plain.c - the reference of the matrix product (rules 2 to 5): one output after another. */
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

/* sum w_i * a_i over the 4 columns of one dword; weights are bytes with an offset */
static int32_t dot4(const uint8_t *w, int32_t offset, const uint8_t *a) {
    int32_t sum = 0;
    for (int i = 0; i < 4; i++) sum += (w[i] - offset) * (int8_t)a[i];
    return sum;
}

void plain_tile_q8_0(const uint8_t *group, uint32_t cols, const uint8_t *panel, uint32_t width, float *out) {
    size_t row = 4 * (size_t)width;
    for (uint32_t t = 0; t < width; t++)
        for (uint32_t r = 0; r < 16; r++) {
            float acc = 0.0f;
            for (uint32_t b = 0; b < cols / 32; b++) {
                const uint8_t *body = group + body_at(b, BODY_Q8_0) + 4 * r,
                              *act = panel + b * ACT32_BYTES * (size_t)width + 4 * t;
                int32_t sum = 0;
                for (uint32_t g = 0; g < 8; g++) sum += dot4(body + 64 * g, 128, act + (3 + g) * row);
                float d = f16_to_f32(load_u16(group + scale_at(b, BODY_Q8_0) + 2 * r)) * load_f32(act);
                acc = fmaf((float)sum, d, acc);
            }
            out[16 * t + r] = acc;
        }
}

void plain_tile_q4_0(const uint8_t *group, uint32_t cols, const uint8_t *panel, uint32_t width, float *out) {
    size_t row = 4 * (size_t)width;
    for (uint32_t t = 0; t < width; t++)
        for (uint32_t r = 0; r < 16; r++) {
            float acc = 0.0f;
            for (uint32_t b = 0; b < cols / 32; b++) {
                const uint8_t *body = group + body_at(b, BODY_Q4_0) + 4 * r,
                              *act = panel + b * ACT32_BYTES * (size_t)width + 4 * t;
                int32_t sum = 0;
                for (uint32_t g = 0; g < 4; g++)
                    for (uint32_t i = 0; i < 4; i++) {
                        int32_t w = body[64 * g + i];
                        sum += ((w & 15) - 8) * (int8_t)act[(3 + g) * row + i];
                        sum += ((w >> 4) - 8) * (int8_t)act[(7 + g) * row + i];
                    }
                float d = f16_to_f32(load_u16(group + scale_at(b, BODY_Q4_0) + 2 * r)) * load_f32(act);
                acc = fmaf((float)sum, d, acc);
            }
            out[16 * t + r] = acc;
        }
}

/* sum (q - 32) * a over one sub-block of 16; lines: this row's dwords of the sub-block, a: the token's dwords, `row` apart */
static int32_t q6k_sub(const uint8_t *lines, const uint8_t *a, size_t row) {
    int32_t sum = 0;
    for (uint32_t i = 0; i < 4; i++) {
        int32_t l0 = lines[i], l1 = lines[64 + i], h = lines[128 + i];
        sum += (((l0 & 15) | (h & 3) << 4) - 32) * (int8_t)a[i];
        sum += ((l0 >> 4 | (h >> 2 & 3) << 4) - 32) * (int8_t)a[row + i];
        sum += (((l1 & 15) | (h >> 4 & 3) << 4) - 32) * (int8_t)a[2 * row + i];
        sum += ((l1 >> 4 | (h >> 6) << 4) - 32) * (int8_t)a[3 * row + i];
    }
    return sum;
}

void plain_tile_q6_k(const uint8_t *group, uint32_t cols, const uint8_t *panel, uint32_t width, float *out) {
    size_t row = 4 * (size_t)width;
    for (uint32_t t = 0; t < width; t++)
        for (uint32_t r = 0; r < 16; r++) {
            float acc = 0.0f;
            for (uint32_t b = 0; b < cols / 256; b++) {
                const uint8_t *body = group + body_at(b, BODY_Q6_K), *act = panel + b * ACT256_BYTES * (size_t)width + 4 * t;
                int32_t sum = 0;
                for (uint32_t j = 0; j < 16; j++) {
                    const uint8_t *a = act + row + 5 * j * row; /* first the scales, then per sub-block sums and 4 rows */
                    sum += (int8_t)body[16 * j + r] * q6k_sub(body + Q6K_SCALES + Q6K_SUB * j + 4 * r, a + row, row);
                }
                float d = f16_to_f32(load_u16(group + scale_at(b, BODY_Q6_K) + 2 * r)) * load_f32(act);
                acc = fmaf((float)sum, d, acc);
            }
            out[16 * t + r] = acc;
        }
}
