/* math/tile_32_ymm.h - products with weights in blocks of 32 (rule 3): 8 rows in one register, so a group is two halves. Included
 * after dots_*.h and with YMM_TILE(name), the functions' names, by tile_32_avx2.c and tile_32_avxvnni.c. */

ALWAYS_INLINE vf block_scale(vf d, const uint8_t *da) { return vf_mul(d, vf_set1(load_f32(da))); }

/* Minus the offset of the codes times the sum of the activations, of which the panel has -8 times; values have no offset. */
ALWAYS_INLINE __m256i first_sum(enum weight_kernel kind, const uint8_t *minus8) {
    return kind == WK_Q4_0 ? spread(minus8) : kind == WK_Q5_0 ? _mm256_slli_epi32(spread(minus8), 1) : _mm256_setzero_si256();
}

/* fma(f32(S), m*da, acc). S as an integer first: the sign of a zero counts. */
ALWAYS_INLINE vf add_minimum(vf m, const uint8_t *da, const uint8_t *minus8, vf acc) {
    __m256i s = _mm256_sub_epi32(_mm256_setzero_si256(), _mm256_srai_epi32(spread(minus8), 3));
    return vf_fma(_mm256_cvtepi32_ps(s), block_scale(m, da), acc);
}

/* n tokens (constant) of a panel of w tokens; act points at the first one's words, out at its results for the rows of this half. */
ALWAYS_INLINE void part_32(unsigned n, unsigned w, enum weight_kernel kind, unsigned half, const uint8_t *group, uint32_t cols,
                           const uint8_t *act, float *out) {
    vf acc[TOKENS];
    EACH(t, n) acc[t] = vf_zero();
    for (uint32_t b = 0; b < cols / 32; b++, act += ACT32_BYTES * w) {
        const uint8_t *body = group + kind_body_at(kind, b) + 32 * half, *scale = group + kind_scale_at(kind, b) + 16 * half;
        __m256i sum[TOKENS];
        EACH(t, n) sum[t] = first_sum(kind, act + 4 * w + 4 * t);
        EACH(h, 2) {
            __m256i q[4];
            four_codes(kind, body, h, q);
            add_four(kind, n, w, q, h, _mm256_set1_epi16(1), act + 12 * w, sum);
        }
        vf d = kind == WK_MXFP4 ? vf_from_bf16(scale) : vf_from_f16(scale);
        EACH(t, n) acc[t] = vf_fma(_mm256_cvtepi32_ps(sum[t]), block_scale(d, act + 4 * t), acc[t]);
        if (!block_has_minimum(kind)) continue;
        vf m = vf_from_f16(scale + 32);
        EACH(t, n) acc[t] = add_minimum(m, act + 4 * t, act + 4 * w + 4 * t, acc[t]);
    }
    EACH(t, n) vf_store(out + 16 * t, acc[t]);
}

#define TILE(name, kind)                                                                                         \
    void YMM_TILE(name)(const uint8_t *group, uint32_t cols, const uint8_t *panel, uint32_t width, float *out) { \
        TILE_IN_PARTS(part_32, kind)                                                                             \
    }
TILE(q8_0, WK_Q8_0)
TILE(q4_0, WK_Q4_0)
TILE(q4_1, WK_Q4_1)
TILE(q5_0, WK_Q5_0)
TILE(q5_1, WK_Q5_1)
TILE(iq4_nl, WK_IQ4_NL)
TILE(mxfp4, WK_MXFP4)
