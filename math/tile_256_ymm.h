/* math/tile_256_ymm.h - products with weights in blocks of 256 (rule 4): 8 rows in one register, so a group is two halves. Scales
 * are given as pairs of int16, for vpmaddwd, which adds pairs of 16-bit sums anyway. What the codes' offset and the minimums add
 * is a sum over sub-blocks: vpmaddwd with the activations' sums, two at a time. Included after dots_*.h and with YMM_TILE(name),
 * the functions' names, by tile_256_avx2.c and tile_256_avxvnni.c. */

/* Two sub-blocks' scales, or minimums, of 8 rows, as pairs of int16. body: the block's, for row 0. */
ALWAYS_INLINE __m256i pairs_at(const uint8_t *body, unsigned half, unsigned pair) {
    return _mm256_cvtepi8_epi16(_mm_load_si128((const __m128i *)(const void *)(body + 32 * pair + 16 * half)));
}
ALWAYS_INLINE __m256i scale_pairs(enum weight_kernel kind, const uint8_t *body, unsigned half, unsigned pair) {
    __m256i s = pairs_at(body, half, pair);
    return kind == WK_Q2_K ? _mm256_and_si256(s, _mm256_set1_epi16(15)) : s;
}
ALWAYS_INLINE __m256i minimum_pairs(enum weight_kernel kind, const uint8_t *body, unsigned half, unsigned pair) {
    if (kind == WK_Q2_K) return _mm256_and_si256(_mm256_srli_epi16(pairs_at(body, half, pair), 4), _mm256_set1_epi16(15));
    return pairs_at(body + PACK_MINIMUMS, half, pair);
}
ALWAYS_INLINE __m256i first_twice(__m256i pairs) {
    return _mm256_or_si256(_mm256_slli_epi32(pairs, 16), _mm256_srli_epi32(_mm256_slli_epi32(pairs, 16), 16));
}
ALWAYS_INLINE __m256i second_twice(__m256i pairs) {
    __m256i high = _mm256_srli_epi32(pairs, 16);
    return _mm256_or_si256(high, _mm256_slli_epi32(high, 16));
}

/* total[t] = sum over sub-blocks of scale (minimum) times the sum of the activations */
ALWAYS_INLINE void weigh_sums(enum weight_kernel kind, int minimums, unsigned n, unsigned w, unsigned half, const uint8_t *body,
                              const uint8_t *act, __m256i total[TOKENS]) {
    const uint8_t *sums = act + (block_sub_is_32(kind) ? ACT256_SUMS32 : ACT256_SUMS16) * w;
    EACH(t, n) total[t] = _mm256_setzero_si256();
    for (unsigned p = 0; p < (block_sub_is_32(kind) ? 4 : 8); p++, sums += 4 * w) {
        __m256i s = minimums ? minimum_pairs(kind, body, half, p) : scale_pairs(kind, body, half, p);
        EACH(t, n) total[t] = _mm256_add_epi32(total[t], _mm256_madd_epi16(s, spread(sums + 4 * t)));
    }
}

/* What the totals start at: minus the codes' offset, 2^shift, times the weighed sums. */
ALWAYS_INLINE void first_totals(enum weight_kernel kind, unsigned n, unsigned w, unsigned half, const uint8_t *body,
                                const uint8_t *act, __m256i total[TOKENS]) {
    if (kind != WK_Q3_K && kind != WK_Q6_K) {
        EACH(t, n) total[t] = _mm256_setzero_si256();
        return;
    }
    weigh_sums(kind, 0, n, w, half, body, act, total);
    EACH(t, n) total[t] = _mm256_sub_epi32(_mm256_setzero_si256(), _mm256_slli_epi32(total[t], kind == WK_Q3_K ? 2 : 5));
}

/* One or two parts that one pair of scales belongs to. */
ALWAYS_INLINE void add_pair(enum weight_kernel kind, unsigned n, unsigned w, __m256i scales, const uint8_t *parts,
                            const uint8_t *columns, __m256i total[TOKENS]) {
    const unsigned count = block_sub_is_32(kind) ? 2 : 1;
    EACH(p, count)
    EACH(h, 2) {
        __m256i q[4], scale = (count == 2 ? p : h) ? second_twice(scales) : first_twice(scales);
        four_codes(kind, parts + p * part_bytes(kind), h, q);
        add_four(kind, n, w, q, h, scale, columns + 32 * p * w, total);
    }
}

ALWAYS_INLINE void add_block(vf scale, unsigned n, const uint8_t *act, const __m256i total[TOKENS], vf acc[TOKENS]) {
    EACH(t, n) acc[t] = vf_fma(_mm256_cvtepi32_ps(total[t]), vf_mul(scale, vf_set1(load_f32(act + 4 * t))), acc[t]);
}

/* n tokens (constant) of a panel of w tokens; act points at the first one's words, out at its results for the rows of this half. */
ALWAYS_INLINE void part_256(unsigned n, unsigned w, enum weight_kernel kind, unsigned half, const uint8_t *group, uint32_t cols,
                            const uint8_t *act, float *out) {
    const unsigned pairs = block_sub_is_32(kind) ? 4 : 8, parts = 8 / pairs;
    vf acc[TOKENS];
    EACH(t, n) acc[t] = vf_zero();
    for (uint32_t b = 0; b < cols / 256; b++, act += ACT256_BYTES * w) {
        const uint8_t *body = group + kind_body_at(kind, b), *scale = group + kind_scale_at(kind, b) + 16 * half;
        const uint8_t *part = body + sub_scale_bytes(kind) + 32 * half, *columns = act + ACT256_COLUMNS * w;
        __m256i total[TOKENS];
        first_totals(kind, n, w, half, body, act, total);
        for (unsigned p = 0; p < pairs; p++, part += parts * part_bytes(kind), columns += parts * 32 * w)
            add_pair(kind, n, w, scale_pairs(kind, body, half, p), part, columns, total);
        add_block(vf_from_f16(scale), n, act, total, acc);
        if (!block_has_minimum(kind)) continue;
        weigh_sums(kind, 1, n, w, half, body, act, total);
        add_block(vf_neg(vf_from_f16(scale + 32)), n, act, total, acc); /* (-dmin)*da is -(dmin*da) */
    }
    EACH(t, n) vf_store(out + 16 * t, acc[t]);
}

#define TILE(name, kind)                                                                                         \
    void YMM_TILE(name)(const uint8_t *group, uint32_t cols, const uint8_t *panel, uint32_t width, float *out) { \
        TILE_IN_PARTS(part_256, kind)                                                                            \
    }
TILE(q2_k, WK_Q2_K)
TILE(q3_k, WK_Q3_K)
TILE(q4_k, WK_Q4_K)
TILE(q5_k, WK_Q5_K)
TILE(q6_k, WK_Q6_K)
TILE(iq4_xs, WK_IQ4_XS)
