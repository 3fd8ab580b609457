/* model/gen_past.c - what an answer leaves behind for the next turn of its conversation: ids, and the keys and values of them. */
#include <stdlib.h>

#include "math/kv_page.h"
#include "model/gen_parts.h"

struct gen_past {
    struct gen_pool *pool;
    struct kv_seq seq; /* of ids[0..seq.length); no page more than that takes, and each of them its alone */
    int32_t *ids;
    uint32_t ids_max;
};

uint32_t gen_past_ids(const struct gen_past *t) { return t->seq.length; }

void gen_past_free(struct gen_past *t) {
    if (!t) return;
    kv_seq_release(&t->seq, engine_kv(t->pool->engine));
    if (t->ids) mem_wipe(t->ids, t->ids_max * sizeof *t->ids);
    free(t->ids);
    mem_wipe(t, sizeof *t);
    free(t);
}

static void cut(struct gen_past *t, uint32_t length) {
    if (length < t->seq.length) kv_seq_rewind(&t->seq, length);
    kv_seq_shrink(&t->seq, engine_kv(t->pool->engine));
}

/* After an error the sequence is of no more use (model/engine.h), but for what was there before. */
struct gen_past *gen_leave(struct gen *g, uint32_t most) {
    struct gen_past *t = NULL;
    if (g->err && most > g->times.cached_tokens) most = g->times.cached_tokens;
    if (!g->keeps && g->seq.length && most) t = mem_zalloc(1, sizeof *t);
    if (t) {
        *t = (struct gen_past){.pool = g->pool, .seq = g->seq, .ids = g->ids, .ids_max = g->ids_max};
        g->seq = (struct kv_seq){.page = NULL};
        g->ids = NULL;
        cut(t, most);
    }
    gen_free(g);
    return t;
}

static uint32_t pages_of(uint32_t positions) { return (positions + KV_PAGE - 1) / KV_PAGE; }

/* The last id of a prompt is fed in any case: what comes after it is not kept. */
static uint32_t common(const struct gen *g, const struct gen_past *t, uint32_t most) {
    uint32_t n = 0;
    if (most > t->seq.length) most = t->seq.length;
    while (n < most && n + 1 < g->prompt_count && g->ids[n] == t->ids[n]) n++;
    return n;
}

int gen_take_past(struct gen *g, struct gen_past **past, uint32_t most, uint32_t positions) {
    struct gen_past *t = *past;
    struct kv_pool *kv = engine_kv(g->pool->engine);
    uint32_t keep = common(g, t, most);
    if (pages_of(positions) > kv->free_count + t->seq.page_count) return ERR_BUSY;
    cut(t, keep);
    for (; g->seq.page_count < t->seq.page_count; g->seq.page_count++)
        g->seq.page[g->seq.page_count] = t->seq.page[g->seq.page_count];
    g->seq.length = keep;
    g->seq.written = t->seq.written;
    t->seq.page_count = t->seq.length = t->seq.written = 0; /* they are handed over */
    gen_past_free(t);
    *past = NULL;
    g->times.cached_tokens = keep;
    return kv_seq_reserve(&g->seq, kv, positions);
}
