/* blind/lattice_store.h - masks of mode `lattice` for a whole model, made ahead in idle time, within a fixed amount of memory.
 *
 * Stack i's column n has the block (n + o_i) / 256 and coefficient (n + o_i) mod 256, o_i = floor(256 i / stacks): its first
 * block starts in the middle. So blocks run out one after the other instead of all at once: the work is spread over the tokens,
 * and of all blocks half is held on average (0.32 of 0.64 GB for a model of 1.2e9 weights).
 *
 * One thread at a time: who works ahead in another thread than it masks in, holds a lock of its own around each call. */
#ifndef BLIND_LATTICE_STORE_H
#define BLIND_LATTICE_STORE_H

#include "blind/hint.h"
#include "blind/lattice_block.h"

struct lattice_store_opts {
    const struct kern *k;
    const struct linear *linear; /* [stacks] */
    uint32_t stacks;
    const struct lattice_public *a; /* of at least the widest stack's columns */
    const struct hint *hint;
    size_t bytes_max;       /* for blocks; work ahead stops there */
    uint32_t ahead_columns; /* a stack's next block is begun when fewer columns than this are left; at most 256 */
};
struct lattice_store;
/* All that o points to must outlive it. Makes nothing yet. ERR_RANGE: no stacks, too many of them, a shape; ERR_NOMEM. */
int lattice_store_new(struct lattice_store **out, const struct lattice_store_opts *o);
void lattice_store_free(struct lattice_store *s); /* wipes; NULL is fine */

/* At most `steps` steps of lattice_block_make, 25 microseconds each (32 is a good number), for the stack that runs out first. 1:
 * there is more that may be done ahead; 0: there is not (all is ahead, or bytes_max is reached); ERR_NOMEM. */
int lattice_store_work(struct lattice_store *s, uint32_t steps);
/* Makes what columns [n, n + count) of a stack need, now, whatever bytes_max is; count at most 256. 0, ERR_RANGE,
 * ERR_WRONG_STATE (n was used or passed over), ERR_NOMEM, ERR_BUSY (four blocks wait for answers). */
int lattice_store_prepare(struct lattice_store *s, uint32_t stack, uint32_t n, uint32_t count);
/* Blocks' bytes held now. */
size_t lattice_store_held(const struct lattice_store *s);

/* lattice_block_mask for column n of a stack, made if need be. Each n once, ascending: columns that are passed over are given up.
 * ERR_WRONG_STATE: n was used or passed over; else as lattice_store_prepare and lattice_block_mask. */
int lattice_store_mask(struct lattice_store *s, uint32_t stack, uint32_t n, const int32_t *x, uint32_t *u);
/* lattice_block_unmask for a column that was masked; any order. */
int lattice_store_unmask(struct lattice_store *s, uint32_t stack, uint32_t n, const uint32_t *z, int32_t *y);
/* Gives up a masked column whose answer will never come. */
void lattice_store_drop(struct lattice_store *s, uint32_t stack, uint32_t n);

#endif
