/* tests/unit/model/float_model.h - a model's weights with float activations, and how surprised a model is: what the arithmetics of this
 * project are held against. */
#ifndef TESTS_FLOAT_MODEL_H
#define TESTS_FLOAT_MODEL_H

#include <math.h>
#include <stdlib.h>

#include "math/weight.h"
#include "model/gguf.h"
#include "model/gguf_write.h"
#include "tests/check.h"

/* The same model with every quantised matrix as F32, for which profile C1 rounds no activation. */
static inline void write_floats(const struct gguf *g, const char *path) {
    struct gguf_writer *w = NULL;
    struct why why = {{0}};
    CHECK_INT(gguf_writer_new(&w, path, &why), 0);
    for (size_t i = 0; i < g->kv_count; i++) gguf_put_kv(w, &g->kv[i]);
    for (size_t i = 0; i < g->tensor_count; i++)
        gguf_put_tensor(w, g->tensor[i].name, WEIGHT_F32, g->tensor[i].n_dims, g->tensor[i].dims[0], g->tensor[i].dims[1]);
    for (size_t i = 0; i < g->tensor_count; i++) {
        const struct gguf_tensor *t = &g->tensor[i];
        const struct weight_type *type = weight_type_of(t->type);
        uint32_t cols = (uint32_t)t->dims[0];
        size_t row_bytes_of = weight_row_bytes(type, cols);
        float *y = malloc(cols * sizeof *y);
        for (uint64_t r = 0; r < t->dims[1]; r++) {
            weight_row_decode(type, t->data + r * row_bytes_of, cols, y);
            gguf_put_data(w, y, cols * sizeof *y);
        }
        free(y);
    }
    CHECK_INT(gguf_writer_finish(w, &why), 0);
    gguf_writer_free(w);
}

/* -ln of the probability that these logits give to id. */
static inline double surprise(const float *l, uint32_t n, int32_t id) {
    double max = (double)l[0], sum = 0;
    for (uint32_t i = 1; i < n; i++) max = (double)l[i] > max ? (double)l[i] : max;
    for (uint32_t i = 0; i < n; i++) sum += exp((double)l[i] - max);
    return log(sum) + max - (double)l[id];
}

#endif
