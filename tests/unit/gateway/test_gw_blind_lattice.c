/* Mode lattice as the gateway opens it: which folders are refused and with which reason; answers by workers in this process, what they
 * took, liars named and left behind; and that one client serves one answer after the other, so that what was made ahead is used. */
#include <fcntl.h>
#include <jansson.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "gateway/gw_blind_half.h"
#include "tests/unit/blind/dishonest.h"
#include "tests/unit/blind/lattice_scene.h"

enum { JOBS = 4, TOKENS = 12 };

static struct pair_site s;
static struct gw_blind_opts how;
static struct gw_blind_half half;
static struct why why;

/* A folder with its hint, and no client yet. */
static void open_site(void) {
    uint8_t id[32];
    char text[2 * OPERATOR_PREFIX_BYTES + 1];
    pair_site_open(&s);
    lattice_hint_make(&s, 6);
    how = (struct gw_blind_opts){.mode = GW_BLIND_LATTICE, .threads = 1};
    pair_operator_of(PAIR_A, id);
    hex_encode(text, id, OPERATOR_PREFIX_BYTES);
    CHECK_INT(operators_list(&how.policy, PAIR_A, text, NULL), 0);
}
static void close_site(void) {
    gw_blind_half_close(&half);
    lattice_hint_remove(&s);
    pair_site_close(&s);
}
static int open_half(void) {
    struct gw_blind_half_opts o = {.dir = s.out, .prepared = s.prepared, .workers = s.how.workers, .blind = &how};
    why = (struct why){{0}};
    return gw_blind_half_open(&half, &o, &why);
}

/* ---- what is refused ---- */

static const char *file(const char *name) {
    static char path[4][160];
    static unsigned at;
    char *p = path[at++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", s.out, name);
    return p;
}
static void flip(const char *name, off_t at) {
    uint8_t b;
    int fd = open(file(name), O_RDWR);
    CHECK(fd >= 0);
    CHECK_INT(pread(fd, &b, 1, at), 1);
    b ^= 1;
    CHECK_INT(pwrite(fd, &b, 1, at), 1);
    close(fd);
}
static void refused(int err, const char *text) {
    CHECK_INT(open_half(), err);
    if (!strstr(why.text, text)) printf("# said: %s\n", why.text);
    CHECK(strstr(why.text, text) != NULL);
    CHECK(half.state == NULL);
}

TEST(a_folder_without_a_hint_is_refused_with_what_would_make_one) {
    open_site();
    lattice_hint_remove(&s);
    refused(ERR_NOTFOUND, "not prepared for mode lattice");
    CHECK(strstr(why.text, "lull blind prepare") != NULL);
    close_site();
}

TEST(a_damaged_hint_is_refused_with_the_reason) {
    struct stat st;
    open_site();
    CHECK_INT(stat(file(PREPARED_HINT), &st), 0);
    flip(PREPARED_HINT, st.st_size / 2);
    refused(ERR_AUTH, "do not match their digest");
    flip(PREPARED_HINT, st.st_size / 2);
    flip(PREPARED_HINT, 8 + 4); /* the rank: 7 */
    refused(ERR_RANGE, "rank 7");
    flip(PREPARED_HINT, 8 + 4);
    flip(PREPARED_HINT, HINT_HEAD_BYTES + 16); /* a stack's digest */
    refused(ERR_AUTH, "not the hint that was checked");
    flip(PREPARED_HINT, HINT_HEAD_BYTES + 16);
    flip(PREPARED_HINT_DIGEST, 5);
    refused(ERR_AUTH, "not the hint that was checked");
    flip(PREPARED_HINT_DIGEST, 5);
    CHECK_INT(open_half(), 0); /* as it was */
    CHECK_STR(half.params, "d6");
    gw_blind_half_close(&half);
    struct hint_make_opts again = {.k = s.opts[PAIR_A].kern, .rank = 6};
    CHECK_INT(prepare_hint(s.out, s.prepared, s.weights, &again, &why), 0); /* it stays */
    again.rank = 5; /* nor does a folder pass for one of other parameters */
    CHECK_INT(prepare_hint(s.out, s.prepared, s.weights, &again, &why), ERR_RANGE);
    CHECK(strstr(why.text, "rank 5") != NULL);
    CHECK_INT(truncate(file(PREPARED_HINT), st.st_size - HINT_ALIGN), 0);
    refused(ERR_SHORT, "a hint of this model has");
    CHECK_INT(truncate(file(PREPARED_HINT), 10), 0);
    refused(ERR_SHORT, "too short for a hint");
    unlink(file(PREPARED_HINT));
    CHECK_INT(open_half(), ERR_NOTFOUND);
    close_site();
}

TEST(a_hint_of_another_model_is_refused) {
    static struct pair_site other;
    struct prepare_model_opts o = {.name = "other:latest"};
    char from[160];
    open_site();
    memset(&other, 0, sizeof other);
    snprintf(other.out, sizeof other.out, "%s/other", s.dir);
    CHECK_INT(prepare_model_dir(other.out, pair_model, &o, &why), 0);
    CHECK_INT(prepared_open(&other.prepared, other.out, NULL, &why), 0);
    other.weights = s.weights;
    other.opts[PAIR_A].kern = s.opts[PAIR_A].kern;
    lattice_hint_make(&other, 6); /* of the same weights, under another name */
    snprintf(from, sizeof from, "%s/%s", other.out, PREPARED_HINT);
    CHECK_INT(rename(from, file(PREPARED_HINT)), 0);
    refused(ERR_AUTH, "hint of another model");
    snprintf(from, sizeof from, "%s/%s", other.out, PREPARED_HINT_DIGEST);
    CHECK_INT(rename(from, file(PREPARED_HINT_DIGEST)), 0);
    refused(ERR_AUTH, "hint of another model");
    lattice_hint_remove(&other);
    prepared_close(other.prepared);
    for (int i = 0; i < 3; i++) {
        static const char *const names[] = {PREPARED_MANIFEST, PREPARED_CHECKS, PREPARED_CLIENT};
        snprintf(from, sizeof from, "%s/%s", other.out, names[i]);
        unlink(from);
    }
    rmdir(other.out);
    close_site();
}

TEST(without_an_operator_nothing_opens) {
    open_site();
    how.policy = (struct operators){.worker_count = 0};
    refused(ERR_PERM, "no operators are listed");
    close_site();
}

/* ---- answers ---- */

struct seen {
    int done, failed;
    uint32_t prompt_tokens, tokens;
    char text[1024];
    size_t text_n;
    char why[200];
    struct gw_blind_account account;
};
static struct gen_pool *pool;
static struct gw_blind_engine *engine;
static struct loop *loop;
static struct timer *guard;
static struct seen job[JOBS];
static int open_jobs, late;

static void on_event(void *arg, const struct gw_blind_event *e) {
    struct seen *j = &job[e->job];
    (void)arg;
    switch (e->kind) {
    case BLIND_EVENT_ACCEPTED: j->prompt_tokens = e->prompt_tokens; break;
    case BLIND_EVENT_TEXT:
        CHECK(j->text_n + e->text_len < sizeof j->text);
        memcpy(j->text + j->text_n, e->text, e->text_len);
        j->text_n += e->text_len;
        break;
    case BLIND_EVENT_DONE: j->done++, j->tokens = e->tokens, j->account = e->account, open_jobs--; break;
    case BLIND_EVENT_FAILED: j->failed = e->err, memcpy(j->why, e->why, sizeof j->why), open_jobs--; break;
    }
    if (open_jobs == 0) loop_stop(loop);
}
static void on_late(void *arg) {
    (void)arg;
    late = 1;
    loop_stop(loop);
}
static int operator_of(void *arg, const uint8_t identity[32], uint8_t operator_id[32]) {
    (void)arg, (void)identity;
    memset(operator_id, 7, 32);
    return 1;
}

static void begin(void) {
    CHECK_INT(open_half(), 0);
    struct gen_pool_opts po = {
        .threads = 1, .slots = 1, .context_max = 512, .prefill_chunk = 64, .linear = half.linear, .linear_state = half.state};
    CHECK_INT(gen_pool_new(&pool, s.client, &po, &why), 0);
    CHECK_INT(loop_new(&loop), 0);
    CHECK_INT(timer_new(&guard, loop, on_late, NULL), 0);
    struct gw_blind_engine_opts o = {.pool = pool,
                                     .client = half.client,
                                     .client_state = half.state,
                                     .operator_of = operator_of,
                                     .model = "lull-toy:latest",
                                     .loop = loop,
                                     .on_event = on_event,
                                     .queue_max = JOBS,
                                     .keep = 2,
                                     .keep_ms = 60000};
    CHECK_INT(gw_blind_engine_new(&engine, &o, &why), 0);
    memset(job, 0, sizeof job);
    open_jobs = late = 0;
}
static void end(void) {
    gw_blind_engine_free(engine);
    timer_free(guard);
    loop_free(loop);
    gen_pool_free(pool);
    close_site();
}

/* Asks and waits for the end of the answer. before: an answer that this goes on from, or NULL. */
static const struct seen *ask_after(uint64_t number, const struct seen *before) {
    struct api_error e;
    struct gw_blind_work *w = calloc(1, sizeof *w);
    json_t *messages = json_pack("[{s:s, s:s}]", "role", "user", "content", "Tell me a story about a river.");
    CHECK(w && messages);
    if (before) {
        json_array_append_new(messages, json_pack("{s:s, s:s%}", "role", "assistant", "content", before->text, before->text_n));
        json_array_append_new(messages, json_pack("{s:s, s:s}", "role", "user", "content", "And who laughed?"));
    }
    json_t *body = json_pack("{s:s, s:o, s:f, s:i, s:i}", "model", "lull-toy", "messages", messages, "temperature", 0.9, "seed",
                             5, "max_tokens", TOKENS);
    char *text = json_dumps(body, JSON_COMPACT);
    CHECK(text != NULL);
    CHECK_INT(api_request_parse(&w->request, API_V1_CHAT, text, strlen(text), &e), 0);
    free(text);
    json_decref(body);
    w->job = number;
    CHECK_INT(gw_blind_engine_submit(engine, w), 0);
    open_jobs++;
    timer_start_ms(guard, 60000);
    CHECK_INT(loop_run(loop), 0);
    timer_stop(guard);
    CHECK(!late);
    return &job[number];
}
static const struct seen *ask(uint64_t number) { return ask_after(number, NULL); }

TEST(one_session_serves_answer_after_answer_with_masks_made_ahead) {
    struct blind_counts n[3];
    open_site();
    (void)pair_site_worker(&s, PAIR_A);
    begin();
    CHECK_INT(lattice_client_held(half.lattice), 0); /* nothing before there is a connection */
    const struct seen *first = ask(1);
    CHECK_INT(first->done, 1);
    CHECK(first->text_n > 0 && first->tokens == TOKENS);
    CHECK_INT(first->account.sessions, 1);
    lattice_client_count(half.lattice, &n[0]);
    lattice_client_settle(half.lattice); /* the idle time between two questions */
    size_t held = lattice_client_held(half.lattice);
    CHECK(held > 0);
    const struct seen *second = ask(2);
    CHECK_INT(second->done, 1);
    lattice_client_count(half.lattice, &n[1]);
    printf("# waited for masks: %.1f ms of the first answer, %.1f of the second; %.1f MiB held\n",
           (double)n[0].wait_mask_ns * 1e-6, (double)(n[1].wait_mask_ns - n[0].wait_mask_ns) * 1e-6, (double)held / (1 << 20));
    for (int i = 1; i <= 2; i++) {
        const struct gw_blind_account *a = &job[i].account;
        CHECK_INT(a->incident_count, 0);
        CHECK_INT(a->worker_count, 1);
        CHECK(a->products > 0 && a->products == a->verified);
        CHECK_INT(a->prompt_padded, (job[i].prompt_tokens + 63) / 64 * 64);
        CHECK_INT(a->passes, TOKENS - 1);
    }
    CHECK_INT(second->account.sessions, 0); /* it is the first one's */
    CHECK_INT(job[1].account.products, job[2].account.products);
    end();
}

TEST(a_turn_sends_its_new_columns_only) {
    open_site();
    (void)pair_site_worker(&s, PAIR_A);
    begin();
    const struct seen *first = ask(1), *again = ask(2), *second = ask_after(3, first);
    CHECK(first->done && again->done && second->done);
    CHECK_INT(first->account.kept, 0);
    CHECK_INT(again->account.kept, 0); /* the same question is another conversation */
    CHECK(second->account.kept > 10 && second->account.kept <= first->prompt_tokens + TOKENS);
    CHECK_INT(second->account.prompt_padded, (second->prompt_tokens - second->account.kept + 63) / 64 * 64);
    CHECK_INT(second->account.products, second->account.verified);
    end();
}

TEST(masks_ahead_stay_within_the_memory_set_aside) {
    size_t held[2];
    open_site();
    (void)pair_site_worker(&s, PAIR_A);
    for (int i = 0; i < 2; i++) {
        how.masks_mb = i ? 8 : 0;
        CHECK_INT(open_half(), 0);
        lattice_client_settle(half.lattice);
        held[i] = lattice_client_held(half.lattice);
        gw_blind_half_close(&half);
    }
    printf("# held without a limit %.1f MiB, with one of 8: %.1f\n", (double)held[0] / (1 << 20), (double)held[1] / (1 << 20));
    CHECK(held[0] > (size_t)10 << 20);
    CHECK(held[1] > 0 && held[1] <= (size_t)8 << 20);
    close_site();
}

TEST(workers_that_lie_are_named_in_the_account_and_an_honest_one_goes_on) {
    static const enum lie lies[] = {LIE_BIT_FLIP, LIE_OLD_ROWS, LIE_OTHER_STACK, LIE_HANG_UP};
    enum { LIARS = sizeof lies / sizeof lies[0] };
    static struct dishonest d[LIARS];
    open_site();
    for (int i = 0; i < LIARS; i++) {
        struct pair_worker *w = pair_site_worker(&s, PAIR_A);
        d[i] = (struct dishonest){.lie = lies[i], .when = 20, .stack_count = prepared_manifest(s.prepared)->stack_count};
        w->wrap = dishonest_wrap;
        w->arg = &d[i];
    }
    (void)pair_site_worker(&s, PAIR_A);
    begin();
    const struct seen *a = ask(1);
    if (!a->done) printf("# %d: %s\n", a->failed, a->why);
    CHECK_INT(a->done, 1);
    CHECK_INT(a->tokens, TOKENS);
    for (int i = 0; i < LIARS; i++) CHECK(d[i].lied > 0);
    unsigned accused = 0;
    for (uint32_t i = 0; i < a->account.incident_count; i++)
        accused += (unsigned)fault_accuses(a->account.incident[i].what.fault);
    CHECK_INT(accused, LIARS - 1); /* to hang up proves nothing */
    CHECK_INT(a->account.incident_count, LIARS);
    CHECK(a->account.products > a->account.verified);
    CHECK(a->account.sessions > LIARS - 1); /* each loss ended one */
    end();
}

TEST(with_nobody_left_the_answer_fails_with_the_reason) {
    open_site();
    begin();
    const struct seen *a = ask(1);
    CHECK_INT(a->failed, ERR_LOST);
    CHECK(strstr(a->why, "no worker is left: none of the listed operators offers this model") == a->why);
    end();
}

TESTS_MAIN("gw_blind_lattice", T(a_folder_without_a_hint_is_refused_with_what_would_make_one),
           T(a_damaged_hint_is_refused_with_the_reason), T(a_hint_of_another_model_is_refused),
           T(without_an_operator_nothing_opens), T(one_session_serves_answer_after_answer_with_masks_made_ahead),
           T(a_turn_sends_its_new_columns_only), T(masks_ahead_stay_within_the_memory_set_aside),
           T(workers_that_lie_are_named_in_the_account_and_an_honest_one_goes_on),
           T(with_nobody_left_the_answer_fails_with_the_reason))
