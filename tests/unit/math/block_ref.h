/* tests/unit/math/block_ref.h - the block formats once more, for tests: each element found from its own index by the written
 * formula of the format, and the product transcribed from rules 2 to 4. Shares nothing with the code under test. */
#ifndef TESTS_BLOCK_REF_H
#define TESTS_BLOCK_REF_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "math/float_bits.h"
#include "math/weight.h"
#include "tests/unit/math/math_util.h"

/* Integers of element i: weight = d * sc * q - dmin * m (256) or d * q + m (32: sc = 1, m in dmin's place). */
struct ref_element {
    int q, sc, m;
};
struct ref_scales {
    float d, dmin;
};

static inline uint16_t ref_u16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }
static inline float ref_half(const uint8_t *p) { return f16_to_f32(ref_u16(p)); }

static const int ref_iq4[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
static const int ref_fp4[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

static inline int ref_nibble(const uint8_t *qs, uint32_t i) { return i < 16 ? qs[i] & 15 : qs[i - 16] >> 4; }

/* The q of Q5_0 and Q5_1 before an offset; qh: the 4 bytes of fifth bits. */
static inline int ref_five(const uint8_t *qh, const uint8_t *qs, uint32_t i) {
    uint32_t bits = qh[0] | (uint32_t)qh[1] << 8 | (uint32_t)qh[2] << 16 | (uint32_t)qh[3] << 24;
    return ref_nibble(qs, i) + (bits & 1u << i ? 16 : 0);
}

/* 6-bit scale (min = 0) or minimum (1) of sub-block j of Q4_K and Q5_K. */
static inline int ref_six(const uint8_t *s, uint32_t j, int min) {
    if (j < 4) return s[j + (min ? 4u : 0u)] & 63;
    return min ? (s[j + 4] >> 4) + (s[j] >> 6) * 16 : (s[j + 4] & 15) + (s[j - 4] >> 6) * 16;
}

static inline int ref_q6(const uint8_t *b, uint32_t i) {
    uint32_t n = i / 128, l = i % 32, part = i % 128 / 32;
    const uint8_t *ql = b + 64 * n, *qh = b + 128 + 32 * n;
    switch (part) {
    case 0: return ((ql[l] & 15) | (qh[l] >> 0 & 3) << 4) - 32;
    case 1: return ((ql[l + 32] & 15) | (qh[l] >> 2 & 3) << 4) - 32;
    case 2: return ((ql[l] >> 4) | (qh[l] >> 4 & 3) << 4) - 32;
    default: return ((ql[l + 32] >> 4) | (qh[l] >> 6 & 3) << 4) - 32;
    }
}

/* Q2_K, Q3_K: half n has 32 bytes; shift 0, 2, 4, 6, each 16 bytes and then 16 more. */
static inline int ref_two(const uint8_t *qs, uint32_t i) {
    uint32_t n = i / 128, shift = i % 128 / 32 * 2, byte = i % 32;
    return qs[32 * n + byte] >> shift & 3;
}

static inline struct ref_element ref_element_256(uint32_t id, const uint8_t *b, uint32_t i) {
    uint32_t j = i / 32, l = i % 32, k = i / 16;
    struct ref_element e = {0, 0, 0};
    switch (id) {
    case WEIGHT_Q2_K: e = (struct ref_element){ref_two(b + 16, i), b[k] & 15, b[k] >> 4}; break;
    case WEIGHT_Q3_K: {
        const uint8_t *s = b + 96;
        int low = k < 8 ? s[k] & 15 : s[k - 8] >> 4, high = s[8 + k % 4] >> (2 * (k / 4)) & 3;
        int mask = 1 << (4 * (i / 128) + i % 128 / 32);
        e = (struct ref_element){ref_two(b + 32, i) - (b[l] & mask ? 0 : 4), low + 16 * high - 32, 0};
        break;
    }
    case WEIGHT_Q4_K:
    case WEIGHT_Q5_K: {
        const uint8_t *qs = b + (id == WEIGHT_Q4_K ? 16 : 48) + 32 * (j / 2);
        e.q = j % 2 ? qs[l] >> 4 : qs[l] & 15;
        if (id == WEIGHT_Q5_K) e.q += b[16 + l] & 1 << j ? 16 : 0;
        e.sc = ref_six(b + 4, j, 0);
        e.m = ref_six(b + 4, j, 1);
        break;
    }
    case WEIGHT_Q6_K: e = (struct ref_element){ref_q6(b, i), (int8_t)b[192 + k], 0}; break;
    default: { /* IQ4_XS */
        int low = b[4 + j / 2] >> 4 * (j & 1) & 15, high = ref_u16(b + 2) >> 2 * j & 3;
        e = (struct ref_element){ref_iq4[ref_nibble(b + 8 + 16 * j, l)], (low | high << 4) - 32, 0};
    }
    }
    return e;
}

static inline struct ref_element ref_element(uint32_t id, const uint8_t *b, uint32_t i) {
    switch (id) {
    case WEIGHT_Q8_0: return (struct ref_element){(int8_t)b[2 + i], 1, 0};
    case WEIGHT_Q4_0: return (struct ref_element){ref_nibble(b + 2, i) - 8, 1, 0};
    case WEIGHT_Q4_1: return (struct ref_element){ref_nibble(b + 4, i), 1, 1};
    case WEIGHT_Q5_0: return (struct ref_element){ref_five(b + 2, b + 6, i) - 16, 1, 0};
    case WEIGHT_Q5_1: return (struct ref_element){ref_five(b + 4, b + 8, i), 1, 1};
    case WEIGHT_IQ4_NL: return (struct ref_element){ref_iq4[ref_nibble(b + 2, i)], 1, 0};
    case WEIGHT_MXFP4: return (struct ref_element){ref_fp4[ref_nibble(b + 1, i)], 1, 0};
    default: return ref_element_256(id, b, i);
    }
}

/* Where the fp16 scales lie; -1: none. */
static inline int ref_d_at(uint32_t id) {
    switch (id) {
    case WEIGHT_Q2_K: return 80;
    case WEIGHT_Q3_K: return 108;
    case WEIGHT_Q6_K: return 208;
    case WEIGHT_MXFP4: return -1;
    default: return 0;
    }
}
static inline int ref_dmin_at(uint32_t id) {
    int has = id == WEIGHT_Q2_K || id == WEIGHT_Q4_K || id == WEIGHT_Q5_K || id == WEIGHT_Q4_1 || id == WEIGHT_Q5_1;
    return has ? ref_d_at(id) + 2 : -1;
}

static inline struct ref_scales ref_scales(uint32_t id, const uint8_t *b) {
    int d = ref_d_at(id), m = ref_dmin_at(id);
    struct ref_scales s = {d >= 0 ? ref_half(b + d) : ldexpf(1.0f, b[0] - 128), m >= 0 ? ref_half(b + m) : 0.0f};
    return s;
}

static inline void ref_quantise(const float *x, uint32_t n, int32_t *a, float *da) {
    float amax = 0.0f;
    for (uint32_t i = 0; i < n; i++) amax = fabsf(x[i]) > amax ? fabsf(x[i]) : amax;
    *da = amax < 0x1p-100f ? 0.0f : amax / 127.0f;
    float r = 127.0f / amax;
    for (uint32_t i = 0; i < n; i++) {
        float v = x[i] * r;
        a[i] = amax < 0x1p-100f ? 0 : (int32_t)lrintf(v);
    }
}

/* Rules 2 to 4 for one row and one token. The integers are summed in 64 bits: *worst is the largest size seen, which must stay
 * below 2^31 for 32 bits to be exact. */
static inline float ref_dot(const struct weight_type *t, const uint8_t *row, uint32_t cols, const float *x, int64_t *worst) {
    float acc = 0.0f;
    for (uint32_t b = 0; b < cols / t->block_len; b++, row += t->block_bytes, x += t->block_len) {
        int32_t a[256];
        int64_t sum = 0, mins = 0;
        float da;
        struct ref_scales s = ref_scales(t->id, row);
        ref_quantise(x, t->block_len, a, &da);
        for (uint32_t i = 0; i < t->block_len; i++) {
            struct ref_element e = ref_element(t->id, row, i);
            sum += (int64_t)e.sc * e.q * a[i];
            mins += (int64_t)e.m * a[i];
        }
        if (llabs(sum) > *worst) *worst = llabs(sum);
        if (llabs(mins) > *worst) *worst = llabs(mins);
        float d = s.d * da, m = s.dmin * da;
        acc = fmaf((float)sum, d, acc);
        if (ref_dmin_at(t->id) >= 0) acc = fmaf((float)mins, t->block_len == 32 ? m : -m, acc);
    }
    return acc;
}

/* Random bytes with every scale made finite and small. */
static inline void rng_rows(struct rng *r, uint8_t *p, size_t blocks, uint32_t block_bytes, uint32_t id) {
    for (size_t i = 0; i < blocks * block_bytes; i++) p[i] = (uint8_t)rng_u32(r);
    for (size_t b = 0; b < blocks; b++) {
        uint8_t *q = p + b * block_bytes;
        int at[2] = {ref_d_at(id), ref_dmin_at(id)};
        if (id == WEIGHT_F32) {
            float v = rng_f32(r);
            memcpy(q, &v, 4);
        } else if (id == WEIGHT_BF16)
            q[1] = (uint8_t)((q[1] & 0x80) | 0x3e);
        else if (id == WEIGHT_MXFP4)
            q[0] = (uint8_t)(100 + q[0] % 28);
        else
            for (int k = 0; k < 2; k++)
                if (at[k] >= 0) q[at[k] + 1] = (uint8_t)((q[at[k] + 1] & 0x80) | (rng_u32(r) & 0x3f) % 0x34); /* up to 0.25 */
    }
}

#endif
