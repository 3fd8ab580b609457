/* math/neon_dots.h - sums of four products of signed bytes: sum[t][v] += the k-groups of two vectors of rows times a token. */
#ifndef MATH_NEON_DOTS_H
#define MATH_NEON_DOTS_H

#include "math/packed.h"

enum { NEON_TOKENS = 4 };

/* `groups` k-groups of n tokens of a panel of w. The dwords of k-group g are at act + 4 * g * w, a token each. */
ALWAYS_INLINE void neon_sdot(unsigned n, unsigned groups, int8x16_t q[][2], const uint8_t *act, unsigned w,
                             int32x4_t sum[NEON_TOKENS][2]) {
    EACH(g, groups) {
        if (n == NEON_TOKENS) {
            int8x16_t a = vreinterpretq_s8_u8(vld1q_u8(act + (size_t)4 * g * w));
            EACH(v, 2) {
                sum[0][v] = vdotq_laneq_s32(sum[0][v], q[g][v], a, 0);
                sum[1][v] = vdotq_laneq_s32(sum[1][v], q[g][v], a, 1);
                sum[2][v] = vdotq_laneq_s32(sum[2][v], q[g][v], a, 2);
                sum[3][v] = vdotq_laneq_s32(sum[3][v], q[g][v], a, 3);
            }
        } else
            EACH(t, n) {
                int8x16_t a = vreinterpretq_s8_s32(vdupq_n_s32(load_i32(act + (size_t)4 * g * w + 4 * t)));
                EACH(v, 2) sum[t][v] = vdotq_s32(sum[t][v], q[g][v], a);
            }
    }
}

#if defined(__ARM_FEATURE_MATMUL_INT8)
ALWAYS_INLINE int8x16_t zip_low(int8x16_t a, int8x16_t b) {
    return vreinterpretq_s8_s32(vzip1q_s32(vreinterpretq_s32_s8(a), vreinterpretq_s32_s8(b)));
}
ALWAYS_INLINE int8x16_t zip_high(int8x16_t a, int8x16_t b) {
    return vreinterpretq_s8_s32(vzip2q_s32(vreinterpretq_s32_s8(a), vreinterpretq_s32_s8(b)));
}

/* The same. smmla multiplies two rows of 8 columns by two tokens of 8: two k-groups are zipped to make them, and its 2 x 2
 * results are taken apart at the end. Fewer than four tokens gain nothing from it. */
ALWAYS_INLINE void neon_smmla(unsigned n, unsigned groups, int8x16_t q[][2], const uint8_t *act, unsigned w,
                              int32x4_t sum[NEON_TOKENS][2]) {
    int32x4_t p[2][2][2]; /* vector of rows, pair of rows in it, pair of tokens */
    if (n != NEON_TOKENS) {
        neon_sdot(n, groups, q, act, w, sum);
        return;
    }
    EACH(v, 2) EACH(r, 2) EACH(t, 2) p[v][r][t] = vdupq_n_s32(0);
    EACH(i, groups / 2) {
        int8x16_t a0 = vreinterpretq_s8_u8(vld1q_u8(act + (size_t)8 * i * w)),
                  a1 = vreinterpretq_s8_u8(vld1q_u8(act + (size_t)(8 * i + 4) * w));
        int8x16_t token[2] = {zip_low(a0, a1), zip_high(a0, a1)};
        EACH(v, 2) {
            int8x16_t row[2] = {zip_low(q[2 * i][v], q[2 * i + 1][v]), zip_high(q[2 * i][v], q[2 * i + 1][v])};
            EACH(r, 2) EACH(t, 2) p[v][r][t] = vmmlaq_s32(p[v][r][t], row[r], token[t]);
        }
    }
    EACH(v, 2) EACH(t, 2) {
        sum[2 * t][v] = vaddq_s32(sum[2 * t][v], vuzp1q_s32(p[v][0][t], p[v][1][t]));
        sum[2 * t + 1][v] = vaddq_s32(sum[2 * t + 1][v], vuzp2q_s32(p[v][0][t], p[v][1][t]));
    }
}
#endif

#endif
