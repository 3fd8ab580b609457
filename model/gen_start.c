/* model/gen_start.c - pools, and the way from a request to an answer that waits for its first step. */
#include "base/clock.h"
#include "math/kv_page.h"
#include "model/gen_parts.h"
#include "model/memory.h"
#include "model/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- pools ---- */

static int pool_check(const struct gen_pool_opts *o, const struct model *m, struct why *why) {
    if (o->slots < 1 || o->slots > GEN_SLOTS_MAX) return why_set(why, ERR_USAGE, "slots: 1 to %d", GEN_SLOTS_MAX);
    if (o->prefill_chunk > GEN_CHUNK_MAX) return why_set(why, ERR_USAGE, "prefill chunk: at most %d", GEN_CHUNK_MAX);
    if (o->context_max > model_context(m)) return why_set(why, ERR_USAGE, "context: the model has %u", model_context(m));
    if (o->guesses > GEN_GUESSES_MAX) return why_set(why, ERR_USAGE, "guesses: at most %d", GEN_GUESSES_MAX);
    return model_kv_check(m, o->kv, why);
}

/* How many KV pages the pool gets. Pages are backed by memory only when they are written, so it must be clear now that there will
 * be enough; without room for kept pages if need be. */
static int plan_memory(const struct gen_pool *p, const struct gen_pool_opts *o, struct engine_opts *eo, struct why *why) {
    uint64_t page_bytes = engine_page_bytes(p->m, o->kv), buffers = engine_buffer_bytes(p->m, eo), left = memory_available("");
    uint64_t needed = (uint64_t)((p->context_max + KV_PAGE - 1) / KV_PAGE) * p->slots, pages = needed + needed / 2;
    if (!o->device && buffers + pages * page_bytes > left) pages = needed;
    if (o->kv_bytes_max) pages = o->kv_bytes_max / page_bytes;
    if (pages > UINT32_MAX) pages = UINT32_MAX;
    if (pages == 0) return why_set(why, ERR_USAGE, "KV memory: one page takes %llu bytes", (unsigned long long)page_bytes);
    eo->kv_pages = (uint32_t)pages;
    char what[96];
    snprintf(what, sizeof what, "keys and values of %u answers of up to %u tokens", p->slots, p->context_max);
    return memory_check(buffers + (o->device ? 0 : pages * page_bytes), what, why); /* a device has its own, and says so */
}

int gen_pool_new(struct gen_pool **out, struct model *m, const struct gen_pool_opts *o, struct why *why) {
    *out = NULL;
    int r = pool_check(o, m, why);
    if (r != 0) return r;
    struct gen_pool *p = mem_zalloc(1, sizeof *p);
    if (!p) return why_set(why, ERR_NOMEM, "no memory for a pool");
    p->m = m;
    p->slots = o->slots;
    p->context_max = o->context_max ? o->context_max : model_context(m);
    p->chunk = o->prefill_chunk ? o->prefill_chunk : 128;
    p->guesses = o->guesses;
    p->guess_always = o->guess_always;
    uint32_t tokens = p->slots + (o->guesses ? GEN_GUESS_ROWS : 0);
    struct engine_opts eo = {.threads = o->threads,
                             .rows_max = tokens + p->chunk,
                             .logits_max = tokens,
                             .kv = o->kv,
                             .device = o->device,
                             .linear = o->linear,
                             .linear_state = o->linear_state};
    r = plan_memory(p, o, &eo, why);
    if (r == 0) r = engine_new(&p->engine, m, &eo, why);
    if (r == 0 && (r = prefix_init(&p->prefix, engine_kv(p->engine))) != 0) why_set(why, r, "no memory for a pool");
    if (r != 0)
        gen_pool_free(p);
    else
        *out = p;
    return r;
}

void gen_pool_free(struct gen_pool *p) {
    if (!p) return;
    for (uint32_t i = 0; i < p->slots; i++) gen_free(p->slot[i]);
    prefix_release(&p->prefix);
    engine_free(p->engine);
    gram_trie_free(p->trie);
    free(p);
}

uint32_t gen_pool_active(const struct gen_pool *p) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->slots; i++) n += p->slot[i] != NULL;
    return n;
}
uint32_t gen_pool_free_slots(const struct gen_pool *p) { return p->slots - gen_pool_active(p); }
uint32_t gen_pool_events_max(const struct gen_pool *p) { return p->slots * (1 + p->guesses); }

uint32_t gen_pool_expire(struct gen_pool *p, uint64_t idle_ms) {
    uint64_t now = clock_mono_ms();
    if (now > idle_ms) prefix_expire(&p->prefix, now - idle_ms);
    return p->prefix.count;
}
void gen_pool_forget(struct gen_pool *p, const uint8_t *cache_salt) { prefix_forget(&p->prefix, cache_salt); }

/* ---- answers ---- */

static int prompt_ids(const struct gen_pool *p, const struct gen_request *r, uint32_t limit, struct ids *ids, struct why *why) {
    const struct vocab *v = model_vocab(p->m);
    ids_init(ids, limit);
    struct template_chat chat = {.messages = r->messages,
                                 .count = r->message_count,
                                 .details = r->extras.details,
                                 .tools = r->extras.tools,
                                 .options = r->extras.options,
                                 .unix_s = r->template_time};
    int e = r->raw ? vocab_encode(v, r->text.p, r->text.n, VOCAB_BOS, ids, why)
                   : template_render_chat(model_template(p->m), v, &chat, ids, why);
    if (e == 0 && ids->count == 0) e = why_set(why, ERR_RANGE, "the prompt has no tokens");
    if (e == 0 && ids->count >= limit) e = ERR_CONTEXT;
    if (e == ERR_CONTEXT) why_set(why, e, "the prompt does not fit the context of %u tokens", limit);
    return e;
}

/* How many tokens the answer may have, resumed ones included. */
static int answer_length(const struct gen_request *r, uint32_t prompt, uint32_t limit, uint32_t *out, struct why *why) {
    *out = r->max_tokens ? r->max_tokens : limit - prompt;
    if (*out <= limit - prompt) return 0;
    return why_set(why, ERR_CONTEXT, "%u prompt tokens and %u of answer do not fit the context of %u", prompt, *out, limit);
}

/* Feeds the resumed ids. The answer may be found complete at the last of them, but not before. */
static int resume_feed(struct gen *g, const struct gen_resume *res, uint32_t answer_max, struct why *why) {
    const struct vocab *v = model_vocab(g->pool->m);
    int e = 0;
    for (size_t i = 0; e == 0 && i < res->count; i++) {
        int32_t id = res->ids[i];
        const uint8_t *text;
        size_t n;
        if (g->stop != STOP_NONE || id < 0 || (uint32_t)id >= model_n_vocab(g->pool->m))
            return why_set(why, ERR_RANGE, "the answer to resume is not one that this request can have");
        if (vocab_is_eog(v, id)) {
            if (sampler_check(&g->sampler, 1) != 0) return why_set(why, ERR_RANGE, "the answer to resume ends too early");
            g->stop = STOP_END; /* must be the last: the next round refuses */
            continue;
        }
        if (textout_feed(&g->out, id, &text, &n) == TEXTOUT_STOPPED) g->stop = STOP_STRING;
        e = buf_add(&g->before, text, n);
        g->ids[g->count++] = id;
        sampler_accept(&g->sampler, id);
        if (e == 0 && (e = sampler_check(&g->sampler, 0)) != 0)
            return why_set(why, e, "the answer to resume is not in the format that this request asks for");
        if (g->stop == STOP_NONE && i + 1 == answer_max) g->stop = STOP_LENGTH;
    }
    if (e == 0 && (g->stop == STOP_LENGTH || g->stop == STOP_END)) {
        const uint8_t *text;
        size_t n;
        textout_end(&g->out, &text, &n);
        e = buf_add(&g->before, text, n);
    }
    g->resumed = g->count - g->prompt_count;
    return e == 0 ? 0 : why_set(why, e, "no memory for the answer's text");
}

/* What a request becomes an answer of. */
struct start {
    const struct gen_request *r;
    const struct gen_resume *resume;
    struct gen_past **past;
    uint32_t past_most;
    const uint8_t *digest_salt;
    void *user;
};

/* Pages for the whole answer, so that it cannot get stuck. Kept pages that it shares are taken first: making room could cost
 * them. */
static int find_pages(struct gen *g, const struct start *s) {
    struct gen_pool *p = g->pool;
    struct kv_pool *kv = engine_kv(p->engine);
    uint32_t positions = g->ids_max - 1, pages = (positions + KV_PAGE - 1) / KV_PAGE; /* the last id is never fed */
    p->now_ms = clock_mono_ms();
    if (s->r->cache_salt) {
        g->keeps = 1;
        prefix_begin(&p->prefix, &g->path, s->r->cache_salt);
        gen_adopt_pages(g, g->ids, g->prompt_count);
    }
    if (pages <= kv->pages) (void)prefix_evict(&p->prefix, pages - g->seq.page_count); /* if it cannot, reserving says so */
    return s->past && *s->past ? gen_take_past(g, s->past, s->past_most, positions) : kv_seq_reserve(&g->seq, kv, positions);
}

/* Last of all: nothing can fail any more once a past is taken over. */
static int take_pages(struct gen *g, const struct start *s, struct why *why) {
    int e = find_pages(g, s);
    if (e == ERR_BUSY && (g->ids_max - 1 + KV_PAGE - 1) / KV_PAGE > engine_kv(g->pool->engine)->pages)
        return why_set(why, ERR_CONTEXT, "prompt and answer do not fit the KV memory");
    return e == ERR_BUSY ? why_set(why, e, "no free KV pages") : e;
}

static int take_memory(struct gen *g, const struct gen_request *r, const struct ids *prompt, uint32_t answer_max,
                       struct why *why) {
    struct gen_pool *p = g->pool;
    g->ids_max = (uint32_t)prompt->count + answer_max;
    g->ids = mem_zalloc(g->ids_max, sizeof *g->ids);
    int e = g->ids ? kv_seq_init(&g->seq, g->ids_max) : ERR_NOMEM;
    if (e == 0) e = sampler_init(&g->sampler, model_n_vocab(p->m), &r->sampling, r->bias, r->bias_count, g->ids_max, why);
    if (e == 0 && p->guesses) e = ngram_init(&g->grams, g->ids_max);
    struct textout_opts to = {.stop = r->stop, .stop_count = r->stop_count, .at_start = gen_at_start(r)};
    if (e == 0) e = textout_init(&g->out, model_vocab(p->m), &to, why);
    if (e == 0 && !(g->text = mem_zalloc(g->text_max = (2 + p->guesses) * g->out.cap, 1))) e = ERR_NOMEM;
    if (e == ERR_NOMEM) why_set(why, e, "no memory for an answer of %u tokens", g->ids_max);
    buf_init(&g->before, (size_t)g->ids_max * VOCAB_PIECE_BYTES_MAX * 3);
    return e;
}

/* The sampler takes only what the request's format allows. The vocabulary's tree is made once for all answers. */
static int constrain(struct gen *g, const struct gen_request *r, struct why *why) {
    const struct vocab *v = model_vocab(g->pool->m);
    struct gram_run *run;
    int e = gram_run_of_format(&run, &r->format, &g->pool->trie, v, gen_at_start(r), why);
    if (e == 0) sampler_constrain(&g->sampler, run);
    return e;
}

static int start_with(struct gen *g, const struct start *s, const struct ids *prompt, uint32_t answer_max, struct why *why) {
    const struct gen_resume *res = s->resume;
    int e = take_memory(g, s->r, prompt, answer_max, why);
    if (e != 0) return e;
    for (size_t i = 0; i < prompt->count; i++) {
        g->ids[i] = prompt->id[i];
        sampler_accept(&g->sampler, prompt->id[i]);
    }
    g->count = g->prompt_count = (uint32_t)prompt->count;
    e = constrain(g, s->r, why);
    if (e == 0 && res && res->count > (size_t)answer_max + 1) return why_set(why, ERR_RANGE, "the answer to resume is too long");
    if (e == 0 && res) e = resume_feed(g, res, answer_max, why);
    return e == 0 ? take_pages(g, s, why) : e;
}

static int start(struct gen **out, struct gen_pool *p, const struct start *s, struct why *why) {
    const struct gen_request *r = s->r;
    *out = NULL;
    uint32_t at = 0, limit = p->context_max, answer_max = 0;
    if (r->context_limit && r->context_limit < limit) limit = r->context_limit;
    if (r->logprobs || r->top_logprobs) return why_set(why, ERR_UNSUPPORTED, "logprobs are not given");
    while (at < p->slots && p->slot[at]) at++;
    if (at == p->slots) return why_set(why, ERR_BUSY, "all %u slots are taken", p->slots);
    struct gen *g = mem_zalloc(1, sizeof *g);
    struct ids prompt;
    if (!g) return why_set(why, ERR_NOMEM, "no memory for an answer");
    *g = (struct gen){.pool = p, .user = s->user, .digests = s->digest_salt != NULL};
    if (s->digest_salt) memcpy(g->chain, s->digest_salt, DIGEST_BYTES);
    int e = prompt_ids(p, r, limit, &prompt, why);
    if (e == 0) e = answer_length(r, (uint32_t)prompt.count, limit, &answer_max, why);
    if (e == 0) e = start_with(g, s, &prompt, answer_max, why);
    ids_release(&prompt);
    if (e != 0) {
        gen_free(g);
        return e;
    }
    guess_pace_init(&g->pace, p->guesses);
    g->serial = p->next_serial++;
    p->slot[at] = g;
    *out = g;
    return 0;
}

int gen_start(struct gen **out, struct gen_pool *p, const struct gen_request *r, const struct gen_resume *resume,
              const uint8_t *digest_salt, void *user, struct why *why) {
    const struct start s = {.r = r, .resume = resume, .digest_salt = digest_salt, .user = user};
    return start(out, p, &s, why);
}

int gen_start_after(struct gen **out, struct gen_pool *p, const struct gen_request *r, struct gen_past **past, uint32_t most,
                    void *user, struct why *why) {
    const struct start s = {.r = r, .past = past, .past_most = most, .user = user};
    *out = NULL;
    if (r->cache_salt) return why_set(why, ERR_RANGE, "pages are kept by their salt or for one conversation, not both");
    return start(out, p, &s, why);
}

/* 1: it was the last of the pool. */
static int leave_pool(struct gen *g) {
    uint32_t others = 0;
    for (uint32_t i = 0; i < g->pool->slots; i++) {
        if (g->pool->slot[i] == g) g->pool->slot[i] = NULL;
        others += g->pool->slot[i] != NULL;
    }
    return others == 0;
}

void gen_free(struct gen *g) {
    if (!g) return;
    struct gen_pool *p = g->pool;
    if (leave_pool(g)) engine_forget(p->engine); /* else the next step writes over it */
    gen_touch_pages(g);
    kv_seq_release(&g->seq, engine_kv(p->engine));
    sampler_release(&g->sampler);
    ngram_release(&g->grams);
    if (g->text) mem_wipe(g->text, g->text_max);
    textout_release(&g->out);
    buf_release(&g->before);
    if (g->ids) mem_wipe(g->ids, g->ids_max * sizeof *g->ids);
    free(g->text);
    free(g->ids);
    mem_wipe(g, sizeof *g);
    free(g);
}
