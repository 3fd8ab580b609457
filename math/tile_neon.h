/* math/tile_neon.h - products with quantised weights (rules 2 to 4) on AArch64: a group is two halves of 8 rows, which are two
 * registers of 4, and at most four tokens run at a time. A format's part is its unpacking into signed bytes; the products are
 * neon_dots, which kern_neon.c has with sdot and kern_neoni8mm.c with smmla: exact sums of integers, the same either way.
 * Included once by each of them, after attend_lanes.h and neon_dots. */
enum { TOKENS = NEON_TOKENS };

ALWAYS_INLINE int32x4_t spread(const uint8_t *p) { return vdupq_n_s32(load_i32(p)); }
ALWAYS_INLINE vf finish(int32x4_t sum, vf d, const uint8_t *da, vf acc) {
    return vf_fma(vcvtq_f32_s32(sum), vf_mul(d, vf_set1(load_f32(da))), acc);
}
/* Where vector v of this half of a line is. */
ALWAYS_INLINE const uint8_t *vector_of(const uint8_t *line, unsigned half, unsigned v) { return line + 32 * half + 16 * v; }

/* In all of these: n tokens (constant) of a panel of w tokens; act points at the first one's words, out at its results for the
 * rows of this half. */
ALWAYS_INLINE void q8_0_part(unsigned n, unsigned w, unsigned half, const uint8_t *group, uint32_t cols, const uint8_t *act,
                             float *out) {
    const uint8x16_t offset = vdupq_n_u8(128);
    vf acc[TOKENS][2];
    EACH(t, n) EACH(v, 2) acc[t][v] = vf_zero();
    for (uint32_t b = 0; b < cols / 32; b++, act += ACT32_BYTES * w) {
        const uint8_t *body = group + body_at(b, BODY_Q8_0), *scale = group + scale_at(b, BODY_Q8_0);
        int32x4_t sum[TOKENS][2];
        int8x16_t q[8][2];
        EACH(t, n) EACH(v, 2) sum[t][v] = vdupq_n_s32(0);
        EACH(g, 8) EACH(v, 2) q[g][v] = vreinterpretq_s8_u8(veorq_u8(vld1q_u8(vector_of(body + 64 * g, half, v)), offset));
        neon_dots(n, 8, q, act + 12 * w, w, sum);
        EACH(v, 2) {
            vf d = vf_from_f16(scale + 16 * half + 8 * v);
            EACH(t, n) acc[t][v] = finish(sum[t][v], d, act + 4 * t, acc[t][v]);
        }
    }
    EACH(t, n) EACH(v, 2) vf_store(out + 16 * t + 4 * v, acc[t][v]);
}

ALWAYS_INLINE void q4_0_part(unsigned n, unsigned w, unsigned half, const uint8_t *group, uint32_t cols, const uint8_t *act,
                             float *out) {
    const uint8x16_t low4 = vdupq_n_u8(15);
    vf acc[TOKENS][2];
    EACH(t, n) EACH(v, 2) acc[t][v] = vf_zero();
    for (uint32_t b = 0; b < cols / 32; b++, act += ACT32_BYTES * w) {
        const uint8_t *body = group + body_at(b, BODY_Q4_0), *scale = group + scale_at(b, BODY_Q4_0);
        int32x4_t sum[TOKENS][2];
        int8x16_t q[8][2];
        EACH(t, n) EACH(v, 2) sum[t][v] = spread(act + 4 * w + 4 * t); /* -8 * S */
        EACH(g, 4) EACH(v, 2) {
            uint8x16_t both = vld1q_u8(vector_of(body + 64 * g, half, v));
            q[g][v] = vreinterpretq_s8_u8(vandq_u8(both, low4));
            q[g + 4][v] = vreinterpretq_s8_u8(vshrq_n_u8(both, 4));
        }
        neon_dots(n, 8, q, act + 12 * w, w, sum);
        EACH(v, 2) {
            vf d = vf_from_f16(scale + 16 * half + 8 * v);
            EACH(t, n) acc[t][v] = finish(sum[t][v], d, act + 4 * t, acc[t][v]);
        }
    }
    EACH(t, n) EACH(v, 2) vf_store(out + 16 * t + 4 * v, acc[t][v]);
}

/* The six-bit values of a sub-block's four k-groups, for one vector of rows. */
ALWAYS_INLINE void q6_k_unpack(const uint8_t *sub, unsigned half, unsigned v, int8x16_t q[8][2]) {
    const uint8x16_t low4 = vdupq_n_u8(15), high2 = vdupq_n_u8(0x30);
    uint8x16_t l0 = vld1q_u8(vector_of(sub, half, v)), l1 = vld1q_u8(vector_of(sub + 64, half, v));
    uint8x16_t h = vld1q_u8(vector_of(sub + 128, half, v));
    q[0][v] = vreinterpretq_s8_u8(vorrq_u8(vandq_u8(l0, low4), vandq_u8(vshlq_n_u8(h, 4), high2)));
    q[1][v] = vreinterpretq_s8_u8(vorrq_u8(vshrq_n_u8(l0, 4), vandq_u8(vshlq_n_u8(h, 2), high2)));
    q[2][v] = vreinterpretq_s8_u8(vorrq_u8(vandq_u8(l1, low4), vandq_u8(h, high2)));
    q[3][v] = vreinterpretq_s8_u8(vorrq_u8(vshrq_n_u8(l1, 4), vandq_u8(vshrq_n_u8(h, 2), high2)));
}

ALWAYS_INLINE void q6_k_part(unsigned n, unsigned w, unsigned half, const uint8_t *group, uint32_t cols, const uint8_t *act,
                             float *out) {
    vf acc[TOKENS][2];
    EACH(t, n) EACH(v, 2) acc[t][v] = vf_zero();
    for (uint32_t b = 0; b < cols / 256; b++) {
        const uint8_t *body = group + body_at(b, BODY_Q6_K), *scale = group + scale_at(b, BODY_Q6_K), *da = act;
        int32x4_t total[TOKENS][2];
        EACH(t, n) EACH(v, 2) total[t][v] = vdupq_n_s32(0);
        act += 4 * w;
        for (unsigned j = 0; j < 16; j++, act += ACT256_SUB * w) {
            int8x16_t q[8][2];
            int32x4_t sum[TOKENS][2];
            int16x8_t sc = vmovl_s8(vld1_s8((const int8_t *)body + 16 * j + 8 * half));
            EACH(v, 2) q6_k_unpack(body + Q6K_SCALES + Q6K_SUB * j, half, v, q);
            EACH(t, n) EACH(v, 2) sum[t][v] = spread(act + 4 * t); /* -32 * S */
            neon_dots(n, 4, q, act + 4 * w, w, sum);
            EACH(t, n) {
                total[t][0] = vmlaq_s32(total[t][0], sum[t][0], vmovl_s16(vget_low_s16(sc)));
                total[t][1] = vmlaq_s32(total[t][1], sum[t][1], vmovl_s16(vget_high_s16(sc)));
            }
        }
        EACH(v, 2) {
            vf d = vf_from_f16(scale + 16 * half + 8 * v);
            EACH(t, n) acc[t][v] = finish(total[t][v], d, da + 4 * t, acc[t][v]);
        }
    }
    EACH(t, n) EACH(v, 2) vf_store(out + 16 * t + 4 * v, acc[t][v]);
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
