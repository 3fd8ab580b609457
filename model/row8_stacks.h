/* model/row8_stacks.h - the stacks of a model of ARITH_ROW8, inside model/; model/linear.h is what others see. */
#ifndef MODEL_ROW8_STACKS_H
#define MODEL_ROW8_STACKS_H

#include "model/linear.h"
#include "model/matrix_rows.h"
#include "model/model_parts.h"

enum { ROW8_PARTS_MAX = 3 };

/* Rows that a stack takes from one tensor. */
struct row8_part {
    const struct gguf_tensor *tensor;
    const struct weight_type *type;
    uint32_t first_row, rows; /* within the tensor */
};
struct row8_stack {
    struct linear linear; /* norm2_max, t and row_scale come with the weights */
    struct row8 weights;  /* data NULL: not here */
    struct row8_part part[ROW8_PARTS_MAX];
    unsigned parts; /* 0 with STACKS_ELSEWHERE */
};

/* Bytes that row8_stacks_init takes from the model's arena. */
size_t row8_stacks_bytes(const struct model *m);
/* Makes the stacks, without rows. ERR_UNSUPPORTED: the model cannot have them; ERR_NOMEM. */
int row8_stacks_init(struct model *m, struct why *why);
/* The next rows of a stack; t NULL: they are elsewhere. */
void row8_stack_add(struct model *m, uint32_t stack, const struct matrix_rows *from, const struct gguf_tensor *t,
                    const struct weight_type *type);
/* When all rows are there: shapes and fields; memory for the scales. ERR_RANGE, ERR_NOMEM. */
int row8_stacks_shape(struct model *m, struct why *why);
/* Derives a stack whose weights.data is set. ERR_NONFINITE, ERR_RANGE, ERR_NOMEM. */
int row8_stack_derive(struct model *m, uint32_t stack, struct pool *p, struct why *why);
/* Takes over what the caller knows of stacks that are elsewhere, and checks it. ERR_RANGE, ERR_NONFINITE. */
int row8_stacks_take(struct model *m, const struct linear *l, uint32_t count, struct why *why);

#endif
