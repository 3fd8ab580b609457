/* math/kern_avx512vnni.c - AVX-512 with VNNI: 16 rows in one register; vpdpbusd multiplies unsigned weight bytes with signed
 * activations, so sums start at minus the weights' offset times the activations' sum. All integer sums are exact. */
#if defined(__x86_64__)
#include "math/lanes_avx512.h"

#include "math/cpu.h"
#include "math/vec_lanes.h"
#include "math/attend_lanes.h"
#include "math/float_lanes.h"

ALWAYS_INLINE __m512i line(const uint8_t *p) { return _mm512_load_si512(p); }
ALWAYS_INLINE __m512i spread(const uint8_t *p) { return _mm512_set1_epi32(load_i32(p)); }
ALWAYS_INLINE vf block_scale(vf d, const uint8_t *da) { return vf_mul(d, vf_set1(load_f32(da))); }

ALWAYS_INLINE void q8_0_width(unsigned w, const uint8_t *group, uint32_t cols, const uint8_t *act, float *out) {
    vf acc[WIDTH_MAX];
    EACH(t, w) acc[t] = vf_zero();
    for (uint32_t b = 0; b < cols / 32; b++, act += ACT32_BYTES * w) {
        const uint8_t *body = group + body_at(b, BODY_Q8_0);
        __m512i sum[WIDTH_MAX];
        EACH(t, w) sum[t] = spread(act + 8 * w + 4 * t); /* -128 * S */
        EACH(g, 8) {
            __m512i q = line(body + 64 * g);
            EACH(t, w) sum[t] = _mm512_dpbusd_epi32(sum[t], q, spread(act + (12 + 4 * g) * w + 4 * t));
        }
        vf d = vf_from_f16(group + scale_at(b, BODY_Q8_0));
        EACH(t, w) acc[t] = vf_fma(_mm512_cvtepi32_ps(sum[t]), block_scale(d, act + 4 * t), acc[t]);
    }
    EACH(t, w) vf_store(out + 16 * t, acc[t]);
}

ALWAYS_INLINE void q4_0_width(unsigned w, const uint8_t *group, uint32_t cols, const uint8_t *act, float *out) {
    const __m512i low4 = _mm512_set1_epi8(15);
    vf acc[WIDTH_MAX];
    EACH(t, w) acc[t] = vf_zero();
    for (uint32_t b = 0; b < cols / 32; b++, act += ACT32_BYTES * w) {
        const uint8_t *body = group + body_at(b, BODY_Q4_0);
        __m512i sum[WIDTH_MAX];
        EACH(t, w) sum[t] = spread(act + 4 * w + 4 * t); /* -8 * S */
        EACH(g, 4) {
            __m512i both = line(body + 64 * g), lo = _mm512_and_si512(both, low4);
            __m512i hi = _mm512_and_si512(_mm512_srli_epi32(both, 4), low4);
            EACH(t, w) sum[t] = _mm512_dpbusd_epi32(sum[t], lo, spread(act + (12 + 4 * g) * w + 4 * t));
            EACH(t, w) sum[t] = _mm512_dpbusd_epi32(sum[t], hi, spread(act + (28 + 4 * g) * w + 4 * t));
        }
        vf d = vf_from_f16(group + scale_at(b, BODY_Q4_0));
        EACH(t, w) acc[t] = vf_fma(_mm512_cvtepi32_ps(sum[t]), block_scale(d, act + 4 * t), acc[t]);
    }
    EACH(t, w) vf_store(out + 16 * t, acc[t]);
}

/* The six-bit values of a sub-block's four k-groups. */
ALWAYS_INLINE void q6_k_unpack(const uint8_t *sub, __m512i q[4]) {
    const __m512i low4 = _mm512_set1_epi8(15), high2 = _mm512_set1_epi8(0x30);
    __m512i l0 = line(sub), l1 = line(sub + 64), h = line(sub + 128);
    enum { A_OR_B_AND_C = 0xf8 };
    q[0] = _mm512_ternarylogic_epi32(_mm512_and_si512(l0, low4), _mm512_slli_epi32(h, 4), high2, A_OR_B_AND_C);
    q[1] = _mm512_ternarylogic_epi32(_mm512_and_si512(_mm512_srli_epi32(l0, 4), low4), _mm512_slli_epi32(h, 2), high2,
                                     A_OR_B_AND_C);
    q[2] = _mm512_ternarylogic_epi32(_mm512_and_si512(l1, low4), h, high2, A_OR_B_AND_C);
    q[3] = _mm512_ternarylogic_epi32(_mm512_and_si512(_mm512_srli_epi32(l1, 4), low4), _mm512_srli_epi32(h, 2), high2,
                                     A_OR_B_AND_C);
}

ALWAYS_INLINE void q6_k_width(unsigned w, const uint8_t *group, uint32_t cols, const uint8_t *act, float *out) {
    vf acc[WIDTH_MAX];
    EACH(t, w) acc[t] = vf_zero();
    for (uint32_t b = 0; b < cols / 256; b++) {
        const uint8_t *body = group + body_at(b, BODY_Q6_K), *da = act;
        __m512i total[WIDTH_MAX];
        EACH(t, w) total[t] = _mm512_setzero_si512();
        act += 4 * w;
        for (unsigned j = 0; j < 16; j++, act += ACT256_SUB * w) {
            __m512i q[4], sc = _mm512_cvtepi8_epi32(_mm_load_si128((const __m128i *)(const void *)(body + 16 * j)));
            q6_k_unpack(body + Q6K_SCALES + Q6K_SUB * j, q);
            EACH(t, w) {
                __m512i sum = spread(act + 4 * t); /* -32 * S */
                EACH(g, 4) sum = _mm512_dpbusd_epi32(sum, q[g], spread(act + (4 + 4 * g) * w + 4 * t));
                total[t] = _mm512_add_epi32(total[t], _mm512_mullo_epi32(sum, sc));
            }
        }
        vf d = vf_from_f16(group + scale_at(b, BODY_Q6_K));
        EACH(t, w) acc[t] = vf_fma(_mm512_cvtepi32_ps(total[t]), block_scale(d, da + 4 * t), acc[t]);
    }
    EACH(t, w) vf_store(out + 16 * t, acc[t]);
}

static void tile_q8_0(const uint8_t *group, uint32_t cols, const uint8_t *panel, uint32_t width, float *out) {
    FOR_WIDTH(width, q8_0_width, group, cols, panel, out)
}
static void tile_q4_0(const uint8_t *group, uint32_t cols, const uint8_t *panel, uint32_t width, float *out) {
    FOR_WIDTH(width, q4_0_width, group, cols, panel, out)
}
static void tile_q6_k(const uint8_t *group, uint32_t cols, const uint8_t *panel, uint32_t width, float *out) {
    FOR_WIDTH(width, q6_k_width, group, cols, panel, out)
}

static uint32_t amax_bits(const float *x, uint32_t n) {
    __m512i m = _mm512_setzero_si512(), mag = _mm512_set1_epi32(0x7fffffff);
    for (uint32_t i = 0; i < n; i += 16) m = _mm512_max_epi32(m, _mm512_and_si512(_mm512_loadu_si512(x + i), mag));
    return (uint32_t)_mm512_reduce_max_epi32(m);
}

static void quantise(const float *x, uint32_t n, float r, int8_t *q, int32_t *sums16) {
    for (uint32_t i = 0; i < n; i += 16) {
        __m512i v = _mm512_cvtps_epi32(vf_mul(vf_load(x + i), vf_set1(r))); /* to nearest even */
        _mm_storeu_si128((__m128i *)(void *)(q + i), _mm512_cvtepi32_epi8(v));
        sums16[i / 16] = _mm512_reduce_add_epi32(v);
    }
}

const struct kern kern_avx512vnni = {
    .name = "avx512vnni",
    .supported = cpu_has_avx512vnni,
    .tile = {lanes_tile_f32, lanes_tile_f16, lanes_tile_bf16, tile_q8_0, tile_q4_0, tile_q6_k},
    .amax_bits = amax_bits,
    .quantise = quantise,
    LANES_TABLE,
};
#endif
