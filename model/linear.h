/* model/linear.h - the linear layers of a model as integer stacks: the seam between a forward pass and whoever multiplies.
 *
 * In profile C1-row8 a layer's products go through integers (math/row8.h): one token's input becomes integers and a scale, the
 * product of integers is exact, and the scale comes back after it. Who computes the exact product does not matter to the
 * arithmetic: this processor, or workers that see masked integers.
 *
 * Weights are a function of the model file alone: the values of a row by the file's types (weight_row_decode), then row8_quantise.
 * A stack's rows are those of its matrices one after the other: q, k, v; output of the attention; gate, up; down; the output matrix.
 * In profile C1-row8-fold some stacks have more rows, and two stacks are asked for at once (model/row8_fold.h). */
#ifndef MODEL_LINEAR_H
#define MODEL_LINEAR_H

#include <stdint.h>

#include "base/err.h"
#include "math/field.h"
#include "math/pool.h"
#include "math/row8.h"

/* Stacks are numbered layer * LINEAR_KINDS + kind; the output matrix is the last, n_layer * LINEAR_KINDS. */
enum linear_kind { LINEAR_QKV, LINEAR_OUT, LINEAR_GATE_UP, LINEAR_DOWN, LINEAR_KINDS };

/* One stack, without its weights. */
struct linear {
    uint32_t rows, cols;
    const struct field *field;
    uint64_t norm2_max;     /* largest sum of squares of a row of integers */
    uint32_t t;             /* row8_bound */
    const float *row_scale; /* [rows] */
};

/* One product: y[t * rows + row] = exact sum of stack's weights with the integers x[t * cols ...] of `count` tokens, |y| < p / 2. */
struct linear_ask {
    uint32_t stack, count;
    const int32_t *x;
    int32_t *y;
};
enum { LINEAR_ASKS_MAX = 2 };
/* Computes products of a model's stacks. Called from the engine's thread, one call at a time. */
struct linear_ops {
    /* y[t * rows + row] = exact sum of stack's weights with the integers x[t * cols ...] of `count` tokens, |y| < p / 2. May block.
     * 0, or a negative ERR_*: the step fails as a whole (ERR_IO: nobody is left to compute), y is meaningless. */
    int (*product)(void *state, uint32_t stack, uint32_t count, const int32_t *x, int32_t *y);
    /* Several at once, none of which needs another's result: 1 to LINEAR_ASKS_MAX, of ascending stacks and the same count. As product.
     * NULL: they are asked for one after the other. */
    int (*products)(void *state, const struct linear_ask *ask, unsigned asks);
};

struct model;

/* Stacks of a model opened with ARITH_ROW8 or ARITH_ROW8_FOLD (model/model.h); 0 for any other. */
uint32_t model_linear_count(const struct model *m);
/* stack < model_linear_count(m). row_scale lives as long as m. With STACKS_STREAMED only rows, cols and field are known. */
struct linear model_linear(const struct model *m, uint32_t stack);
/* Its packed weights, as long as m lives; data NULL unless the model was opened with STACKS_PACKED. */
const struct row8 *model_linear_weights(const struct model *m, uint32_t stack);

/* Row `row` from the file: cols values in w, scratch has room for cols floats. Any thread. ERR_NONFINITE: a value is NaN or infinite;
 * ERR_WRONG_STATE: opened with STACKS_ELSEWHERE; ERR_NOMEM. A folded row takes long alone: linear_rows_get has many at a time. */
int model_linear_row(const struct model *m, uint32_t stack, uint32_t row, float *scratch, int8_t *w, float *scale);
/* All rows from the file into `to`, whose shape is the stack's and whose data is the caller's, by p's threads: for who holds some of the
 * stacks only. row_scale: [rows], or NULL; norm2_max may be NULL. Errors as above, or ERR_NOMEM. */
int model_linear_pack(const struct model *m, uint32_t stack, struct pool *p, const struct row8 *to, float *row_scale,
                      uint64_t *norm2_max, struct why *why);
/* The same for who reads all rows in order: several at a time by p's threads, which nobody else may use meanwhile. Of a model with
 * STACKS_PACKED the rows are those that are packed. w (cols values) stays until the next call. Errors as model_linear_row. */
struct linear_rows;
int linear_rows_new(struct linear_rows **out, const struct model *m, struct pool *p); /* ERR_NOMEM */
void linear_rows_free(struct linear_rows *r);                                         /* NULL is fine */
int linear_rows_get(struct linear_rows *r, uint32_t stack, uint32_t row, const int8_t **w, float *scale);
/* Gives the file's pages of a stack, which all of these read, back to the system. */
void model_linear_drop(const struct model *m, uint32_t stack);

/* Writes the client file: the model's metadata and every tensor that is in no stack, token_embd among them, since embeddings are read
 * from it. What STACKS_ELSEWHERE opens. The same bytes for the same model file, whatever it was opened with. The file appears whole or
 * not at all, mode 0600; an older one of that name is replaced. ERR_IO, ERR_NOMEM, ERR_LIMIT; ERR_UNSUPPORTED: a mixture of experts. */
int model_write_client(const struct model *m, const char *path, struct why *why);

#endif
