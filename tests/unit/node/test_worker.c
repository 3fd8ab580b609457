/* The engine thread with the shipped model: answers come whole and equal, cancels take effect, a full queue says so, and a
 * resumed answer goes on with the same tokens and exactly the text that is still owed. */
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "model/model.h"
#include "node/worker.h"
#include "tests/check.h"

enum { IDS_MAX_SEEN = 512, JOBS = 8 };
struct seen {
    int accepted, done, failed;
    uint32_t prompt_tokens, cached_tokens;
    int32_t ids[IDS_MAX_SEEN];
    size_t text_at[IDS_MAX_SEEN]; /* bytes of text that the client had when the id came */
    uint32_t count;
    char text[8192];
    size_t text_n;
};
static struct {
    struct loop *loop;
    struct model *model;
    struct worker *worker;
    struct timer *guard;
    struct seen job[JOBS + 1];
    int open; /* jobs whose end is awaited */
    uint64_t cancel_at_first_token;
} t;

static void on_event(void *arg, const struct work_event *e) {
    struct seen *s = &t.job[e->job];
    (void)arg;
    if (e->kind == WORK_ACCEPTED) s->accepted++, s->prompt_tokens = e->prompt_tokens;
    if (e->kind == WORK_TOKEN) {
        CHECK(s->count < IDS_MAX_SEEN);
        s->text_at[s->count] = s->text_n;
        s->ids[s->count++] = e->id;
    }
    if (e->kind == WORK_TOKEN || e->kind == WORK_TEXT || e->kind == WORK_CARRY) {
        CHECK(s->text_n + e->text_len < sizeof s->text);
        memcpy(s->text + s->text_n, e->text, e->text_len);
        s->text_n += e->text_len;
    }
    if (e->kind == WORK_DONE) s->done++, s->cached_tokens = e->times.cached_tokens;
    if (e->kind == WORK_FAILED) s->failed = e->err;
    if (e->job == t.cancel_at_first_token && e->kind == WORK_TOKEN) {
        worker_cancel(t.worker, e->job);
        t.cancel_at_first_token = 0;
    }
    if ((e->kind == WORK_DONE || e->kind == WORK_FAILED) && --t.open == 0) loop_stop(t.loop);
}

static void too_late(void *arg) {
    (void)arg;
    t.open = -1;
    loop_stop(t.loop);
}

static struct work *question(uint64_t job, const char *prompt, double temperature, int max_tokens) {
    char body[512];
    struct api_error err;
    struct work *w = calloc(1, sizeof *w);
    int n = snprintf(
        body, sizeof body,
        "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}],\"temperature\":%g,\"max_tokens\":%d}", prompt,
        temperature, max_tokens);
    CHECK(w && api_request_parse(&w->request, API_V1_CHAT, body, (size_t)n, &err) == 0);
    w->request.gen.sampling.seed = 5;
    w->job = job;
    memset(&t.job[job], 0, sizeof t.job[job]);
    return w;
}

static void submit(struct work *w) {
    CHECK_INT(worker_submit(t.worker, w), 0);
    t.open++;
}

static void run(void) {
    timer_start_ms(t.guard, 600000); /* sanitizers on a busy machine are slow */
    CHECK_INT(loop_run(t.loop), 0);
    timer_stop(t.guard);
    CHECK_INT(t.open, 0);
}

static int set_up(void **state) {
    struct why why = {{0}};
    (void)state;
    struct worker_opts o = {.pool = {.threads = 1, .slots = 3, .context_max = 512}, .on_event = on_event};
    if (loop_new(&t.loop) != 0 || timer_new(&t.guard, t.loop, too_late, NULL) != 0) return -1;
    if (model_open(&t.model, "models/lull-toy-q8_0.gguf", NULL, &why) != 0) return -1;
    o.model = t.model, o.loop = t.loop;
    return worker_new(&t.worker, &o, &why);
}

static int tear_down(void **state) {
    (void)state;
    worker_free(t.worker);
    model_close(t.model);
    timer_free(t.guard);
    loop_free(t.loop);
    return 0;
}

TEST(answers_side_by_side_are_those_made_alone) {
    submit(question(1, "Tell me a story about a fox.", 0.8, 60));
    run();
    submit(question(2, "Tell me a story about a fox.", 0.8, 60));
    submit(question(3, "What is 12 + 30?", 0, 20));
    submit(question(4, "Tell me a story about a boat.", 0.8, 60));
    run();
    CHECK(t.job[1].count > 5 && t.job[1].done == 1 && t.job[1].accepted == 1 && t.job[1].failed == 0);
    CHECK_INT(t.job[1].count, t.job[2].count);
    CHECK_MEM(t.job[1].ids, t.job[2].ids, t.job[1].count * sizeof t.job[1].ids[0]);
    CHECK_STR(t.job[1].text, t.job[2].text);
    CHECK(strstr(t.job[3].text, "42"));
    CHECK_INT(worker_free_slots(t.worker), 3);
}

TEST(a_cancelled_answer_computes_no_more_and_frees_its_slot) {
    t.cancel_at_first_token = 1;
    submit(question(1, "Tell me a long story about a fox.", 0.8, 400));
    t.open--; /* it will never end */
    submit(question(2, "Tell me a long story about a fox.", 0.8, 400));
    run();
    CHECK(t.job[1].count < t.job[2].count && t.job[1].done == 0 && t.job[1].failed == 0);
    for (uint64_t until = clock_mono_ms() + 60000; worker_free_slots(t.worker) != 3 && clock_mono_ms() < until;) usleep(1000);
    CHECK_INT(worker_free_slots(t.worker), 3);
    worker_cancel(t.worker, 12345); /* unknown: fine */
}

TEST(more_work_than_slots_is_busy) {
    for (uint64_t job = 1; job <= 3; job++) submit(question(job, "Tell me a story about a fox.", 0.8, 40));
    struct work *w = question(4, "Hi", 0, 5);
    CHECK_INT(worker_submit(t.worker, w), ERR_BUSY);
    work_free(w);
    run();
}

/* Asks the same long question once more; salt 0: without one. How many tokens came from kept pages. */
static uint32_t ask_again(uint64_t job, uint8_t salt) {
    static const char prompt[] =
        "Tell me a story about a fox, a boat, a lantern, a hill, a river, a bird, a tree, a house, a cloud and a "
        "friend who lives far away and likes to sing and to dance and to play with the fox in the snow and in the "
        "sun and in the rain, and who comes home for supper, and then goes to bed.";
    struct work *w = question(job, prompt, 0.8, 30);
    w->cache_salt[0] = salt;
    submit(w);
    run();
    CHECK_INT(t.job[job].done, 1);
    CHECK(t.job[job].prompt_tokens > 64);
    CHECK_STR(t.job[job].text, t.job[1].text);
    return t.job[job].cached_tokens;
}

static struct worker *keeping_worker(uint32_t keep_ms) {
    struct worker *w = NULL;
    struct why why = {{0}};
    struct worker_opts o = {.pool = {.threads = 1, .slots = 2, .context_max = 512, .guesses = 4},
                            .keep_ms = keep_ms,
                            .on_event = on_event,
                            .model = t.model,
                            .loop = t.loop};
    CHECK_INT(worker_new(&w, &o, &why), 0);
    return w;
}

TEST(kept_pages_serve_their_own_salt_and_are_wiped_when_nobody_comes_back) {
    struct worker *shared = t.worker;
    t.worker = keeping_worker(3600000);
    CHECK_INT(ask_again(1, 0), 0);
    CHECK_INT(ask_again(2, 1), 0);
    uint32_t cached = ask_again(3, 1);
    CHECK_INT(cached, (t.job[3].prompt_tokens - 1) / 64 * 64);
    CHECK_INT(ask_again(4, 2), 0);
    worker_free(t.worker);
    t.worker = keeping_worker(200);
    CHECK_INT(ask_again(5, 1), 0);
    usleep(1500 * 1000);
    CHECK_INT(ask_again(6, 1), 0);
    worker_free(t.worker);
    t.worker = shared;
}

TEST(what_cannot_be_answered_fails_by_its_reason) {
    struct work *w = question(1, "Hi", 0, 100000);
    submit(w);
    w = question(2, "Hi", 0, 5);
    w->check_prompt_hash = 1; /* zeros are not this prompt's hash */
    submit(w);
    run();
    CHECK_INT(t.job[1].failed, ERR_CONTEXT);
    CHECK_INT(t.job[2].failed, ERR_AUTH);
    CHECK_INT(worker_free_slots(t.worker), 3);
}

TEST(an_answer_resumed_anywhere_is_the_undisturbed_one) {
    submit(question(1, "Tell me a story about a fox.", 0.8, 60));
    run();
    const struct seen *whole = &t.job[1];
    for (uint32_t cut = 1; cut <= whole->count; cut += 3) {
        struct work *w = question(2, "Tell me a story about a fox.", 0.8, 60);
        w->resumed = malloc(cut * sizeof *w->resumed);
        CHECK(w->resumed != NULL);
        memcpy(w->resumed, whole->ids, cut * sizeof *w->resumed);
        w->resumed_count = cut;
        size_t had = cut < whole->count ? whole->text_at[cut] : whole->text_n;
        w->text_delivered = had > 2 ? had - 2 : 0; /* the last bytes were lost on the way */
        size_t start = w->text_delivered;
        submit(w);
        run();
        const struct seen *rest = &t.job[2];
        CHECK_INT(rest->failed, 0);
        CHECK_INT(rest->count, whole->count - cut);
        CHECK_MEM(rest->ids, whole->ids + cut, rest->count * sizeof rest->ids[0]);
        CHECK_STR(rest->text, whole->text + start);
    }
}

TEST(a_client_that_claims_text_it_cannot_have_is_refused) {
    struct work *w = question(1, "Tell me a story about a fox.", 0.8, 60);
    w->text_delivered = 1;
    submit(w);
    run();
    CHECK_INT(t.job[1].failed, ERR_RANGE);
}

int main(void) {
    const struct CMUnitTest all[] = {T(answers_side_by_side_are_those_made_alone),
                                     T(a_cancelled_answer_computes_no_more_and_frees_its_slot),
                                     T(more_work_than_slots_is_busy),
                                     T(kept_pages_serve_their_own_salt_and_are_wiped_when_nobody_comes_back),
                                     T(what_cannot_be_answered_fails_by_its_reason),
                                     T(an_answer_resumed_anywhere_is_the_undisturbed_one),
                                     T(a_client_that_claims_text_it_cannot_have_is_refused)};
    if (secret_setup() != 0) return 99;
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("worker", all, set_up, tear_down) != 0;
}
