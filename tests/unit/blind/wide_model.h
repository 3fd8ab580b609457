/* tests/unit/blind/wide_model.h - a trained model with more hidden units than it was trained with, that computes the same function: each unit stands
 * in several copies, whose outputs add up to the one's. No model that we may ship has rows over 8192 columns; this one's `down` has.
 *
 * A copy's value is 2^-a of the unit's (its row of `up`) and its weights in `down` are 2^-b of the unit's, and the 2^-(a+b) of all copies sum to 1.
 * Blocks of Q8_0 keep their integers; only their scales change, by powers of two, exactly. */
#ifndef TESTS_UNIT_BLIND_WIDE_MODEL_H
#define TESTS_UNIT_BLIND_WIDE_MODEL_H

#include <stdlib.h>
#include <string.h>

#include "math/weight.h"
#include "model/gguf.h"
#include "model/gguf_write.h"
#include "tests/check.h"

enum { WIDE_BLOCK = 32, WIDE_COPIES = 8, WIDE_BLOCKS_MAX = 512 }; /* copies of 1/8: a power of two */

struct wide_block {    /* 32 hidden units of the wide model */
    uint32_t of;       /* those 32 of the narrow one */
    unsigned up, down; /* a, b */
};
struct wide {
    uint32_t narrow, count;
    struct wide_block block[WIDE_BLOCKS_MAX];
};

/* Eight copies of everything; of the first 32 units one of the eight is two of half its size, so that no count is a power of two. */
static inline void wide_plan(struct wide *w, uint32_t narrow) {
    *w = (struct wide){.narrow = narrow};
    for (uint32_t copy = 0; copy < WIDE_COPIES; copy++)
        for (uint32_t b = 0; b < narrow / WIDE_BLOCK; b++) {
            int halved = copy == WIDE_COPIES - 1 && b == 0;
            for (int i = 0; i <= halved; i++) {
                CHECK(w->count < WIDE_BLOCKS_MAX);
                w->block[w->count++] = (struct wide_block){b, halved ? 2 : 1, 2};
            }
        }
}
static inline uint32_t wide_units(const struct wide *w) { return w->count * WIDE_BLOCK; }

/* An IEEE binary16 times 2^-shift; it must be exact. */
static inline uint16_t half_shifted(uint16_t h, unsigned shift) {
    uint16_t exponent = (h >> 10) & 31;
    if ((h & 0x7fff) == 0) return h;
    CHECK(exponent > shift && exponent < 31); /* stays a normal number */
    return (uint16_t)(h - (shift << 10));
}

/* n bytes of Q8_0 blocks, each with its scale first. */
static inline void put_blocks(struct gguf_writer *to, const uint8_t *from, size_t n, unsigned shift) {
    uint8_t block[2 + WIDE_BLOCK];
    for (size_t at = 0; at < n; at += sizeof block) {
        memcpy(block, from + at, sizeof block);
        uint16_t d = half_shifted((uint16_t)(block[0] | block[1] << 8), shift);
        block[0] = (uint8_t)d, block[1] = (uint8_t)(d >> 8);
        gguf_put_data(to, block, sizeof block);
    }
}

/* Rows of `gate` and `up` are units. */
static inline void put_rows(struct gguf_writer *to, const struct gguf_tensor *t, const struct wide *w, int is_up) {
    size_t row = t->bytes / t->dims[1];
    for (uint32_t i = 0; i < w->count; i++)
        put_blocks(to, t->data + w->block[i].of * WIDE_BLOCK * row, WIDE_BLOCK * row, is_up ? w->block[i].up : 0);
}

/* Columns of `down` are. */
static inline void put_columns(struct gguf_writer *to, const struct gguf_tensor *t, const struct wide *w) {
    size_t row = t->bytes / t->dims[1];
    for (uint64_t r = 0; r < t->dims[1]; r++)
        for (uint32_t i = 0; i < w->count; i++)
            put_blocks(to, t->data + r * row + w->block[i].of * (2 + WIDE_BLOCK), 2 + WIDE_BLOCK, w->block[i].down);
}

static inline int is_part(const char *name, const char *part) { return strstr(name, part) != NULL; }

/* Writes the wide model of the file `from` to `to`. */
static inline void wide_write(const char *from, const char *to, struct wide *w) {
    static const char length[] = "llama.feed_forward_length";
    struct gguf g;
    struct gguf_writer *out = NULL;
    struct why why = {{0}};
    uint32_t narrow = 0;
    CHECK_INT(gguf_open(&g, from, &why), 0);
    CHECK_INT(gguf_u32(&g, length, WIDE_BLOCK, 1 << 16, &narrow, &why), 0);
    wide_plan(w, narrow);
    CHECK_INT(gguf_writer_new(&out, to, &why), 0);
    for (size_t i = 0; i < g.kv_count; i++)
        if (g.kv[i].key.n == strlen(length) && memcmp(g.kv[i].key.p, length, strlen(length)) == 0)
            gguf_put_u32(out, length, wide_units(w));
        else
            gguf_put_kv(out, &g.kv[i]);
    for (size_t i = 0; i < g.tensor_count; i++) {
        const struct gguf_tensor *t = &g.tensor[i];
        int rows = is_part(t->name, "ffn_gate.") || is_part(t->name, "ffn_up."), columns = is_part(t->name, "ffn_down.");
        if (rows || columns) CHECK(t->type == WEIGHT_Q8_0 && t->dims[columns ? 0 : 1] == narrow);
        gguf_put_tensor(out, t->name, t->type, t->n_dims, columns ? wide_units(w) : t->dims[0],
                        rows ? wide_units(w) : t->dims[1]);
    }
    for (size_t i = 0; i < g.tensor_count; i++) {
        const struct gguf_tensor *t = &g.tensor[i];
        if (is_part(t->name, "ffn_gate.") || is_part(t->name, "ffn_up."))
            put_rows(out, t, w, is_part(t->name, "ffn_up."));
        else if (is_part(t->name, "ffn_down."))
            put_columns(out, t, w);
        else
            gguf_put_data(out, t->data, t->bytes);
    }
    CHECK_INT(gguf_writer_finish(out, &why), 0);
    gguf_writer_free(out);
    gguf_close(&g);
}

#endif
