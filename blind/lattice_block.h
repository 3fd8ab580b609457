/* blind/lattice_block.h - masks of mode `lattice` for one stack and 256 of its columns, and what takes them off again.
 *
 * Ring and public a_j: math/ntt.h, blind/lattice_public.h. A block draws a fresh secret s (rank ring elements, coefficients
 * uniform in -1, 0, 1) and, for each input coordinate j, e_j (coefficients uniform in -32..31). Coefficient t belongs to the
 * block's column t:
 *
 *     mask[j][t] = coefficient t of <a_j, s> + e_j, in Z_q
 *     sent[j][t] = R_qp(mask[j][t] + R_pq(x_t[j] mod p) mod q)
 *     z = W sent mod p                                              (the worker's answer)
 *     y = z - R_qp(coefficient t of <h_i, s>) mod p, balanced       (h_i = sum of W_ij a_j: the hint)
 *
 * with the roundings R of blind/lattice_round.h, which says why x is added before the mask is rounded.
 *
 * y is W x plus noise: each input element adds n with |n| <= 32 p/q + p/2q + 1/2, each row another 1/2 at most.
 *
 * s is used for one block alone, never again and never for another stack: the a_j are common, so equal s would show x - x'. All
 * masks and all that takes them off are derived together; then s, e and the seed are wiped. What is left is one number per
 * element, wiped as it is used. */
#ifndef BLIND_LATTICE_BLOCK_H
#define BLIND_LATTICE_BLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "blind/lattice_public.h"
#include "model/linear.h"

enum {
    LATTICE_COLUMNS = NTT_N,   /* of a block */
    LATTICE_CHUNK = 32,        /* columns whose memory is given back together */
    LATTICE_STEP_ELEMENTS = 16 /* input coordinates or rows of one step: about 25 microseconds */
};

struct lattice_block;
/* What a block takes once it is whole, of columns first..255; while it is made, 100 KiB more. */
size_t lattice_block_bytes(const struct linear *stack, uint32_t first);
/* An empty block; only columns from `first` (below 256) on will be kept. stack, a (of at least stack->cols
 * coordinates) and hint (of this stack: [rows][rank][256], values below q) must outlive it. All in memory that is locked as far
 * as the system allows, left out of core files, and zero in a forked child. ERR_RANGE: shapes, or a rank that the table of
 * parameters does not have; ERR_NOMEM. */
int lattice_block_new(struct lattice_block **out, const struct kern *k, const struct linear *stack,
                      const struct lattice_public *a, const uint32_t *hint, uint32_t first);
void lattice_block_free(struct lattice_block *b); /* wipes; NULL is fine */

/* Does at most `steps` more steps. Returns how many are left, 0 when the block is ready; or ERR_NOMEM: go on later. One thread at a
 * time. */
int lattice_block_make(struct lattice_block *b, uint32_t steps);
uint32_t lattice_block_steps_left(const struct lattice_block *b);
size_t lattice_block_held(const struct lattice_block *b); /* bytes for columns that it holds or, not ready, will take */

/* u[cols]: what to send for x[cols] in column t, |x[j]| <= p / 2. Once per column: the masks of t are wiped. ERR_WRONG_STATE: the
 * block is not ready, the column is used, dropped or was not kept, or this is a forked child; ERR_RANGE: t, or an x[j]: the
 * column is then lost, and u zero. */
int lattice_block_mask(struct lattice_block *b, uint32_t t, const int32_t *x, uint32_t *u);
/* y[rows] from the checked answer z[rows] to what was sent for column t. Once, after lattice_block_mask. ERR_WRONG_STATE;
 * ERR_RANGE: t, or a z[i] >= p, and the column can be answered again. */
int lattice_block_unmask(struct lattice_block *b, uint32_t t, const uint32_t *z, int32_t *y);
/* Gives up column t, used or not. */
void lattice_block_drop(struct lattice_block *b, uint32_t t);
/* 1 when no column is left that could be masked or unmasked. */
int lattice_block_spent(const struct lattice_block *b);

#endif
