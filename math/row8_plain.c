/* math/row8_plain.c - row8's kernel in plain C: the reference, one digit and row after another. */
#include "math/row8_layout.h"

void plain_row8(const uint8_t *group, uint32_t lines, const uint8_t *panel, uint32_t width, int32_t *out) {
    for (uint32_t t = 0; t < width; t++)
        for (uint32_t r = 0; r < ROW8_GROUP; r++) {
            const uint8_t *w = group + 4 * r, *a = panel + 4 * (size_t)width + 4 * t;
            int32_t sum = 0;
            for (uint32_t l = 0; l < lines; l++, w += ROW8_LINE, a += 4 * (size_t)width)
                for (uint32_t i = 0; i < 4; i++) sum += (w[i] - ROW8_ZERO) * (int8_t)a[i];
            out[ROW8_GROUP * t + r] = sum;
        }
}
