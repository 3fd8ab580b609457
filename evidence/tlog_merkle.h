/* evidence/tlog_merkle.h - proofs over the Merkle trees of RFC 6962: checking them, and making them from a tree's hashes.
 *
 * A textbook verifier accepts some proofs that prove nothing: of a tree of size 0, from a tree of size 0, with hashes of another length.
 * Sizes are checked here first; that every hash has 32 bytes is seen to by the type, and by tlog_hash_read where text becomes one.
 *
 * Subtrees [start, end) and their proofs are those of draft-ietf-plants-merkle-tree-certs ("Subtrees"): start is a multiple of the
 * smallest power of two that is not below end - start. A whole tree is the subtree [0, size). */
#ifndef EVIDENCE_TLOG_MERKLE_H
#define EVIDENCE_TLOG_MERKLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/tree_hash.h"
#include "evidence/evidence.h"

enum { TLOG_HASH_BYTES = SHA256_BYTES, TLOG_PROOF_MAX = 64, TLOG_BASE64_BYTES = 44 /* of a hash */ };
#define TLOG_SIZE_MAX ((uint64_t)INT64_MAX) /* entries of a log */

struct tlog_hash {
    uint8_t b[TLOG_HASH_BYTES];
};
struct tlog_proof {
    unsigned count;
    struct tlog_hash hash[TLOG_PROOF_MAX]; /* from the leaf's side upwards */
};
/* Base64 (RFC 4648, 4) of exactly 32 bytes. ERR_FORMAT. */
int tlog_hash_read(struct tlog_hash *out, const char *text, size_t n);
void tlog_hash_text(char out[TLOG_BASE64_BYTES + 1], const struct tlog_hash *h);
int tlog_hash_equal(const struct tlog_hash *a, const struct tlog_hash *b);

/* ---- checking: 0, or ERR_AUTH: it does not show that, or ERR_RANGE: sizes or an index for which there is no proof ---- */

/* The leaf is number index of the tree of that size. */
int tlog_inclusion_check(const struct tlog_hash *leaf, uint64_t index, uint64_t size, const struct tlog_hash *root,
                         const struct tlog_proof *proof);
/* The first tree is a prefix of the second. From size 0 nothing can be proved: ERR_RANGE. */
int tlog_consistency_check(uint64_t size1, const struct tlog_hash *root1, uint64_t size2, const struct tlog_hash *root2,
                           const struct tlog_proof *proof);
/* The leaf is number index of the tree, as part of the subtree with that hash. */
int tlog_subtree_inclusion_check(const struct tlog_hash *leaf, uint64_t index, uint64_t start, uint64_t end,
                                 const struct tlog_hash *hash, const struct tlog_proof *proof);
/* The subtree with that hash is a part of the tree of that size and root. The empty one [n, n) is part of any tree of at least n leaves,
 * with the hash of nothing and without a proof, whatever the root: whoever takes 0 for a start asks tlog_consistency_check. */
int tlog_subtree_consistency_check(uint64_t start, uint64_t end, const struct tlog_hash *hash, uint64_t size,
                                   const struct tlog_hash *root, const struct tlog_proof *proof);

/* ---- making ---- */

/* Where the hashes of a tree come from: that of the whole subtree of 2^level leaves which is number index among those. 0 or ERR_*. */
struct tlog_source {
    int (*hash)(void *arg, unsigned level, uint64_t index, struct tlog_hash *out);
    void *arg;
};
/* size 0: the hash of nothing. A failure is the source's. */
int tlog_root(struct tlog_hash *out, const struct tlog_source *from, uint64_t size);
/* ERR_RANGE when index >= size, or size > TLOG_SIZE_MAX. */
int tlog_inclusion_make(struct tlog_proof *out, const struct tlog_source *from, uint64_t index, uint64_t size);
/* 1 <= size1 <= size2, else ERR_RANGE. */
int tlog_consistency_make(struct tlog_proof *out, const struct tlog_source *from, uint64_t size1, uint64_t size2);

#endif
