/* model/quantize.h - f32 values to the weight types of GGUF files. Used by converters; nothing of it runs when answering. */
#ifndef MODEL_QUANTIZE_H
#define MODEL_QUANTIZE_H

#include <stdint.h>

#include "math/weight.h"

/* One row of finite values; out holds weight_row_bytes(t, cols) bytes, cols is a multiple of t->block_len. */
void quantize_row(const struct weight_type *t, const float *x, uint32_t cols, uint8_t *out);
/* By name as written on the command line: "q8_0", "f16". NULL: not one of the types above. */
const struct weight_type *quantize_type(const char *name);
/* general.file_type of a model whose matrices have this type. */
uint32_t quantize_file_type(const struct weight_type *t);
/* The type that a matrix with rows of cols values gets when `wanted` is asked for: the embedding and output matrices of a
 * q4_0 file are q6_k, as usual; rows that are no multiple of a type's block become q8_0, then f16. */
const struct weight_type *quantize_fit(const struct weight_type *wanted, uint32_t cols, int is_head);

#endif
