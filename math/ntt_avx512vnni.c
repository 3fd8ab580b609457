/* math/ntt_avx512vnni.c - the ring with AVX-512: 16 lanes, so the whole of a 16 x 16 square is in registers. */
#if defined(__x86_64__)
#include <immintrin.h>

#include "math/unroll.h"
#include "math/ntt_kern.h"

enum { LANES = 16, PANEL_ROWS = 12 };
typedef __m512i vu;
#define WIDE_Q _mm512_set1_epi64((long long)((uint64_t)NTT_Q << 32))

ALWAYS_INLINE vu vu_load(const uint32_t *p) { return _mm512_loadu_si512(p); }
ALWAYS_INLINE void vu_store(uint32_t *p, vu v) { _mm512_storeu_si512(p, v); }
ALWAYS_INLINE vu vu_set1(uint32_t v) { return _mm512_set1_epi32((int)v); }
ALWAYS_INLINE vu vu_add(vu a, vu b) { return _mm512_add_epi32(a, b); }
ALWAYS_INLINE vu vu_sub(vu a, vu b) { return _mm512_sub_epi32(a, b); }
ALWAYS_INLINE vu vu_min(vu a, vu b) { return _mm512_min_epu32(a, b); }
ALWAYS_INLINE vu vu_shift_left(vu v, uint32_t n) { return _mm512_sll_epi32(v, _mm_cvtsi32_si128((int)n)); }
/* 1 in each lane where a >= b */
ALWAYS_INLINE vu vu_not_below(vu a, vu b) { return _mm512_maskz_set1_epi32(_mm512_cmpge_epu32_mask(a, b), 1); }
ALWAYS_INLINE vu vu_mul(vu a, vu b) { return _mm512_mullo_epi32(a, b); }
ALWAYS_INLINE vu vu_bytes(const uint8_t *p) {
    return _mm512_and_si512(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)p)), _mm512_set1_epi32(63));
}
ALWAYS_INLINE vu vu_dot2(vu acc, vu a, vu b) { return _mm512_dpwssd_epi32(acc, a, b); }

struct vu_wide {
    vu a, b; /* the products of even lanes, of odd lanes */
};
ALWAYS_INLINE struct vu_wide wide_mul(vu a, vu b) {
    return (struct vu_wide){_mm512_mul_epu32(a, b), _mm512_mul_epu32(_mm512_srli_epi64(a, 32), _mm512_srli_epi64(b, 32))};
}
ALWAYS_INLINE struct vu_wide wide_add(struct vu_wide x, struct vu_wide y) {
    return (struct vu_wide){_mm512_add_epi64(x.a, y.a), _mm512_add_epi64(x.b, y.b)};
}
ALWAYS_INLINE vu wide_low(struct vu_wide v) { return _mm512_mask_blend_epi32(0xaaaa, v.a, _mm512_slli_epi64(v.b, 32)); }
ALWAYS_INLINE vu wide_high(struct vu_wide v) { return _mm512_mask_blend_epi32(0xaaaa, _mm512_srli_epi64(v.a, 32), v.b); }
ALWAYS_INLINE vu vu_mul_high(vu a, vu b) { return wide_high(wide_mul(a, b)); }

/* Pairs of lanes, of 64 bits, of 128, of 256 change places with the row 1, 2, 4, 8 below. */
ALWAYS_INLINE void vu_turn(uint32_t *out, const uint32_t *in, size_t stride) {
    vu v[16], w[16];
    EACH(i, 16) v[i] = vu_load(in + stride * i);
    EACH(i, 8) {
        w[2 * i] = _mm512_unpacklo_epi32(v[2 * i], v[2 * i + 1]);
        w[2 * i + 1] = _mm512_unpackhi_epi32(v[2 * i], v[2 * i + 1]);
    }
    EACH(i, 4) {
        EACH(j, 2) {
            v[4 * i + 2 * j] = _mm512_unpacklo_epi64(w[4 * i + j], w[4 * i + 2 + j]);
            v[4 * i + 2 * j + 1] = _mm512_unpackhi_epi64(w[4 * i + j], w[4 * i + 2 + j]);
        }
    }
    EACH(i, 4) { /* v[4 g + i]: column i of each quarter, rows 4 g .. 4 g + 3 */
        vu ab = _mm512_shuffle_i32x4(v[i], v[4 + i], 0x44), cd = _mm512_shuffle_i32x4(v[8 + i], v[12 + i], 0x44);
        vu ef = _mm512_shuffle_i32x4(v[i], v[4 + i], 0xee), gh = _mm512_shuffle_i32x4(v[8 + i], v[12 + i], 0xee);
        vu_store(out + 16 * i, _mm512_shuffle_i32x4(ab, cd, 0x88));
        vu_store(out + 16 * (4 + i), _mm512_shuffle_i32x4(ab, cd, 0xdd));
        vu_store(out + 16 * (8 + i), _mm512_shuffle_i32x4(ef, gh, 0x88));
        vu_store(out + 16 * (12 + i), _mm512_shuffle_i32x4(ef, gh, 0xdd));
    }
}

#include "math/ntt_lanes.h"

const struct ntt_kern ntt_avx512vnni = NTT_LANES_TABLE;
#endif
