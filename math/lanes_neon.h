/* math/lanes_neon.h - 4 float lanes, AArch64. The *_lanes.h files are written over these names and compiled once for each width. */
#ifndef MATH_LANES_H
#define MATH_LANES_H

#include <arm_neon.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "math/unroll.h"

enum { LANES = 4 };
typedef float32x4_t vf;

ALWAYS_INLINE vf vf_load(const float *p) { return vld1q_f32(p); }
ALWAYS_INLINE void vf_store(float *p, vf v) { vst1q_f32(p, v); }
ALWAYS_INLINE vf vf_set1(float x) { return vdupq_n_f32(x); }
ALWAYS_INLINE vf vf_zero(void) { return vdupq_n_f32(0.0f); }
/* The first min(n, LANES) elements; the other lanes are zero, or not written. */
ALWAYS_INLINE vf vf_load_n(const float *p, size_t n) {
    float some[LANES] = {0};
    if (n >= LANES) return vf_load(p);
    memcpy(some, p, n * sizeof *p);
    return vf_load(some);
}
ALWAYS_INLINE void vf_store_n(float *p, vf v, size_t n) {
    float some[LANES];
    if (n >= LANES) {
        vf_store(p, v);
        return;
    }
    vf_store(some, v);
    memcpy(p, some, n * sizeof *p);
}
ALWAYS_INLINE vf vf_add(vf a, vf b) { return vaddq_f32(a, b); }
ALWAYS_INLINE vf vf_sub(vf a, vf b) { return vsubq_f32(a, b); }
ALWAYS_INLINE vf vf_mul(vf a, vf b) { return vmulq_f32(a, b); }
ALWAYS_INLINE vf vf_div(vf a, vf b) { return vdivq_f32(a, b); }
ALWAYS_INLINE vf vf_fma(vf a, vf b, vf c) { return vfmaq_f32(c, a, b); }
ALWAYS_INLINE vf vf_fnma(vf a, vf b, vf c) { return vfmsq_f32(c, a, b); }           /* c - a*b, rounded once */
ALWAYS_INLINE vf vf_fms(vf a, vf b, vf c) { return vfmaq_f32(vnegq_f32(c), a, b); } /* a*b - c, rounded once */
ALWAYS_INLINE vf vf_neg(vf a) { return vnegq_f32(a); }
ALWAYS_INLINE vf vf_min(vf a, vf b) { return vminq_f32(a, b); } /* a NaN if either is */
ALWAYS_INLINE vf vf_max(vf a, vf b) { return vmaxq_f32(a, b); }
ALWAYS_INLINE vf vf_zero_where_less(vf v, vf x, vf limit) {
    return vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(v), vcltq_f32(x, limit)));
}
/* 2^n from the sum n + 1.5 * 2^23 whose low bits hold n */
ALWAYS_INLINE vf vf_pow2(vf z) {
    return vreinterpretq_f32_s32(vaddq_s32(vshlq_n_s32(vreinterpretq_s32_f32(z), 23), vdupq_n_s32(0x3f800000)));
}
ALWAYS_INLINE int vf_any_not_finite(vf v) {
    uint32x4_t inf = vdupq_n_u32(0x7f800000);
    return vmaxvq_u32(vceqq_u32(vandq_u32(vreinterpretq_u32_f32(v), inf), inf)) != 0;
}
/* The last folds of rule 6: s[j] + s[j + h] for h = 2, 1. */
ALWAYS_INLINE float vf_fold(vf v) {
    float32x2_t s = vadd_f32(vget_low_f32(v), vget_high_f32(v));
    return vget_lane_f32(s, 0) + vget_lane_f32(s, 1);
}
/* The largest lane; finite lanes only. */
ALWAYS_INLINE float vf_top(vf v) { return vmaxvq_f32(v); }
ALWAYS_INLINE vf vf_from_f16(const uint8_t *p) { return vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(p))); }
ALWAYS_INLINE vf vf_from_bf16(const uint8_t *p) {
    return vreinterpretq_f32_u32(vshll_n_u16(vreinterpret_u16_u8(vld1_u8(p)), 16));
}
ALWAYS_INLINE vf vf_from_i8(const uint8_t *p) {
    uint32_t four;
    memcpy(&four, p, sizeof four);
    return vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(vreinterpret_s8_u32(vdup_n_u32(four))))));
}
ALWAYS_INLINE vf vf_from_f32(const uint8_t *p) { return vreinterpretq_f32_u8(vld1q_u8(p)); }
ALWAYS_INLINE void vf_to_f16(uint16_t *p, vf v) { vst1_u16(p, vreinterpret_u16_f16(vcvt_f16_f32(v))); }

/* n pairs (x[2i], x[2i+1]), four at a time: fma(x0, c, -(x1*s)) and fma(x0, s, x1*c). Returns how many were done. */
ALWAYS_INLINE uint32_t vf_rope_pairs(float *x, const float *c, const float *s, uint32_t n) {
    uint32_t i = 0;
    for (; i + 4 <= n; i += 4) {
        float32x4x2_t v = vld2q_f32(x + 2 * i), y;
        vf vc = vf_load(c + i), vs = vf_load(s + i);
        y.val[0] = vf_fms(v.val[0], vc, vf_mul(v.val[1], vs));
        y.val[1] = vf_fma(v.val[0], vs, vf_mul(v.val[1], vc));
        vst2q_f32(x + 2 * i, y);
    }
    return i;
}

#endif
