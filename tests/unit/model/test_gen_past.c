/* Answers that go on with what an earlier one left: the same ids and text as without it, from where the prompts differ; and what is not
 * gone on with is wiped. */
#include <stdlib.h>

#include "math/kv_page.h"
#include "model/gen_parts.h"
#include "model/model.h"
#include "tests/check.h"

enum { IDS_MAX = 600, TEXT_MAX = 4096, CONTEXT = 512, TOKENS = 40 };
static struct model *m;
static struct gen_pool *pool;

static void begin(uint32_t guesses, uint32_t pages) {
    struct why why = {{0}};
    CHECK_INT(model_open(&m, "models/lull-toy-q8_0.gguf", NULL, &why), 0);
    struct gen_pool_opts o = {.threads = 1,
                              .slots = 2,
                              .context_max = CONTEXT,
                              .guesses = guesses,
                              .guess_always = 1,
                              .kv_bytes_max = pages * engine_page_bytes(m, KV_F16)};
    CHECK_INT(gen_pool_new(&pool, m, &o, &why), 0);
}
static void end(void) {
    gen_pool_free(pool);
    model_close(m);
}

struct said {
    int32_t id[IDS_MAX]; /* of the prompt and the answer */
    uint32_t prompt, count, cached;
    char text[TEXT_MAX];
    size_t text_n;
};

static struct gen_request raw(const char *text, uint64_t seed, uint32_t tokens) {
    struct gen_request q = {.raw = 1, .text = {text, strlen(text)}, .sampling = GEN_SAMPLING_GREEDY, .max_tokens = tokens};
    q.sampling.temperature = seed ? 1 : 0, q.sampling.seed = seed;
    return q;
}

/* The whole answer of an engine that goes on with *past, or of one that computes anew; the answer itself is the caller's. */
static struct gen *answer(const struct gen_request *q, struct gen_past **past, uint32_t most, struct said *out) {
    struct gen *g;
    struct gen_event ev[GEN_GUESSES_MAX + 1];
    struct gen_times t;
    size_t count;
    enum gen_stop stop = STOP_NONE;
    memset(out, 0, sizeof *out);
    CHECK_INT(past ? gen_start_after(&g, pool, q, past, most, NULL, NULL) : gen_start(&g, pool, q, NULL, NULL, NULL, NULL), 0);
    const int32_t *ids = gen_prompt_ids(g, &count);
    memcpy(out->id, ids, count * sizeof *ids);
    out->prompt = out->count = (uint32_t)count;
    gen_times_of(g, &t);
    out->cached = t.cached_tokens;
    while (stop == STOP_NONE) {
        int n = gen_step(pool, ev, gen_pool_events_max(pool));
        CHECK(n >= 0);
        for (int i = 0; i < n; i++) {
            CHECK_INT(ev[i].err, 0);
            if (!ev[i].is_end && ev[i].id >= 0) out->id[out->count++] = ev[i].id;
            if (ev[i].text_len) memcpy(out->text + out->text_n, ev[i].text, ev[i].text_len);
            out->text_n += ev[i].text_len;
            stop = ev[i].stop;
        }
    }
    return g;
}

static const char words[] =
    "Once there was a mouse who had a boat. The boat was red, and the mouse was happy. One day a cat came to the "
    "river and said: I want to go with you. The mouse laughed. It was a long day, and the lantern was out. ";

/* A text of its beginning, and `edit` says where it differs. */
static void prompt_of(char *out, size_t n, size_t edit) {
    for (size_t i = 0; i < n; i++) out[i] = words[i % (sizeof words - 1)];
    out[n] = 0;
    if (edit < n) out[edit] = out[edit] == 'x' ? 'y' : 'x';
}

static void same(const struct said *a, const struct said *b) {
    CHECK_INT(a->prompt, b->prompt);
    CHECK_INT(a->count, b->count);
    CHECK_MEM(a->id, b->id, a->count * sizeof a->id[0]);
    CHECK_INT(a->text_n, b->text_n);
    CHECK_MEM(a->text, b->text, a->text_n);
}

/* As many chains of answers as rounds, each prompt of any length, with or without what was said before, changed anywhere. */
TEST(an_answer_that_goes_on_with_an_earlier_one_is_that_computed_anew) {
    static struct said before, with, without;
    static char text[TEXT_MAX];
    uint32_t state = 7, most_kept = 0, partial = 0;
    for (uint32_t guesses = 0; guesses <= 4; guesses += 4) {
        struct gen_past *past = NULL;
        begin(guesses, 0);
        memset(&before, 0, sizeof before);
        for (int round = 0; round < 60; round++) {
            state = state * 1664525 + 1013904223;
            size_t n = 1 + (state >> 8) % 500, edit = round % 3 ? (state >> 17) % 600 : TEXT_MAX;
            if (round % 4 == 1 && strlen(text) + before.text_n < 900) /* a second turn: all that was said, and more */
                strncat(text, before.text, before.text_n), strcat(text, " And then they went home.");
            else
                prompt_of(text, n, edit);
            uint32_t fed = past ? gen_past_ids(past) : 0, most = round % 5 == 2 ? fed / 2 : UINT32_MAX, want = 0;
            struct gen_request q = raw(text, round % 2 ? (uint64_t)round : 0, TOKENS);
            gen_free(answer(&q, NULL, 0, &without));
            while (want < fed && want < most && want + 1 < without.prompt && without.id[want] == before.id[want]) want++;
            struct gen *g = answer(&q, &past, most, &with);
            CHECK(past == NULL);
            same(&without, &with);
            CHECK_INT(with.cached, want);
            past = gen_leave(g, round % 7 == 3 ? with.prompt / 2 : UINT32_MAX);
            if (round % 7 == 3 && past) CHECK_INT(gen_past_ids(past), with.prompt / 2);
            before = with;
            most_kept = want > most_kept ? want : most_kept;
            partial += want > 0 && want % KV_PAGE != 0;
        }
        gen_past_free(past);
        CHECK_INT(engine_kv(pool->engine)->free_count, engine_kv(pool->engine)->pages);
        end();
    }
    printf("# up to %u ids kept, %u times not whole pages\n", most_kept, partial);
    CHECK(most_kept > 100 && partial > 20);
}

static int all_zero(const struct kv_pool *kv) {
    for (size_t i = 0; i < (size_t)kv->pages * kv->page_bytes; i++)
        if (kv->mem[i]) return 0;
    return 1;
}

TEST(what_is_left_behind_is_its_pages_and_wiped_with_it) {
    static struct said a;
    begin(0, 0);
    const struct kv_pool *kv = engine_kv(pool->engine);
    struct gen_request q = raw(words, 0, 200);
    struct gen_past *past = gen_leave(answer(&q, NULL, 0, &a), UINT32_MAX);
    CHECK(past != NULL);
    uint32_t fed = gen_past_ids(past);
    CHECK(fed >= a.count - 1 && fed <= a.count);
    CHECK_INT(kv->pages - kv->free_count, (fed + KV_PAGE - 1) / KV_PAGE);
    CHECK_INT(gen_pool_active(pool), 0);
    q = raw("Something else", 0, 4); /* has nothing in common: all of it goes */
    struct gen *g = answer(&q, &past, UINT32_MAX, &a);
    CHECK(past == NULL);
    CHECK_INT(a.cached, 0);
    gen_free(g);
    CHECK_INT(kv->free_count, kv->pages);
    CHECK(all_zero(kv));
    past = gen_leave(answer(&q, NULL, 0, &a), 0); /* nothing to keep */
    CHECK(past == NULL);
    past = gen_leave(answer(&q, NULL, 0, &a), UINT32_MAX);
    CHECK(past && !all_zero(kv));
    gen_past_free(past);
    CHECK(all_zero(kv));
    end();
}

TEST(a_request_that_is_refused_takes_nothing) {
    static struct said a;
    static const uint8_t salt[16] = {1};
    struct gen *g;
    struct why why = {{0}};
    begin(0, 4);
    struct gen_request q = raw(words, 0, 20), large = raw(words, 0, 4 * KV_PAGE), salted = raw(words, 0, 4),
                       bad = raw(words, 0, 4);
    struct gen_past *past = gen_leave(answer(&q, NULL, 0, &a), UINT32_MAX), *none = NULL;
    uint32_t fed = gen_past_ids(past);
    CHECK_INT(gen_start_after(&g, pool, &large, &past, UINT32_MAX, NULL, &why), ERR_CONTEXT);
    salted.cache_salt = salt;
    CHECK_INT(gen_start_after(&g, pool, &salted, &past, UINT32_MAX, NULL, &why), ERR_RANGE);
    bad.format = (struct gen_format){FORMAT_GBNF, {"root ::= (", 10}};
    CHECK(gen_start_after(&g, pool, &bad, &past, UINT32_MAX, NULL, &why) < 0);
    CHECK(past != NULL && g == NULL);
    CHECK_INT(gen_past_ids(past), fed);
    large.max_tokens = 3 * KV_PAGE - a.prompt; /* as many pages as are free without what is kept, and one more */
    CHECK_INT(gen_start_after(&g, pool, &large, &none, 0, NULL, &why), ERR_BUSY);
    CHECK_INT(gen_start_after(&g, pool, &large, &past, UINT32_MAX, NULL, &why), 0);
    CHECK(past == NULL);
    gen_free(g);
    CHECK(all_zero(engine_kv(pool->engine)));
    end();
}

TESTS_MAIN("gen_past", T(an_answer_that_goes_on_with_an_earlier_one_is_that_computed_anew),
           T(what_is_left_behind_is_its_pages_and_wiped_with_it), T(a_request_that_is_refused_takes_nothing))
