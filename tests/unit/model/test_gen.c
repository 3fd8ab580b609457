/* Answers: the reference text, resume at every cut, cancel, stop reasons, full pools, no allocation in a step, replay. */
#include "tests/check.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "math/attend.h"
#include "model/engine.h"
#include "model/from_llama2c.h"
#include "model/gen.h"
#include "model/replay.h"
#include "tests/unit/model/row8_util.h"
#include "tests/unit/model/synth_model.h"

/* ---- allocations are counted, where no sanitizer has taken malloc for itself ---- */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
static atomic_uint allocations __attribute__((unused)); /* sanitizers bring their own malloc */
#ifndef SANITIZED
extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);
extern void *__libc_memalign(size_t align, size_t n);
void *malloc(size_t n) {
    atomic_fetch_add(&allocations, 1);
    return __libc_malloc(n);
}
void *calloc(size_t n, size_t size) {
    atomic_fetch_add(&allocations, 1);
    return __libc_calloc(n, size);
}
void *realloc(void *p, size_t n) {
    atomic_fetch_add(&allocations, 1);
    return __libc_realloc(p, n);
}
void *aligned_alloc(size_t align, size_t n) {
    atomic_fetch_add(&allocations, 1);
    return __libc_memalign(align, n);
}
#endif

/* ---- the model and a way to run one answer ---- */

static struct model *stories(void) {
    struct model *m = NULL;
    struct why why = {{0}};
    const char *path = synth_path("stories");
    CHECK_INT(from_llama2c("tests/data/stories260K/stories260K.bin", "tests/data/stories260K/tok512.bin", path,
                           weight_type_of(WEIGHT_F32), NULL, &why),
              0);
    CHECK_INT(model_open(&m, path, NULL, &why), 0);
    unlink(path);
    return m;
}

enum { IDS_MAX = 300, TEXT_MAX = 4096 };
struct result {
    int32_t id[IDS_MAX];
    uint8_t digest[IDS_MAX][DIGEST_BYTES], chain[DIGEST_BYTES];
    size_t ids, events, text_len;
    uint8_t text[TEXT_MAX];
    enum gen_stop stop;
    int err;
};

static void take(struct result *r, const struct gen_event *ev) {
    r->err = ev->err;
    r->stop = ev->stop;
    if (ev->err) return;
    if (ev->id >= 0) {
        CHECK_INT(ev->position, r->ids);
        CHECK(r->ids < IDS_MAX);
        memcpy(r->digest[r->ids], ev->logits_digest, DIGEST_BYTES);
        r->id[r->ids] = ev->id;
        r->ids += !ev->is_end;
    }
    CHECK(r->text_len + ev->text_len < TEXT_MAX);
    if (ev->text_len) memcpy(r->text + r->text_len, ev->text, ev->text_len);
    r->text_len += ev->text_len;
    r->events++;
    gen_digest_chain(ev->gen, r->chain);
}

static const uint8_t salt[DIGEST_BYTES] = {1, 2, 3};

static int run(struct gen_pool *p, const struct gen_request *q, const struct gen_resume *res, struct result *r) {
    struct gen *g;
    *r = (struct result){0};
    int e = gen_start(&g, p, q, res, salt, r, NULL);
    if (e != 0) return e;
    size_t n;
    const uint8_t *before = gen_resumed_text(g, &n);
    if (n) memcpy(r->text, before, n);
    r->text_len = n;
    if (res) {
        r->ids = res->count;
        memcpy(r->id, res->ids, res->count * sizeof r->id[0]);
    }
    struct gen_event ev;
    while (r->stop == STOP_NONE && r->err == 0) {
        int k = gen_step(p, &ev, 1);
        CHECK(k >= 0);
        if (k) take(r, &ev);
    }
    gen_free(g);
    return 0;
}

static struct gen_request raw(const char *text, uint32_t max_tokens, float temperature, uint64_t seed) {
    struct gen_request q = {.raw = 1, .text = {text, strlen(text)}, .sampling = GEN_SAMPLING_GREEDY, .max_tokens = max_tokens};
    q.sampling.temperature = temperature, q.sampling.seed = seed;
    q.sampling.repeat_penalty = temperature > 0 ? 1.1f : 1;
    return q;
}

static struct gen_pool *pool_of(struct model *m, uint32_t slots, uint32_t threads, uint32_t chunk) {
    struct gen_pool *p;
    struct gen_pool_opts o = {.threads = threads, .slots = slots, .prefill_chunk = chunk};
    CHECK_INT(gen_pool_new(&p, m, &o, NULL), 0);
    return p;
}

TEST(stories260k_tells_the_expected_story) {
    static char want[TEXT_MAX];
    FILE *f = fopen("tests/data/stories260K/expected_greedy_n200.txt", "re");
    CHECK(f != NULL);
    size_t n = fread(want, 1, sizeof want, f);
    fclose(f);
    CHECK_INT(n, 464);
    struct model *m = stories();
    for (uint32_t threads = 1; threads <= 2; threads++) {
        struct gen_pool *p = pool_of(m, 1, threads, 0);
        struct gen_request q = raw("", 200, 0, 0);
        static struct result r;
        CHECK_INT(run(p, &q, NULL, &r), 0);
        CHECK_INT(r.ids, 200);
        CHECK_INT(r.stop, STOP_LENGTH);
        CHECK_INT(r.text_len, n);
        CHECK_MEM(r.text, want, n);
        gen_pool_free(p);
    }
    model_close(m);
}

TEST(an_answer_resumed_at_any_cut_is_the_undisturbed_one) {
    struct model *m = stories();
    static struct result whole, again;
    for (int t = 0; t < 2; t++) {
        struct gen_request q = raw("Once upon a time, Tim", 60, t ? 0.8f : 0, 11);
        struct gen_pool *p = pool_of(m, 2, 2, 16);
        CHECK_INT(run(p, &q, NULL, &whole), 0);
        for (size_t cut = 0; cut <= whole.ids; cut++) {
            struct gen_resume res = {whole.id, cut};
            CHECK_INT(run(p, &q, &res, &again), 0);
            CHECK_INT(again.ids, whole.ids);
            CHECK_MEM(again.id, whole.id, whole.ids * sizeof whole.id[0]);
            CHECK_MEM(again.digest + cut, whole.digest + cut, (whole.ids - cut) * DIGEST_BYTES);
            CHECK_INT(again.text_len, whole.text_len);
            CHECK_MEM(again.text, whole.text, whole.text_len);
            CHECK_INT(again.stop, whole.stop);
        }
        gen_pool_free(p);
    }
    model_close(m);
}

TEST(answers_in_one_batch_are_those_alone_and_one_can_leave) {
    enum { N = 6 };
    struct model *m = stories();
    static const char *const prompts[N] = {"Once", "Lily and Ben", "The dog", "", "One day, a big red ball said that it", "Tom"};
    static struct result alone[N], batch[N];
    struct gen_request q[N];
    for (unsigned i = 0; i < N; i++) {
        q[i] = raw(prompts[i], 30 + i, i % 2 ? 0.8f : 0, i);
        struct gen_pool *p = pool_of(m, 1, 1, 3 + i);
        CHECK_INT(run(p, &q[i], NULL, &alone[i]), 0);
        gen_pool_free(p);
    }
    struct gen_pool *p = pool_of(m, N, 2, 4);
    struct gen *g[N];
    for (unsigned i = 0; i < N; i++) {
        batch[i] = (struct result){0};
        CHECK_INT(gen_start(&g[i], p, &q[i], NULL, salt, &batch[i], NULL), 0);
    }
    CHECK_INT(gen_pool_free_slots(p), 0);
    struct gen_event ev[N];
    for (unsigned step = 0; gen_pool_active(p); step++) {
        int k = gen_step(p, ev, N);
        CHECK(k >= 0);
        for (int i = 0; i < k; i++) {
            struct result *r = ev[i].user;
            take(r, &ev[i]);
            if (r->stop != STOP_NONE) gen_free(g[r - batch]);
        }
        if (step == 14) gen_free(g[2]); /* cancelled in the middle: nobody else notices */
    }
    for (unsigned i = 0; i < N; i++) {
        if (i != 2) CHECK_INT(batch[i].ids, alone[i].ids);
        CHECK_MEM(batch[i].id, alone[i].id, batch[i].ids * sizeof(int32_t));
        CHECK_MEM(batch[i].digest, alone[i].digest, batch[i].ids * DIGEST_BYTES);
    }
    CHECK(batch[2].ids < alone[2].ids);
    gen_pool_free(p);
    model_close(m);
}

TEST(a_stop_string_ends_before_itself_and_a_resumed_end_is_seen) {
    struct model *m = stories();
    struct gen_pool *p = pool_of(m, 1, 1, 0);
    struct gen_request q = raw("Once", 80, 0, 0);
    static struct result whole, cut, again;
    CHECK_INT(run(p, &q, NULL, &whole), 0);
    q.stop[q.stop_count++] = (struct gen_text){"She", 3};
    CHECK_INT(run(p, &q, NULL, &cut), 0);
    CHECK_INT(cut.stop, STOP_STRING);
    CHECK(cut.text_len < whole.text_len && !memmem(cut.text, cut.text_len, "She", 3));
    CHECK_MEM(cut.text, whole.text, cut.text_len);
    struct gen_resume res = {cut.id, cut.ids};
    CHECK_INT(run(p, &q, &res, &again), 0); /* complete already: one event without an id */
    CHECK_INT(again.events, 1);
    CHECK_INT(again.ids, cut.ids);
    CHECK_INT(again.stop, STOP_STRING);
    CHECK_MEM(again.text, cut.text, cut.text_len);
    struct gen_resume beyond = {whole.id, cut.ids + 1};
    CHECK_INT(run(p, &q, &beyond, &again), ERR_RANGE);
    const int32_t unknown[1] = {512}, ended[3] = {300, 2, 300};
    struct gen_resume outside = {unknown, 1}, end = {ended, 2}, after_end = {ended, 3};
    CHECK_INT(run(p, &q, &outside, &again), ERR_RANGE);
    CHECK_INT(run(p, &q, &after_end, &again), ERR_RANGE);
    CHECK_INT(run(p, &q, &end, &again), 0);
    CHECK_INT(again.stop, STOP_END);
    CHECK_INT(gen_pool_active(p), 0);
    gen_pool_free(p);
    model_close(m);
}

TEST(what_does_not_fit_is_refused) {
    struct model *m = stories();
    struct gen_pool *p;
    struct gen *a, *b;
    struct why why;
    uint32_t ctx = model_context(m);
    struct gen_pool_opts o = {.threads = 1, .slots = 2, .kv_bytes_max = 3 * engine_page_bytes(m, KV_F16)};
    CHECK_INT(gen_pool_new(&p, m, &o, &why), 0);
    struct gen_request small = raw("Once", 2 * KV_PAGE - 10, 0, 0), large = raw("Once", ctx, 0, 0),
                       half = raw("Once", ctx / 2, 0, 0);
    CHECK_INT(gen_start(&a, p, &large, NULL, NULL, NULL, &why), ERR_CONTEXT);
    CHECK_INT(gen_start(&a, p, &half, NULL, NULL, NULL, &why), ERR_CONTEXT); /* more pages than there are */
    CHECK_INT(gen_start(&a, p, &small, NULL, NULL, NULL, &why), 0);
    CHECK_INT(gen_start(&b, p, &small, NULL, NULL, NULL, &why), ERR_BUSY); /* one page is left */
    small.max_tokens = 20;
    CHECK_INT(gen_start(&b, p, &small, NULL, NULL, NULL, &why), 0);
    struct gen *c;
    CHECK_INT(gen_start(&c, p, &small, NULL, NULL, NULL, &why), ERR_BUSY); /* no slot */
    CHECK(c == NULL);
    gen_free(a);
    small.context_limit = 10;
    CHECK_INT(gen_start(&c, p, &small, NULL, NULL, NULL, &why), ERR_CONTEXT);
    small.context_limit = 0, small.sampling.top_p = 2;
    CHECK_INT(gen_start(&c, p, &small, NULL, NULL, NULL, &why), ERR_RANGE);
    small.sampling.top_p = 1, small.logprobs = 1;
    CHECK_INT(gen_start(&c, p, &small, NULL, NULL, NULL, &why), ERR_UNSUPPORTED);
    small.logprobs = 0, small.raw = 0; /* this model has no template */
    CHECK(gen_start(&c, p, &small, NULL, NULL, NULL, &why) < 0);
    gen_free(b);
    CHECK_INT(gen_pool_free_slots(p), 2);
    gen_pool_free(p);
    o.slots = 65;
    CHECK_INT(gen_pool_new(&p, m, &o, &why), ERR_USAGE);
    o.slots = 1, o.context_max = ctx + 1;
    CHECK_INT(gen_pool_new(&p, m, &o, &why), ERR_USAGE);
    o.context_max = 0, o.kv_bytes_max = 1;
    CHECK_INT(gen_pool_new(&p, m, &o, &why), ERR_USAGE);
    model_close(m);
}

static const struct gen_bias no_end = {2, -1000}; /* random models say the end-of-generation id at any time */

#ifndef SANITIZED
/* m has heads that fit kv. */
static void check_no_allocation(struct model *m, enum kv_format kv) {
    enum { GUESSES = 4, EVENTS = 3 * (1 + GUESSES) };
    static const uint8_t cache_salt[16] = {1};
    struct gen_pool *p;
    struct gen *g[3];
    struct gen_event ev[EVENTS];
    struct gen_pool_opts o = {.threads = 2, .slots = 3, .prefill_chunk = 8, .kv = kv, .guesses = GUESSES};
    struct gen_request q[3] = {raw("Once upon a time there was a dog", 60, 0, 0), raw("Lily", 60, 0.8f, 1), raw("A", 60, 1, 2)};
    q[1].sampling.top_k = 40, q[2].sampling.top_p = 0.9f;
    q[0].cache_salt = q[1].cache_salt = cache_salt;
    q[0].max_tokens = q[1].max_tokens = 200; /* pages fill and are kept */
    CHECK_INT(gen_pool_new(&p, m, &o, NULL), 0);
    CHECK_INT(gen_pool_events_max(p), EVENTS);
    for (unsigned i = 0; i < 3; i++) q[i].bias = &no_end, q[i].bias_count = 1;
    for (unsigned i = 0; i < 3; i++) CHECK_INT(gen_start(&g[i], p, &q[i], NULL, salt, NULL, NULL), 0);
    unsigned before = atomic_load(&allocations);
    CHECK(before > 0);
    size_t events = 0;
    for (unsigned i = 0; i < 90; i++) {
        int k = gen_step(p, ev, EVENTS);
        CHECK(k >= 0);
        events += (size_t)k;
    }
    CHECK_INT(atomic_load(&allocations), before);
    CHECK(events > 130);
    CHECK(gen_pool_expire(p, 1000000) > 0);
    gen_pool_free(p);
    model_close(m);
}
#endif

TEST(a_step_allocates_nothing) {
#ifdef SANITIZED
    SKIP("malloc belongs to the sanitizer");
#else
    check_no_allocation(stories(), KV_F16);
    check_no_allocation(synth_open(&synth_all[3]), KV_F16);
    check_no_allocation(synth_open(&synth_all[3]), KV_Q8);
    check_no_allocation(synth_open(&synth_families[0]), KV_F16); /* experts */
    check_no_allocation(row8_model(&synth_all[3]), KV_F16);
#endif
}

/* ---- replay ---- */

static struct replay replay_of(const struct gen_request *q, const struct gen *g, const struct result *r) {
    struct replay in = {.sampling = q->sampling,
                        .ids = r->id,
                        .count = r->ids,
                        .salt = salt,
                        .digests = r->digest[0],
                        .chain = r->chain,
                        .threads = 2};
    in.prompt = gen_prompt_ids(g, &in.prompt_count);
    return in;
}

TEST(a_replay_confirms_an_answer_and_finds_any_change) {
    struct model *m = stories();
    struct gen_pool *p = pool_of(m, 1, 1, 0);
    static struct result r, changed;
    struct gen *g;
    struct gen_event ev;
    struct gen_request q = raw("Once upon a time", 120, 0.8f, 5);
    q.sampling.presence_penalty = 0.2f;
    r = (struct result){0};
    CHECK_INT(gen_start(&g, p, &q, NULL, salt, NULL, NULL), 0);
    while (r.stop == STOP_NONE)
        if (gen_step(p, &ev, 1) == 1) take(&r, &ev);
    CHECK(r.stop == STOP_LENGTH && r.ids == 120);
    struct replay good = replay_of(&q, g, &r), bad;
    struct replay_result out;
    CHECK_INT(replay_run(m, &good, &out, NULL), 0);
    CHECK_INT(out.verdict, REPLAY_EXACT);
    CHECK_INT(out.position, r.ids);
    CHECK_MEM(out.chain, r.chain, DIGEST_BYTES);
    for (size_t at = 0; at < r.ids; at += 17) {
        changed = r;
        changed.id[at] = changed.id[at] == 300 ? 301 : 300; /* without digests the sampler notices, at that very place */
        bad = replay_of(&q, g, &changed), bad.digests = NULL;
        CHECK_INT(replay_run(m, &bad, &out, NULL), 0);
        CHECK(out.verdict == REPLAY_ID && out.position == at);
        changed = r;
        changed.digest[at][31] ^= 1;
        bad = replay_of(&q, g, &changed);
        CHECK_INT(replay_run(m, &bad, &out, NULL), 0);
        CHECK(out.verdict == REPLAY_DIGEST && out.position == at);
        bad = good, bad.from = at, bad.digests = r.digest[at], bad.chain = NULL; /* the part of one node of several */
        CHECK_INT(replay_run(m, &bad, &out, NULL), 0);
        CHECK_INT(out.verdict, REPLAY_EXACT);
    }
    bad = good, bad.sampling.seed++;
    CHECK_INT(replay_run(m, &bad, &out, NULL), 0);
    CHECK_INT(out.verdict, REPLAY_ID);
    changed = r;
    changed.chain[0] ^= 1;
    bad = replay_of(&q, g, &changed), bad.digests = NULL;
    CHECK_INT(replay_run(m, &bad, &out, NULL), 0);
    CHECK_INT(out.verdict, REPLAY_CHAIN);
    const int32_t outside[2] = {1, 512};
    bad = good, bad.prompt = outside, bad.prompt_count = 2;
    CHECK_INT(replay_run(m, &bad, &out, NULL), ERR_RANGE);
    bad = good, bad.from = bad.count;
    CHECK_INT(replay_run(m, &bad, &out, NULL), ERR_RANGE);
    gen_free(g);
    gen_pool_free(p);
    model_close(m);
}

TEST(a_replay_needs_the_kv_format_of_the_answer) {
    struct model *m = synth_open(&synth_all[3]);
    static struct result r;
    struct gen_pool *p;
    struct gen *g;
    struct gen_event ev;
    struct replay_result out;
    struct gen_pool_opts o = {.threads = 2, .slots = 1, .kv_bytes_max = 3 * engine_page_bytes(m, KV_Q8), .kv = KV_Q8};
    struct gen_request q = raw("ab", 90, 0.9f, 7), long_one = raw("ab", 3 * KV_PAGE, 0, 0);
    CHECK_INT(gen_pool_new(&p, m, &o, NULL), 0);
    CHECK_INT(gen_start(&g, p, &long_one, NULL, NULL, NULL, NULL),
              ERR_CONTEXT); /* three pages, not the six that are f16's bytes */
    q.bias = &no_end, q.bias_count = 1;
    r = (struct result){0};
    CHECK_INT(gen_start(&g, p, &q, NULL, salt, NULL, NULL), 0);
    while (r.stop == STOP_NONE)
        if (gen_step(p, &ev, 1) == 1) take(&r, &ev);
    CHECK_INT(r.ids, 90);
    struct replay in = replay_of(&q, g, &r);
    in.kv = KV_Q8, in.bias = &no_end, in.bias_count = 1;
    CHECK_INT(replay_run(m, &in, &out, NULL), 0);
    CHECK_INT(out.verdict, REPLAY_EXACT);
    CHECK_INT(out.position, r.ids);
    in.kv = KV_F16;
    CHECK_INT(replay_run(m, &in, &out, NULL), 0);
    CHECK_INT(out.verdict, REPLAY_DIGEST);
    CHECK_INT(out.position, 0);
    enum kv_format kv = KV_F16;
    CHECK_INT(model_profile_kv(&kv, m, model_profile(m, KV_Q8), NULL), 0);
    CHECK_INT(kv, KV_Q8);
    static const char *const unknown[] = {"", "C1", "C1-q4", "C1-q8x", "c1-q8", "C2-f16"};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        CHECK_INT(model_profile_kv(&kv, m, unknown[i], NULL), ERR_UNSUPPORTED);
    gen_pool_free(p);
    model_close(m);
}

/* The same file computes two functions: an answer of one is not an answer of the other. */
TEST(a_replay_needs_the_arithmetic_of_the_answer) {
    struct model *m = row8_model(&synth_all[3]), *c1 = synth_open(&synth_all[3]);
    static struct result r;
    struct gen_pool *p = pool_of(m, 1, 2, 0);
    struct gen *g;
    struct gen_event ev;
    struct replay_result out;
    struct gen_request q = raw("ab", 60, 0.9f, 7);
    q.bias = &no_end, q.bias_count = 1;
    r = (struct result){0};
    CHECK_INT(gen_start(&g, p, &q, NULL, salt, NULL, NULL), 0);
    while (r.stop == STOP_NONE)
        if (gen_step(p, &ev, 1) == 1) take(&r, &ev);
    struct replay in = replay_of(&q, g, &r);
    in.bias = &no_end, in.bias_count = 1;
    CHECK_INT(replay_run(m, &in, &out, NULL), 0);
    CHECK_INT(out.verdict, REPLAY_EXACT);
    CHECK_INT(out.position, 60);
    CHECK_INT(replay_run(c1, &in, &out, NULL), 0);
    CHECK_INT(out.verdict, REPLAY_DIGEST);
    CHECK_INT(out.position, 0);
    gen_pool_free(p);
    model_close(m);
    model_close(c1);
}

TEST(the_shipped_model_answers_and_stops) {
    struct model *m = NULL;
    if (access("models/lull-toy-q8_0.gguf", R_OK) != 0) SKIP("models/lull-toy-q8_0.gguf is not here");
    CHECK_INT(model_open(&m, "models/lull-toy-q8_0.gguf", NULL, NULL), 0);
    struct gen_pool *p = pool_of(m, 1, 2, 0);
    static const char question[] = "What is 12 plus 30?";
    const struct gen_message message = {ROLE_USER, {question, sizeof question - 1}};
    struct gen_request q = {.messages = &message, .message_count = 1, .sampling = GEN_SAMPLING_GREEDY, .max_tokens = 40};
    static struct result r;
    CHECK_INT(run(p, &q, NULL, &r), 0);
    CHECK_INT(r.stop, STOP_END);
    r.text[r.text_len] = 0;
    CHECK_STR((const char *)r.text, "12 + 30 = 42.");
    gen_pool_free(p);
    model_close(m);
}

TESTS_MAIN("gen", T(stories260k_tells_the_expected_story), T(an_answer_resumed_at_any_cut_is_the_undisturbed_one),
           T(answers_in_one_batch_are_those_alone_and_one_can_leave),
           T(a_stop_string_ends_before_itself_and_a_resumed_end_is_seen), T(what_does_not_fit_is_refused),
           T(a_step_allocates_nothing), T(a_replay_confirms_an_answer_and_finds_any_change),
           T(a_replay_needs_the_kv_format_of_the_answer), T(a_replay_needs_the_arithmetic_of_the_answer),
           T(the_shipped_model_answers_and_stops))
