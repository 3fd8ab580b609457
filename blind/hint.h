/* blind/hint.h - the hint file of mode `lattice`: h_i = sum over j of W_ij a_j for every row i of every stack, as values mod q.
 *
 * Public, the same for everybody who has the model: large (4 * 256 * rank bytes a row), so it is mapped, not read. Little endian:
 *
 *     "lullhint" | u32 version 1 | u32 rank | u32 stacks | u32 q | SHA-256 of the blind manifest | u64 bytes of the file |
 *     stacks x (u32 rows | u32 cols | u64 offset | SHA-256 of the stack's data) | zeros up to a multiple of 4096
 *     per stack, at its offset, a multiple of 4096: rows x rank x 256 u32 below q, then zeros up to the next multiple
 *
 * The file's digest is SHA-256 of the head, zeros included: through the stacks' digests it covers all of the file's content. */
#ifndef BLIND_HINT_H
#define BLIND_HINT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/file.h"
#include "math/pool.h"
#include "model/linear.h"

enum {
    HINT_VERSION = 1,
    HINT_ALIGN = 4096,
    HINT_HEAD_BYTES = 64,  /* before the table */
    HINT_STACK_BYTES = 48, /* one row of it */
    HINT_STACKS_MAX = 4096
};

/* What a hint must belong to. */
struct hint_id {
    uint8_t manifest[32]; /* digest */
    uint32_t rank, stacks;
    const struct linear *linear; /* [stacks]; only rows and cols are used */
};

struct hint {
    struct file_map map;
    uint32_t rank, stacks;
    uint64_t *offset; /* [stacks] */
    uint8_t digest[32];
};
/* Maps and checks the whole file: every byte of the head against id, sizes, digests, and that values are below q. kept: the
 * digest it had when it was made or last checked, or NULL. The pool's threads hash stacks side by side; NULL: one after the other
 * (2 s for 3 GB). ERR_NOTFOUND, ERR_SHORT (cut), ERR_TRAILING, ERR_FORMAT, ERR_VERSION, ERR_RANGE (rank, shapes, q, a value),
 * ERR_AUTH (of another manifest, not the kept digest, or data that do not match theirs), ERR_NOMEM; why says which. On failure *h
 * is empty. */
int hint_open(struct hint *h, const char *path, const struct hint_id *id, const uint8_t *kept, struct pool *pool,
              struct why *why);
void hint_close(struct hint *h); /* fine on an empty one */
/* The rank that the file at path names, one of blind/lattice_params.h: for who opens what an earlier set-up chose. It is no
 * more than what the file says, until hint_open. ERR_NOTFOUND, ERR_SHORT, ERR_FORMAT, ERR_VERSION, ERR_RANGE. */
int hint_rank_of(const char *path, uint32_t *rank, struct why *why);
/* The stack's rows: [rows][rank][256], values in the order of math/ntt.h. */
static inline const uint32_t *hint_stack(const struct hint *h, uint32_t stack) {
    return (const uint32_t *)(const void *)(h->map.data + h->offset[stack]);
}

/* ---- layout, for those who write hints ---- */

size_t hint_head_bytes(uint32_t stacks);
/* offset[stacks] and the file's size. ERR_RANGE: rank, a shape, or the number of stacks. */
int hint_layout(const struct hint_id *id, uint64_t *offset, uint64_t *size);
/* The head, into hint_head_bytes bytes. digests: [stacks][32]. */
void hint_write_head(uint8_t *head, const struct hint_id *id, const uint64_t *offset, uint64_t size, const uint8_t *digests);

#endif
