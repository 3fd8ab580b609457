/* The engine thread of tier blind over workers in this process: its answers are those of the engine that has the weights, what they took is
 * accounted for, a liar is named and left behind, cancels and full queues work, and with nobody left the answer fails with the reason. */
#include "base/clock.h"
#include "gateway/gw_blind_engine.h"
#include "tests/unit/blind/dishonest.h"

enum { JOBS = 8, TEXT_MAX = 8192, TOKENS = 24 };
struct seen {
    int accepted, done, failed;
    uint32_t prompt_tokens;
    char text[TEXT_MAX];
    size_t text_n;
    char why[200];
    struct gw_blind_account account;
};
static struct pair_site s;
static struct gen_pool *pool;
static struct gw_blind_engine *engine;
static struct loop *loop;
static struct timer *guard;
static struct seen job[JOBS];
static int open_jobs, late;
static uint64_t cancel_at_first_text;

static void on_event(void *arg, const struct gw_blind_event *e) {
    struct seen *j = &job[e->job];
    (void)arg;
    switch (e->kind) {
    case BLIND_EVENT_ACCEPTED: j->accepted++, j->prompt_tokens = e->prompt_tokens; break;
    case BLIND_EVENT_TEXT:
        CHECK(j->text_n + e->text_len < TEXT_MAX);
        memcpy(j->text + j->text_n, e->text, e->text_len);
        j->text_n += e->text_len;
        if (e->job == cancel_at_first_text) {
            gw_blind_engine_cancel(engine, e->job);
            cancel_at_first_text = 0;
            open_jobs--;
        }
        break;
    case BLIND_EVENT_DONE: j->done++, j->account = e->account, open_jobs--; break;
    case BLIND_EVENT_FAILED: j->failed = e->err, memcpy(j->why, e->why, sizeof j->why), open_jobs--; break;
    }
    if (open_jobs == 0) loop_stop(loop);
}

static void on_late(void *arg) {
    (void)arg;
    late = 1;
    loop_stop(loop);
}

/* ---- the parts ---- */

static void on_prompt(void *state, uint32_t columns) { pair_prompt(state, columns); }
static void on_why(void *state, struct why *why) { pair_why(state, why); }
static void on_count(void *state, struct blind_counts *out) { pair_count(state, out); }
static struct roster *on_roster(void *state) { return pair_roster(state); }
static const struct gw_blind_client client = {on_prompt, on_why, on_count, on_roster, {"A", "B"}};

static int operator_of(void *arg, const uint8_t identity[32], uint8_t operator_id[32]) {
    (void)arg, (void)identity;
    memset(operator_id, 7, 32);
    return 1;
}

static void begin(uint32_t queue_max) {
    struct why why = {{0}};
    pair_site_start(&s);
    struct gen_pool_opts po = {
        .threads = 1, .slots = 1, .context_max = 512, .prefill_chunk = 64, .linear = &pair_ops, .linear_state = s.pair};
    CHECK_INT(gen_pool_new(&pool, s.client, &po, &why), 0);
    CHECK_INT(loop_new(&loop), 0);
    CHECK_INT(timer_new(&guard, loop, on_late, NULL), 0);
    struct gw_blind_engine_opts o = {.pool = pool,
                                     .client = &client,
                                     .client_state = s.pair,
                                     .operator_of = operator_of,
                                     .model = "lull-toy:latest",
                                     .loop = loop,
                                     .on_event = on_event,
                                     .queue_max = queue_max};
    CHECK_INT(gw_blind_engine_new(&engine, &o, &why), 0);
    memset(job, 0, sizeof job);
    open_jobs = late = 0;
}
static void end(void) {
    gw_blind_engine_free(engine);
    timer_free(guard);
    loop_free(loop);
    gen_pool_free(pool);
    pair_site_stop(&s);
}
static void wait_for_all(void) {
    timer_start_ms(guard, 60000);
    if (open_jobs) CHECK_INT(loop_run(loop), 0);
    timer_stop(guard);
    CHECK(!late);
}

/* ---- questions ---- */

static struct gw_blind_work *question(uint64_t number, const char *prompt, double temperature, int tokens) {
    char body[1024];
    struct api_error e;
    struct gw_blind_work *w = calloc(1, sizeof *w);
    CHECK(w != NULL);
    int n = snprintf(body, sizeof body,
                     "{\"model\":\"lull-toy\",\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}],\"temperature\":%g,"
                     "\"seed\":5,\"max_tokens\":%d}",
                     prompt, temperature, tokens);
    CHECK_INT(api_request_parse(&w->request, API_V1_CHAT, body, (size_t)n, &e), 0);
    w->job = number;
    return w;
}
static int ask(uint64_t number, const char *prompt, double temperature, int tokens) {
    struct gw_blind_work *w = question(number, prompt, temperature, tokens);
    int r = gw_blind_engine_submit(engine, w);
    if (r != 0) gw_blind_work_free(w);
    open_jobs += r == 0;
    return r;
}

/* The same question to the engine that has the weights. */
static void must_be_local(uint64_t number, const char *prompt, double temperature, int tokens) {
    struct gen_pool_opts po = {.threads = 1, .slots = 1, .context_max = 512};
    struct why why = {{0}};
    struct gw_blind_work *w = question(number, prompt, temperature, tokens);
    struct gen_pool *local;
    struct gen *g;
    struct gen_event e = {0};
    size_t at = 0;
    CHECK_INT(gen_pool_new(&local, s.weights, &po, &why), 0);
    CHECK_INT(gen_start(&g, local, &w->request.gen, NULL, NULL, NULL, &why), 0);
    while (e.stop == STOP_NONE) {
        int n = gen_step(local, &e, 1);
        CHECK(n >= 0);
        if (n == 0) continue;
        CHECK(at + e.text_len <= job[number].text_n);
        CHECK_MEM(job[number].text + at, e.text, e.text_len);
        at += e.text_len;
    }
    CHECK(at > 0);
    CHECK_INT(at, job[number].text_n);
    CHECK_INT(job[number].done, 1);
    gen_pool_free(local);
    gw_blind_work_free(w);
}

static const char story[] =
    "Tell me a story about a river, a bridge, a lantern and an old man who mends boats in the winter, and let him "
    "meet somebody whom he did not know before, at night, when it rains and the lantern is out. Say what the weather was, who "
    "laughed, what they ate and how the long way home ended, please.";

TEST(answers_equal_those_of_the_engine_that_has_the_weights_and_are_accounted_for) {
    pair_site_open(&s);
    (void)pair_site_worker(&s, PAIR_A), (void)pair_site_worker(&s, PAIR_B);
    begin(8);
    CHECK_INT(ask(1, "What is a river?", 0, TOKENS), 0);
    CHECK_INT(ask(2, story, 0.9, TOKENS), 0);
    CHECK_INT(ask(3, "Hello", 0.7, 1), 0);
    wait_for_all();
    must_be_local(1, "What is a river?", 0, TOKENS);
    must_be_local(2, story, 0.9, TOKENS);
    must_be_local(3, "Hello", 0.7, 1);
    for (int i = 1; i <= 3; i++) {
        const struct gw_blind_account *a = &job[i].account;
        CHECK_INT(job[i].accepted, 1);
        CHECK_INT(a->incident_count, 0);
        CHECK_INT(a->worker_count, 2);
        CHECK(a->worker[0].role != a->worker[1].role && a->worker[0].operator_id[0] == 7);
        CHECK(a->products > 0 && a->verified > 0 && a->bytes_up > 0 && a->bytes_down > 0);
        CHECK_INT(a->prompt_padded, (job[i].prompt_tokens + 63) / 64 * 64);
    }
    CHECK(job[2].prompt_tokens > 64); /* two chunks, the second one filled up */
    CHECK_INT(job[3].account.passes, 0);
    end();
    pair_site_close(&s);
}

TEST(a_worker_that_lies_is_named_in_the_account_and_changes_no_answer) {
    static struct dishonest d = {.lie = LIE_BIT_FLIP, .when = 30};
    pair_site_open(&s);
    struct pair_worker *w = pair_site_worker(&s, PAIR_A);
    d.stack_count = prepared_manifest(s.prepared)->stack_count;
    w->wrap = dishonest_wrap;
    w->arg = &d;
    (void)pair_site_worker(&s, PAIR_A), (void)pair_site_worker(&s, PAIR_B);
    begin(8);
    CHECK_INT(ask(1, "What is a river?", 0, TOKENS), 0);
    wait_for_all();
    CHECK(d.lied > 0);
    must_be_local(1, "What is a river?", 0, TOKENS);
    const struct gw_blind_account *a = &job[1].account;
    CHECK_INT(a->incident_count, 1);
    CHECK_INT(a->incident[0].times, 1);
    CHECK_INT(a->incident[0].what.role, PAIR_A);
    CHECK(a->incident[0].what.fault == FAULT_PRODUCT || a->incident[0].what.fault == FAULT_RESIDUE);
    CHECK(a->products > a->verified);
    end();
    pair_site_close(&s);
}

TEST(a_cancelled_answer_is_not_gone_on_with_and_the_next_one_is_right) {
    pair_site_open(&s);
    (void)pair_site_worker(&s, PAIR_A), (void)pair_site_worker(&s, PAIR_B);
    begin(3);
    cancel_at_first_text = 1;
    CHECK_INT(ask(1, story, 0.9, 200), 0);
    CHECK_INT(ask(2, story, 0.9, 200), 0);
    CHECK_INT(ask(3, "What is a river?", 0, TOKENS), 0);
    CHECK_INT(ask(4, "What is a river?", 0, TOKENS), ERR_BUSY);
    CHECK_INT(gw_blind_engine_queued(engine), 3);
    gw_blind_engine_cancel(engine, 2);
    gw_blind_engine_cancel(engine, 77); /* unknown */
    open_jobs--;
    CHECK_INT(gw_blind_engine_queued(engine), 2);
    wait_for_all();
    CHECK(job[1].accepted && !job[1].done && !job[1].failed);
    CHECK(!job[2].accepted && !job[2].done && !job[2].failed);
    must_be_local(3, "What is a river?", 0, TOKENS);
    end();
    pair_site_close(&s);
}

TEST(with_nobody_left_for_a_role_the_answer_fails_and_says_why) {
    pair_site_open(&s);
    pair_site_worker(&s, PAIR_A)->unreachable = 1;
    (void)pair_site_worker(&s, PAIR_B);
    begin(8);
    uint64_t start = clock_mono_ms();
    CHECK_INT(ask(1, "What is a river?", 0, TOKENS), 0);
    wait_for_all();
    CHECK_INT(job[1].failed, ERR_LOST);
    CHECK(strstr(job[1].why, "no worker is left for A") != NULL);
    CHECK(strstr(job[1].why, "river") == NULL);
    CHECK(clock_mono_ms() - start >= 5000); /* somebody might have come back */
    end();
    pair_site_close(&s);
}

TEST(an_engine_that_is_freed_in_the_middle_leaves_nothing) {
    pair_site_open(&s);
    (void)pair_site_worker(&s, PAIR_A), (void)pair_site_worker(&s, PAIR_B);
    begin(8);
    CHECK_INT(ask(1, story, 0.9, 200), 0);
    CHECK_INT(ask(2, story, 0.9, 200), 0);
    end();
    pair_site_close(&s);
}

TEST(a_prompt_that_does_not_fit_is_refused) {
    pair_site_open(&s);
    (void)pair_site_worker(&s, PAIR_A), (void)pair_site_worker(&s, PAIR_B);
    begin(8);
    CHECK_INT(ask(1, "Hello", 0, 511), 0);
    wait_for_all();
    CHECK_INT(job[1].failed, ERR_CONTEXT);
    CHECK(!job[1].accepted);
    end();
    pair_site_close(&s);
}

TESTS_MAIN("gw_blind_engine", T(answers_equal_those_of_the_engine_that_has_the_weights_and_are_accounted_for),
           T(a_worker_that_lies_is_named_in_the_account_and_changes_no_answer),
           T(a_cancelled_answer_is_not_gone_on_with_and_the_next_one_is_right),
           T(with_nobody_left_for_a_role_the_answer_fails_and_says_why), T(an_engine_that_is_freed_in_the_middle_leaves_nothing),
           T(a_prompt_that_does_not_fit_is_refused))
