/* math/tile_32_avx512vnni.c - products with weights in blocks of 32 (rule 3): 16 rows in one register; vpdpbusd multiplies
 * unsigned codes with signed activations, so sums start at minus the codes' offset times the activations' sum. All integer
 * sums are exact. */
#if defined(__x86_64__)
#include "math/codes_avx512.h"
#include "math/tiles_x86.h"
#include "math/width.h"

ALWAYS_INLINE vf block_scale(vf d, const uint8_t *da) { return vf_mul(d, vf_set1(load_f32(da))); }
ALWAYS_INLINE __m512i dot(__m512i sum, __m512i q, const uint8_t *a) { return _mm512_dpbusd_epi32(sum, q, spread(a)); }

/* In all of these: w tokens (constant); act points at the first one's words of a block. */

/* Minus the offset of the codes times the sum of the activations; the panel has -8 and -128 times the sum. */
ALWAYS_INLINE __m512i first_sum(enum weight_kernel kind, unsigned w, const uint8_t *act, unsigned t) {
    switch (kind) {
    case WK_Q4_1:
    case WK_Q5_1: return _mm512_setzero_si512();
    case WK_Q4_0: return spread(act + 4 * w + 4 * t);
    case WK_Q5_0: return _mm512_slli_epi32(spread(act + 4 * w + 4 * t), 1);
    default: return spread(act + 8 * w + 4 * t);
    }
}

ALWAYS_INLINE void add_dots(enum weight_kernel kind, unsigned w, const uint8_t *body, const uint8_t *act,
                            __m512i sum[WIDTH_MAX]) {
    const uint8_t *a = act + 12 * w;
    if (kind == WK_Q8_0) {
        EACH(g, 8) {
            __m512i q = line(body + 64 * g);
            EACH(t, w) sum[t] = dot(sum[t], q, a + 4 * g * w + 4 * t);
        }
        return;
    }
    __m512i fifth = kind == WK_Q5_0 || kind == WK_Q5_1 ? line(body + 256) : _mm512_setzero_si512();
    EACH(i, 4) {
        __m512i lo, hi;
        nibble_codes(kind, body, (int)i, fifth, &lo, &hi);
        EACH(t, w) sum[t] = dot(sum[t], lo, a + 4 * i * w + 4 * t);
        EACH(t, w) sum[t] = dot(sum[t], hi, a + 4 * (i + 4) * w + 4 * t);
    }
}

/* fma(f32(S), m*da, acc). S as an integer first: the sign of a zero counts. */
ALWAYS_INLINE vf add_minimum(vf m, unsigned w, const uint8_t *act, unsigned t, vf acc) {
    __m512i s = _mm512_sub_epi32(_mm512_setzero_si512(), _mm512_srai_epi32(spread(act + 4 * w + 4 * t), 3));
    return vf_fma(_mm512_cvtepi32_ps(s), block_scale(m, act + 4 * t), acc);
}

ALWAYS_INLINE void width_32(unsigned w, enum weight_kernel kind, const uint8_t *group, uint32_t cols, const uint8_t *act,
                            float *out) {
    vf acc[WIDTH_MAX];
    EACH(t, w) acc[t] = vf_zero();
    for (uint32_t b = 0; b < cols / 32; b++, act += ACT32_BYTES * w) {
        const uint8_t *scale = group + kind_scale_at(kind, b);
        __m512i sum[WIDTH_MAX];
        EACH(t, w) sum[t] = first_sum(kind, w, act, t);
        add_dots(kind, w, group + kind_body_at(kind, b), act, sum);
        vf d = kind == WK_MXFP4 ? vf_from_bf16(scale) : vf_from_f16(scale);
        EACH(t, w) acc[t] = vf_fma(_mm512_cvtepi32_ps(sum[t]), block_scale(d, act + 4 * t), acc[t]);
        if (block_has_minimum(kind)) {
            vf m = vf_from_f16(scale + 32);
            EACH(t, w) acc[t] = add_minimum(m, w, act, t, acc[t]);
        }
    }
    EACH(t, w) vf_store(out + 16 * t, acc[t]);
}

#define TILE(name, kind)                                                                                             \
    void avx512_tile_##name(const uint8_t *group, uint32_t cols, const uint8_t *panel, uint32_t width, float *out) { \
        FOR_WIDTH(width, width_32, kind, group, cols, panel, out)                                                    \
    }
TILE(q8_0, WK_Q8_0)
TILE(q4_0, WK_Q4_0)
TILE(q4_1, WK_Q4_1)
TILE(q5_0, WK_Q5_0)
TILE(q5_1, WK_Q5_1)
TILE(iq4_nl, WK_IQ4_NL)
TILE(mxfp4, WK_MXFP4)
#endif
