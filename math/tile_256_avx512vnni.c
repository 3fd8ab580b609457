/* math/tile_256_avx512vnni.c - products with weights in blocks of 256 (rule 4): 16 rows in one register; vpdpbusd multiplies
 * unsigned codes with signed activations, then each sub-block's sum is multiplied with its scale, all in integers and exact. What
 * the codes' offset and the minimums add is a sum over sub-blocks: vpdpwssd with the activations' sums, two at a time.
 * 24 sums of a block fill the registers, so the float results wait in memory. */
#if defined(__x86_64__)
#include "math/codes_avx512.h"
#include "math/tiles_x86.h"
#include "math/width.h"

ALWAYS_INLINE __m256i half_line(const uint8_t *p) { return _mm256_load_si256((const __m256i *)(const void *)p); }

/* Two sub-blocks' scales, or minimums, as pairs of int16. */
ALWAYS_INLINE __m512i scale_pairs(enum weight_kernel kind, const uint8_t *body, unsigned pair) {
    __m256i s = half_line(body + 32 * pair);
    if (kind == WK_Q2_K) s = _mm256_and_si256(s, _mm256_set1_epi8(15));
    return _mm512_cvtepi8_epi16(s);
}
ALWAYS_INLINE __m512i minimum_pairs(enum weight_kernel kind, const uint8_t *body, unsigned pair) {
    if (kind == WK_Q2_K)
        return _mm512_cvtepi8_epi16(_mm256_and_si256(_mm256_srli_epi16(half_line(body + 32 * pair), 4), _mm256_set1_epi8(15)));
    return _mm512_cvtepi8_epi16(half_line(body + PACK_MINIMUMS + 32 * pair));
}
ALWAYS_INLINE __m512i first_of(__m512i pairs) { return _mm512_srai_epi32(_mm512_slli_epi32(pairs, 16), 16); }
ALWAYS_INLINE __m512i second_of(__m512i pairs) { return _mm512_srai_epi32(pairs, 16); }

/* In all of these: w tokens (constant); act points at the first one's words of a block. */

/* total[t] = sum over sub-blocks of scale (minimum) times the sum of the activations */
ALWAYS_INLINE void weigh_sums(enum weight_kernel kind, int minimums, unsigned w, const uint8_t *body, const uint8_t *act,
                              __m512i total[WIDTH_MAX]) {
    const uint8_t *sums = act + (block_sub_is_32(kind) ? ACT256_SUMS32 : ACT256_SUMS16) * w;
    EACH(t, w) total[t] = _mm512_setzero_si512();
    for (unsigned p = 0; p < (block_sub_is_32(kind) ? 4 : 8); p++) {
        __m512i s = minimums ? minimum_pairs(kind, body, p) : scale_pairs(kind, body, p);
        EACH(t, w) total[t] = _mm512_dpwssd_epi32(total[t], s, spread(sums + 4 * p * w + 4 * t));
    }
}

/* What the totals start at: minus the codes' offset, 2^shift, times the weighed sums. */
ALWAYS_INLINE void first_totals(enum weight_kernel kind, unsigned w, const uint8_t *body, const uint8_t *act,
                                __m512i total[WIDTH_MAX]) {
    const unsigned shift = kind == WK_Q3_K ? 2 : kind == WK_Q6_K ? 5 : 7;
    if (block_has_minimum(kind)) {
        EACH(t, w) total[t] = _mm512_setzero_si512();
        return;
    }
    weigh_sums(kind, 0, w, body, act, total);
    EACH(t, w) total[t] = _mm512_sub_epi32(_mm512_setzero_si512(), _mm512_slli_epi32(total[t], shift));
}

/* total[t] += scale * dot of k-groups [g0, g1) of a part */
ALWAYS_INLINE void add_sub(unsigned w, const __m512i q[8], unsigned g0, unsigned g1, __m512i scale, const uint8_t *columns,
                           __m512i total[WIDTH_MAX]) {
    EACH(t, w) {
        __m512i sum = _mm512_setzero_si512();
        EACH(g, g1 - g0) sum = _mm512_dpbusd_epi32(sum, q[g0 + g], spread(columns + 4 * (g0 + g) * w + 4 * t));
        total[t] = _mm512_add_epi32(total[t], _mm512_mullo_epi32(sum, scale));
    }
}

/* One or two parts that one pair of scales belongs to. */
ALWAYS_INLINE void add_pair(enum weight_kernel kind, unsigned w, __m512i scales, const uint8_t *parts, const uint8_t *columns,
                            __m512i total[WIDTH_MAX]) {
    __m512i q[8];
    part_codes(kind, parts, q);
    add_sub(w, q, 0, block_sub_is_32(kind) ? 8 : 4, first_of(scales), columns, total);
    if (block_sub_is_32(kind)) {
        part_codes(kind, parts + part_bytes(kind), q);
        add_sub(w, q, 0, 8, second_of(scales), columns + 32 * w, total);
    } else
        add_sub(w, q, 4, 8, second_of(scales), columns, total);
}

ALWAYS_INLINE void width_256(unsigned w, enum weight_kernel kind, const uint8_t *group, uint32_t cols, const uint8_t *act,
                             float *out) {
    const unsigned pairs = block_sub_is_32(kind) ? 4 : 8, parts = 8 / pairs;
    EACH(t, w) vf_store(out + 16 * t, vf_zero());
    for (uint32_t b = 0; b < cols / 256; b++, act += ACT256_BYTES * w) {
        const uint8_t *body = group + kind_body_at(kind, b), *scale = group + kind_scale_at(kind, b);
        const uint8_t *part = body + sub_scale_bytes(kind), *columns = act + ACT256_COLUMNS * w;
        __m512i total[WIDTH_MAX];
        first_totals(kind, w, body, act, total);
        for (unsigned p = 0; p < pairs; p++, part += parts * part_bytes(kind), columns += parts * 32 * w)
            add_pair(kind, w, scale_pairs(kind, body, p), part, columns, total);
        vf d = vf_from_f16(scale), m = block_has_minimum(kind) ? vf_neg(vf_from_f16(scale + 32)) : vf_zero();
        EACH(t, w) {
            vf da = vf_set1(load_f32(act + 4 * t));
            vf_store(out + 16 * t, vf_fma(_mm512_cvtepi32_ps(total[t]), vf_mul(d, da), vf_load(out + 16 * t)));
        }
        if (!block_has_minimum(kind)) continue;
        weigh_sums(kind, 1, w, body, act, total);
        EACH(t, w) { /* (-dmin)*da is -(dmin*da) */
            vf da = vf_set1(load_f32(act + 4 * t));
            vf_store(out + 16 * t, vf_fma(_mm512_cvtepi32_ps(total[t]), vf_mul(m, da), vf_load(out + 16 * t)));
        }
    }
}

#define TILE(name, kind)                                                                                             \
    void avx512_tile_##name(const uint8_t *group, uint32_t cols, const uint8_t *panel, uint32_t width, float *out) { \
        FOR_WIDTH(width, width_256, kind, group, cols, panel, out)                                                   \
    }
TILE(q2_k, WK_Q2_K)
TILE(q3_k, WK_Q3_K)
TILE(q4_k, WK_Q4_K)
TILE(q5_k, WK_Q5_K)
TILE(q6_k, WK_Q6_K)
TILE(iq4_xs, WK_IQ4_XS)
#endif
