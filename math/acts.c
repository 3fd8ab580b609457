/* math/acts.c - activations: blocks quantised by rule 2, laid out in panels (packed.h). */
#include <string.h>

#include "math/float_bits.h"
#include "math/kern_table.h"
#include "math/packed.h"

static size_t token_bytes(enum act_kind kind, uint32_t cols) {
    if (kind == ACT_F32) return (size_t)cols * sizeof(float);
    return kind == ACT_Q32 ? (size_t)cols / 32 * ACT32_BYTES : (size_t)cols / 256 * ACT256_BYTES;
}

size_t acts_bytes(enum act_kind kind, uint32_t cols, uint32_t count) {
    return (token_bytes(kind, cols) * count + 63) & ~(size_t)63;
}

void acts_init(struct acts *a, enum act_kind kind, uint32_t cols, uint32_t count, void *mem) {
    *a = (struct acts){kind, cols, count, token_bytes(kind, cols), mem};
}

int acts_quantise_block(const struct kern *k, const float *x, uint32_t n, int8_t *q, float *da, int32_t *sums) {
    uint32_t bits = k->amax_bits(x, n);
    float amax = f32_from_bits(bits);
    if (bits >= 0x7f800000u || amax < 0x1p-100f) {
        *da = 0.0f;
        memset(q, 0, n);
        memset(sums, 0, n / 16 * sizeof *sums);
        return bits >= 0x7f800000u;
    }
    *da = amax / 127.0f;
    k->quantise(x, n, 127.0f / amax, q, sums);
    return 0;
}

/* Where token `at` of a panel of `width` keeps its part of a row of w dwords. */
static void put4(uint8_t *row, uint32_t at, const void *v) { memcpy(row + 4 * at, v, 4); }

static int fill_q32(const struct kern *k, uint8_t *panel, uint32_t cols, uint32_t width, uint32_t at, const float *x) {
    int bad = 0;
    size_t row = 4 * (size_t)width;
    for (uint32_t b = 0; b < cols / 32; b++, x += 32, panel += ACT32_BYTES * (size_t)width) {
        int8_t q[32];
        int32_t sums[2];
        float da;
        bad |= acts_quantise_block(k, x, 32, q, &da, sums);
        int32_t s = sums[0] + sums[1], s8 = -8 * s, s128 = -128 * s;
        put4(panel, at, &da);
        put4(panel + row, at, &s8);
        put4(panel + 2 * row, at, &s128);
        for (uint32_t g = 0; g < 8; g++) put4(panel + (3 + g) * row, at, q + 4 * g);
    }
    return bad;
}

/* Two sums as int16: their size is at most 32 * 127. */
static void put_sums(uint8_t *row, uint32_t at, int32_t first, int32_t second) {
    int16_t both[2] = {(int16_t)first, (int16_t)second};
    put4(row, at, both);
}

static int fill_q256(const struct kern *k, uint8_t *panel, uint32_t cols, uint32_t width, uint32_t at, const float *x) {
    int bad = 0;
    size_t row = 4 * (size_t)width;
    for (uint32_t b = 0; b < cols / 256; b++, x += 256) {
        int8_t q[256];
        int32_t s[16];
        float da;
        bad |= acts_quantise_block(k, x, 256, q, &da, s);
        put4(panel, at, &da);
        panel += row;
        for (uint32_t j = 0; j < 16; j += 4, panel += row) put_sums(panel, at, s[j] + s[j + 1], s[j + 2] + s[j + 3]);
        for (uint32_t j = 0; j < 16; j += 2, panel += row) put_sums(panel, at, s[j], s[j + 1]);
        for (uint32_t g = 0; g < 64; g++, panel += row) put4(panel, at, q + 4 * g);
    }
    return bad;
}

void acts_fill(const struct kern *k, const struct acts *a, uint32_t t0, uint32_t t1, const float *x, size_t x_stride,
               uint8_t *bad) {
    for (uint32_t t = t0; t < t1; t++) {
        const float *xt = x + t * x_stride;
        uint32_t first = t / ACTS_PANEL * ACTS_PANEL, at = t - first;
        uint32_t width = a->count - first < ACTS_PANEL ? a->count - first : ACTS_PANEL;
        uint8_t *panel = a->data + first * a->token_bytes;
        switch (a->kind) {
        case ACT_F32:
            for (uint32_t i = 0; i < a->cols; i++) put4(panel + 4 * (size_t)i * width, at, xt + i);
            break;
        case ACT_Q32:
            if (fill_q32(k, panel, a->cols, width, at, xt)) bad[t] = 1;
            break;
        case ACT_Q256:
            if (fill_q256(k, panel, a->cols, width, at, xt)) bad[t] = 1;
            break;
        }
    }
}
