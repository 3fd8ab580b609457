/* model/merge.h - the loop that SentencePiece and BPE share: merge the best adjacent pair until none is left.
 *
 * Symbols form a linked list over an array; the pairs that can merge sit in a binary heap of their left symbols, ordered by
 * key, then position. Each symbol knows its place in the heap, so there are no stale entries: n symbols take n places and
 * O(n log n) steps, whatever the text is. */
#ifndef MODEL_MERGE_H
#define MODEL_MERGE_H

#include <stddef.h>
#include <stdint.h>

enum { MERGE_NONE = UINT32_MAX };
struct merge_symbol {
    uint32_t start, len;  /* bytes in the text; len 0: merged into its left neighbour */
    uint32_t id;          /* token or symbol number, MERGE_NONE: not in the vocabulary */
    uint32_t prev, next;  /* MERGE_NONE at the ends */
    uint32_t key, result; /* of merging with next; lower keys merge first */
    uint32_t place;       /* in the heap, MERGE_NONE: its pair cannot merge */
};
struct merger {
    struct merge_symbol *symbol;
    uint32_t *heap;
    size_t count, heap_count, cap;
    const uint8_t *text;
};

/* 1 and *key, *result when a and its right neighbour b may merge; 0 otherwise. */
typedef int merge_rule(const void *ctx, const uint8_t *text, const struct merge_symbol *a, const struct merge_symbol *b,
                       uint32_t *key, uint32_t *result);

void merger_init(struct merger *m);
void merger_release(struct merger *m); /* wipes: positions mirror the text */
/* Empties m and makes room for n symbols over text. 0 or ERR_NOMEM. */
int merger_start(struct merger *m, const uint8_t *text, size_t n);
/* Appends a symbol; at most as many as merger_start made room for. */
void merger_add(struct merger *m, size_t start, size_t len, uint32_t id);
/* Merges all that can. Afterwards the symbols are walked from 0 along next. */
void merger_run(struct merger *m, merge_rule *rule, const void *ctx);

#endif
