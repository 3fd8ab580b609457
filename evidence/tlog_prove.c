/* evidence/tlog_prove.c - making proofs out of the hashes of whole subtrees. See tlog_merkle.h.
 *
 * The definitions of RFC 6962, 2.1, are recursive; each recursion here goes down one side only, so each is a loop that walks from the
 * root to the place and writes the other side down, and the proof is what was written, turned round. */
#include "evidence/tlog_merkle.h"

#include <string.h>

/* The largest power of two below n; n > 1. */
static unsigned split_level(uint64_t n) { return 63 - (unsigned)__builtin_clzll(n - 1); }

/* Hash over the leaves [lo, hi): whole subtrees from the left, each smaller than the one before, joined from the right. lo is a multiple
 * of the first one's size wherever this is called. */
static int range_hash(struct tlog_hash *out, const struct tlog_source *from, uint64_t lo, uint64_t hi) {
    struct tlog_hash part[64];
    unsigned n = 0;
    int r = 0;
    for (unsigned level; lo < hi && r == 0; lo += UINT64_C(1) << level) {
        level = 63 - (unsigned)__builtin_clzll(hi - lo);
        r = from->hash(from->arg, level, lo >> level, &part[n++]);
    }
    if (r != 0) return r;
    *out = part[--n];
    while (n > 0) tree_node_hash(out->b, part[--n].b, out->b);
    return 0;
}

int tlog_root(struct tlog_hash *out, const struct tlog_source *from, uint64_t size) {
    if (size > TLOG_SIZE_MAX) return ERR_RANGE;
    if (size > 0) return range_hash(out, from, 0, size);
    sha256_of(out->b, "", 0);
    return 0;
}

static void turn_round(struct tlog_proof *p) {
    for (unsigned i = 0; i < p->count / 2; i++) {
        struct tlog_hash keep = p->hash[i];
        p->hash[i] = p->hash[p->count - 1 - i];
        p->hash[p->count - 1 - i] = keep;
    }
}

/* One step down from the node over [*lo, *hi), to the side where `to_left` says; the other side's hash goes into the proof. */
static int step(struct tlog_proof *p, const struct tlog_source *from, uint64_t *lo, uint64_t *hi, uint64_t middle, int to_left) {
    struct tlog_hash *other = &p->hash[p->count++]; /* at most 63 steps: size < 2^63; a consistency proof has one hash more */
    int r = to_left ? range_hash(other, from, middle, *hi) : range_hash(other, from, *lo, middle);
    if (to_left)
        *hi = middle;
    else
        *lo = middle;
    return r;
}

int tlog_inclusion_make(struct tlog_proof *out, const struct tlog_source *from, uint64_t index, uint64_t size) {
    struct tlog_proof p = {.count = 0};
    uint64_t lo = 0, hi = size;
    int r = size <= TLOG_SIZE_MAX && index < size ? 0 : ERR_RANGE;
    while (r == 0 && hi - lo > 1) {
        uint64_t middle = lo + (UINT64_C(1) << split_level(hi - lo));
        r = step(&p, from, &lo, &hi, middle, index < middle);
    }
    if (r != 0) return r;
    turn_round(&p);
    *out = p;
    return 0;
}

/* SUBPROOF of RFC 6962, 2.1.2: down to the node that ends where the first tree ends. That node's own hash is known to whoever has the
 * first tree's root only when it is that root. */
int tlog_consistency_make(struct tlog_proof *out, const struct tlog_source *from, uint64_t size1, uint64_t size2) {
    struct tlog_proof p = {.count = 0};
    uint64_t lo = 0, hi = size2;
    int r = size1 > 0 && size1 <= size2 && size2 <= TLOG_SIZE_MAX ? 0 : ERR_RANGE;
    while (r == 0 && hi != size1) {
        uint64_t middle = lo + (UINT64_C(1) << split_level(hi - lo));
        r = step(&p, from, &lo, &hi, middle, size1 <= middle);
    }
    if (r == 0 && lo > 0) r = range_hash(&p.hash[p.count++], from, lo, hi);
    if (r != 0) return r;
    turn_round(&p);
    *out = p;
    return 0;
}
