/* tests/unit/blind/synth_stacks.h - a small model's integers that need no model: one layer and an output matrix, one stack in p26. */
#ifndef TESTS_UNIT_BLIND_SYNTH_STACKS_H
#define TESTS_UNIT_BLIND_SYNTH_STACKS_H

#include <string.h>

#include "base/file.h"
#include "blind/prepare.h"
#include "math/field.h"

enum { SYNTH_STACKS = 5, SYNTH_COLS_MAX = 8195, SYNTH_ROWS_MAX = 200 };
static const struct synth_shape {
    uint32_t rows, cols;
} synth_shapes[SYNTH_STACKS] = {{96, 64}, {64, 61}, {130, 64}, {33, SYNTH_COLS_MAX}, {SYNTH_ROWS_MAX, 64}};

/* -127..127, the same for the same place. */
static inline int8_t synth_weight(uint32_t stack, uint32_t row, uint32_t col) {
    uint64_t h = ((uint64_t)stack << 48 ^ (uint64_t)row << 24 ^ col) * UINT64_C(0x9e3779b97f4a7c15);
    h = (h ^ h >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
    return (int8_t)((int)((h >> 33) % 255) - 127);
}

static inline void synth_row(uint32_t stack, uint32_t row, int8_t *w) {
    for (uint32_t j = 0; j < synth_shapes[stack].cols; j++) w[j] = synth_weight(stack, row, j);
}

/* z = W u mod p, the plain way. */
static inline void synth_product(uint32_t stack, const struct field *f, const uint32_t *u, uint32_t *z) {
    for (uint32_t i = 0; i < synth_shapes[stack].rows; i++) {
        int64_t sum = 0;
        for (uint32_t j = 0; j < synth_shapes[stack].cols; j++) sum += (int64_t)synth_weight(stack, i, j) * (int64_t)u[j];
        int64_t m = sum % (int64_t)f->p;
        z[i] = (uint32_t)(m < 0 ? m + (int64_t)f->p : m);
    }
}

struct synth_source {            /* what a test changes of it */
    uint32_t odd_stack, odd_row; /* one weight differs there, if odd */
    int odd, fail_row;           /* fail_row: the source fails at that row of stack 2; -1: never */
    const char *client;          /* contents of the client file */
};
static inline int synth_shape_of(void *state, uint32_t stack, uint32_t *rows, uint32_t *cols) {
    (void)state;
    *rows = synth_shapes[stack].rows;
    *cols = synth_shapes[stack].cols;
    return 0;
}
static inline int synth_row_of(void *state, uint32_t stack, uint32_t row, int8_t *w, float *scale, struct why *why) {
    const struct synth_source *s = state;
    if (stack == 2 && s->fail_row == (int)row) return why_set(why, ERR_IO, "synth: no more rows");
    synth_row(stack, row, w);
    if (s->odd && stack == s->odd_stack && row == s->odd_row) w[0] = (int8_t)(w[0] == 127 ? 126 : w[0] + 1);
    *scale = 0.001f * (float)(row + 1);
    return 0;
}
static inline int synth_client(void *state, const char *path, struct why *why) {
    const struct synth_source *s = state;
    return file_write(path, s->client, strlen(s->client), 0600, why);
}
static inline struct prepare_source synth_open(struct synth_source *s) {
    *s = (struct synth_source){.fail_row = -1, .client = "norms, embeddings, tokenizer"};
    return (struct prepare_source){s, SYNTH_STACKS, synth_shape_of, synth_row_of, synth_client};
}

#endif
