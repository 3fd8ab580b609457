/* math/ntt_neon.c - the ring on AArch64: 4 lanes. */
#if defined(__aarch64__)
#include <arm_neon.h>

#include "math/unroll.h"
#include "math/ntt_kern.h"

enum { LANES = 4, PANEL_ROWS = 12 };
typedef uint32x4_t vu;
#define WIDE_Q vreinterpretq_u32_u64(vdupq_n_u64((uint64_t)NTT_Q << 32))

ALWAYS_INLINE vu vu_load(const uint32_t *p) { return vld1q_u32(p); }
ALWAYS_INLINE void vu_store(uint32_t *p, vu v) { vst1q_u32(p, v); }
ALWAYS_INLINE vu vu_set1(uint32_t v) { return vdupq_n_u32(v); }
ALWAYS_INLINE vu vu_add(vu a, vu b) { return vaddq_u32(a, b); }
ALWAYS_INLINE vu vu_sub(vu a, vu b) { return vsubq_u32(a, b); }
ALWAYS_INLINE vu vu_min(vu a, vu b) { return vminq_u32(a, b); }
ALWAYS_INLINE vu vu_shift_left(vu v, uint32_t n) { return vshlq_u32(v, vdupq_n_s32((int32_t)n)); }
/* 1 in each lane where a >= b */
ALWAYS_INLINE vu vu_not_below(vu a, vu b) { return vshrq_n_u32(vcgeq_u32(a, b), 31); }
ALWAYS_INLINE vu vu_mul(vu a, vu b) { return vmulq_u32(a, b); }
ALWAYS_INLINE vu vu_bytes(const uint8_t *p) {
    const uint32_t v[4] = {p[0] & 63u, p[1] & 63u, p[2] & 63u, p[3] & 63u};
    return vld1q_u32(v);
}

struct vu_wide {
    vu a, b; /* the products of lanes 0 and 1, of lanes 2 and 3 */
};
ALWAYS_INLINE struct vu_wide wide_mul(vu a, vu b) {
    return (struct vu_wide){vreinterpretq_u32_u64(vmull_u32(vget_low_u32(a), vget_low_u32(b))),
                            vreinterpretq_u32_u64(vmull_high_u32(a, b))};
}
ALWAYS_INLINE vu add64(vu x, vu y) {
    return vreinterpretq_u32_u64(vaddq_u64(vreinterpretq_u64_u32(x), vreinterpretq_u64_u32(y)));
}
ALWAYS_INLINE struct vu_wide wide_add(struct vu_wide x, struct vu_wide y) {
    return (struct vu_wide){add64(x.a, y.a), add64(x.b, y.b)};
}
ALWAYS_INLINE vu wide_low(struct vu_wide v) { return vuzp1q_u32(v.a, v.b); }
ALWAYS_INLINE vu wide_high(struct vu_wide v) { return vuzp2q_u32(v.a, v.b); }
ALWAYS_INLINE vu vu_mul_high(vu a, vu b) { return wide_high(wide_mul(a, b)); }

ALWAYS_INLINE vu vu_dot2(vu acc, vu a, vu b) {
    int16x8_t x = vreinterpretq_s16_u32(a), y = vreinterpretq_s16_u32(b);
    int32x4_t sum = vpaddq_s32(vmull_s16(vget_low_s16(x), vget_low_s16(y)), vmull_high_s16(x, y));
    return vaddq_u32(acc, vreinterpretq_u32_s32(sum));
}

/* Lanes, then pairs of lanes, change places with the row 1, 2 below. */
ALWAYS_INLINE void vu_turn(uint32_t *out, const uint32_t *in, size_t stride) {
    vu v[4];
    EACH(i, 4) v[i] = vu_load(in + stride * i);
    uint64x2_t ab0 = vreinterpretq_u64_u32(vtrn1q_u32(v[0], v[1])), ab1 = vreinterpretq_u64_u32(vtrn2q_u32(v[0], v[1]));
    uint64x2_t cd0 = vreinterpretq_u64_u32(vtrn1q_u32(v[2], v[3])), cd1 = vreinterpretq_u64_u32(vtrn2q_u32(v[2], v[3]));
    vu_store(out, vreinterpretq_u32_u64(vtrn1q_u64(ab0, cd0)));
    vu_store(out + 16, vreinterpretq_u32_u64(vtrn1q_u64(ab1, cd1)));
    vu_store(out + 32, vreinterpretq_u32_u64(vtrn2q_u64(ab0, cd0)));
    vu_store(out + 48, vreinterpretq_u32_u64(vtrn2q_u64(ab1, cd1)));
}

#include "math/ntt_lanes.h"

const struct ntt_kern ntt_neon = NTT_LANES_TABLE;
#endif
