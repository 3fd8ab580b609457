/* math/row8.c - profile C1-row8: weights and tokens as integers, and back. The products are in row8_mul.c. */
#include "math/row8.h"

#include <math.h>
#include <string.h>

#include "math/float_bits.h"
#include "math/kern_table.h"
#include "math/row8_layout.h"

/* ---- packed weights --------------------------------------------------------------------------------------------------- */

int row8_shape(struct row8 *m, uint32_t rows, uint32_t cols) {
    if (rows == 0 || cols == 0 || rows > ROW8_ROWS_MAX || cols > ROW8_COLS_MAX) return ERR_RANGE;
    *m = (struct row8){rows, cols, (rows + ROW8_GROUP - 1) / ROW8_GROUP, (size_t)row8_lines(cols) * ROW8_LINE, NULL};
    return 0;
}

size_t row8_bytes(const struct row8 *m) { return m->groups * m->group_bytes; }

/* One group from up to 16 rows of weights: line by line, so that the packed bytes are written in order. */
static void pack_group(uint8_t *to, uint32_t cols, uint32_t rows, const int8_t *w) {
    memset(to, ROW8_ZERO, (size_t)row8_lines(cols) * ROW8_LINE);
    for (uint32_t c = 0; c < cols; c += 4, to += ROW8_LINE)
        for (uint32_t r = 0; r < rows; r++) {
            uint8_t four[4] = {0};
            uint32_t bytes;
            memcpy(four, w + (size_t)r * cols + c, cols - c < 4 ? cols - c : 4);
            memcpy(&bytes, four, 4);
            bytes ^= ROW8_ZERO * 0x01010101u; /* the same as adding 128 to each */
            memcpy(to + 4 * r, &bytes, 4);
        }
}

void row8_pack(const struct row8 *m, uint32_t first, uint32_t count, const int8_t *w) {
    for (uint32_t r = 0; r < count; r += ROW8_GROUP) {
        uint32_t rows = count - r < ROW8_GROUP ? count - r : ROW8_GROUP;
        pack_group(m->data + (first + r) / ROW8_GROUP * m->group_bytes, m->cols, rows, w + (size_t)r * m->cols);
    }
}

void row8_unpack(const struct row8 *m, uint32_t row, int8_t *w) {
    const uint8_t *from = m->data + row / ROW8_GROUP * m->group_bytes + 4 * (row % ROW8_GROUP);
    for (uint32_t c = 0; c < m->cols; c++) w[c] = (int8_t)(from[(size_t)c / 4 * ROW8_LINE + c % 4] - ROW8_ZERO);
}

/* ---- weights and tokens as integers ----------------------------------------------------------------------------------- */

/* Largest magnitude as bits; at or over 0x7f800000: a value is NaN or infinite. Kernels take multiples of 16. */
static uint32_t amax_bits(const struct kern *k, const float *x, uint32_t n) {
    uint32_t whole = n & ~15u, most = k->amax_bits(x, whole);
    for (uint32_t i = whole; i < n; i++) {
        uint32_t bits = f32_bits(x[i]) & 0x7fffffffu;
        most = bits > most ? bits : most;
    }
    return most;
}

/* w = RNE_int(y * r). Kernels take multiples of 16 and also give sums, of which there is no use here. */
static void quantise(const struct kern *k, const float *y, uint32_t n, float r, int8_t *w) {
    int32_t sums[256 / 16];
    float last[16] = {0};
    int8_t q[16];
    for (uint32_t piece; n >= 16; n -= piece, y += piece, w += piece) {
        piece = n < 256 ? n & ~15u : 256;
        k->quantise(y, piece, r, w, sums);
    }
    memcpy(last, y, n * sizeof *y);
    k->quantise(last, 16, r, q, sums);
    memcpy(w, q, n);
}

int row8_quantise(const struct kern *k, const float *y, uint32_t n, int8_t *w, float *scale) {
    uint32_t bits = amax_bits(k, y, n);
    float amax = f32_from_bits(bits);
    if (bits >= 0x7f800000u) return ERR_NONFINITE;
    if (amax < 0x1p-100f) {
        *scale = 0.0f;
        memset(w, 0, n);
        return 0;
    }
    *scale = amax / 127.0f;
    quantise(k, y, n, 127.0f / amax, w);
    return 0;
}

uint64_t row8_norm2(const int8_t *w, uint32_t n) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < n; i++) sum += (uint64_t)(w[i] * w[i]);
    return sum;
}

int row8_bound(const struct field *f, uint32_t cols, uint64_t norm2_max, uint32_t *t) {
    double g = f->p == FIELD_P24 ? 0.8 : 1.6, norm = sqrt((double)(norm2_max > 0 ? norm2_max : 1));
    double most = floor(((double)f->p / 2 - 1) / norm - (g + 0.5) * sqrt((double)cols)) - 1;
    if (most < 1) return ERR_RANGE;
    *t = most < ROW8_T_MAX ? (uint32_t)most : ROW8_T_MAX;
    return 0;
}

/* Whether sqrt(norm2) <= t + 1 + sqrt(n) / 2: both sides squared twice, on integers. */
static int norm_fits(uint64_t norm2, uint32_t n, uint32_t t) {
    uint64_t whole = (uint64_t)t + 1;
    int64_t over = (int64_t)(4 * norm2) - (int64_t)(4 * whole * whole + n); /* must be <= 4 (t + 1) sqrt(n), which is < 2^27 */
    if (over <= 0) return 1;
    return over < 1 << 27 && (uint64_t)(over * over) <= 16 * whole * whole * n;
}

int row8_token(const struct kern *k, const float *x, uint32_t n, uint32_t t, int32_t *q, float *scale) {
    uint32_t bits = amax_bits(k, x, n);
    if (bits >= 0x7f800000u) return ERR_NONFINITE;
    if (f32_from_bits(bits) < 0x1p-50f) {
        *scale = 0.0f;
        memset(q, 0, n * sizeof *q);
        return 0;
    }
    float sum = k->sum64_squares(x, n), s = sqrtf(sum) / (float)t;
    uint64_t norm2 = 0;
    if (f32_not_finite(sum)) return ERR_NONFINITE;
    for (uint32_t i = 0; i < n; i++) {
        q[i] = (int32_t)((x[i] / s + 0x1.8p23f) - 0x1.8p23f); /* to nearest, ties to even: |x / s| < 2^22 */
        norm2 += (uint64_t)((int64_t)q[i] * q[i]);
    }
    *scale = s;
    return norm_fits(norm2, n, t) ? 0 : ERR_RANGE;
}

uint32_t row8_token_digits(uint32_t t) { return t + 1 <= 127 ? 1 : t + 1 <= 127 * 257 ? 2 : 3; }

void row8_scale(const int32_t *sum, const float *row_scale, float token_scale, const float *bias, uint32_t n, float *y) {
    for (uint32_t i = 0; i < n; i++) y[i] = (float)sum[i] * (row_scale[i] * token_scale);
    if (bias == NULL) return;
    for (uint32_t i = 0; i < n; i++) y[i] = y[i] + bias[i];
}
