/* math/ntt_rows.c - see ntt_rows.h. A panel is lines of one pair of columns: 16 values x 2 columns of low digits, then of high
 * ones. */
#include "math/ntt_rows.h"

#include <string.h>

#include "math/kern_table.h"
#include "math/ntt_kern.h"

enum { LINE = 64, PAIRS_AT_ONCE = 256, ROWS_STEP = 12 };

static uint32_t pairs_of(uint32_t cols) { return (cols + 1) / 2; }

int ntt_rows_shape(struct ntt_rows *m, uint32_t cols, uint32_t rank) {
    if (cols == 0 || cols > NTT_COLS_MAX || rank == 0 || rank > NTT_RANK_MAX) return ERR_RANGE;
    *m = (struct ntt_rows){.cols = cols,
                           .rank = rank,
                           .panels = rank * NTT_N / NTT_SIDE,
                           .panel_bytes = (size_t)pairs_of(cols) * LINE * sizeof(int16_t)};
    return 0;
}

size_t ntt_rows_bytes(const struct ntt_rows *m) { return m->panels * m->panel_bytes; }

void ntt_rows_fill(const struct ntt_rows *m, uint32_t j, const uint32_t *values) {
    for (uint32_t i = 0; i < m->rank * NTT_N; i++) {
        int16_t *line = m->data + i / NTT_SIDE * (m->panel_bytes / sizeof(int16_t)) + (size_t)(j / 2) * LINE;
        int32_t v = (int32_t)values[i] - (values[i] > NTT_Q / 2 ? NTT_Q : 0), low = (int16_t)(v & 0xffff);
        int16_t *at = line + 2 * (i % NTT_SIDE);
        at[j % 2] = (int16_t)low;
        at[LINE / 2 + j % 2] = (int16_t)((v - low) / 65536);
        if (j % 2 == 0 && j + 1 == m->cols) at[1] = at[LINE / 2 + 1] = 0;
    }
}

size_t ntt_rows_wide_bytes(uint32_t cols) { return (size_t)NTT_ROWS_MAX * 2 * pairs_of(cols) * sizeof(int16_t); }

void ntt_rows_widen(int16_t *wide, const int8_t *w, uint32_t rows, uint32_t cols) {
    size_t stride = 2 * (size_t)pairs_of(cols);
    for (uint32_t r = 0; r < rows; r++) {
        int16_t *to = wide + r * stride;
        const int8_t *from = w + (size_t)r * cols;
        for (uint32_t j = 0; j < cols; j++) to[j] = from[j];
        if (cols % 2 != 0) to[cols] = 0;
    }
    uint32_t whole = (rows + ROWS_STEP - 1) / ROWS_STEP * ROWS_STEP;
    memset(wide + rows * stride, 0, (whole - rows) * stride * sizeof *wide);
}

/* The magnitude of a sum is at most 127 * q / 2 * 65536 < q << 23. */
static uint32_t residue(int64_t sum) { return (uint32_t)((uint64_t)(sum + ((int64_t)NTT_Q << 23)) % NTT_Q); }

void ntt_rows_mul(const struct kern *k, const struct ntt_rows *m, uint32_t p0, uint32_t p1, const int16_t *wide, uint32_t rows,
                  uint32_t cols, uint32_t *out) {
    int64_t sum[NTT_ROWS_MAX * NTT_SIDE];
    uint32_t pairs = pairs_of(cols), whole = (rows + ROWS_STEP - 1) / ROWS_STEP * ROWS_STEP;
    for (uint32_t p = p0; p < p1; p++) {
        const int16_t *panel = m->data + p * (m->panel_bytes / sizeof(int16_t));
        memset(sum, 0, whole * NTT_SIDE * sizeof *sum);
        for (uint32_t first = 0; first < pairs; first += PAIRS_AT_ONCE) {
            uint32_t n = pairs - first < PAIRS_AT_ONCE ? pairs - first : PAIRS_AT_ONCE;
            k->ntt->panel(panel + (size_t)first * LINE, n, wide + 2 * (size_t)first, 2 * (size_t)pairs, whole, sum);
        }
        for (uint32_t r = 0; r < rows; r++)
            for (uint32_t i = 0; i < NTT_SIDE; i++)
                out[(size_t)r * m->rank * NTT_N + p * NTT_SIDE + i] = residue(sum[r * NTT_SIDE + i]);
    }
}
