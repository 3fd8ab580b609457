/* math/tile_neon.h - products with quantised weights (rules 2 to 4) on AArch64: a group is two halves of 8 rows, which are two
 * registers of 4, and at most four tokens run at a time. A format's part is its unpacking into signed bytes (codes_neon.h); the
 * products are neon_dots, which kern_neon.c has with sdot and kern_neoni8mm.c with smmla: exact sums of integers, the same either
 * way. Included once by each of them, after attend_lanes.h and neon_dots. */
#include "math/codes_neon.h"

enum { TOKENS = NEON_TOKENS };

ALWAYS_INLINE int32x4_t spread(const uint8_t *p) { return vdupq_n_s32(load_i32(p)); }

/* acc = fma(f32(sum), scale * da, acc) for both vectors; scale: the half's fp16 (MXFP4: bf16), negated for minimums of 256. */
ALWAYS_INLINE void finish(enum weight_kernel kind, int negative, unsigned n, const uint8_t *scale, const uint8_t *da,
                          int32x4_t sum[TOKENS][2], vf acc[TOKENS][2]) {
    EACH(v, 2) {
        vf d = kind == WK_MXFP4 ? vf_from_bf16(scale + 8 * v) : vf_from_f16(scale + 8 * v);
        if (negative) d = vf_neg(d);
        EACH(t, n) {
            vf dd = vf_mul(d, vf_set1(load_f32(da + 4 * t)));
            acc[t][v] = vf_fma(vcvtq_f32_s32(sum[t][v]), dd, acc[t][v]);
        }
    }
}

/* In all of these: n tokens (constant) of a panel of w tokens; act points at the first one's words, out at its results for the
 * rows of this half. */

ALWAYS_INLINE void part_32(unsigned n, unsigned w, enum weight_kernel kind, unsigned half, const uint8_t *group, uint32_t cols,
                           const uint8_t *act, float *out) {
    vf acc[TOKENS][2];
    EACH(t, n) EACH(v, 2) acc[t][v] = vf_zero();
    for (uint32_t b = 0; b < cols / 32; b++, act += ACT32_BYTES * w) {
        const uint8_t *body = group + kind_body_at(kind, b) + 32 * half, *scale = group + kind_scale_at(kind, b) + 16 * half;
        const uint8_t *minus8 = act + 4 * w; /* -8 * S */
        int32x4_t sum[TOKENS][2];
        int8x16_t q[8][2];
        EACH(t, n) EACH(v, 2) {
            int32x4_t s = spread(minus8 + 4 * t);
            sum[t][v] = kind == WK_Q4_0 ? s : kind == WK_Q5_0 ? vaddq_s32(s, s) : vdupq_n_s32(0);
        }
        EACH(v, 2) part_codes(kind, body + 16 * v, v, q);
        neon_dots(n, 8, q, act + 12 * w, w, sum);
        finish(kind, 0, n, scale, act, sum, acc);
        if (!block_has_minimum(kind)) continue;
        EACH(t, n) EACH(v, 2) sum[t][v] = vdupq_n_s32(load_i32(minus8 + 4 * t) / -8);
        finish(kind, 0, n, scale + 32, act, sum, acc);
    }
    EACH(t, n) EACH(v, 2) vf_store(out + 16 * t + 4 * v, acc[t][v]);
}

/* Scales, or minimums, of the two sub-blocks of a pair, 8 rows. */
struct two_scales {
    int16x8_t of[2];
};
ALWAYS_INLINE struct two_scales scales_of(enum weight_kernel kind, int minimums, const uint8_t *body, unsigned half,
                                          unsigned pair) {
    uint8x8x2_t s = vld2_u8(body + (minimums && kind != WK_Q2_K ? PACK_MINIMUMS : 0) + 32 * pair + 16 * half);
    struct two_scales r;
    EACH(i, 2) {
        uint8x8_t x = kind != WK_Q2_K ? s.val[i] : minimums ? vshr_n_u8(s.val[i], 4) : vand_u8(s.val[i], vdup_n_u8(15));
        r.of[i] = vmovl_s8(vreinterpret_s8_u8(x));
    }
    return r;
}
ALWAYS_INLINE int32x4_t wide(int16x8_t s, unsigned v) { return vmovl_s16(v ? vget_high_s16(s) : vget_low_s16(s)); }

/* total[t] = sum over sub-blocks of scale (minimum) times the sum of the activations */
ALWAYS_INLINE void weigh_sums(enum weight_kernel kind, int minimums, unsigned n, unsigned w, unsigned half, const uint8_t *body,
                              const uint8_t *act, int32x4_t total[TOKENS][2]) {
    const uint8_t *sums = act + (block_sub_is_32(kind) ? ACT256_SUMS32 : ACT256_SUMS16) * w;
    EACH(t, n) EACH(v, 2) total[t][v] = vdupq_n_s32(0);
    for (unsigned p = 0; p < (block_sub_is_32(kind) ? 4 : 8); p++, sums += 4 * w) {
        struct two_scales s = scales_of(kind, minimums, body, half, p);
        EACH(t, n) EACH(v, 2) EACH(i, 2) {
            int32_t a = (int16_t)load_u16(sums + 4 * t + 2 * i);
            total[t][v] = vmlaq_n_s32(total[t][v], wide(s.of[i], v), a);
        }
    }
}

/* What the totals start at: minus the codes' offset times the weighed sums. */
ALWAYS_INLINE void first_totals(enum weight_kernel kind, unsigned n, unsigned w, unsigned half, const uint8_t *body,
                                const uint8_t *act, int32x4_t total[TOKENS][2]) {
    const int has_offset = kind == WK_Q3_K || kind == WK_Q6_K;
    if (has_offset) weigh_sums(kind, 0, n, w, half, body, act, total);
    EACH(t, n) EACH(v, 2) total[t][v] = has_offset ? vmulq_n_s32(total[t][v], kind == WK_Q3_K ? -4 : -32) : vdupq_n_s32(0);
}

/* total[t] += scale * dot of 4 or 8 k-groups */
ALWAYS_INLINE void add_sub(unsigned n, unsigned w, unsigned groups, int8x16_t q[][2], int16x8_t scale, const uint8_t *columns,
                           int32x4_t total[TOKENS][2]) {
    int32x4_t sum[TOKENS][2];
    EACH(t, n) EACH(v, 2) sum[t][v] = vdupq_n_s32(0);
    neon_dots(n, groups, q, columns, w, sum);
    EACH(t, n) EACH(v, 2) total[t][v] = vmlaq_s32(total[t][v], sum[t][v], wide(scale, v));
}

/* One or two parts that one pair of scales belongs to. */
ALWAYS_INLINE void add_pair(enum weight_kernel kind, unsigned n, unsigned w, struct two_scales s, const uint8_t *parts,
                            const uint8_t *columns, int32x4_t total[TOKENS][2]) {
    const unsigned count = block_sub_is_32(kind) ? 2 : 1;
    EACH(p, count) {
        int8x16_t q[8][2];
        EACH(v, 2) part_codes(kind, parts + p * part_bytes(kind) + 16 * v, v, q);
        if (count == 2) {
            add_sub(n, w, 8, q, s.of[p], columns + 32 * p * w, total);
        } else {
            add_sub(n, w, 4, q, s.of[0], columns, total);
            add_sub(n, w, 4, q + 4, s.of[1], columns + 16 * w, total);
        }
    }
}

ALWAYS_INLINE void part_256(unsigned n, unsigned w, enum weight_kernel kind, unsigned half, const uint8_t *group, uint32_t cols,
                            const uint8_t *act, float *out) {
    const unsigned pairs = block_sub_is_32(kind) ? 4 : 8, parts = 8 / pairs;
    vf acc[TOKENS][2];
    EACH(t, n) EACH(v, 2) acc[t][v] = vf_zero();
    for (uint32_t b = 0; b < cols / 256; b++, act += ACT256_BYTES * w) {
        const uint8_t *body = group + kind_body_at(kind, b), *scale = group + kind_scale_at(kind, b) + 16 * half;
        const uint8_t *part = body + sub_scale_bytes(kind) + 32 * half, *columns = act + ACT256_COLUMNS * w;
        int32x4_t total[TOKENS][2];
        first_totals(kind, n, w, half, body, act, total);
        for (unsigned p = 0; p < pairs; p++, part += parts * part_bytes(kind), columns += parts * 32 * w)
            add_pair(kind, n, w, scales_of(kind, 0, body, half, p), part, columns, total);
        finish(kind, 0, n, scale, act, total, acc);
        if (!block_has_minimum(kind)) continue;
        weigh_sums(kind, 1, n, w, half, body, act, total);
        finish(kind, 1, n, scale + 32, act, total, acc); /* (-dmin)*da is -(dmin*da) */
    }
    EACH(t, n) EACH(v, 2) vf_store(out + 16 * t + 4 * v, acc[t][v]);
}

/* Splits a panel into at most four tokens at a time and two halves of the rows. */
#define TILE(name, part, kind)                                                                                       \
    static void tile_##name(const uint8_t *group, uint32_t cols, const uint8_t *panel, uint32_t width, float *out) { \
        for (uint32_t t = 0; t < width; t += TOKENS)                                                                 \
            for (unsigned half = 0; half < 2; half++) {                                                              \
                const uint8_t *act = panel + 4 * t;                                                                  \
                float *to = out + 16 * t + 8 * half;                                                                 \
                switch (width - t) {                                                                                 \
                case 1: part(1, width, kind, half, group, cols, act, to); break;                                     \
                case 2: part(2, width, kind, half, group, cols, act, to); break;                                     \
                case 3: part(3, width, kind, half, group, cols, act, to); break;                                     \
                default: part(4, width, kind, half, group, cols, act, to); break;                                    \
                }                                                                                                    \
            }                                                                                                        \
    }
TILE(q8_0, part_32, WK_Q8_0)
TILE(q4_0, part_32, WK_Q4_0)
TILE(q4_1, part_32, WK_Q4_1)
TILE(q5_0, part_32, WK_Q5_0)
TILE(q5_1, part_32, WK_Q5_1)
TILE(iq4_nl, part_32, WK_IQ4_NL)
TILE(mxfp4, part_32, WK_MXFP4)
TILE(q2_k, part_256, WK_Q2_K)
TILE(q3_k, part_256, WK_Q3_K)
TILE(q4_k, part_256, WK_Q4_K)
TILE(q5_k, part_256, WK_Q5_K)
TILE(q6_k, part_256, WK_Q6_K)
TILE(iq4_xs, part_256, WK_IQ4_XS)

static uint32_t amax_bits(const float *x, uint32_t n) {
    uint32x4_t m = vdupq_n_u32(0), mag = vdupq_n_u32(0x7fffffff);
    for (uint32_t i = 0; i < n; i += 4) m = vmaxq_u32(m, vandq_u32(vreinterpretq_u32_f32(vf_load(x + i)), mag));
    return vmaxvq_u32(m);
}

static void quantise(const float *x, uint32_t n, float r, int8_t *q, int32_t *sums16) {
    for (uint32_t i = 0; i < n; i += 16) {
        int16x8_t half[2];
        EACH(h, 2) {
            int32x4_t a = vcvtnq_s32_f32(vf_mul(vf_load(x + i + 8 * h), vf_set1(r))); /* to nearest even */
            int32x4_t b = vcvtnq_s32_f32(vf_mul(vf_load(x + i + 8 * h + 4), vf_set1(r)));
            half[h] = vcombine_s16(vqmovn_s32(a), vqmovn_s32(b));
        }
        vst1q_s8(q + i, vcombine_s8(vqmovn_s16(half[0]), vqmovn_s16(half[1])));
        sums16[i / 16] = vaddlvq_s16(vaddq_s16(half[0], half[1]));
    }
}
