/* Serving: a thousand random requests get the same ids, digests, text and ends with batching, kept pages and guesses on or off, in
 * every step's events in order; cancelled and resumed ones among them, and a pool too small for all. Pages are never shared
 * between salts. A short prompt does not wait for a long one. */
#include <stdlib.h>

#include "math/kv_page.h"
#include "model/engine.h"
#include "model/gen.h"
#include "tests/unit/model/synth_model.h"

enum { REQUESTS = 1000, TOKENS = 40, TEXT = 512, PROMPT = 220, BASES = 6, SALTS = 3, SLOTS = 8, GUESSES = 4 };

static const struct synth shape = {"serve", "llama", WEIGHT_F16, WEIGHT_F16, WEIGHT_F16, 32,  32,
                                   1,       2,       1,          16,         270,        512, .seed = 77};
static struct model *model;

/* ---- requests ---- */

struct ask {
    char prompt[PROMPT], stop[2];
    uint8_t salt[16];
    struct gen_request q;
    uint32_t cancel_after; /* events; 0: never */
    uint32_t resume_at;    /* ids taken as given; 0: none */
};
struct answer {
    int32_t id[TOKENS];
    uint8_t digest[TOKENS + 1][32];
    char text[TEXT];
    uint32_t ids, events, text_len;
    enum gen_stop stop;
};
static struct ask ask[REQUESTS];
static struct answer want[REQUESTS], got[REQUESTS];

static uint32_t below(uint64_t *s, uint32_t n) { return (uint32_t)(synth_next(s) % n); }

static void make_ask(struct ask *a, const char base[BASES][PROMPT], uint64_t *s) {
    static const float heat[] = {0, 0, 0.3f, 0.8f, 1.5f};
    size_t shared = below(s, 190), own = below(s, 30);
    memcpy(a->prompt, base[below(s, BASES)], shared);
    for (size_t i = 0; i < own; i++) a->prompt[shared + i] = (char)('a' + below(s, 26));
    a->q = (struct gen_request){.raw = 1, .text = {a->prompt, shared + own}, .sampling = GEN_SAMPLING_GREEDY};
    a->q.max_tokens = 1 + below(s, TOKENS);
    a->q.sampling.temperature = heat[below(s, 5)];
    a->q.sampling.seed = synth_next(s);
    if (below(s, 3) == 0) a->q.sampling.repeat_penalty = 1.2f, a->q.sampling.repeat_last_n = 1 + (int32_t)below(s, 90);
    if (below(s, 4) == 0) a->q.sampling.top_k = 5;
    if (below(s, 5) == 0) {
        a->stop[0] = (char)('a' + below(s, 26));
        a->q.stop[a->q.stop_count++] = (struct gen_text){a->stop, 1};
    }
    a->salt[0] = (uint8_t)below(s, SALTS + 1);
    if (a->salt[0]) a->q.cache_salt = a->salt; /* switched off again where nothing is to be kept */
    if (below(s, 7) == 0) a->cancel_after = 1 + below(s, TOKENS);
    if (below(s, 9) == 0) a->resume_at = 1 + below(s, TOKENS);
}

static void make_asks(void) {
    static char base[BASES][PROMPT];
    uint64_t s = 2024;
    for (int b = 0; b < BASES; b++)
        for (int i = 0; i < PROMPT; i++) base[b][i] = (char)('a' + (b % 2 ? i * (b + 1) % 7 : (int)below(&s, 26)));
    for (int i = 0; i < REQUESTS; i++) make_ask(&ask[i], (const char(*)[PROMPT])base, &s);
}

/* ---- running them ---- */

struct setup {
    uint32_t slots, guesses, pages, threads;
    int keep;
};
struct totals {
    uint64_t cached, guessed, right, most_events;
};
struct runner {
    struct gen_pool *pool;
    struct setup set;
    struct gen *gen[REQUESTS];
    int next, open;
    struct totals sum;
};

static void leave(struct runner *r, int i) {
    struct gen_times t;
    gen_times_of(r->gen[i], &t);
    if (!ask[i].q.cache_salt || !r->set.keep) CHECK_INT(t.cached_tokens, 0);
    CHECK(t.cached_tokens < t.prompt_tokens && t.cached_tokens % KV_PAGE == 0);
    r->sum.cached += t.cached_tokens, r->sum.guessed += t.guessed, r->sum.right += t.guessed_right;
    gen_free(r->gen[i]);
    r->gen[i] = NULL;
    r->open--;
}

static int begin(struct runner *r, int i) {
    static const uint8_t salt[32] = {9};
    struct gen_request q = ask[i].q;
    struct gen_resume res = {want[i].id, ask[i].resume_at};
    if (!r->set.keep) q.cache_salt = NULL;
    int resumed = res.count > 0 && res.count < want[i].ids; /* in the first run nothing is known yet */
    int e = gen_start(&r->gen[i], r->pool, &q, resumed ? &res : NULL, salt, &got[i], NULL);
    if (e != 0) return e;
    got[i] = (struct answer){0};
    if (resumed) {
        size_t n;
        const uint8_t *text = gen_resumed_text(r->gen[i], &n);
        got[i].ids = ask[i].resume_at;
        got[i].text_len = (uint32_t)n;
        memcpy(got[i].id, want[i].id, got[i].ids * sizeof(int32_t));
        memcpy(got[i].digest, want[i].digest, sizeof got[i].digest[0] * got[i].ids);
        if (n) memcpy(got[i].text, text, n);
    }
    r->open++;
    return 0;
}

static void take(struct runner *r, const struct gen_event *ev) {
    struct answer *a = ev->user;
    int i = (int)(a - got);
    if (!r->gen[i]) return; /* left in this very step: its other events are void */
    CHECK_INT(ev->err, 0);
    CHECK(a->stop == STOP_NONE && ev->gen == r->gen[i]);
    CHECK_INT(ev->position, a->ids);
    memcpy(a->digest[a->ids], ev->logits_digest, 32);
    if (!ev->is_end) a->id[a->ids++] = ev->id;
    CHECK(a->text_len + ev->text_len <= TEXT);
    if (ev->text_len) memcpy(a->text + a->text_len, ev->text, ev->text_len);
    a->text_len += (uint32_t)ev->text_len;
    a->stop = ev->stop;
    a->events++;
    if (a->stop != STOP_NONE || a->events == ask[i].cancel_after) leave(r, i);
}

static struct totals run_all(struct setup set) {
    static struct runner r;
    r = (struct runner){.set = set};
    struct gen_event ev[SLOTS * (1 + GUESSES)];
    struct gen_pool_opts o = {.threads = set.threads,
                              .slots = set.slots,
                              .context_max = 300,
                              .prefill_chunk = set.guesses ? 256 : 48,
                              .guesses = set.guesses,
                              .kv_bytes_max = set.pages * engine_page_bytes(model, KV_F16)};
    CHECK_INT(gen_pool_new(&r.pool, model, &o, NULL), 0);
    while (r.next < REQUESTS || r.open) {
        while (r.next < REQUESTS && gen_pool_free_slots(r.pool)) {
            int e = begin(&r, r.next);
            if (e != 0) CHECK(e == ERR_BUSY && r.open); /* no pages: somebody has to leave first */
            if (e != 0) break;
            r.next++;
        }
        int n = gen_step(r.pool, ev, gen_pool_events_max(r.pool));
        CHECK(n >= 0 && (uint32_t)n <= gen_pool_events_max(r.pool));
        if ((uint64_t)n > r.sum.most_events) r.sum.most_events = (uint64_t)n;
        for (int k = 0; k < n; k++) take(&r, &ev[k]);
    }
    gen_pool_free(r.pool);
    return r.sum;
}

static void compare(void) {
    for (int i = 0; i < REQUESTS; i++) {
        const struct answer *w = &want[i], *g = &got[i];
        CHECK(ask[i].cancel_after || (g->ids == w->ids && g->stop == w->stop && g->text_len == w->text_len));
        CHECK(g->ids <= w->ids && g->text_len <= w->text_len); /* resumed and then cancelled: it may have come further */
        CHECK_MEM(g->id, w->id, g->ids * sizeof g->id[0]);
        CHECK_MEM(g->digest, w->digest, (g->ids + (g->stop == STOP_END)) * sizeof g->digest[0]);
        CHECK_MEM(g->text, w->text, g->text_len);
    }
}

static int set_up(void **state) {
    (void)state;
    model = synth_open(&shape);
    make_asks();
    return 0;
}
static int tear_down(void **state) {
    (void)state;
    model_close(model);
    return 0;
}

TEST(batches_kept_pages_and_guesses_change_no_answer) {
    uint32_t cancels[REQUESTS];
    for (int i = 0; i < REQUESTS; i++) cancels[i] = ask[i].cancel_after, ask[i].cancel_after = 0;
    memset(want, 0, sizeof want);
    struct totals t = run_all((struct setup){.slots = 1, .threads = 1}); /* whole answers, one after another, nothing shared */
    CHECK(t.cached == 0 && t.guessed == 0);
    memcpy(want, got, sizeof want);
    for (int i = 0; i < REQUESTS; i++) ask[i].cancel_after = cancels[i];
    for (unsigned how = 1; how < 8; how++) {
        struct setup set = {.slots = 1, .keep = how >> 1 & 1, .guesses = how & 4 ? GUESSES : 0, .threads = how == 7 ? 2 : 1};
        if (how & 1) set.slots = set.guesses ? SLOTS / 2 : SLOTS; /* a full step leaves no rows for guesses */
        if (set.keep) set.pages = 20; /* eight of the longest would need 32: pages are evicted all the time */
        t = run_all(set);
        compare();
        printf("# batch %d, keep %d, guess %d: %llu tokens from kept pages, %llu of %llu guesses right, %llu events in a step\n",
               how & 1, how >> 1 & 1, how >> 2, (unsigned long long)t.cached, (unsigned long long)t.right,
               (unsigned long long)t.guessed, (unsigned long long)t.most_events);
        CHECK(set.keep ? t.cached > 5000 : t.cached == 0);
        CHECK(set.guesses ? t.right > 100 && t.right < t.guessed : t.guessed == 0);
        CHECK(set.guesses ? t.most_events > (how & 1 ? 2u : 1u) : t.most_events <= set.slots);
    }
}

/* ---- who shares with whom ---- */

static uint32_t cached_of(struct gen_pool *p, const char *prompt, const uint8_t *salt) {
    struct gen *g;
    struct gen_event ev[2];
    struct gen_times t;
    struct gen_request q = {
        .raw = 1, .text = {prompt, strlen(prompt)}, .sampling = GEN_SAMPLING_GREEDY, .max_tokens = 2, .cache_salt = salt};
    CHECK_INT(gen_start(&g, p, &q, NULL, NULL, NULL, NULL), 0);
    for (int ends = 0; !ends;) {
        int n = gen_step(p, ev, 2);
        CHECK(n >= 0);
        for (int i = 0; i < n; i++) ends |= ev[i].stop != STOP_NONE;
    }
    gen_times_of(g, &t);
    gen_free(g);
    return t.cached_tokens;
}

TEST(pages_are_never_shared_between_salts) {
    struct gen_pool *p;
    struct gen_pool_opts o = {.threads = 1, .slots = 2};
    uint8_t a[16] = {1}, b[16] = {1, [15] = 1};
    char prompt[200];
    memset(prompt, 'x', sizeof prompt);
    prompt[sizeof prompt - 1] = 0;
    CHECK_INT(gen_pool_new(&p, model, &o, NULL), 0);
    CHECK_INT(cached_of(p, prompt, NULL), 0);
    CHECK_INT(cached_of(p, prompt, NULL), 0); /* without a salt nothing is kept */
    CHECK_INT(gen_pool_expire(p, 60000), 0);
    CHECK_INT(cached_of(p, prompt, a), 0);
    CHECK_INT(cached_of(p, prompt, b), 0);
    CHECK_INT(cached_of(p, prompt, NULL), 0);
    CHECK_INT(cached_of(p, prompt, a), 192);
    CHECK_INT(cached_of(p, prompt, b), 192);
    CHECK_INT(gen_pool_expire(p, 60000), 6);
    prompt[100] = 'y'; /* the second page is another one, and so is everything behind it */
    CHECK_INT(cached_of(p, prompt, a), 64);
    gen_pool_forget(p, a);
    CHECK_INT(gen_pool_expire(p, 60000), 3);
    CHECK_INT(cached_of(p, prompt, a), 0);
    usleep(3000);
    CHECK_INT(gen_pool_expire(p, 1), 0);
    CHECK_INT(cached_of(p, prompt, b), 0);
    gen_pool_free(p);
}

/* ---- fairness ---- */

TEST(a_short_prompt_does_not_wait_for_a_long_one_nor_tokens_for_either) {
    struct gen_pool *p;
    struct gen_pool_opts o = {.threads = 1, .slots = 3, .prefill_chunk = 16};
    static char long_text[400];
    memset(long_text, 'q', sizeof long_text);
    static const struct gen_bias no_end = {2, -1000};
    struct gen_request q = {
        .raw = 1, .text = {"a", 1}, .sampling = GEN_SAMPLING_GREEDY, .max_tokens = 100, .bias = &no_end, .bias_count = 1};
    struct gen_request big = q, small = q;
    big.text = (struct gen_text){long_text, sizeof long_text};
    small.text = (struct gen_text){"hello", 5};
    struct gen *decoding, *large, *little;
    struct gen_event ev[3];
    CHECK_INT(gen_pool_new(&p, model, &o, NULL), 0);
    CHECK_INT(gen_start(&decoding, p, &q, NULL, NULL, NULL, NULL), 0);
    CHECK_INT(gen_step(p, ev, 3), 1);
    CHECK_INT(gen_start(&large, p, &big, NULL, NULL, NULL, NULL), 0);
    for (int i = 0; i < 5; i++) CHECK_INT(gen_step(p, ev, 3), 1); /* a token each step, beside the prompt */
    CHECK_INT(gen_start(&little, p, &small, NULL, NULL, NULL, NULL), 0);
    int first_little = 0, first_large = 0, steps = 0;
    for (; !first_large && steps < 200; steps++) {
        int n = gen_step(p, ev, 3), tokens = 0;
        for (int i = 0; i < n; i++) {
            if (ev[i].gen == little && !first_little) first_little = steps + 1;
            if (ev[i].gen == large) first_large = steps + 1;
            tokens += ev[i].gen == decoding;
        }
        struct gen_times t;
        gen_times_of(decoding, &t);
        CHECK(tokens == 1 || t.output_tokens <= 100);
    }
    printf("# the short prompt answers in step %d, the long one in step %d\n", first_little, first_large);
    CHECK(first_little && first_little <= 3 && first_large > 50); /* a quarter of 16 beside a decoding answer */
    CHECK_INT(gen_step(p, ev, 1), ERR_RANGE);
    gen_pool_free(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {T(batches_kept_pages_and_guesses_change_no_answer),
                                       T(pages_are_never_shared_between_salts),
                                       T(a_short_prompt_does_not_wait_for_a_long_one_nor_tokens_for_either)};
    if (secret_setup() != 0) return 99;
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("serving", tests, set_up, tear_down) != 0;
}
