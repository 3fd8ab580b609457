/* model/merge.c - see merge.h. */
#include "model/merge.h"
#include "base/err.h"
#include "base/mem.h"

#include <stdlib.h>

void merger_init(struct merger *m) { *m = (struct merger){0}; }

void merger_release(struct merger *m) {
    if (m->symbol) mem_wipe(m->symbol, m->cap * sizeof *m->symbol);
    if (m->heap) mem_wipe(m->heap, m->cap * sizeof *m->heap);
    free(m->symbol);
    free(m->heap);
    *m = (struct merger){0};
}

int merger_start(struct merger *m, const uint8_t *text, size_t n) {
    if (n >= MERGE_NONE) return ERR_LIMIT;
    if (n > m->cap) {
        size_t cap = n < 256 ? 256 : n;
        merger_release(m);
        m->symbol = mem_zalloc(cap, sizeof *m->symbol);
        m->heap = mem_zalloc(cap, sizeof *m->heap);
        if (!m->symbol || !m->heap) {
            merger_release(m);
            return ERR_NOMEM;
        }
        m->cap = cap;
    }
    m->text = text;
    m->count = m->heap_count = 0;
    return 0;
}

void merger_add(struct merger *m, size_t start, size_t len, uint32_t id) {
    uint32_t i = (uint32_t)m->count++;
    m->symbol[i] = (struct merge_symbol){.start = (uint32_t)start, .len = (uint32_t)len, .id = id, .place = MERGE_NONE};
    m->symbol[i].prev = i ? i - 1 : MERGE_NONE;
    m->symbol[i].next = MERGE_NONE;
    if (i) m->symbol[i - 1].next = i;
}

/* ---- the heap ---- */

static int before(const struct merger *m, uint32_t a, uint32_t b) {
    uint32_t ka = m->symbol[a].key, kb = m->symbol[b].key;
    return ka != kb ? ka < kb : a < b; /* positions grow with the index */
}

static void put(struct merger *m, size_t at, uint32_t i) {
    m->heap[at] = i;
    m->symbol[i].place = (uint32_t)at;
}

static void sift_up(struct merger *m, size_t at) {
    uint32_t i = m->heap[at];
    for (; at > 0 && before(m, i, m->heap[(at - 1) / 2]); at = (at - 1) / 2) put(m, at, m->heap[(at - 1) / 2]);
    put(m, at, i);
}

static void sift_down(struct merger *m, size_t at) {
    uint32_t i = m->heap[at];
    for (size_t child; (child = 2 * at + 1) < m->heap_count; at = child) {
        if (child + 1 < m->heap_count && before(m, m->heap[child + 1], m->heap[child])) child++;
        if (!before(m, m->heap[child], i)) break;
        put(m, at, m->heap[child]);
    }
    put(m, at, i);
}

static void take_out(struct merger *m, uint32_t i) {
    size_t at = m->symbol[i].place;
    if (at == MERGE_NONE) return;
    m->symbol[i].place = MERGE_NONE;
    uint32_t last = m->heap[--m->heap_count];
    if (last == i) return;
    put(m, at, last);
    sift_up(m, at);
    sift_down(m, m->symbol[last].place);
}

/* Asks anew whether symbol i merges with its neighbour. */
static void offer(struct merger *m, uint32_t i, merge_rule *rule, const void *ctx) {
    struct merge_symbol *a = &m->symbol[i];
    take_out(m, i);
    if (a->next == MERGE_NONE || !rule(ctx, m->text, a, &m->symbol[a->next], &a->key, &a->result)) return;
    put(m, m->heap_count, i);
    sift_up(m, m->heap_count++);
}

void merger_run(struct merger *m, merge_rule *rule, const void *ctx) {
    for (uint32_t i = 0; i + 1 < m->count; i++) offer(m, i, rule, ctx);
    while (m->heap_count) {
        uint32_t i = m->heap[0];
        struct merge_symbol *a = &m->symbol[i], *b = &m->symbol[a->next];
        take_out(m, a->next);
        a->id = a->result;
        a->len += b->len;
        a->next = b->next;
        b->len = 0;
        if (a->next != MERGE_NONE) m->symbol[a->next].prev = i;
        offer(m, i, rule, ctx);
        if (a->prev != MERGE_NONE) offer(m, a->prev, rule, ctx);
    }
}
