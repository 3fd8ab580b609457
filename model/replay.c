/* model/replay.c - see replay.h.
 *
 * Nearly all of the time is the forward pass. What is done with its rows (digests, the sampler) is spread over the engine's
 * threads: each has a sampler of its own, told of every id, and picks for its share of the rows. */
#include "model/replay.h"
#include "base/mem.h"
#include "math/attend.h"
#include "math/matrix.h"
#include "math/pool.h"
#include "model/engine.h"
#include "model/grammar_run.h"
#include "model/memory.h"
#include "model/sampler.h"

#include <stdlib.h>
#include <string.h>

enum {
    ROWS_MAX = 10 * ACTS_PANEL,  /* of a step: one pass of the matrix kernels; wider ones only take more memory */
    LOGITS_BYTES_MAX = 64 << 20, /* of a step */
    SAMPLERS_MAX = 16,           /* each has a list of the whole vocabulary */
};

/* What the model says at an output position. */
struct said {
    uint8_t digest[DIGEST_BYTES];
    int err; /* of the sampler */
    int32_t id;
};
struct state {
    const struct replay *in;
    struct replay_result *out;
    struct engine *engine;
    struct sampler sampler[SAMPLERS_MAX];
    unsigned samplers;
    struct gram_trie *trie; /* NULL when the answer may be anything */
    struct kv_seq seq;
    int32_t *feed; /* prompt, then all ids but the last */
    size_t feed_count;
    uint32_t n_vocab, rows_max;
    struct said *said; /* [rows_max] */
    /* the step that is judged */
    float *logits;
    size_t first; /* output position of its first row */
    uint32_t rows;
};

static int check(const struct model *m, const struct replay *in, struct why *why) {
    if (in->prompt_count == 0 || in->count == 0 || in->from >= in->count)
        return why_set(why, ERR_RANGE, "there is nothing to replay");
    size_t most = model_context(m);
    if (in->prompt_count > most || in->count > most || in->prompt_count + in->count - 1 > most)
        return why_set(why, ERR_CONTEXT, "prompt and answer are longer than the model's context of %zu", most);
    for (size_t i = 0; i < in->prompt_count + in->count; i++) {
        int32_t id = i < in->prompt_count ? in->prompt[i] : in->ids[i - in->prompt_count];
        if (id < 0 || (uint32_t)id >= model_n_vocab(m)) return why_set(why, ERR_RANGE, "a token id is outside the vocabulary");
    }
    return 0;
}

/* ---- memory ---- */

/* As few steps as can be, all about as long, in whole panels. */
static uint32_t rows_a_step(size_t feed_count, uint32_t n_vocab) {
    size_t most = LOGITS_BYTES_MAX / (n_vocab * sizeof(float));
    if (most > ROWS_MAX) most = ROWS_MAX;
    if (most < ACTS_PANEL) most = ACTS_PANEL;
    size_t steps = (feed_count + most - 1) / most, rows = (feed_count + steps - 1) / steps;
    return (uint32_t)((rows + ACTS_PANEL - 1) / ACTS_PANEL * ACTS_PANEL);
}

static int take_engine(struct state *s, struct model *m, struct why *why) {
    const struct replay *in = s->in;
    uint32_t positions = (uint32_t)s->feed_count, rows = rows_a_step(s->feed_count, s->n_vocab);
    size_t wanted = in->count - in->from;
    struct engine_opts eo = {.threads = in->threads,
                             .kv = in->kv,
                             .rows_max = rows,
                             .logits_max = wanted < rows ? (uint32_t)wanted : rows,
                             .kv_pages = (positions + KV_PAGE - 1) / KV_PAGE};
    int r = model_kv_check(m, in->kv, why);
    if (r == 0)
        r = memory_check(engine_buffer_bytes(m, &eo) + eo.kv_pages * (uint64_t)engine_page_bytes(m, in->kv), "the replay", why);
    if (r == 0) r = engine_new(&s->engine, m, &eo, why);
    if (r != 0) return r;
    s->rows_max = rows;
    s->said = mem_zalloc(eo.logits_max, sizeof *s->said);
    r = s->said ? kv_seq_init(&s->seq, positions) : ERR_NOMEM;
    if (r == 0) r = kv_seq_reserve(&s->seq, engine_kv(s->engine), positions);
    return r == 0 ? 0 : why_set(why, r, "no memory for a replay of %zu tokens", s->feed_count);
}

/* One that has been told of everything before the first position that is judged. */
static int take_sampler(struct state *s, struct sampler *sampler, const struct model *m, struct why *why) {
    const struct replay *in = s->in;
    struct gram_run *run;
    int r = sampler_init(sampler, s->n_vocab, &in->sampling, in->bias, in->bias_count, (uint32_t)s->feed_count + 1, why);
    for (size_t i = 0; r == 0 && i < in->prompt_count; i++) sampler_accept(sampler, in->prompt[i]);
    if (r == 0) r = gram_run_of_format(&run, &in->format, &s->trie, model_vocab(m), in->at_start, why);
    if (r != 0) return r;
    sampler_constrain(sampler, run);
    for (size_t i = 0; i < in->from; i++) sampler_accept(sampler, in->ids[i]);
    return 0;
}

/* A grammar's tables are too large to have several of. */
static int take_samplers(struct state *s, const struct model *m, struct why *why) {
    unsigned threads = pool_threads(engine_threads(s->engine)), most = threads < SAMPLERS_MAX ? threads : SAMPLERS_MAX;
    if (s->in->format.kind != FORMAT_TEXT) most = 1;
    int r = 0;
    while (r == 0 && s->samplers < most) r = take_sampler(s, &s->sampler[s->samplers++], m, why);
    return r;
}

static int begin(struct state *s, struct model *m, struct why *why) {
    const struct replay *in = s->in;
    s->n_vocab = model_n_vocab(m);
    s->feed_count = in->prompt_count + in->count - 1;
    s->feed = mem_zalloc(s->feed_count, sizeof *s->feed);
    if (!s->feed) return why_set(why, ERR_NOMEM, "no memory for %zu tokens", s->feed_count);
    memcpy(s->feed, in->prompt, in->prompt_count * sizeof *s->feed);
    memcpy(s->feed + in->prompt_count, in->ids, (in->count - 1) * sizeof *s->feed);
    if (in->salt) memcpy(s->out->chain, in->salt, DIGEST_BYTES);
    int r = take_engine(s, m, why);
    return r == 0 ? take_samplers(s, m, why) : r;
}

static void end(struct state *s) {
    if (s->engine) kv_seq_release(&s->seq, engine_kv(s->engine));
    engine_free(s->engine);
    for (unsigned i = 0; i < s->samplers; i++) sampler_release(&s->sampler[i]);
    gram_trie_free(s->trie);
    if (s->feed) mem_wipe(s->feed, s->feed_count * sizeof *s->feed);
    free(s->feed);
    free(s->said);
}

/* ---- judging ---- */

static void digest_row(struct state *s, uint32_t i) {
    logits_digest(s->said[i].digest, s->logits + (size_t)i * s->n_vocab, s->n_vocab);
}
static void digest_rows(void *arg, uint32_t begin_row, uint32_t end_row) {
    for (uint32_t i = begin_row; i < end_row; i++) digest_row(arg, i);
}

static int pick_row(struct state *s, struct sampler *sampler, uint32_t i) {
    return sampler_pick(sampler, s->logits + (size_t)i * s->n_vocab, (uint32_t)(s->first + i), 0, &s->said[i].id);
}

/* Every sampler is told of the ids as they are given, not as they are picked: up to the first that differs, these are the same.
 * A thread that has its own digests its rows too, while they are in its cache; picking changes them. */
static void pick_rows(void *arg, unsigned thread, unsigned threads) {
    struct state *s = arg;
    if (thread >= s->samplers) return;
    for (uint32_t i = 0; i < s->rows; i++) {
        if (i % s->samplers == thread) {
            if (s->samplers == threads) digest_row(s, i);
            s->said[i].err = pick_row(s, &s->sampler[thread], i);
        }
        sampler_accept(&s->sampler[thread], s->in->ids[s->first + i]);
    }
}

/* Judges output position at. Returns 1 to go on, 0 at a mismatch, ERR_*. */
static int judge(struct state *s, size_t at, const struct said *said) {
    const struct replay *in = s->in;
    s->out->position = at;
    if (in->digests && memcmp(said->digest, in->digests + (at - in->from) * DIGEST_BYTES, DIGEST_BYTES) != 0) {
        s->out->verdict = REPLAY_DIGEST;
        return 0;
    }
    if (said->err != 0 && said->err != ERR_RANGE) return said->err; /* ERR_RANGE: an id before this one is not in the format */
    if (said->err != 0 || said->id != in->ids[at]) {
        s->out->verdict = REPLAY_ID;
        return 0;
    }
    digest_chain_add(s->out->chain, said->digest);
    return 1;
}

static int judge_step(struct state *s, float *logits, size_t first, uint32_t rows) {
    struct pool *threads = engine_threads(s->engine);
    int r = 1;
    s->logits = logits, s->first = first, s->rows = rows;
    if (s->samplers < pool_threads(threads)) pool_range(threads, rows, 1, digest_rows, s);
    pool_each(threads, pick_rows, s);
    for (uint32_t i = 0; r == 1 && i < rows; i++) r = judge(s, first + i, &s->said[i]);
    return r;
}

static int replay_all(struct state *s) {
    const struct replay *in = s->in;
    size_t first_row = in->prompt_count - 1 + in->from; /* its logits are those of output position `from` */
    for (size_t at = 0; at < s->feed_count;) {
        uint32_t n = s->feed_count - at < s->rows_max ? (uint32_t)(s->feed_count - at) : s->rows_max;
        uint32_t skip = first_row <= at ? 0 : first_row - at < n ? (uint32_t)(first_row - at) : n;
        struct engine_part part = {.seq = &s->seq, .ids = s->feed + at, .count = n, .logits_from = skip};
        int r = engine_step(s->engine, &part, 1);
        if (r == 0) r = part.err;
        if (r != 0) return r;
        if (skip < n && (r = judge_step(s, part.logits, at + skip - (in->prompt_count - 1), n - skip)) != 1) return r;
        at += n;
        if (in->progress) in->progress(in->arg, at, s->feed_count);
    }
    s->out->position = in->count;
    if (in->chain && memcmp(in->chain, s->out->chain, DIGEST_BYTES) != 0) s->out->verdict = REPLAY_CHAIN;
    return 0;
}

int replay_run(struct model *m, const struct replay *in, struct replay_result *out, struct why *why) {
    struct state s = {.in = in, .out = out};
    *out = (struct replay_result){.verdict = REPLAY_EXACT};
    int r = check(m, in, why);
    if (r != 0) return r;
    r = begin(&s, m, why);
    if (r == 0) r = replay_all(&s);
    if (r == ERR_NONFINITE) why_set(why, r, "the model gives values that are not finite here");
    end(&s);
    return r;
}
