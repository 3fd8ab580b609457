/* model/ngram.c - see ngram.h. */
#include "model/ngram.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

int ngram_init(struct ngram *n, uint32_t ids_max) {
    *n = (struct ngram){.slots = 64, .seen = NGRAM};
    while (n->slots < ids_max && n->slots < 1u << 20) n->slots *= 2;
    n->after = mem_zalloc(n->slots, sizeof *n->after);
    return n->after ? 0 : ERR_NOMEM;
}

void ngram_release(struct ngram *n) {
    if (n->after) mem_wipe(n->after, n->slots * sizeof *n->after);
    free(n->after);
    *n = (struct ngram){0};
}

/* Of the n-gram that ends before `end`. Multipliers are odd, the good bits on top. */
static uint32_t *slot_of(const struct ngram *n, const int32_t *ids, uint32_t end) {
    uint64_t h = 0;
    for (uint32_t i = end - NGRAM; i < end; i++) h = (h ^ (uint32_t)ids[i]) * 0x9e3779b97f4a7c15u;
    return &n->after[h >> 40 & (n->slots - 1)];
}

uint32_t ngram_guess(struct ngram *n, int32_t *ids, uint32_t count, uint32_t most) {
    for (; n->seen < count; n->seen++) *slot_of(n, ids, n->seen) = n->seen;
    if (count < NGRAM) return 0;
    uint32_t from = *slot_of(n, ids, count);
    if (from == 0 || memcmp(ids + from - NGRAM, ids + count - NGRAM, NGRAM * sizeof *ids) != 0) return 0;
    for (uint32_t i = 0; i < most; i++) ids[count + i] = ids[from + i]; /* a period shorter than `most` goes on into itself */
    return most;
}

void guess_pace_init(struct guess_pace *p, uint32_t most) { *p = (struct guess_pace){.most = most, .now = most > 2 ? 2 : most}; }

uint32_t guess_pace_next(struct guess_pace *p) {
    if (p->wait == 0) return p->now;
    p->wait--;
    return 0;
}

void guess_pace_learn(struct guess_pace *p, uint32_t tried, uint32_t right) {
    if (right == tried) {
        p->pause = 0;
        p->now = p->now < p->most ? p->now + 1 : p->most;
    } else if (right > 0) {
        p->pause = 0;
        p->now = right + 1;
    } else {
        p->now = p->now > 1 ? p->now / 2 : 1;
        p->pause = p->pause >= GUESS_PAUSE_MAX / 2 ? GUESS_PAUSE_MAX : 2 * p->pause + 1;
        p->wait = p->pause;
    }
}
