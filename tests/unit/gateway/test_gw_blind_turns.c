/* Conversations of tier blind, turn after turn, over workers in this process: each turn sends its new columns only, and is answered as by
 * the engine that has the weights; nothing is matched between two conversations; what was kept is wiped when it goes. */
#include <jansson.h>

#include "base/clock.h"
#include "blind/message.h"
#include "gateway/gw_blind_engine.h"
#include "math/kv_page.h"
#include "model/gen_parts.h"
#include "tests/unit/blind/own_memory.h"
#include "tests/unit/blind/pair_scene.h"

#ifdef LULL_SANITIZED /* ten times slower, and with shadow memory that is too large to be searched */
enum { TURNS = 3, ROUNDS = 1, SEARCHABLE = 0 };
#else
enum { TURNS = 5, ROUNDS = 3, SEARCHABLE = 1 };
#endif
enum { TEXT_MAX = 4096, IDS_MAX = 1024, CONTEXT = 1024, MESSAGES_MAX = 16 };

static struct pair_site s;
static struct gen_pool *pool, *local;
static struct gw_blind_engine *engine;
static struct loop *loop;
static struct timer *guard;
static int over, late;

/* What became of the last question. */
static struct {
    int done, failed, cancel;
    uint32_t prompt_tokens;
    char text[TEXT_MAX];
    size_t text_n;
    struct gw_blind_account account;
} got;
static uint64_t job;

static void on_event(void *arg, const struct gw_blind_event *e) {
    (void)arg;
    if (e->job != job) return;
    switch (e->kind) {
    case BLIND_EVENT_ACCEPTED: got.prompt_tokens = e->prompt_tokens; break;
    case BLIND_EVENT_TEXT:
        CHECK(got.text_n + e->text_len < TEXT_MAX);
        memcpy(got.text + got.text_n, e->text, e->text_len);
        got.text_n += e->text_len;
        if (got.cancel) gw_blind_engine_cancel(engine, job), over = 1;
        break;
    case BLIND_EVENT_DONE: got.done = 1, got.account = e->account, over = 1; break;
    case BLIND_EVENT_FAILED: got.failed = e->err, over = 1; break;
    }
    if (over) loop_stop(loop);
}
static void on_late(void *arg) {
    (void)arg;
    late = 1;
    loop_stop(loop);
}

/* ---- what A sees: columns of the first stack ---- */

static struct blind_link inner;
static enum model_arith arith = ARITH_ROW8;
static uint32_t guess; /* ids guessed ahead: a pass after the prompt has one column more for each */
/* The engine's thread; looked at when it is idle. odd: passes with another number of columns than is promised. */
static uint64_t sent, passes, odd;
static int count_send(void *state, const uint8_t *message, size_t n) {
    struct blind_message m = {.type = 0};
    uint32_t head = prepared_manifest(s.prepared)->stack_count - 1;
    (void)state;
    if (blind_message_read(message, n, 1, &m) == 0 && m.type == BLIND_PRODUCT && m.product.stack == 0) {
        sent += m.product.count;
        passes += m.product.count == 1 + guess;
        odd += m.product.count != 1 + guess && m.product.count != PASS_CHUNK;
    }
    if (m.type == BLIND_PRODUCT && m.product.stack == head) odd += m.product.count != 1 + guess;
    return inner.ops->send(inner.state, message, n);
}
static int count_receive(void *state, const uint8_t **message, size_t *n, uint32_t wait_ms) {
    (void)state;
    return inner.ops->receive(inner.state, message, n, wait_ms);
}
static void count_close(void *state) {
    (void)state;
    inner.ops->close(inner.state);
}
static void count_wrap(struct pair_worker *w, struct blind_link *k) {
    static const struct blind_link_ops ops = {count_send, count_receive, count_close};
    (void)w;
    inner = *k;
    k->ops = &ops;
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

/* pages: of keys and values, 0: as many as the pool takes. */
static void begin(uint32_t keep, uint64_t keep_ms, uint32_t pages) {
    struct why why = {{0}};
    pair_site_open_as(&s, arith);
    pair_site_worker(&s, PAIR_A)->wrap = count_wrap;
    (void)pair_site_worker(&s, PAIR_B);
    s.how.decode_columns = 1 + guess;
    pair_site_start(&s);
    struct gen_pool_opts po = {.threads = 1,
                               .slots = 1,
                               .context_max = CONTEXT,
                               .prefill_chunk = 64,
                               .kv_bytes_max = pages * engine_page_bytes(s.client, KV_F16),
                               .linear = &pair_ops,
                               .linear_state = s.pair,
                               .guesses = guess,
                               .guess_always = 1};
    CHECK_INT(gen_pool_new(&pool, s.client, &po, &why), 0);
    struct gen_pool_opts lo = {.threads = 1, .slots = 1, .context_max = CONTEXT};
    CHECK_INT(gen_pool_new(&local, s.weights, &lo, &why), 0);
    CHECK_INT(loop_new(&loop), 0);
    CHECK_INT(timer_new(&guard, loop, on_late, NULL), 0);
    struct gw_blind_engine_opts o = {.pool = pool,
                                     .client = &client,
                                     .client_state = s.pair,
                                     .operator_of = operator_of,
                                     .model = "lull-toy:latest",
                                     .loop = loop,
                                     .on_event = on_event,
                                     .queue_max = 4,
                                     .pass_columns = 1 + guess,
                                     .keep = keep,
                                     .keep_ms = keep_ms};
    CHECK_INT(gw_blind_engine_new(&engine, &o, &why), 0);
}
static void end(void) {
    gw_blind_engine_free(engine);
    engine = NULL;
    timer_free(guard);
    loop_free(loop);
    gen_pool_free(local);
    gen_pool_free(pool);
    pair_site_close(&s);
}

/* ---- conversations ---- */

/* What was said, and what the last turn fed: by the engine with the weights. */
struct talk {
    struct {
        const char *role;
        char text[TEXT_MAX];
    } message[MESSAGES_MAX];
    unsigned messages;
    double temperature;
    int tokens;
    int32_t ids[IDS_MAX];
    uint32_t prompt, fed;
};
static struct talk one, two, other;

static void say(struct talk *t, const char *role, const char *text, size_t n) {
    CHECK(t->messages < MESSAGES_MAX && n < TEXT_MAX);
    t->message[t->messages].role = role;
    memcpy(t->message[t->messages].text, text, n);
    t->message[t->messages++].text[n] = 0;
}
static void user(struct talk *t, const char *text) { say(t, "user", text, strlen(text)); }
static void answered(struct talk *t) { say(t, "assistant", got.text, got.text_n); }

static void talk_begin(struct talk *t, double temperature, int tokens) {
    memset(t, 0, sizeof *t);
    t->temperature = temperature;
    t->tokens = tokens;
    say(t, "system", "You tell stories.", 17);
}

static struct gw_blind_work *work_of(const struct talk *t, enum api_endpoint endpoint) {
    struct api_error e;
    json_t *messages = json_array();
    for (unsigned i = 0; i < t->messages; i++)
        json_array_append_new(messages, json_pack("{s:s, s:s}", "role", t->message[i].role, "content", t->message[i].text));
    json_t *body = json_pack("{s:s, s:o, s:f, s:i, s:i}", "model", "lull-toy", "messages", messages, "temperature",
                             t->temperature, "seed", 5, "max_tokens", t->tokens);
    char *text = json_dumps(body, JSON_COMPACT);
    struct gw_blind_work *w = calloc(1, sizeof *w);
    CHECK(text && w);
    CHECK_INT(api_request_parse(&w->request, API_V1_CHAT, text, strlen(text), &e), 0);
    w->request.endpoint = endpoint;
    w->job = ++job;
    free(text);
    json_decref(body);
    return w;
}

/* The question to the engine that has the weights: its answer must be the one that was given. */
static void must_be_local(struct talk *t) {
    struct gw_blind_work *w = work_of(t, API_V1_CHAT);
    struct why why = {{0}};
    struct gen *g;
    struct gen_event e = {0};
    size_t at = 0, count;
    CHECK_INT(gen_start(&g, local, &w->request.gen, NULL, NULL, NULL, &why), 0);
    const int32_t *ids = gen_prompt_ids(g, &count);
    CHECK(count + (size_t)t->tokens < IDS_MAX);
    memcpy(t->ids, ids, count * sizeof *ids);
    t->prompt = (uint32_t)count;
    while (e.stop == STOP_NONE) {
        int n = gen_step(local, &e, 1);
        CHECK(n >= 0);
        if (n == 0) continue;
        CHECK(at + e.text_len <= got.text_n);
        CHECK_MEM(got.text + at, e.text, e.text_len);
        at += e.text_len;
        if (!e.is_end) t->ids[count++] = e.id;
    }
    t->fed = (uint32_t)count - (e.stop == STOP_LENGTH || e.stop == STOP_STRING);
    CHECK(at > 0);
    CHECK_INT(at, got.text_n);
    gen_free(g);
    gw_blind_work_free(w);
}

static void submit(struct talk *t, enum api_endpoint endpoint) {
    memset(&got, 0, sizeof got);
    over = late = 0;
    sent = passes = odd = 0;
    struct gw_blind_work *w = work_of(t, endpoint);
    CHECK_INT(gw_blind_engine_submit(engine, w), 0);
}
static void wait_for_it(void) {
    timer_start_ms(guard, 60000);
    while (!over && !late) CHECK_INT(loop_run(loop), 0);
    timer_stop(guard);
    CHECK(!late);
    while (gw_blind_engine_queued(engine)) usleep(1000); /* what it leaves is put away now */
}
static uint32_t padded(uint32_t n) { return (n + 63) / 64 * 64; }

/* Asks, compares with the local engine, and with what was expected to be kept. */
static void turn(struct talk *t, uint32_t kept) {
    submit(t, API_V1_CHAT);
    wait_for_it();
    CHECK_INT(got.failed, 0);
    CHECK_INT(got.done, 1);
    must_be_local(t);
    CHECK_INT(got.prompt_tokens, t->prompt);
    CHECK_INT(got.account.kept, kept);
    CHECK_INT(got.account.prompt_padded, padded(t->prompt - kept));
    CHECK_INT(sent, padded(t->prompt - kept) + got.account.passes * (1 + guess));
    CHECK_INT(passes, got.account.passes);
    CHECK_INT(odd, 0);
    CHECK_INT(got.account.pass_columns, 1 + guess);
    CHECK_INT(got.account.incident_count, 0);
}
/* How much of what an earlier turn fed the next prompt begins with: found out beforehand, with the weights. */
static uint32_t begins_with(const struct talk *next, const int32_t *ids, uint32_t fed) {
    struct gw_blind_work *w = work_of(next, API_V1_CHAT);
    struct gen *g;
    size_t count;
    uint32_t n = 0;
    CHECK_INT(gen_start(&g, local, &w->request.gen, NULL, NULL, NULL, NULL), 0);
    const int32_t *prompt = gen_prompt_ids(g, &count);
    while (n < fed && n + 1 < count && prompt[n] == ids[n]) n++;
    gen_free(g);
    gw_blind_work_free(w);
    return n;
}

static const char *const questions[] = {"Tell me a story about a river.", "And what did the mouse say?",
                                        "Who laughed at the end? Tell me more about them, please, and what they ate.", "Why?",
                                        "Then tell me what the weather was on the next day."};

TEST(turns_send_their_new_columns_only_and_are_answered_as_by_the_engine_that_has_the_weights) {
    begin(2, 60000, 0);
    for (int sampled = 0; sampled < 3; sampled++) {
        uint32_t whole = 0, columns = 0;
        talk_begin(&one, sampled, 40);
        for (unsigned i = 0; i < TURNS; i++) {
            uint32_t before = one.fed;
            user(&one, questions[i]);
            uint32_t kept = i ? begins_with(&one, one.ids, before) : 0;
            turn(&one, kept);
            printf("# temperature %.0f, turn %u: prompt of %u, %u kept of %u\n", one.temperature, i + 1, one.prompt, kept,
                   before);
            CHECK(i == 0 || kept > 20); /* the first prompt at least */
            whole += padded(one.prompt), columns += padded(one.prompt - kept);
            answered(&one);
        }
        CHECK(columns < whole);
        CHECK_INT(gw_blind_engine_kept(engine), sampled ? 2 : 1);
    }
    end();
}

TEST(another_conversation_with_the_same_beginning_is_sent_whole) {
    begin(4, 60000, 0);
    talk_begin(&one, 0, 12);
    user(&one, questions[0]);
    turn(&one, 0);
    answered(&one);
    talk_begin(&two, 0, 12); /* the same question again */
    user(&two, questions[0]);
    turn(&two, 0);
    answered(&two);
    CHECK_INT(gw_blind_engine_kept(engine), 2);
    other = one; /* one byte of the answer is another */
    other.message[2].text[strlen(other.message[2].text) - 1] ^= 1;
    user(&other, questions[1]);
    turn(&other, 0);
    other = one; /* of the question */
    other.message[1].text[0] ^= 0x20;
    user(&other, questions[1]);
    turn(&other, 0);
    other = one; /* who said it */
    other.message[1].role = "system";
    user(&other, questions[1]);
    turn(&other, 0);
    other = one; /* the same letters, with another border */
    size_t n = strlen(one.message[0].text);
    other.message[0].text[n] = one.message[1].text[0], other.message[0].text[n + 1] = 0;
    memmove(other.message[1].text, one.message[1].text + 1, strlen(one.message[1].text));
    user(&other, questions[1]);
    turn(&other, 0);
    end();
}

/* Each of two that were the same so far goes on by itself, and a question that is asked again is no part of what was kept. */
TEST(conversations_that_were_the_same_so_far_go_on_apart) {
    begin(4, 60000, 0);
    talk_begin(&one, 0, 12);
    user(&one, questions[0]);
    turn(&one, 0);
    answered(&one);
    two = one;
    turn((two.messages = 2, &two), 0);
    answered(&two);
    uint32_t fed = one.fed;
    user(&one, questions[1]);
    uint32_t kept = begins_with(&one, one.ids, fed);
    turn(&one, kept);
    answered(&one);
    uint32_t fed_one = one.fed;
    user(&two, questions[1]);
    turn(&two, kept);
    answered(&two);
    user(&one, questions[2]);
    turn(&one, begins_with(&one, one.ids, fed_one));
    user(&two, questions[3]);
    turn(&two, begins_with(&two, two.ids, two.fed));
    CHECK_INT(gw_blind_engine_kept(engine), 2);
    end();
}

TEST(a_turn_that_is_asked_again_or_edited_is_sent_as_the_first_time) {
    begin(4, 60000, 0);
    talk_begin(&one, 2, 12);
    user(&one, questions[0]);
    turn(&one, 0);
    answered(&one);
    uint32_t fed = one.fed;
    user(&one, questions[1]);
    uint32_t kept = begins_with(&one, one.ids, fed);
    turn(&one, kept);
    two = one; /* with the answer: the branch that is left */
    answered(&two);
    turn(&one, kept); /* again: not one column less */
    one.message[3].text[0] ^= 0x20;
    turn(&one, kept);
    answered(&one);
    user(&two, questions[2]); /* what came after the first answer was forgotten for the other branch */
    turn(&two, kept);
    user(&one, questions[2]); /* and now it is the other way round */
    turn(&one, kept);
    CHECK_INT(gw_blind_engine_kept(engine), 1);
    end();
}

TEST(a_cancelled_or_refused_answer_leaves_the_conversation_as_it_was) {
    begin(4, 60000, 0);
    talk_begin(&one, 0, 12);
    user(&one, questions[0]);
    turn(&one, 0);
    answered(&one);
    uint32_t fed = one.fed;
    user(&one, questions[1]);
    uint32_t kept = begins_with(&one, one.ids, fed);
    one.tokens = 300;
    submit(&one, API_V1_CHAT);
    got.cancel = 1;
    wait_for_it();
    CHECK(got.text_n > 0 && !got.done);
    CHECK_INT(gw_blind_engine_kept(engine), 1);
    one.tokens = CONTEXT - 10;
    submit(&one, API_V1_CHAT);
    wait_for_it();
    CHECK_INT(got.failed, ERR_CONTEXT);
    CHECK_INT(gw_blind_engine_kept(engine), 1);
    one.tokens = 12;
    turn(&one, kept);
    talk_begin(&two, 0, 300); /* nor does a first turn that was cancelled leave anything */
    user(&two, questions[2]);
    submit(&two, API_V1_CHAT);
    got.cancel = 1;
    wait_for_it();
    CHECK_INT(gw_blind_engine_kept(engine), 1);
    end();
}

/* A pool of 10 pages: an answer with up to 200 ids takes 4 or 5 of them while it is made, and leaves 1 or 2. */
TEST(kept_conversations_make_room_for_an_answer) {
    begin(8, 60000, 10);
    talk_begin(&one, 0, 200);
    user(&one, questions[0]);
    turn(&one, 0);
    answered(&one);
    for (int i = 0; i < 5; i++) {
        talk_begin(&two, 0.8, 200);
        user(&two, questions[i % 4]);
        turn(&two, 0);
    }
    CHECK(gw_blind_engine_kept(engine) >= 1 && gw_blind_engine_kept(engine) < 6);
    user(&one, questions[1]);
    turn(&one, 0); /* it was the one not used for the longest time */
    end();
}

TEST(without_a_number_to_keep_and_for_other_endpoints_nothing_is_kept) {
    for (int off = 0; off < 2; off++) {
        begin(off ? 0 : 4, 60000, 0);
        talk_begin(&one, 0, 12);
        user(&one, questions[0]);
        submit(&one, off ? API_V1_CHAT : API_GENERATE);
        wait_for_it();
        CHECK_INT(got.done, 1);
        answered(&one);
        CHECK_INT(gw_blind_engine_kept(engine), 0);
        CHECK_INT(engine_kv(pool->engine)->free_count, engine_kv(pool->engine)->pages);
        user(&one, questions[1]);
        turn(&one, 0);
        end();
    }
}

/* The second turn asks what the first one did, and is answered alike at temperature 0: there guesses are right. */
static void check_guesses(enum model_arith as, const uint32_t *guesses, unsigned n) {
    uint64_t seed = 3;
    arith = as;
    for (unsigned k = 0; k < n; k++) {
        guess = guesses[k];
        begin(4, 60000, 0);
        for (unsigned round = 0; round < ROUNDS; round++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            talk_begin(&one, round % 3, 20 + (int)(seed >> 33) % 60);
            user(&one, questions[(seed >> 40) % 2 * 2]);
            turn(&one, 0);
            uint64_t plain = got.account.passes;
            uint32_t first = one.fed - one.prompt;
            answered(&one);
            user(&one, one.message[1].text);
            turn(&one, begins_with(&one, one.ids, one.fed));
            printf("# %u guesses, temperature %u: %u tokens in %llu passes, then %u in %llu\n", guess, round % 3, first,
                   (unsigned long long)plain, one.fed - one.prompt, (unsigned long long)got.account.passes);
        }
        talk_begin(&one, 0, 80);
        user(&one, "Tell me a long story about a fox.");
        turn(&one, 0);
        answered(&one);
        user(&one, one.message[1].text);
        turn(&one, begins_with(&one, one.ids, one.fed));
        CHECK(got.account.passes * 3 < (one.fed - one.prompt) * 2); /* at least every second one brought two tokens */
        end();
    }
    guess = 0;
    arith = ARITH_ROW8;
}
TEST(guesses_change_no_answer_and_every_pass_has_as_many_columns) { check_guesses(ARITH_ROW8, (const uint32_t[]){1, 3, 7}, 3); }
TEST(guesses_change_no_answer_over_folded_layers) { check_guesses(ARITH_ROW8_FOLD, (const uint32_t[]){3}, 1); }

/* ---- nothing is left ---- */

enum { NEEDLE_IDS = 16, NEEDLE = 48 };
static int32_t needle_ids[NEEDLE_IDS];
static uint8_t needle_kv[NEEDLE];

/* Of the only conversation that is kept: ids from the middle of its prompt, and values of its first page. */
static void take_needles(const struct talk *t) {
    const struct kv_pool *kv = engine_kv(pool->engine);
    size_t at = kv->page_bytes / 2;
    memcpy(needle_ids, t->ids + t->prompt - NEEDLE_IDS, sizeof needle_ids);
    for (uint32_t i = 0; i < kv->pages; i++)
        if (kv->holders[i]) memcpy(needle_kv, kv->mem + i * kv->page_bytes + at, NEEDLE);
    CHECK(needle_kv[0] || needle_kv[1] || needle_kv[NEEDLE - 1]);
}
/* The test's own copies, but for the needles, are wiped. */
static size_t in_memory(struct talk *t, const void *needle, size_t n) {
    memset(t->ids, 0, sizeof t->ids);
    memset(two.ids, 0, sizeof two.ids);
    memset(other.ids, 0, sizeof other.ids);
    return own_memory_has(needle, n, needle);
}
static void all_is_free(void) {
    const struct kv_pool *kv = engine_kv(pool->engine);
    uint8_t used = 0;
    CHECK_INT(kv->free_count, kv->pages);
    for (size_t i = 0; i < kv->pages * kv->page_bytes; i++) used |= kv->mem[i];
    CHECK_INT(used, 0);
}

static void keep_one(uint32_t keep, uint64_t keep_ms) {
    begin(keep, keep_ms, 0);
    talk_begin(&one, 0.8, 30);
    user(&one, questions[2]);
    turn(&one, 0);
    CHECK_INT(gw_blind_engine_kept(engine), 1);
    take_needles(&one);
}
static void the_search_can_find_it(void) {
    if (!SEARCHABLE) return;
    CHECK(in_memory(&one, needle_ids, sizeof needle_ids) >= 1);
    CHECK(in_memory(&one, needle_kv, sizeof needle_kv) >= 1);
}
static void nothing_is_left(void) {
    if (!SEARCHABLE) return;
    CHECK_INT(in_memory(&one, needle_ids, sizeof needle_ids), 0); /* ids */
    CHECK_INT(in_memory(&one, needle_kv, sizeof needle_kv), 0);
}

TEST(a_conversation_without_a_turn_for_so_long_is_wiped) {
    keep_one(4, 2000); /* too short for a search, which the next tests make */
    uint64_t start = clock_mono_ms();
    while (gw_blind_engine_kept(engine) && clock_mono_ms() - start < 20000) usleep(10000);
    CHECK_INT(gw_blind_engine_kept(engine), 0);
    all_is_free();
    nothing_is_left();
    answered(&one);
    user(&one, questions[1]);
    turn(&one, 0);
    end();
}

TEST(a_conversation_that_gives_way_to_another_is_wiped) {
    keep_one(1, 60000);
    the_search_can_find_it();
    talk_begin(&two, 0, 12);
    user(&two, questions[3]);
    turn(&two, 0);
    CHECK_INT(gw_blind_engine_kept(engine), 1);
    nothing_is_left();
    end();
}

TEST(at_the_end_all_of_it_is_wiped) {
    keep_one(4, 60000);
    the_search_can_find_it();
    gw_blind_engine_free(engine);
    engine = NULL;
    all_is_free();
    nothing_is_left();
    end();
}

TESTS_MAIN("gw_blind_turns", T(turns_send_their_new_columns_only_and_are_answered_as_by_the_engine_that_has_the_weights),
           T(another_conversation_with_the_same_beginning_is_sent_whole), T(conversations_that_were_the_same_so_far_go_on_apart),
           T(a_turn_that_is_asked_again_or_edited_is_sent_as_the_first_time),
           T(a_cancelled_or_refused_answer_leaves_the_conversation_as_it_was), T(kept_conversations_make_room_for_an_answer),
           T(without_a_number_to_keep_and_for_other_endpoints_nothing_is_kept),
           T(guesses_change_no_answer_and_every_pass_has_as_many_columns), T(guesses_change_no_answer_over_folded_layers),
           T(a_conversation_without_a_turn_for_so_long_is_wiped),
           T(a_conversation_that_gives_way_to_another_is_wiped), T(at_the_end_all_of_it_is_wiped))
