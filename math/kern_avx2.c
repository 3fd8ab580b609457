/* math/kern_avx2.c - AVX2 with FMA and F16C: 8 rows in one register, so a group is two halves; at most four tokens at a time,
 * for there are 16 registers. vpmaddubsw adds pairs of u8 x s8 products with saturation at 16 bits, so every product pair
 * here is kept below that: |w| and sign(a, w) for Q8_0 (2*128*127), offset values for Q4_0 (8 pairs of 2*15*127) and Q6_K
 * (2 pairs of 2*63*127). All integer sums are exact. */
#if defined(__x86_64__)
#include "math/lanes_avx2.h"

#include "math/cpu.h"
#include "math/vec_lanes.h"
#include "math/attend_lanes.h"
#include "math/float_lanes.h"

enum { TOKENS = 4 };

ALWAYS_INLINE __m256i half_line(const uint8_t *p) { return _mm256_load_si256((const __m256i *)(const void *)p); }
ALWAYS_INLINE __m256i spread(const uint8_t *p) { return _mm256_set1_epi32(load_i32(p)); }
ALWAYS_INLINE __m256i pairs(__m256i v) { return _mm256_madd_epi16(v, _mm256_set1_epi16(1)); }
ALWAYS_INLINE vf finish(__m256i sum, vf d, const uint8_t *da, vf acc) {
    return vf_fma(_mm256_cvtepi32_ps(sum), vf_mul(d, vf_set1(load_f32(da))), acc);
}

/* In all of these: n tokens (constant) of a panel of w tokens; act points at the first one's words; out at its results, for
 * the rows of this half. `group` points at the half's first byte, scales are 16 bytes apart for it. */
ALWAYS_INLINE void q8_0_part(unsigned n, unsigned w, unsigned half, const uint8_t *group, uint32_t cols, const uint8_t *act,
                             float *out) {
    const __m256i offset = _mm256_set1_epi8(-128);
    vf acc[TOKENS];
    EACH(t, n) acc[t] = vf_zero();
    for (uint32_t b = 0; b < cols / 32; b++, act += ACT32_BYTES * w) {
        const uint8_t *body = group + body_at(b, BODY_Q8_0) + 32 * half;
        __m256i sum[TOKENS];
        EACH(t, n) sum[t] = _mm256_setzero_si256();
        EACH(g, 8) {
            __m256i q = _mm256_xor_si256(half_line(body + 64 * g), offset), mag = _mm256_abs_epi8(q);
            EACH(t, n) {
                __m256i a = _mm256_sign_epi8(spread(act + (12 + 4 * g) * w + 4 * t), q);
                sum[t] = _mm256_add_epi32(sum[t], pairs(_mm256_maddubs_epi16(mag, a)));
            }
        }
        vf d = vf_from_f16(group + scale_at(b, BODY_Q8_0) + 16 * half);
        EACH(t, n) acc[t] = finish(sum[t], d, act + 4 * t, acc[t]);
    }
    EACH(t, n) vf_store(out + 16 * t, acc[t]);
}

ALWAYS_INLINE void q4_0_part(unsigned n, unsigned w, unsigned half, const uint8_t *group, uint32_t cols, const uint8_t *act,
                             float *out) {
    const __m256i low4 = _mm256_set1_epi8(15);
    vf acc[TOKENS];
    EACH(t, n) acc[t] = vf_zero();
    for (uint32_t b = 0; b < cols / 32; b++, act += ACT32_BYTES * w) {
        const uint8_t *body = group + body_at(b, BODY_Q4_0) + 32 * half;
        __m256i sum[TOKENS]; /* 16-bit */
        EACH(t, n) sum[t] = _mm256_setzero_si256();
        EACH(g, 4) {
            __m256i both = half_line(body + 64 * g), lo = _mm256_and_si256(both, low4);
            __m256i hi = _mm256_and_si256(_mm256_srli_epi32(both, 4), low4);
            EACH(t, n) {
                __m256i pl = _mm256_maddubs_epi16(lo, spread(act + (12 + 4 * g) * w + 4 * t));
                __m256i ph = _mm256_maddubs_epi16(hi, spread(act + (28 + 4 * g) * w + 4 * t));
                sum[t] = _mm256_add_epi16(sum[t], _mm256_add_epi16(pl, ph));
            }
        }
        vf d = vf_from_f16(group + scale_at(b, BODY_Q4_0) + 16 * half);
        EACH(t, n) {
            __m256i total = _mm256_add_epi32(pairs(sum[t]), spread(act + 4 * w + 4 * t)); /* -8 * S */
            acc[t] = finish(total, d, act + 4 * t, acc[t]);
        }
    }
    EACH(t, n) vf_store(out + 16 * t, acc[t]);
}

/* The six-bit values of a sub-block's four k-groups, for one half of the rows. */
ALWAYS_INLINE void q6_k_unpack(const uint8_t *sub, __m256i q[4]) {
    const __m256i low4 = _mm256_set1_epi8(15), high2 = _mm256_set1_epi8(0x30);
    __m256i l0 = half_line(sub), l1 = half_line(sub + 64), h = half_line(sub + 128);
    __m256i h0 = _mm256_slli_epi32(h, 4), h1 = _mm256_slli_epi32(h, 2), h3 = _mm256_srli_epi32(h, 2);
    q[0] = _mm256_or_si256(_mm256_and_si256(l0, low4), _mm256_and_si256(h0, high2));
    q[1] = _mm256_or_si256(_mm256_and_si256(_mm256_srli_epi32(l0, 4), low4), _mm256_and_si256(h1, high2));
    q[2] = _mm256_or_si256(_mm256_and_si256(l1, low4), _mm256_and_si256(h, high2));
    q[3] = _mm256_or_si256(_mm256_and_si256(_mm256_srli_epi32(l1, 4), low4), _mm256_and_si256(h3, high2));
}

ALWAYS_INLINE void q6_k_part(unsigned n, unsigned w, unsigned half, const uint8_t *group, uint32_t cols, const uint8_t *act,
                             float *out) {
    vf acc[TOKENS];
    EACH(t, n) acc[t] = vf_zero();
    for (uint32_t b = 0; b < cols / 256; b++) {
        const uint8_t *body = group + body_at(b, BODY_Q6_K), *da = act;
        __m256i total[TOKENS];
        EACH(t, n) total[t] = _mm256_setzero_si256();
        act += 4 * w;
        for (unsigned j = 0; j < 16; j++, act += ACT256_SUB * w) {
            __m256i q[4], sc = _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)(body + 16 * j + 8 * half)));
            q6_k_unpack(body + Q6K_SCALES + Q6K_SUB * j + 32 * half, q);
            EACH(t, n) {
                __m256i p[4];
                EACH(g, 4) p[g] = _mm256_maddubs_epi16(q[g], spread(act + (4 + 4 * g) * w + 4 * t));
                __m256i s01 = pairs(_mm256_add_epi16(p[0], p[1])), s23 = pairs(_mm256_add_epi16(p[2], p[3]));
                __m256i sum = _mm256_add_epi32(_mm256_add_epi32(s01, s23), spread(act + 4 * t)); /* -32 * S */
                total[t] = _mm256_add_epi32(total[t], _mm256_mullo_epi32(sum, sc));
            }
        }
        vf d = vf_from_f16(group + scale_at(b, BODY_Q6_K) + 16 * half);
        EACH(t, n) acc[t] = finish(total[t], d, da + 4 * t, acc[t]);
    }
    EACH(t, n) vf_store(out + 16 * t, acc[t]);
}

/* Splits a panel into at most four tokens at a time and two halves of the rows. */
#define TILE_IN_PARTS(part)                                             \
    for (uint32_t t = 0; t < width; t += TOKENS)                        \
        for (unsigned half = 0; half < 2; half++) {                     \
            const uint8_t *act = panel + 4 * t;                         \
            float *to = out + 16 * t + 8 * half;                        \
            switch (width - t) {                                        \
            case 1: part(1, width, half, group, cols, act, to); break;  \
            case 2: part(2, width, half, group, cols, act, to); break;  \
            case 3: part(3, width, half, group, cols, act, to); break;  \
            default: part(4, width, half, group, cols, act, to); break; \
            }                                                           \
        }

static void tile_q8_0(const uint8_t *group, uint32_t cols, const uint8_t *panel, uint32_t width, float *out) {
    TILE_IN_PARTS(q8_0_part)
}
static void tile_q4_0(const uint8_t *group, uint32_t cols, const uint8_t *panel, uint32_t width, float *out) {
    TILE_IN_PARTS(q4_0_part)
}
static void tile_q6_k(const uint8_t *group, uint32_t cols, const uint8_t *panel, uint32_t width, float *out) {
    TILE_IN_PARTS(q6_k_part)
}

static uint32_t amax_bits(const float *x, uint32_t n) {
    __m256i m = _mm256_setzero_si256(), mag = _mm256_set1_epi32(0x7fffffff);
    uint32_t lane[8], most = 0;
    for (uint32_t i = 0; i < n; i += 8)
        m = _mm256_max_epi32(m, _mm256_and_si256(_mm256_loadu_si256((const __m256i *)(const void *)(x + i)), mag));
    _mm256_storeu_si256((__m256i *)(void *)lane, m);
    for (int i = 0; i < 8; i++) most = lane[i] > most ? lane[i] : most;
    return most;
}

static void quantise(const float *x, uint32_t n, float r, int8_t *q, int32_t *sums16) {
    for (uint32_t i = 0; i < n; i += 16) {
        __m256i v0 = _mm256_cvtps_epi32(vf_mul(vf_load(x + i), vf_set1(r))); /* to nearest even */
        __m256i v1 = _mm256_cvtps_epi32(vf_mul(vf_load(x + i + 8), vf_set1(r)));
        __m128i w0 = _mm_packs_epi32(_mm256_castsi256_si128(v0), _mm256_extracti128_si256(v0, 1));
        __m128i w1 = _mm_packs_epi32(_mm256_castsi256_si128(v1), _mm256_extracti128_si256(v1, 1));
        __m128i s = _mm_madd_epi16(_mm_add_epi16(w0, w1), _mm_set1_epi16(1));
        s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
        s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1));
        _mm_storeu_si128((__m128i *)(void *)(q + i), _mm_packs_epi16(w0, w1));
        sums16[i / 16] = _mm_cvtsi128_si32(s);
    }
}

const struct kern kern_avx2 = {
    .name = "avx2",
    .supported = cpu_has_avx2,
    .tile = {lanes_tile_f32, lanes_tile_f16, lanes_tile_bf16, tile_q8_0, tile_q4_0, tile_q6_k},
    .amax_bits = amax_bits,
    .quantise = quantise,
    LANES_TABLE,
};
#endif
