/* model/linear.h - the linear layers of a model as integer stacks: the seam between a forward pass and whoever multiplies.
 *
 * In profile C1-row8 a layer's products go through integers (math/row8.h): one token's input becomes integers and a scale, the
 * product of integers is exact, and the scale comes back after it. Who computes the exact product does not matter to the
 * arithmetic: this processor, or workers that see masked integers. */
#ifndef MODEL_LINEAR_H
#define MODEL_LINEAR_H

#include <stdint.h>

#include "math/field.h"
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

/* Computes products of a model's stacks. Called from the engine's thread, one call at a time. */
struct linear_ops {
    /* y[t * rows + row] = exact sum of stack's weights with the integers x[t * cols ...] of `count` tokens, |y| < p / 2. May block.
     * 0, or a negative ERR_*: the step fails as a whole (ERR_IO: nobody is left to compute), y is meaningless. */
    int (*product)(void *state, uint32_t stack, uint32_t count, const int32_t *x, int32_t *y);
};

#endif
