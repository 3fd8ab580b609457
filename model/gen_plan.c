/* model/gen_plan.c - who takes part in the next step, with how many ids; and pages shared between prompts. */
#include "base/clock.h"
#include "math/kv_page.h"
#include "model/gen_parts.h"

static uint32_t least(uint32_t a, uint32_t b) { return a < b ? a : b; }

/* ---- kept pages ---- */

void gen_adopt_pages(struct gen *g, const int32_t *ids, uint32_t count) {
    struct gen_pool *p = g->pool;
    while (g->keeps && g->seq.length % KV_PAGE == 0 && g->seq.length + KV_PAGE < count) {
        uint8_t *page = prefix_find(&p->prefix, &g->path, ids + g->seq.length, p->now_ms);
        if (!page || kv_seq_adopt(&g->seq, engine_kv(p->engine), page) != 0)
            return; /* the prompt's pages were counted: it fits */
        g->times.cached_tokens += KV_PAGE;
    }
}

void gen_keep_pages(struct gen *g) {
    struct gen_pool *p = g->pool;
    for (uint32_t at = g->path.depth; g->keeps && (at + 1) * KV_PAGE <= g->seq.length; at++)
        prefix_add(&p->prefix, &g->path, g->ids + at * KV_PAGE, g->seq.page[at], p->now_ms);
}

void gen_touch_pages(struct gen *g) {
    struct gen_pool *p = g->pool;
    struct prefix_path path;
    if (!g->keeps) return;
    uint64_t now = clock_mono_ms();
    prefix_begin(&p->prefix, &path, g->path.salt);
    for (uint32_t at = 0; (at + 1) * KV_PAGE <= least(g->seq.length, g->count); at++)
        if (!prefix_find(&p->prefix, &path, g->ids + at * KV_PAGE, now)) break;
    mem_wipe(&path, sizeof path);
}

/* ---- parts of a step ---- */

static uint32_t waiting(const struct gen *g) { return g->count - g->seq.length; } /* ids not yet fed; 1: it decodes */
static int takes_part(const struct gen *g) { return g && g->stop == STOP_NONE && !g->err; }

static void add_part(struct gen_pool *p, struct gen *g, uint32_t count) {
    struct engine_part *part = &p->part[p->parts];
    *part = (struct engine_part){.seq = &g->seq, .ids = g->ids + g->seq.length, .count = count + g->guesses};
    part->logits_from = count == waiting(g) ? count - 1 : count; /* only the last id known has a successor to sample */
    p->part_gen[p->parts++] = g;
}

/* Ids guessed behind the last one known. What they turn out to be never matters, only what the model says after each. */
static uint32_t guess(struct gen *g, uint32_t most) {
    if (g->plainly) {
        g->plainly = 0;
        return 0;
    }
    most = least(most, g->ids_max - 1 - g->count); /* the last id of an answer is never fed */
    if (most == 0) return 0;
    if (!g->pool->guess_always) most = least(most, guess_pace_next(&g->pace));
    return most ? ngram_guess(&g->grams, g->ids, g->count, most) : 0;
}

/* One id of every decoding answer. Guesses share the rows that cost little, when no prompt keeps the step busy anyway; what one
 * leaves is there for the next. */
static void plan_decoding(struct gen_pool *p, uint32_t decoding, uint32_t guess_rows) {
    for (uint32_t i = 0; i < p->slots; i++) {
        struct gen *g = p->slot[i];
        if (!takes_part(g) || waiting(g) > 1) continue;
        g->guesses = guess(g, least(p->guesses, (guess_rows + decoding - 1) / decoding));
        guess_rows -= g->guesses;
        decoding--;
        add_part(p, g, 1);
    }
}

/* Whoever had no part for the longest time; newcomers first, so that a short prompt does not wait for a long one. */
static struct gen *next_prompt(const struct gen_pool *p) {
    struct gen *best = NULL;
    for (uint32_t i = 0; i < p->slots; i++) {
        struct gen *g = p->slot[i];
        if (!takes_part(g) || waiting(g) < 2 || g->served == p->steps) continue;
        if (!best || g->served < best->served || (g->served == best->served && g->serial < best->serial)) best = g;
    }
    return best;
}

static void plan_prompts(struct gen_pool *p, uint32_t room) {
    for (struct gen *g; room > 0 && (g = next_prompt(p));) {
        g->served = p->steps;
        g->guesses = 0;
        gen_adopt_pages(g, g->ids, g->count); /* others may have computed them meanwhile */
        uint32_t n = least(room, waiting(g)), to_page_end = KV_PAGE - g->seq.length % KV_PAGE;
        if (g->keeps && n < waiting(g) && n > to_page_end) n -= (n - to_page_end) % KV_PAGE; /* to look again at a page's start */
        add_part(p, g, n);
        room -= n;
    }
}

void gen_plan(struct gen_pool *p, size_t cap) {
    uint32_t decoding = 0, prompts = 0, chunk = p->chunk;
    for (uint32_t i = 0; i < p->slots; i++) {
        if (!takes_part(p->slot[i])) continue;
        if (waiting(p->slot[i]) > 1)
            prompts++;
        else
            decoding++;
    }
    p->parts = 0;
    p->steps++;
    uint32_t rows = !prompts && decoding < GEN_GUESS_ROWS ? GEN_GUESS_ROWS - decoding : 0;
    if (rows > cap - decoding) rows = (uint32_t)(cap - decoding);
    plan_decoding(p, decoding, rows);
    if (decoding && chunk > GEN_CHUNK_SHARE) chunk /= GEN_CHUNK_SHARE;
    plan_prompts(p, chunk);
}
