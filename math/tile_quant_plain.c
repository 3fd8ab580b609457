/* math/tile_quant_plain.c - the reference of the product with quantised weights (rules 3 and 4): one output after another. */
#include <math.h>

#include "math/float_bits.h"
#include "math/packed.h"
#include "math/plain.h"

/* `kind` is a constant of each caller, and everything that tests it goes away */
#define INLINE static inline __attribute__((always_inline))

/* The code of column 4*g + i of a part; `part` is the row's first byte of its first line. */
INLINE uint8_t code_at(enum weight_kernel kind, const uint8_t *part, unsigned g, unsigned i) {
    unsigned half = g / 4, in = g % 4;
    switch (kind) {
    case WK_Q8_0: return part[64 * g + i];
    case WK_Q2_K: return part[64 * half + i] >> 2 * in & 3;
    case WK_Q3_K: return (uint8_t)((part[64 * half + i] >> 2 * in & 3) | (part[128 + i] >> g & 1) << 2);
    case WK_Q6_K:
        part += 192 * half;
        return (uint8_t)((part[64 * (in / 2) + i] >> in % 2 * 4 & 15) | (part[128 + i] >> 2 * in & 3) << 4);
    case WK_Q5_0:
    case WK_Q5_1:
    case WK_Q5_K: return (uint8_t)((part[64 * in + i] >> 4 * half & 15) | (part[256 + i] >> g & 1) << 4);
    default: return part[64 * in + i] >> 4 * half & 15;
    }
}

/* Sum of weight times activation over k-groups [g0, g1) of a part; a: the token's dword of k-group 0, `row` bytes apart. */
INLINE int32_t dot(enum weight_kernel kind, const uint8_t *part, unsigned g0, unsigned g1, const uint8_t *a, size_t row) {
    int32_t sum = 0;
    for (unsigned g = g0; g < g1; g++)
        for (unsigned i = 0; i < 4; i++) sum += block_value(kind, code_at(kind, part, g, i)) * (int8_t)a[g * row + i];
    return sum;
}

INLINE float scale_of(enum weight_kernel kind, const uint8_t *scale) {
    return kind == WK_MXFP4 ? bf16_to_f32(load_u16(scale)) : f16_to_f32(load_u16(scale));
}

INLINE float chain_32(enum weight_kernel kind, const uint8_t *group, uint32_t cols, const uint8_t *act, size_t row, uint32_t r) {
    float acc = 0.0f;
    for (uint32_t b = 0; b < cols / 32; b++, act += ACT32_BYTES / 4 * row) {
        const uint8_t *scale = group + kind_scale_at(kind, b) + 2 * r;
        int32_t sum = dot(kind, group + kind_body_at(kind, b) + 4 * r, 0, 8, act + 3 * row, row);
        float da = load_f32(act), d = scale_of(kind, scale) * da;
        acc = fmaf((float)sum, d, acc);
        if (block_has_minimum(kind)) {
            int32_t s = load_i32(act + row) / -8;
            float m = scale_of(kind, scale + 32) * da;
            acc = fmaf((float)s, m, acc);
        }
    }
    return acc;
}

/* One block of 256: sums of scales times dots, and of minimums times the activations' sums. */
INLINE void sums_256(enum weight_kernel kind, const uint8_t *body, const uint8_t *act, size_t row, uint32_t r, int32_t *dots,
                     int32_t *mins) {
    const uint8_t *columns = act + ACT256_COLUMNS / 4 * row;
    unsigned subs = block_sub_is_32(kind) ? 8 : 16, groups = 64 / subs;
    for (unsigned j = 0; j < subs; j++) {
        const uint8_t *s = body + 32 * (j / 2) + 2 * r + j % 2;
        const uint8_t *sum_at = act + ((subs == 8 ? ACT256_SUMS32 : ACT256_SUMS16) / 4u + j / 2) * row + j % 2 * 2;
        unsigned part = j * groups / 8, g = j * groups % 8;
        int32_t sc = kind == WK_Q2_K ? *s & 15 : (int8_t)*s, a_sum = (int16_t)load_u16(sum_at);
        *dots += sc * dot(kind, body + sub_scale_bytes(kind) + part * part_bytes(kind) + 4 * r, g, g + groups,
                          columns + 8 * part * row, row);
        if (block_has_minimum(kind)) *mins += (kind == WK_Q2_K ? *s >> 4 : s[PACK_MINIMUMS]) * a_sum;
    }
}

INLINE float chain_256(enum weight_kernel kind, const uint8_t *group, uint32_t cols, const uint8_t *act, size_t row, uint32_t r) {
    float acc = 0.0f;
    for (uint32_t b = 0; b < cols / 256; b++, act += ACT256_BYTES / 4 * row) {
        const uint8_t *scale = group + kind_scale_at(kind, b) + 2 * r;
        int32_t dots = 0, mins = 0;
        sums_256(kind, group + kind_body_at(kind, b), act, row, r, &dots, &mins);
        float da = load_f32(act), d = f16_to_f32(load_u16(scale)) * da;
        acc = fmaf((float)dots, d, acc);
        if (block_has_minimum(kind)) {
            float m = f16_to_f32(load_u16(scale + 32)) * da;
            acc = fmaf((float)mins, -m, acc);
        }
    }
    return acc;
}

#define TILE(name, chain, kind)                                                                                                \
    void plain_tile_##name(const uint8_t *group, uint32_t cols, const uint8_t *panel, uint32_t width, float *out) {            \
        for (uint32_t t = 0; t < width; t++)                                                                                   \
            for (uint32_t r = 0; r < 16; r++) out[16 * t + r] = chain(kind, group, cols, panel + 4 * t, 4 * (size_t)width, r); \
    }
TILE(q8_0, chain_32, WK_Q8_0)
TILE(q4_0, chain_32, WK_Q4_0)
TILE(q4_1, chain_32, WK_Q4_1)
TILE(q5_0, chain_32, WK_Q5_0)
TILE(q5_1, chain_32, WK_Q5_1)
TILE(iq4_nl, chain_32, WK_IQ4_NL)
TILE(mxfp4, chain_32, WK_MXFP4)
TILE(q2_k, chain_256, WK_Q2_K)
TILE(q3_k, chain_256, WK_Q3_K)
TILE(q4_k, chain_256, WK_Q4_K)
TILE(q5_k, chain_256, WK_Q5_K)
TILE(q6_k, chain_256, WK_Q6_K)
TILE(iq4_xs, chain_256, WK_IQ4_XS)
