/* model/quantize.h - f32 values to the weight types of GGUF files. Used by converters; nothing of it runs when answering. */
#ifndef MODEL_QUANTIZE_H
#define MODEL_QUANTIZE_H

#include <stdint.h>

#include "math/weight.h"

/* One row of finite values; out holds weight_row_bytes(t, cols) bytes, cols is a multiple of t->block_len. */
void quantize_row(const struct weight_type *t, const float *x, uint32_t cols, uint8_t *out);
/* By name as written on the command line: "q8_0", "f16"; or "q4_k_m", which is a recipe: only for quantize_fit and
 * quantize_file_type. NULL: neither. */
const struct weight_type *quantize_type(const char *name);
/* All those names, as a list for a person. */
extern const char quantize_names[];
/* general.file_type of a model whose matrices have this type. */
uint32_t quantize_file_type(const struct weight_type *t);

enum quantize_role {
    QUANTIZE_MATRIX,
    QUANTIZE_HEAD, /* embedding and output */
    QUANTIZE_MORE, /* attn_v and ffn_down of the layers of quantize_more_bits */
};
/* The type that a matrix with rows of cols values gets when `wanted` is asked for, as usual: heads of a q4_0 file, heads and
 * QUANTIZE_MORE of a q4_k_m file are q6_k; rows that are no multiple of 256 get a type in blocks of 32 (q6_k: q8_0, q5_k:
 * q5_1, q4_k: q5_0, below: iq4_nl), and no multiple of 32: f16. */
const struct weight_type *quantize_fit(const struct weight_type *wanted, uint32_t cols, enum quantize_role role);
/* 1 for the first and last eighth of the layers, and every third between. */
int quantize_more_bits(uint32_t layer, uint32_t layers);

#endif
