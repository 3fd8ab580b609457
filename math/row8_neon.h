/* math/row8_neon.h - row8's kernel on AArch64: a group is two halves of 8 rows, which are two registers of 4, and at most four digits
 * run at a time. Included once by kern_neon.c and kern_neoni8mm.c, after neon_dots. */
#include "math/row8_layout.h"

ALWAYS_INLINE void row8_weights(unsigned count, const uint8_t *half, int8x16_t q[][2]) {
    EACH(g, count)
    EACH(v, 2) q[g][v] = vreinterpretq_s8_u8(veorq_u8(vld1q_u8(half + ROW8_LINE * g + 16 * v), vdupq_n_u8(ROW8_ZERO)));
}

/* n digits (constant) of a panel of w; panel points at the first one's word of each row, out at its results. */
ALWAYS_INLINE void row8_digits(unsigned n, unsigned w, const uint8_t *group, uint32_t lines, const uint8_t *panel, int32_t *out) {
    int32x4_t sum[2][NEON_TOKENS][2]; /* of each half */
    const uint8_t *a = panel + 4 * w;
    uint32_t l = 0;
    EACH(h, 2) EACH(t, n) EACH(v, 2) sum[h][t][v] = vdupq_n_s32(0);
    for (; l + 4 <= lines; l += 4, group += 4 * ROW8_LINE, a += 16 * w) EACH(h, 2) {
            int8x16_t q[4][2];
            row8_weights(4, group + 32 * h, q);
            neon_dots(n, 4, q, a, w, sum[h]);
        }
    for (; l < lines; l++, group += ROW8_LINE, a += 4 * w) EACH(h, 2) {
            int8x16_t q[1][2];
            row8_weights(1, group + 32 * h, q);
            neon_sdot(n, 1, q, a, w, sum[h]);
        }
    EACH(h, 2) EACH(t, n) EACH(v, 2) vst1q_s32(out + ROW8_GROUP * t + 8 * h + 4 * v, sum[h][t][v]);
}

static void neon_row8(const uint8_t *group, uint32_t lines, const uint8_t *panel, uint32_t width, int32_t *out) {
    for (uint32_t t = 0; t < width; t += NEON_TOKENS, panel += 4 * NEON_TOKENS, out += ROW8_GROUP * NEON_TOKENS) {
        switch (width - t) {
        case 1: row8_digits(1, width, group, lines, panel, out); break;
        case 2: row8_digits(2, width, group, lines, panel, out); break;
        case 3: row8_digits(3, width, group, lines, panel, out); break;
        default: row8_digits(4, width, group, lines, panel, out); break;
        }
    }
}
