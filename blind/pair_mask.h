/* blind/pair_mask.h - the masks of mode `pair`, as both the client and worker B derive them.
 *
 * Batch key of columns 64b..64b+63 of every stack: K_b = HKDF-SHA256(session mask key, no salt, info "lull pair v1" || u32 b), 32 bytes.
 * Mask of column n of a stack, one element per input dimension: key stream of ChaCha20 (RFC 8439) under K_b from block counter 0 with nonce
 * u32 stack || u32 n || u32 0; element j takes draw j, 3 bytes (p24) or the low 26 bits of 4 bytes (p26). Elements whose draw is >= p take,
 * in order of j, the next draws < p of the stream whose last nonce word is 1. All integers are little endian. */
#ifndef BLIND_PAIR_MASK_H
#define BLIND_PAIR_MASK_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "math/field.h"

enum { PAIR_KEY_BYTES = 32, PAIR_BATCH_COLUMNS = 64 };

/* n's batch. */
static inline uint32_t pair_batch_of(uint32_t n) { return n / PAIR_BATCH_COLUMNS; }
void pair_batch_key(uint8_t key[PAIR_KEY_BYTES], const uint8_t session_key[PAIR_KEY_BYTES], uint32_t batch);
/* r[0..cols): uniform residues. cols <= ROW8_COLS_MAX. batch_key must be that of n's batch. */
void pair_mask(const struct field *f, const uint8_t batch_key[PAIR_KEY_BYTES], uint32_t stack, uint32_t n, uint32_t *r,
               uint32_t cols);

/* u = x + r mod p; |x[j]| <= p / 2, else ERR_RANGE, and u is then not to be sent. u may be r. */
int pair_mask_add(const struct field *f, const int32_t *x, const uint32_t *r, uint32_t *u, uint32_t cols);
/* y = the balanced value of z - wr mod p. */
void pair_mask_remove(const struct field *f, const uint32_t *z, const uint32_t *wr, int32_t *y, uint32_t rows);

#endif
