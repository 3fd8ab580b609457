/* model/gen.c - steps: sampling, and the events of each answer. */
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
enum gen_stop gen_stop_of(const struct gen *g) { return g->stop; }
void gen_digest_chain(const struct gen *g, uint8_t out[32]) { memcpy(out, g->chain, DIGEST_BYTES); }
void gen_times_of(const struct gen *g, struct gen_times *t) {
    *t = g->times;
    t->prompt_tokens = g->prompt_count + g->resumed;
    t->output_tokens = g->count - t->prompt_tokens;
}

/* ---- sampling, in parallel over answers ---- */

/* Picks ids as single steps would, one after another, and goes on for as long as the next row was fed the very id picked. */
static void sample(struct gen *g) {
    const struct vocab *v = model_vocab(g->pool->m);
    uint32_t n_vocab = model_n_vocab(g->pool->m);
    for (uint32_t i = 0; i <= g->guesses; i++) {
        float *row = g->logits + (size_t)i * n_vocab;
        if (g->digests) logits_digest(g->digest[i], row, n_vocab);
        int e = sampler_pick(&g->sampler, row, g->count + i - g->prompt_count, 0, &g->sampled[i]);
        if (e != 0 && i > 0) g->plainly = 1; /* its own step will fail and say so, after the events of these ids */
        if (e != 0 && i == 0) g->err = e;
        if (e != 0) return;
        g->samples = i + 1;
        if (vocab_is_eog(v, g->sampled[i])) return;
        sampler_accept(&g->sampler, g->sampled[i]);
        if (i < g->guesses && g->sampled[i] != g->ids[g->count + i]) return;
    }
}

static void sample_range(void *arg, uint32_t begin, uint32_t end) {
    struct gen_pool *p = arg;
    for (uint32_t i = begin; i < end; i++) sample(p->sampling[i]);
}

static void sample_all(struct gen_pool *p) {
    p->samplings = 0;
    for (size_t i = 0; i < p->parts; i++) {
        struct gen *g = p->part_gen[i];
        g->logits = p->part[i].logits;
        g->samples = 0;
        g->text_len = 0;
        if (p->part[i].err && g->guesses)
            g->plainly = 1; /* perhaps it was a wrong guess that led there */
        else
            g->err = p->part[i].err;
        if (!p->part[i].err && p->part[i].logits_from < p->part[i].count) p->sampling[p->samplings++] = g;
    }
    pool_range(engine_threads(p->engine), (uint32_t)p->samplings, 1, sample_range, p);
}

/* ---- events ---- */

static void show(struct gen *g, struct gen_event *ev, const uint8_t *text, size_t n) {
    if (n) memcpy(g->text + g->text_len, text, n); /* text_max holds what guesses + 1 ids and an end can release */
    g->text_len += n;
    ev->text_len += n;
}

/* Takes a sampled id: text, stop reason, the chain. */
static void take_sampled(struct gen *g, uint32_t which, struct gen_event *ev) {
    int32_t id = g->sampled[which];
    const uint8_t *text;
    size_t n;
    ev->id = id;
    ev->is_end = vocab_is_eog(model_vocab(g->pool->m), id);
    if (g->digests) {
        memcpy(ev->logits_digest, g->digest[which], DIGEST_BYTES);
        digest_chain_add(g->chain, g->digest[which]);
    }
    if (ev->is_end) {
        g->stop = STOP_END;
    } else {
        g->ids[g->count++] = id;
        int stopped = textout_feed(&g->out, id, &text, &n) == TEXTOUT_STOPPED;
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

static struct gen_event *new_event(struct gen *g, struct gen_event *ev) {
    *ev = (struct gen_event){.gen = g, .user = g->user, .err = g->err, .position = g->count - g->prompt_count, .id = -1};
    ev->text = g->text + g->text_len;
    return ev;
}
static void end_event(struct gen *g, struct gen_event *ev) {
    ev->stop = g->stop;
    g->done = g->err || g->stop != STOP_NONE;
}

/* An event for each id picked; none goes beyond a stop. What was fed beyond is forgotten. */
static size_t events_of(struct gen *g, struct gen_event *out, uint32_t fed) {
    uint32_t before = g->seq.length - fed, n = 0;
    for (; n < g->samples && g->stop == STOP_NONE; n++) {
        take_sampled(g, n, new_event(g, &out[n]));
        end_event(g, &out[n]);
    }
    if (g->guesses) {
        uint32_t right = g->samples ? g->samples - 1 : 0;
        kv_seq_rewind(&g->seq, before + n);
        if (!g->plainly) guess_pace_learn(&g->pace, g->guesses, right);
        g->times.guessed += g->guesses;
        g->times.guessed_right += right;
    }
    if (!g->err) return n;
    end_event(g, new_event(g, &out[n]));
    return n + 1;
}

/* Answers that were complete when they were resumed. */
static size_t events_of_complete(struct gen_pool *p, struct gen_event *out, size_t cap) {
    size_t n = 0;
    for (uint32_t i = 0; i < p->slots && n < cap; i++)
        if (p->slot[i] && p->slot[i]->stop != STOP_NONE && !p->slot[i]->done)
            end_event(p->slot[i], new_event(p->slot[i], &out[n++]));
    return n;
}

int gen_step(struct gen_pool *p, struct gen_event *out, size_t cap) {
    if (cap < gen_pool_active(p)) return ERR_RANGE;
    size_t n = events_of_complete(p, out, cap);
    uint64_t start = clock_mono_ns();
    p->now_ms = start / 1000000;
    gen_plan(p, cap - n);
    if (p->parts == 0) return (int)n;
    int r = engine_step(p->engine, p->part, p->parts);
    if (r != 0) return n ? (int)n : r == ERR_RANGE || r == ERR_CONTEXT ? ERR_INTERNAL : r; /* ids, pages, rows were checked */
    sample_all(p);
    uint64_t spent = clock_mono_ns() - start;
    for (size_t i = 0; i < p->parts; i++) {
        struct gen *g = p->part_gen[i];
        if (g->count > g->prompt_count + g->resumed)
            g->times.decode_ns += spent;
        else
            g->times.prefill_ns += spent;
        n += events_of(g, out + n, p->part[i].count);
        if (!g->err) gen_keep_pages(g);
    }
    return (int)n;
}
