/* math/acts_ymm.h - activations (rule 2) with 256-bit registers. Included once by each kernel file that has them. */
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
