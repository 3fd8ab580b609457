/* tests/unit/model/row8_util.h - models opened with row8, and products of their stacks by somebody else: plain loops over unpacked
 * weights, which look at what they are given and can be told to fail. */
#ifndef TESTS_ROW8_UTIL_H
#define TESTS_ROW8_UTIL_H

#include <math.h>
#include <stdlib.h>

#include "math/attend.h"
#include "model/engine.h"
#include "model/linear.h"
#include "tests/unit/model/synth_model.h"

/* Rows longer than the smaller field allows; and rows so short that their integers need a third digit. */
static const struct synth row8_wide __attribute__((unused)) = {
    "wide", "llama", WEIGHT_Q8_0, WEIGHT_Q4_0, WEIGHT_Q8_0, 64, 8256, 1, 2, 1, 32, 270, 512, .seed = 41};
static const struct synth row8_narrow
    __attribute__((unused)) = {"narrow", "llama", WEIGHT_F32, WEIGHT_F32, WEIGHT_F32, 8, 6, 2, 1, 1, 8, 265, 512, .seed = 42};

/* y opened as o says. */
static inline struct model *synth_open_as(const struct synth *y, const struct model_opts *o) {
    struct model *m = NULL;
    struct why why = {{0}};
    const char *path = synth_path(y->name);
    synth_write(y, path);
    int r = model_open(&m, path, o, &why);
    if (r != 0) printf("# %s: %s\n", y->name, why.text);
    unlink(path);
    CHECK_INT(r, 0);
    return m;
}
static inline struct model *row8_model(const struct synth *y) {
    return synth_open_as(y, &(struct model_opts){.arith = ARITH_ROW8});
}

struct others {
    const struct model *m; /* whose weights they have */
    uint32_t fail_at;      /* the how many-th product fails, from 1; 0: none */
    int fail_with;
    uint32_t products, columns; /* so far */
    uint32_t rounds;            /* products that were asked for together count as one */
    uint32_t last_stack;
    uint32_t zero_columns;      /* of them all zero */
    int out_of_bounds;          /* a column was longer than the stack's bound allows */
};

/* Every sum exact, in 64 bits, and the column's norm looked at. */
static inline void others_column(struct others *s, const struct linear *l, const int8_t *w, const int32_t *x, int32_t *y) {
    uint64_t norm2 = 0;
    double most = (double)l->t + 1 + sqrt((double)l->cols) / 2;
    for (uint32_t c = 0; c < l->cols; c++) norm2 += (uint64_t)((int64_t)x[c] * x[c]);
    if ((double)norm2 > most * most * (1 + 1e-12)) s->out_of_bounds = 1;
    s->columns++;
    s->zero_columns += norm2 == 0;
    for (uint32_t r = 0; r < l->rows; r++) {
        int64_t sum = 0;
        for (uint32_t c = 0; c < l->cols; c++) sum += (int64_t)w[(size_t)r * l->cols + c] * x[c];
        if (sum > l->field->p / 2 || sum < -(int64_t)(l->field->p / 2)) s->out_of_bounds = 1;
        y[r] = (int32_t)sum;
    }
}

static inline int others_product(void *state, uint32_t stack, uint32_t count, const int32_t *x, int32_t *y) {
    struct others *s = state;
    const struct linear l = model_linear(s->m, stack);
    const struct row8 *packed = model_linear_weights(s->m, stack);
    if (++s->products == s->fail_at) {
        memset(y, 0x55, (size_t)count * l.rows * sizeof *y); /* meaningless */
        return s->fail_with;
    }
    int8_t *w = malloc((size_t)l.rows * l.cols);
    for (uint32_t r = 0; r < l.rows; r++) row8_unpack(packed, r, w + (size_t)r * l.cols);
    for (uint32_t t = 0; t < count; t++) others_column(s, &l, w, x + (size_t)t * l.cols, y + (size_t)t * l.rows);
    free(w);
    return 0;
}
static inline int others_one(void *state, uint32_t stack, uint32_t count, const int32_t *x, int32_t *y) {
    struct others *s = state;
    s->rounds++;
    s->last_stack = stack;
    return others_product(state, stack, count, x, y);
}
static const struct linear_ops others_ops __attribute__((unused)) = {.product = others_one};

/* Several at once, of ascending stacks and one count. */
static inline int others_products(void *state, const struct linear_ask *ask, unsigned asks) {
    struct others *s = state;
    int r = 0;
    CHECK(asks >= 1 && asks <= LINEAR_ASKS_MAX);
    s->rounds++;
    for (unsigned i = 0; i < asks && r == 0; i++) {
        CHECK_INT(ask[i].count, ask[0].count);
        if (ask[i].stack) CHECK_INT(ask[i].stack, s->last_stack + 1); /* in the order of their numbers, none left out */
        s->last_stack = ask[i].stack;
        r = others_product(s, ask[i].stack, ask[i].count, ask[i].x, ask[i].y);
    }
    return r;
}
static const struct linear_ops others_both_ops __attribute__((unused)) = {others_one, others_products};

/* An engine over m whose products s computes, and an empty sequence of its own for n tokens. Folded models ask for two at once. */
static inline struct engine *others_engine(const struct model *m, struct others *s, uint32_t rows, uint32_t threads, uint32_t n,
                                           struct kv_seq *seq) {
    struct engine *e = NULL;
    struct why why = {{0}};
    struct engine_opts o = {.threads = threads,
                            .rows_max = rows,
                            .logits_max = rows,
                            .kv_pages = 2 * ((n + KV_PAGE - 1) / KV_PAGE),
                            .linear = model_arith(m) == ARITH_ROW8_FOLD ? &others_both_ops : &others_ops,
                            .linear_state = s};
    int r = engine_new(&e, m, &o, &why);
    if (r != 0) printf("# %s\n", why.text);
    CHECK_INT(r, 0);
    CHECK_INT(kv_seq_init(seq, n), 0);
    CHECK_INT(kv_seq_reserve(seq, engine_kv(e), n), 0);
    return e;
}

/* Logits of n positions of m, whose products s computes, a chunk at a time. The caller frees them. */
static inline float *others_logits(const struct model *m, struct others *s, const int32_t *id, uint32_t n, uint32_t chunk,
                                   uint32_t threads) {
    struct kv_seq seq;
    size_t v = model_n_vocab(m);
    struct engine *e = others_engine(m, s, chunk, threads, n, &seq);
    float *rows = malloc(n * v * sizeof *rows);
    for (uint32_t at = 0; at < n; at += chunk) {
        struct engine_part p = {.seq = &seq, .ids = id + at, .count = n - at < chunk ? n - at : chunk};
        CHECK_INT(engine_step(e, &p, 1), 0);
        CHECK_INT(p.err, 0);
        memcpy(rows + at * v, p.logits, p.count * v * sizeof *rows);
    }
    kv_seq_release(&seq, engine_kv(e));
    engine_free(e);
    return rows;
}

#endif
