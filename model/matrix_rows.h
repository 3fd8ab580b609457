/* model/matrix_rows.h - where a model file has the rows of each matrix.
 *
 * One list serves all who read them: the check of shapes, the packing for profile C1, the stacks of row8. */
#ifndef MODEL_MATRIX_ROWS_H
#define MODEL_MATRIX_ROWS_H

#include <stdint.h>

#include "model/linear.h"

struct matrix;
struct model;

/* All of a tensor, or some of its rows when several matrices share it; once per expert. */
struct matrix_rows {
    char tensor[64];
    uint32_t cols, rows;
    uint32_t first_row, of_rows; /* within the tensor */
    uint32_t experts;            /* 1, or the third dimension */
};
struct layer_matrix {
    struct matrix_rows from;
    struct matrix *to;
    enum linear_kind kind; /* of the stack that it is part of; means nothing in mixtures */
};
enum { LAYER_MATRICES_MAX = 8 };
struct layer_matrices {
    struct layer_matrix matrix[LAYER_MATRICES_MAX];
    unsigned count;
    uint32_t layer;
};
/* Those of one layer, each stack's in the order of its rows. */
struct layer_matrices layer_matrices(const struct model *m, uint32_t layer);
/* The output matrix: output.weight, or token_embd.weight when the file ties the two. */
struct matrix_rows output_rows(const struct model *m);
/* "blk.LAYER.PART.SUFFIX" */
void layer_tensor_name(char out[64], uint32_t layer, const char *part, const char *suffix);

#endif
