/* base/tree_hash.c - see tree_hash.h. */
#include "base/tree_hash.h"

void tree_leaf_hash(uint8_t out[SHA256_BYTES], const void *entry, size_t n) {
    struct sha256 h;
    sha256_init(&h);
    sha256_add(&h, "\x00", 1);
    sha256_add(&h, entry, n);
    sha256_done(&h, out);
}

void tree_node_hash(uint8_t out[SHA256_BYTES], const uint8_t left[SHA256_BYTES], const uint8_t right[SHA256_BYTES]) {
    struct sha256 h;
    sha256_init(&h);
    sha256_add(&h, "\x01", 1);
    sha256_add(&h, left, SHA256_BYTES);
    sha256_add(&h, right, SHA256_BYTES);
    sha256_done(&h, out);
}
