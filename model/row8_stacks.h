/* model/row8_stacks.h - the stacks of a model of ARITH_ROW8, inside model/; model/linear.h is what others see. */
#ifndef MODEL_ROW8_STACKS_H
#define MODEL_ROW8_STACKS_H

#include "model/linear.h"
#include "model/matrix_rows.h"
#include "model/model_parts.h"

enum { ROW8_PARTS_MAX = 4 };

/* Rows that a stack takes from one tensor: as they are or, folded, each times the matrix that is the stack's first part
 * (model/row8_fold.h). */
struct row8_part {
    const struct gguf_tensor *tensor;
    const struct weight_type *type;
    uint32_t first_row, rows; /* within the tensor */
    uint32_t cols;            /* of the tensor: the stack's, unless folded */
    int folded;
    const float *gain, *post; /* folded: [cols], the norm between the two matrices, and the one after the first (NULL: none) */
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
/* Its bytes in the file. */
uint64_t row8_part_bytes(const struct row8_part *p);
/* Row `row` of a part as the file has it: p->cols values. */
void row8_part_decode(const struct row8_part *p, uint32_t row, float *y);
/* The part that has the stack's row `row`, which becomes the row within it; NULL: rows are elsewhere. */
const struct row8_part *row8_part_of(const struct row8_stack *s, uint32_t *row);
/* When all rows are there: shapes and fields; memory for the scales. ERR_RANGE, ERR_NOMEM. */
int row8_stacks_shape(struct model *m, struct why *why);
/* Derives a stack whose weights.data is set. ERR_NONFINITE, ERR_RANGE, ERR_NOMEM. */
int row8_stack_derive(struct model *m, uint32_t stack, struct pool *p, struct why *why);
/* Takes over what the caller knows of stacks that are elsewhere, and checks it. ERR_RANGE, ERR_NONFINITE. */
int row8_stacks_take(struct model *m, const struct linear *l, uint32_t count, struct why *why);

#endif
