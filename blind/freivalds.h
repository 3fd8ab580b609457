/* blind/freivalds.h - the check of a worker's product (Freivalds 1977) over the field of its stack.
 *
 * Set-up: three vectors s, uniform over the field and secret, and t = s^T W, made while the rows of W stream by once. Then an answer z to a
 * known input u is right only if s . z = t . u for all three: a z that differs from W u passes with probability p^-3, 2^-71.98 for p24 and
 * less for p26, whatever W and u are; Q wrong answers in all with less than Q 2^-71.9, since each refusal tells the worker only that one
 * more vector is not orthogonal to s. So s stays after a failure. Exact, every row, every column: a sampled or approximate check would
 * let a worker ask questions about x.
 *
 * Columns are checked one by one. One random combination of many columns is sound only to 1/p, and the four that would be sound enough
 * cost 4 (rows + cols) multiplications for each column against 3 (rows + cols) here: combining does not pay. */
#ifndef BLIND_FREIVALDS_H
#define BLIND_FREIVALDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "math/field.h"

enum { FREIVALDS_VECTORS = 3 };

/* s and t lie in the owner's memory, which must be secret (base/secret.h): who knows s can make wrong answers that pass. */
struct freivalds {
    uint32_t rows, cols;
    const struct field *field;
    uint32_t *s; /* [3][rows] */
    uint32_t *t; /* [3][cols] */
};
/* u32s that s and t take together: 3 (rows + cols). */
size_t freivalds_words(uint32_t rows, uint32_t cols);
/* Points s and t into words. */
void freivalds_place(struct freivalds *c, const struct field *f, uint32_t rows, uint32_t cols, uint32_t *words);
/* Draws s from the system's generator and clears t. */
void freivalds_draw(struct freivalds *c);
/* t = t + s[row] * w, w the cols weights of this row. Each row once, in any order. */
void freivalds_add_row(struct freivalds *c, uint32_t row, const int8_t *w);

/* want = t . u for an input of cols residues. */
void freivalds_expect(const struct freivalds *c, const uint32_t *u, uint32_t want[FREIVALDS_VECTORS]);
/* sum = sum + s[first..] . z for count rows; starts from zeros. */
void freivalds_sum(const struct freivalds *c, uint32_t first, uint32_t count, const uint32_t *z, uint32_t sum[FREIVALDS_VECTORS]);

#endif
