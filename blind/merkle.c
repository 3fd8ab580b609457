/* blind/merkle.c - see merkle.h. */
#include "blind/merkle.h"

#include <string.h>

#include "base/tree_hash.h"

void merkle_init(struct merkle *m) { memset(m, 0, sizeof *m); }

static void leaf_begin(struct sha256 *h) {
    sha256_init(h);
    sha256_add(h, "\x00", 1);
}

/* A leaf completes as many subtrees as the count has low bits set: each joins its left neighbour. */
static int leaf_end(struct merkle *m, struct sha256 *h) {
    uint8_t at[SHA256_BYTES];
    sha256_done(h, at);
    if (m->count == UINT32_MAX) return ERR_LIMIT;
    unsigned level = 0;
    for (; m->count >> level & 1; level++) tree_node_hash(at, m->node[level], at);
    memcpy(m->node[level], at, sizeof at);
    m->count++;
    return 0;
}

int merkle_add(struct merkle *m, const void *entry, size_t n) {
    struct sha256 h;
    leaf_begin(&h);
    sha256_add(&h, entry, n);
    return leaf_end(m, &h);
}

int merkle_add_row(struct merkle *m, const int8_t *w, uint32_t cols, float scale) {
    uint32_t bits;
    memcpy(&bits, &scale, sizeof bits);
    uint8_t le[4] = {(uint8_t)bits, (uint8_t)(bits >> 8), (uint8_t)(bits >> 16), (uint8_t)(bits >> 24)};
    struct sha256 h;
    leaf_begin(&h);
    sha256_add(&h, w, cols);
    sha256_add(&h, le, sizeof le);
    return leaf_end(m, &h);
}

/* Split at the largest power of two: the subtrees on the stack are the left sides, the largest outermost. */
void merkle_root(const struct merkle *m, uint8_t root[SHA256_BYTES]) {
    if (m->count == 0) {
        sha256_of(root, "", 0);
        return;
    }
    unsigned level = (unsigned)__builtin_ctz(m->count);
    memcpy(root, m->node[level], SHA256_BYTES);
    for (level++; level < MERKLE_LEVELS; level++)
        if (m->count >> level & 1) tree_node_hash(root, m->node[level], root);
}
