/* model/gen.c - steps: which answers take part, sampling, and the event of each. */
#include "base/clock.h"
#include "math/pool.h"
#include "model/gen_parts.h"

#include <string.h>

const int32_t *gen_prompt_ids(const struct gen *g, size_t *count) {
    *count = g->prompt_count;
    return g->ids;
}
const uint8_t *gen_resumed_text(const struct gen *g, size_t *n) {
    *n = g->before.len;
    return g->before.data;
}
void gen_digest_chain(const struct gen *g, uint8_t out[32]) { memcpy(out, g->chain, DIGEST_BYTES); }
void gen_times_of(const struct gen *g, struct gen_times *t) {
    *t = g->times;
    t->prompt_tokens = g->prompt_count + g->resumed;
    t->output_tokens = g->count - t->prompt_tokens;
}

/* ---- planning ---- */

static uint32_t waiting(const struct gen *g) { return g->count - g->seq.length; } /* ids not yet fed; 1: it decodes */

static void add_part(struct gen_pool *p, struct gen *g, uint32_t count) {
    struct engine_part *part = &p->part[p->parts];
    *part = (struct engine_part){.seq = &g->seq, .ids = g->ids + g->seq.length, .count = count};
    part->logits_from = count == waiting(g) ? count - 1 : count; /* only the last id known has a successor to sample */
    p->part_gen[p->parts++] = g;
}

/* One id of every decoding answer, and a chunk of the oldest that still waits with more. At most cap can make an event. */
static void plan_step(struct gen_pool *p, size_t cap) {
    struct gen *oldest = NULL;
    p->parts = 0;
    for (uint32_t i = 0; i < p->slots; i++) {
        struct gen *g = p->slot[i];
        if (!g || g->stop != STOP_NONE || g->err) continue;
        if (waiting(g) > 1)
            oldest = !oldest || g->serial < oldest->serial ? g : oldest;
        else if (p->parts < cap)
            add_part(p, g, 1);
    }
    if (oldest && p->parts < cap) add_part(p, oldest, waiting(oldest) < p->chunk ? waiting(oldest) : p->chunk);
}

/* ---- sampling, in parallel over answers ---- */

static void sample_range(void *arg, uint32_t begin, uint32_t end) {
    struct gen_pool *p = arg;
    uint32_t n_vocab = model_n_vocab(p->m);
    for (uint32_t i = begin; i < end; i++) {
        struct gen *g = p->sampling[i];
        if (g->digests) logits_digest(g->digest, g->logits, n_vocab);
        g->err = sampler_pick(&g->sampler, g->logits, g->count - g->prompt_count, 0, &g->sampled);
    }
}

static void sample_all(struct gen_pool *p) {
    p->samplings = 0;
    for (size_t i = 0; i < p->parts; i++) {
        struct gen *g = p->part_gen[i];
        g->err = p->part[i].err;
        g->logits = p->part[i].logits;
        if (!g->err && p->part[i].logits_from < p->part[i].count) p->sampling[p->samplings++] = g;
    }
    pool_range(engine_threads(p->engine), (uint32_t)p->samplings, 1, sample_range, p);
}

/* ---- events ---- */

static void show(struct gen *g, struct gen_event *ev, const uint8_t *text, size_t n) {
    if (n) memcpy(g->text + ev->text_len, text, n);
    ev->text_len += n;
}

/* Takes the sampled id: text, stop reason, the chain. */
static void take_sampled(struct gen *g, struct gen_event *ev) {
    const uint8_t *text;
    size_t n;
    ev->id = g->sampled;
    ev->is_end = vocab_is_eog(model_vocab(g->pool->m), g->sampled);
    if (g->digests) {
        memcpy(ev->logits_digest, g->digest, DIGEST_BYTES);
        digest_chain_add(g->chain, g->digest);
    }
    if (ev->is_end) {
        g->stop = STOP_END;
    } else {
        g->ids[g->count++] = g->sampled;
        sampler_accept(&g->sampler, g->sampled);
        int stopped = textout_feed(&g->out, g->sampled, &text, &n) == TEXTOUT_STOPPED;
        show(g, ev, text, n);
        if (stopped)
            g->stop = STOP_STRING;
        else if (g->count == g->ids_max)
            g->stop = STOP_LENGTH;
    }
    if (g->stop == STOP_END || g->stop == STOP_LENGTH) {
        textout_end(&g->out, &text, &n);
        show(g, ev, text, n);
    }
}

static void make_event(struct gen *g, struct gen_event *ev, int sampled) {
    *ev = (struct gen_event){
        .gen = g, .user = g->user, .err = g->err, .position = g->count - g->prompt_count, .id = -1, .text = g->text};
    if (!g->err && sampled) take_sampled(g, ev);
    ev->stop = g->stop;
    g->done = g->err || g->stop != STOP_NONE;
}

/* Answers that were complete when they were resumed. */
static size_t events_of_complete(struct gen_pool *p, struct gen_event *out, size_t cap) {
    size_t n = 0;
    for (uint32_t i = 0; i < p->slots && n < cap; i++)
        if (p->slot[i] && p->slot[i]->stop != STOP_NONE && !p->slot[i]->done) make_event(p->slot[i], &out[n++], 0);
    return n;
}

int gen_step(struct gen_pool *p, struct gen_event *out, size_t cap) {
    size_t n = events_of_complete(p, out, cap);
    plan_step(p, cap - n);
    if (p->parts == 0) return (int)n;
    uint64_t start = clock_mono_ns();
    if (engine_step(p->engine, p->part, p->parts) != 0) return ERR_INTERNAL; /* ids, pages and rows were checked before */
    sample_all(p);
    uint64_t spent = clock_mono_ns() - start;
    for (size_t i = 0; i < p->parts; i++) {
        struct gen *g = p->part_gen[i];
        int sampled = p->part[i].logits_from < p->part[i].count;
        if (g->count > g->prompt_count + g->resumed)
            g->times.decode_ns += spent;
        else
            g->times.prefill_ns += spent;
        if (sampled || g->err) make_event(g, &out[n++], sampled);
    }
    return (int)n;
}
