/* model/grammar_trie.c - see grammar_trie.h. */
#include "model/grammar_trie.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { TRIE_NODES_MAX = 1 << 27 };

static int by_piece(const void *a, const void *b, void *arg) {
    const struct vocab *v = arg;
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    struct gguf_str p = vocab_piece(v, x, 0), q = vocab_piece(v, y, 0);
    int c = memcmp(p.p, q.p, p.n < q.n ? p.n : q.n);
    if (c != 0) return c;
    return p.n != q.n ? (p.n < q.n ? -1 : 1) : x < y ? -1 : 1;
}

static size_t shared(struct gguf_str a, struct gguf_str b) {
    size_t n = 0;
    while (n < a.n && n < b.n && a.p[n] == b.p[n]) n++;
    return n;
}

/* The lists of ids, sorted, and how many nodes they need. */
static int gather(struct gram_trie *t, const struct vocab *v) {
    struct gguf_str last = {"", 0};
    uint64_t nodes = 1;
    t->id = mem_zalloc(t->n_vocab, sizeof *t->id);
    t->end = mem_zalloc(t->n_vocab, sizeof *t->end);
    if (!t->id || !t->end) return ERR_NOMEM;
    for (int32_t id = 0; id < (int32_t)t->n_vocab; id++) {
        if (vocab_is_eog(v, id))
            t->end[t->ends++] = id;
        else if (vocab_piece(v, id, 0).n)
            t->id[t->ids++] = id;
    }
    if (t->ids) qsort_r(t->id, t->ids, sizeof *t->id, by_piece, (void *)(uintptr_t)v);
    for (size_t i = 0; i < t->ids; i++) {
        struct gguf_str p = vocab_piece(v, t->id[i], 0);
        nodes += p.n - shared(last, p);
        if (p.n > t->depth_max) t->depth_max = p.n;
        last = p;
    }
    if (nodes >= TRIE_NODES_MAX || t->depth_max > VOCAB_PIECE_BYTES_MAX) return ERR_LIMIT;
    t->nodes = (uint32_t)nodes;
    return 0;
}

/* path[d]: the node at depth d of the piece before. Nodes below the shared part are complete: the next node follows them. */
static void grow(struct gram_trie *t, const struct vocab *v, uint32_t *path) {
    struct gguf_str last = {"", 0};
    uint32_t n = 1;
    for (size_t i = 0; i < t->ids; i++) {
        struct gguf_str p = vocab_piece(v, t->id[i], 0);
        size_t d = shared(last, p);
        for (size_t k = d + 1; k <= last.n; k++) t->node[path[k]].skip = n;
        for (; d < p.n; d++) {
            path[d + 1] = n;
            t->node[n++] = (struct gram_trie_node){.first = (uint32_t)i, .depth = (uint16_t)(d + 1), .byte = (uint8_t)p.p[d]};
        }
        last = p;
    }
    for (size_t k = 0; k <= last.n; k++) t->node[path[k]].skip = n;
    t->node[n] = (struct gram_trie_node){.skip = n, .first = (uint32_t)t->ids};
}

int gram_trie_new(struct gram_trie **out, const struct vocab *v) {
    struct gram_trie *t = mem_zalloc(1, sizeof *t);
    *out = NULL;
    if (!t) return ERR_NOMEM;
    *t = (struct gram_trie){.n_vocab = vocab_size(v), .adds_space = vocab_adds_space(v)};
    int r = gather(t, v);
    uint32_t *path = mem_zalloc(t->depth_max + 1, sizeof *path);
    if (r == 0 && (!path || !(t->node = mem_zalloc((size_t)t->nodes + 1, sizeof *t->node)))) r = ERR_NOMEM;
    if (r == 0) grow(t, v, path);
    free(path);
    if (r == 0)
        *out = t;
    else
        gram_trie_free(t);
    return r;
}

void gram_trie_free(struct gram_trie *t) {
    if (!t) return;
    free(t->node);
    free(t->id);
    free(t->end);
    free(t);
}
