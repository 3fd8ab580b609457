/* model/row8_fold.h - profile C1-row8-fold: stacks whose rows are products of two matrices, so that a layer takes two rounds.
 *
 * Between an output matrix and the next product stands an RMS norm: a scalar for each token and fixed gains. With x the residual
 * stream before, a the attention, g the gains and r the scalar,
 *
 *     gate|up = Wgu (g * (x + Wo a)) r  =  (Wgu (g * x)  +  F a) r,       F = Wgu diag(g) Wo
 *
 * so both products can be asked for before Wo a is known, which comes back in the same round and gives r. A norm on what the block
 * adds (gemma 2 and 3: x + rho p * Wo a, gains p) is once more a scalar and gains: F = Wgu diag(g p) Wo, times rho. Likewise down
 * and the next layer's q|k|v. What stands between is always a norm in the families computed here, so all dense ones fold; biases,
 * norms of heads, RoPE and caps come after and stay as they are.
 *
 * Stacks keep their numbers (model/linear.h), which is the order in which a pass asks for them; two have more rows:
 *
 *     q|k|v       of layer i: as in row8; its input is g * x, not normed: the scalar comes after the product
 *     output      Wo, then F: the rows of gate|up, folded; of the attention
 *     gate|up     as in row8; its input is g * x, x as it was before the attention. Asked for together with the output
 *     down        Wdown, then the next layer's q|k|v, folded (the last layer: Wdown alone). Asked for together with the next q|k|v
 *
 * A folded row: left[k] = y[k] * g[k] (then * p[k]) in f32, y the file's values; fold_rows (math/fold.h); then row8_quantise. */
#ifndef MODEL_ROW8_FOLD_H
#define MODEL_ROW8_FOLD_H

#include "model/row8_stacks.h"

enum { FOLD_CONTEXT_MAX = 999999 /* "C1-row8-fold-f16-c999999" is as long as a profile's id can be */ };

/* Once all stacks have their rows of row8: adds the folded ones. How many bytes of the file they read. */
uint64_t row8_fold_stacks(struct model *m);
/* Row `row` of the folded part p of s: s's cols values. Slow (all of the first matrix for one row); any thread. ERR_NOMEM. */
int row8_fold_row(const struct row8_stack *s, const struct row8_part *p, uint32_t row, float *y);
/* model_linear_pack for a stack with folded rows. */
int row8_fold_pack(const struct model *m, uint32_t stack, struct pool *p, const struct row8 *to, float *row_scale,
                   uint64_t *norm2_max, struct why *why);

/* Several rows at a time, by all threads. */
enum { FOLD_BATCH = 128 };
struct row8_folder;
int row8_folder_new(struct row8_folder **out, const struct model *m, struct pool *p); /* ERR_NOMEM */
void row8_folder_free(struct row8_folder *f);                                         /* NULL is fine */
/* Rows [first, first + count) of a stack, folded or not, count at most FOLD_BATCH: w[count * cols] and scale[count] stay until the
 * next call. ERR_NOMEM; ERR_NONFINITE, and the row is first + *bad. */
int row8_folder_rows(struct row8_folder *f, uint32_t stack, uint32_t first, uint32_t count, const int8_t **w, const float **scale,
                     uint32_t *bad);

#endif
