/* evidence/tlog_merkle.c - checking proofs. Making them is in tlog_prove.c. See tlog_merkle.h. */
#include "evidence/tlog_merkle.h"

#include <sodium.h>
#include <string.h>

#include "base/base64.h"

int tlog_hash_read(struct tlog_hash *out, const char *text, size_t n) {
    size_t got;
    struct tlog_hash h;
    if (n != TLOG_BASE64_BYTES || base64_read(h.b, sizeof h.b, &got, text, n, BASE64_PLAIN) != 0 || got != sizeof h.b)
        return ERR_FORMAT;
    *out = h;
    return 0;
}

void tlog_hash_text(char out[TLOG_BASE64_BYTES + 1], const struct tlog_hash *h) {
    sodium_bin2base64(out, TLOG_BASE64_BYTES + 1, h->b, sizeof h->b, sodium_base64_VARIANT_ORIGINAL);
}

int tlog_hash_equal(const struct tlog_hash *a, const struct tlog_hash *b) { return memcmp(a->b, b->b, sizeof a->b) == 0; }

static void join(struct tlog_hash *out, const struct tlog_hash *left, const struct tlog_hash *right) {
    tree_node_hash(out->b, left->b, right->b);
}

/* 1 <= end - start, and start a multiple of the smallest power of two that is not below end - start. */
static int is_subtree(uint64_t start, uint64_t end) {
    if (start >= end || end > TLOG_SIZE_MAX) return 0;
    uint64_t width = 1;
    while (width < end - start) width <<= 1; /* end - start < 2^63: it ends */
    return start % width == 0;
}

/* RFC 9162, 2.1.3.2: f and s are the numbers of the leaf and of the last leaf, among the nodes of the level reached. */
int tlog_inclusion_check(const struct tlog_hash *leaf, uint64_t index, uint64_t size, const struct tlog_hash *root,
                         const struct tlog_proof *proof) {
    if (size == 0 || size > TLOG_SIZE_MAX || index >= size) return ERR_RANGE;
    uint64_t f = index, s = size - 1;
    struct tlog_hash at = *leaf;
    for (unsigned i = 0; i < proof->count; i++, f >>= 1, s >>= 1) {
        if (s == 0) return ERR_AUTH;
        if (f & 1 || f == s) {
            join(&at, &proof->hash[i], &at);
            for (; !(f & 1) && f != 0; f >>= 1) s >>= 1; /* a last node without a neighbour is its own parent */
        } else {
            join(&at, &at, &proof->hash[i]);
        }
    }
    return s == 0 && tlog_hash_equal(&at, root) ? 0 : ERR_AUTH;
}

int tlog_subtree_inclusion_check(const struct tlog_hash *leaf, uint64_t index, uint64_t start, uint64_t end,
                                 const struct tlog_hash *hash, const struct tlog_proof *proof) {
    if (!is_subtree(start, end) || index < start) return ERR_RANGE;
    return tlog_inclusion_check(leaf, index - start, end - start, hash, proof);
}

static int is_nothing(const struct tlog_hash *h) {
    struct tlog_hash nothing;
    sha256_of(nothing.b, "", 0);
    return tlog_hash_equal(h, &nothing);
}

/* "Verifying a Subtree Consistency Proof" of the draft: f, s and t are the numbers of the subtree's first and last leaf and of the tree's
 * last one, among the nodes of the level reached. `part` grows to the subtree's hash and `whole` to the tree's, from the same hashes. */
int tlog_subtree_consistency_check(uint64_t start, uint64_t end, const struct tlog_hash *hash, uint64_t size,
                                   const struct tlog_hash *root, const struct tlog_proof *proof) {
    if (end > size || size > TLOG_SIZE_MAX) return ERR_RANGE;
    if (start == end) return is_nothing(hash) && proof->count == 0 ? 0 : ERR_AUTH;
    if (!is_subtree(start, end)) return ERR_RANGE;
    uint64_t f = start, s = end - 1, t = size - 1;
    unsigned i = 0;
    struct tlog_hash part, whole;
    for (int last = s == t; f != s && (last || s & 1); f >>= 1, s >>= 1) t >>= 1;
    if (f == s)
        part = *hash; /* the subtree is a node of the tree: nothing has to be shown of its inside */
    else if (proof->count > 0)
        part = proof->hash[i++];
    else
        return ERR_AUTH;
    whole = part;
    for (; i < proof->count; i++, f >>= 1, s >>= 1, t >>= 1) {
        if (t == 0) return ERR_AUTH;
        if (s & 1 || s == t) {
            if (f < s) join(&part, &proof->hash[i], &part);
            join(&whole, &proof->hash[i], &whole);
            for (; !(s & 1); f >>= 1, s >>= 1) t >>= 1; /* s == t > 0 here: a bit is set */
        } else {
            join(&whole, &whole, &proof->hash[i]);
        }
    }
    return t == 0 && tlog_hash_equal(&part, hash) && tlog_hash_equal(&whole, root) ? 0 : ERR_AUTH;
}

int tlog_consistency_check(uint64_t size1, const struct tlog_hash *root1, uint64_t size2, const struct tlog_hash *root2,
                           const struct tlog_proof *proof) {
    if (size1 == 0) return ERR_RANGE;
    return tlog_subtree_consistency_check(0, size1, root1, size2, root2, proof);
}
