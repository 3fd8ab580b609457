/* base/tree_hash.h - the two hashes that a Merkle tree of RFC 6962, 2.1, is made of, over SHA-256. A leaf and an inner node begin with
 * another byte, so that neither can pass for the other. */
#ifndef BASE_TREE_HASH_H
#define BASE_TREE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"

/* SHA-256(0x00 || entry) */
void tree_leaf_hash(uint8_t out[SHA256_BYTES], const void *entry, size_t n);
/* SHA-256(0x01 || left || right). out may be left or right. */
void tree_node_hash(uint8_t out[SHA256_BYTES], const uint8_t left[SHA256_BYTES], const uint8_t right[SHA256_BYTES]);

#endif
