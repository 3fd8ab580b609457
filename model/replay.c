/* model/replay.c - see replay.h. */
#include "model/replay.h"
#include "base/mem.h"
#include "math/attend.h"
#include "model/engine.h"
#include "model/grammar_run.h"
#include "model/sampler.h"

#include <stdlib.h>
#include <string.h>

enum { REPLAY_ROWS = 96 }; /* a step: eight whole panels of the matrix kernels */

struct state {
    const struct replay *in;
    struct replay_result *out;
    struct engine *engine;
    struct sampler sampler;
    struct gram_trie *trie; /* NULL when the answer may be anything */
    struct kv_seq seq;
    int32_t *feed; /* prompt, then all ids but the last */
    size_t feed_count;
    uint32_t n_vocab;
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

static int constrain(struct state *s, const struct model *m, struct why *why) {
    struct gram_run *run;
    int r = gram_run_of_format(&run, &s->in->format, &s->trie, model_vocab(m), s->in->at_start, why);
    if (r == 0) sampler_constrain(&s->sampler, run);
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
    uint32_t positions = (uint32_t)s->feed_count;
    struct engine_opts eo = {.threads = in->threads,
                             .kv = in->kv,
                             .rows_max = REPLAY_ROWS,
                             .logits_max = REPLAY_ROWS,
                             .kv_pages = (positions + KV_PAGE - 1) / KV_PAGE};
    int r = engine_new(&s->engine, m, &eo, why);
    if (r == 0) r = kv_seq_init(&s->seq, positions);
    if (r == 0) r = kv_seq_reserve(&s->seq, engine_kv(s->engine), positions);
    if (r == 0) r = sampler_init(&s->sampler, s->n_vocab, &in->sampling, in->bias, in->bias_count, positions + 1, why);
    if (r == ERR_NOMEM) why_set(why, r, "no memory for a replay of %zu tokens", s->feed_count);
    for (size_t i = 0; r == 0 && i < in->prompt_count; i++) sampler_accept(&s->sampler, s->feed[i]);
    if (r == 0) r = constrain(s, m, why);
    for (size_t i = 0; r == 0 && i < in->from; i++) sampler_accept(&s->sampler, s->feed[in->prompt_count + i]);
    if (in->salt) memcpy(s->out->chain, in->salt, DIGEST_BYTES);
    return r;
}

/* Judges output position at. Returns 1 to go on, 0 at a mismatch, ERR_*. */
static int judge(struct state *s, size_t at, float *row) {
    const struct replay *in = s->in;
    uint8_t digest[DIGEST_BYTES];
    int32_t id;
    s->out->position = at;
    logits_digest(digest, row, s->n_vocab);
    if (in->digests && memcmp(digest, in->digests + (at - in->from) * DIGEST_BYTES, DIGEST_BYTES) != 0) {
        s->out->verdict = REPLAY_DIGEST;
        return 0;
    }
    int r = sampler_pick(&s->sampler, row, (uint32_t)at, 0, &id);
    if (r != 0 && r != ERR_RANGE) return r; /* ERR_RANGE: an id before this one is not in the format */
    if (r != 0 || id != in->ids[at]) {
        s->out->verdict = REPLAY_ID;
        return 0;
    }
    digest_chain_add(s->out->chain, digest);
    sampler_accept(&s->sampler, id);
    return 1;
}

static int replay_all(struct state *s) {
    const struct replay *in = s->in;
    size_t first_row = in->prompt_count - 1 + in->from; /* its logits are those of output position `from` */
    for (size_t at = 0; at < s->feed_count;) {
        uint32_t n = s->feed_count - at < REPLAY_ROWS ? (uint32_t)(s->feed_count - at) : REPLAY_ROWS;
        uint32_t skip = first_row <= at ? 0 : first_row - at < n ? (uint32_t)(first_row - at) : n;
        struct engine_part part = {.seq = &s->seq, .ids = s->feed + at, .count = n, .logits_from = skip};
        int r = engine_step(s->engine, &part, 1);
        if (r == 0) r = part.err;
        if (r != 0) return r;
        for (uint32_t i = skip; i < n; i++) {
            r = judge(s, at + i - (in->prompt_count - 1), part.logits + (size_t)(i - skip) * s->n_vocab);
            if (r != 1) return r;
        }
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
    if (s.engine) kv_seq_release(&s.seq, engine_kv(s.engine));
    engine_free(s.engine);
    sampler_release(&s.sampler);
    gram_trie_free(s.trie);
    if (s.feed) mem_wipe(s.feed, s.feed_count * sizeof *s.feed);
    free(s.feed);
    return r;
}
