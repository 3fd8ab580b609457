/* blind/merkle.h - Merkle tree hashes as RFC 6962, 2.1, over SHA-256, one leaf at a time.
 *
 * leaf = SHA-256(0x00 || entry), node = SHA-256(0x01 || left || right), split at the largest power of two below the count; no entry:
 * SHA-256 of nothing. The roots of whole subtrees wait on a stack, one per bit of the count, so any number of rows takes 2 KB. */
#ifndef BLIND_MERKLE_H
#define BLIND_MERKLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/hash.h"

enum { MERKLE_LEVELS = 32 }; /* up to 2^32 - 1 leaves; a matrix has at most 2^20 rows */
struct merkle {
    uint32_t count;
    uint8_t node[MERKLE_LEVELS][SHA256_BYTES]; /* node[i]: the whole subtree of 2^i leaves, where bit i of count is set */
};
void merkle_init(struct merkle *m);
/* The next leaf's entry. ERR_LIMIT: too many. */
int merkle_add(struct merkle *m, const void *entry, size_t n);
/* The root over what was added; m stays as it is and can go on. */
void merkle_root(const struct merkle *m, uint8_t root[SHA256_BYTES]);

/* The entry of one row of weights is its cols int8 values, then its scale, an IEEE binary32 in little endian. */
int merkle_add_row(struct merkle *m, const int8_t *w, uint32_t cols, float scale);

#endif
