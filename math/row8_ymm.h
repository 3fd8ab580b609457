/* math/row8_ymm.h - row8's kernel on 256-bit registers: a group is two halves of 8 rows, and at most four digits run at a time. How
 * bytes are multiplied (first_sum, row8_weights, row8_dot) is said before the inclusion, by row8_avx2.c and row8_avxvnni.c, which
 * also name the function (YMM_ROW8). */

/* n digits (constant) of a panel of w; panel points at the first one's word of each row, out at its results. */
ALWAYS_INLINE void digits(unsigned n, uint32_t w, const uint8_t *group, uint32_t lines, const uint8_t *panel, int32_t *out) {
    __m256i sum[TOKENS][2];
    const uint8_t *a = panel + 4 * (size_t)w;
    EACH(t, n) EACH(h, 2) sum[t][h] = first_sum(panel + 4 * t);
    for (uint32_t l = 0; l < lines; l++, group += ROW8_LINE, a += 4 * (size_t)w) {
        __m256i q[2];
        EACH(h, 2) q[h] = row8_weights(group + 32 * h);
        EACH(t, n) {
            __m256i d = spread(a + 4 * t);
            EACH(h, 2) sum[t][h] = row8_dot(sum[t][h], q[h], d);
        }
    }
    EACH(t, n) EACH(h, 2) _mm256_storeu_si256((__m256i *)(void *)(out + ROW8_GROUP * t + 8 * h), sum[t][h]);
}

void YMM_ROW8(const uint8_t *group, uint32_t lines, const uint8_t *panel, uint32_t width, int32_t *out) {
    for (uint32_t t = 0; t < width; t += TOKENS, panel += 4 * TOKENS, out += ROW8_GROUP * TOKENS) {
        switch (width - t) {
        case 1: digits(1, width, group, lines, panel, out); break;
        case 2: digits(2, width, group, lines, panel, out); break;
        case 3: digits(3, width, group, lines, panel, out); break;
        default: digits(4, width, group, lines, panel, out); break;
        }
    }
}
