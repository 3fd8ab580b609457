/* node: worker sessions over a pipe of the test's own: whole and in single bytes, everything that may be wrong with what comes, back-pressure,
 * time, drain. The client's end is a session too. */
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "node/blind_visit.h"
#include "node/node_parts.h"
#include "seal/session.h"
#include "tests/unit/blind/worker_scene.h"

enum { WIRE = 32 << 20, WAIT_MS = 20000 };
static struct node n;
static struct weights weights;
static struct timer *guard, *poll_timer;
static int (*until)(void);
static int late;

/* ---- the loop ---- */
static void on_guard(void *arg) {
    (void)arg;
    late = 1;
    loop_stop(n.loop);
}
static void on_poll(void *arg) {
    (void)arg;
    if (until && until())
        loop_stop(n.loop);
    else
        timer_start_us(poll_timer, 200);
}
static void run_until(int (*condition)(void), uint64_t ms) {
    until = condition;
    late = 0;
    timer_start_ms(guard, ms);
    timer_start_us(poll_timer, 1);
    CHECK_INT(loop_run(n.loop), 0);
    timer_stop(guard);
    timer_stop(poll_timer);
    CHECK(!condition || !late);
}

/* ---- the pipe and the client behind it ---- */
static struct blind_visit *b;
static struct session client;
static uint8_t *down; /* what the session wrote and the client has not read */
static size_t down_n, consumed, written;
static int ended, dropped, stuck; /* stuck: nothing leaves the pipe */
static int deaf, deaf_ended;      /* what comes is another visit's: it is not looked at */

static int on_write(void *arg, const void *p, size_t bytes) {
    (void)arg;
    if (deaf) return 0;
    CHECK(down_n + bytes <= WIRE && !ended);
    memcpy(down + down_n, p, bytes);
    down_n += bytes;
    written += bytes;
    return 0;
}
static void on_end(void *arg) {
    (void)arg;
    if (deaf) {
        deaf_ended++;
        return;
    }
    CHECK(!ended);
    ended = 1;
}
static void on_drop(void *arg) { /* also of visits that the test opens beside b */
    (void)arg;
    dropped++;
}
static void on_consume(void *arg, size_t bytes) {
    (void)arg;
    consumed += bytes;
}
static const struct blind_pipe test_pipe = {on_write, on_end, on_drop, on_consume, NULL};
static int is_ended(void) { return ended; }
static int is_dropped(void) { return dropped; }
static void flow(void) { /* what was written has left */
    size_t bytes = written;
    written = 0;
    if (bytes && !stuck) blind_visit_sent(b, bytes);
}

static void setup(void) {
    uint8_t operator_id[32] = {2}, identity[32] = {1};
    memset(&n, 0, sizeof n);
    CHECK_INT(log_setup("error", NULL), 0);
    CHECK_INT(loop_new(&n.loop), 0);
    CHECK_INT(timer_new(&guard, n.loop, on_guard, NULL), 0);
    CHECK_INT(timer_new(&poll_timer, n.loop, on_poll, NULL), 0);
    CHECK_INT(timer_new(&n.renew, n.loop, on_guard, NULL), 0);
    CHECK_INT(timer_new(&n.drain, n.loop, on_guard, NULL), 0);
    CHECK_INT(keyring_new(&n.keys), 0);
    CHECK_INT(keyring_renew(n.keys, identity, operator_id, "test", NULL, clock_unix_s()), 0);
    weights_open(&weights, 1);
    weights.opts.clients_max = 2;
    memcpy(n.blind[0].entry.manifest_hash, scene_manifest, 32);
    CHECK_INT(blind_thread_new(&n.blind[0].thread, &weights.opts, 0), 0);
    n.blind_count = 1;
    n.o.blind_sessions = 2;
    n.visit_times = (struct blind_times)BLIND_TIMES_USUAL;
}
static void done(void) {
    blind_thread_free(n.blind[0].thread);
    weights_close(&weights);
    keyring_free(n.keys);
    timer_free(guard);
    timer_free(poll_timer);
    timer_free(n.renew);
    timer_free(n.drain);
    loop_free(n.loop);
}
static uint8_t start[SESSION_START_BYTES];
static void open_session(void) {
    down_n = consumed = written = 0;
    ended = dropped = stuck = 0;
    CHECK_INT(blind_visit_open(&b, &n, &test_pipe), 0);
    CHECK_INT(session_start(&client, &n.keys->stmt[0], start), 0);
}
static void close_session(void) {
    blind_visit_free(b);
    session_wipe(&client);
    b = NULL;
}

static uint8_t chunk[BLIND_MESSAGE_MAX + SESSION_OVERHEAD];
static size_t sealed(const uint8_t *message, size_t bytes) {
    CHECK_INT(session_seal(&client, chunk, message, bytes, blind_message_final(message, bytes)), 0);
    return bytes + SESSION_OVERHEAD;
}
static void say(size_t bytes) { blind_visit_bytes(b, chunk, sealed(scene_buf, bytes)); }
static size_t hello(enum blind_role role) {
    struct blind_message m = {.type = BLIND_HELLO, .hello = {.role = (uint8_t)role}};
    memcpy(m.hello.manifest_hash, scene_manifest, 32);
    return scene_write(&m);
}
/* The next message of the session, if it is there. */
static int hear(struct blind_message *m) {
    static uint8_t kept[1 << 20];
    size_t used, bytes, at = client.state == 1 ? SESSION_REPLY_BYTES : 0; /* 1: started, the reply comes first */
    uint8_t *message;
    int final;
    flow();
    if (at && down_n < at) return 0;
    if (at) CHECK_INT(session_reply(&client, down), 0);
    int r = session_open(&client, down + at, down_n - at, SESSION_MESSAGE_MAX, &used, &message, &bytes, &final);
    if (r == 0) {
        CHECK(bytes <= sizeof kept);
        memcpy(kept, message, bytes);
        CHECK_INT(blind_message_read(kept, bytes, 0, m), 0);
    } else {
        CHECK_INT(r, ERR_MORE);
        used = 0;
    }
    memmove(down, down + at + used, down_n - at - used);
    down_n -= at + used;
    return r == 0;
}
static struct blind_message last;
static int has_heard(void) { return hear(&last); }
/* 1: a seat; 0: an error. */
static int greet(enum blind_role role) {
    open_session();
    blind_visit_bytes(b, start, sizeof start);
    say(hello(role));
    run_until(has_heard, WAIT_MS);
    return last.type == BLIND_READY;
}
static void greeted(enum blind_role role) {
    CHECK(greet(role));
    CHECK_INT(last.type, BLIND_READY);
}
static void hears_error(enum blind_code code) {
    run_until(has_heard, WAIT_MS);
    CHECK_INT(last.type, BLIND_ERROR);
    CHECK_INT(last.error.code, code);
    run_until(is_ended, WAIT_MS);
    CHECK_INT(session_end(&client), 0);
    close_session();
}
static uint32_t u[64 * SYNTH_COLS_MAX];

TEST(a_session_in_single_bytes_is_answered) {
    setup();
    open_session();
    size_t bytes = sealed(scene_buf, hello(BLIND_ROLE_A));
    for (size_t i = 0; i < sizeof start; i++) blind_visit_bytes(b, start + i, 1);
    for (size_t i = 0; i < bytes; i++) blind_visit_bytes(b, chunk + i, 1);
    CHECK_INT(consumed, sizeof start + bytes);
    run_until(has_heard, WAIT_MS);
    CHECK_INT(last.type, BLIND_READY);
    scene_input(0, u, 64);
    bytes = sealed(scene_buf, scene_product(1, 0, 1, u));
    for (size_t i = 0; i < bytes; i++) blind_visit_bytes(b, chunk + i, 1);
    run_until(has_heard, WAIT_MS);
    CHECK_INT(last.type, BLIND_ANSWER);
    CHECK_INT(last.answer.rows, synth_shapes[0].rows);
    say(scene_write(&(struct blind_message){.type = BLIND_BYE}));
    run_until(is_ended, WAIT_MS);
    close_session();
    CHECK_INT(blind_visit_count(&n), 0);
    done();
}

TEST(a_start_that_is_not_ours_gets_no_word) {
    setup();
    for (size_t at = 0; at < 33; at += 16) { /* version, key id */
        open_session();
        start[at] ^= 1;
        blind_visit_bytes(b, start, sizeof start);
        CHECK(ended);
        CHECK_INT(down_n, 0);
        close_session();
    }
    open_session();
    blind_visit_bytes(b, start, sizeof start);
    CHECK(!ended && down_n == SESSION_REPLY_BYTES);
    close_session();
    CHECK_INT(blind_visit_open(&b, &n, &test_pipe), 0);
    down_n = 0;
    blind_visit_bytes(b, start, sizeof start); /* the same again */
    CHECK(ended && down_n == 0);
    close_session();
    done();
}

TEST(a_chunk_that_does_not_open_ends_the_session_without_a_word) {
    setup();
    greeted(BLIND_ROLE_A);
    scene_input(0, u, 64);
    size_t bytes = sealed(scene_buf, scene_product(1, 0, 1, u));
    chunk[bytes - 1] ^= 1;
    blind_visit_bytes(b, chunk, bytes);
    CHECK(ended);
    CHECK_INT(down_n, 0);
    blind_visit_bytes(b, chunk, bytes); /* dropped, and its window given back */
    close_session();
    done();
}

TEST(what_comes_instead_of_a_hello_is_refused_with_the_reason) {
    setup();
    open_session();
    blind_visit_bytes(b, start, sizeof start);
    scene_input(0, u, 64);
    say(scene_product(1, 0, 1, u));
    hears_error(BLIND_CODE_STATE);
    open_session();
    blind_visit_bytes(b, start, sizeof start);
    scene_buf[0] = 77;
    say(20);
    hears_error(BLIND_CODE_FORMAT);
    open_session();
    blind_visit_bytes(b, start, sizeof start);
    size_t bytes = hello(BLIND_ROLE_A);
    scene_buf[1]++;
    say(bytes);
    hears_error(BLIND_CODE_VERSION);
    open_session();
    blind_visit_bytes(b, start, sizeof start);
    bytes = hello(BLIND_ROLE_A);
    scene_buf[5] ^= 1;
    say(bytes);
    hears_error(BLIND_CODE_MANIFEST);
    open_session();
    blind_visit_bytes(b, start, sizeof start);
    say(BLIND_SMALL_MAX + 1); /* too long for a hello */
    CHECK(ended);
    close_session();
    done();
}

TEST(the_workers_refusals_reach_the_client) {
    setup();
    greeted(BLIND_ROLE_A);
    scene_input(0, u, 64);
    size_t bytes = scene_product(1, 0, 1, u);
    memset(scene_buf + BLIND_PRODUCT_HEAD, 0xff, 3);
    say(bytes);
    hears_error(BLIND_CODE_RESIDUE);
    done();
}

TEST(a_bye_that_is_not_final_and_a_product_that_is_are_refused) {
    setup();
    greeted(BLIND_ROLE_A);
    size_t bytes = scene_write(&(struct blind_message){.type = BLIND_BYE});
    CHECK_INT(session_seal(&client, chunk, scene_buf, bytes, 0), 0);
    blind_visit_bytes(b, chunk, bytes + SESSION_OVERHEAD);
    CHECK(ended);
    close_session();
    greeted(BLIND_ROLE_A);
    scene_input(0, u, 64);
    bytes = scene_product(1, 0, 1, u);
    CHECK_INT(session_seal(&client, chunk, scene_buf, bytes, 1), 0);
    blind_visit_bytes(b, chunk, bytes + SESSION_OVERHEAD);
    CHECK(ended);
    close_session();
    done();
}

TEST(tokens_are_asked_for_when_there_is_a_list) {
    struct blind_account account = {.token = "0123456789abcdef", .token_n = 16};
    setup();
    atomic_init(&account.paid, 3);
    n.accounts = (struct blind_accounts){.list = &account, .count = 1};
    open_session();
    blind_visit_bytes(b, start, sizeof start);
    say(hello(BLIND_ROLE_A));
    hears_error(BLIND_CODE_QUOTA);
    struct blind_message m = {.type = BLIND_HELLO, .hello = {.role = BLIND_ROLE_A, .token = "0123456789abcdef", .token_n = 16}};
    memcpy(m.hello.manifest_hash, scene_manifest, 32);
    open_session();
    blind_visit_bytes(b, start, sizeof start);
    say(scene_write(&m));
    run_until(has_heard, WAIT_MS);
    CHECK_INT(last.type, BLIND_READY);
    CHECK_INT(last.ready.columns_quota, 3);
    scene_input(0, u, 64 * 4);
    say(scene_product(1, 0, 4, u));
    hears_error(BLIND_CODE_QUOTA);
    done();
}

TEST(more_sessions_than_there_are_seats_are_turned_away) {
    struct blind_visit *seated[2];
    struct session clients[2];
    setup();
    for (int i = 0; i < 2; i++) {
        greeted(BLIND_ROLE_A);
        seated[i] = b;
        clients[i] = client;
    }
    open_session();
    blind_visit_bytes(b, start, sizeof start);
    say(hello(BLIND_ROLE_A));
    hears_error(BLIND_CODE_BUSY);
    for (int i = 0; i < 2; i++) {
        blind_visit_free(seated[i]);
        session_wipe(&clients[i]);
    }
    done();
}

static int is_deaf_ended(void) { return deaf_ended; }
/* Whoever holds a seat and asks for nothing loses it to whoever wants to work; who used his a moment ago does not. */
TEST(a_seat_that_is_not_used_goes_to_somebody_else) {
    struct blind_visit *seated[2];
    struct session clients[2];
    setup();
    n.visit_times.scarce_ms = 600000;
    for (int i = 0; i < 2; i++) {
        greeted(BLIND_ROLE_A);
        seated[i] = b;
        clients[i] = client;
    }
    open_session(); /* both are used: they came just now */
    blind_visit_bytes(b, start, sizeof start);
    say(hello(BLIND_ROLE_A));
    hears_error(BLIND_CODE_BUSY);
    run_until(NULL, 2500); /* far apart, so that a busy machine does not decide which of them is idle */
    n.visit_times.scarce_ms = 2000;
    deaf = 1, deaf_ended = 0;
    b = seated[1], client = clients[1];
    scene_input(0, u, 64);
    say(scene_product(1, 0, 1, u)); /* this one works */
    run_until(NULL, 100);
    clients[1] = client;
    deaf = 0;
    open_session();
    blind_visit_bytes(b, start, sizeof start);
    say(hello(BLIND_ROLE_A)); /* what it hears has been written by now */
    deaf = 1;
    hears_error(BLIND_CODE_BUSY);
    run_until(is_deaf_ended, WAIT_MS);
    CHECK_INT(deaf_ended, 1);
    deaf = 0;
    int seat = greet(
        BLIND_ROLE_A); /* it comes again, as clients do, and has a seat once the worker's thread has let go of the old one */
    for (int again = 0; !seat && again < 100; again++) {
        CHECK_INT(last.error.code, BLIND_CODE_BUSY);
        close_session();
        run_until(NULL, 20);
        seat = greet(BLIND_ROLE_A);
    }
    CHECK(seat);
    close_session();
    for (int i = 0; i < 2; i++) {
        blind_visit_free(seated[i]);
        session_wipe(&clients[i]);
    }
    CHECK_INT(deaf_ended, 1);
    done();
}

/* Not one byte comes from them; the one who says who he is gets his seat, and keeps it. */
TEST(silent_strangers_keep_nobody_out) {
    struct blind_visit *stranger[2 * BLIND_UNSEATED_MAX + 1];
    setup();
    for (int i = 0; i < BLIND_UNSEATED_MAX; i++) CHECK_INT(blind_visit_open(&stranger[i], &n, &test_pipe), 0);
    greeted(BLIND_ROLE_A);
    CHECK_INT(dropped, 1); /* the first of them made place */
    for (int i = 0; i < BLIND_UNSEATED_MAX + 1; i++) {
        CHECK_INT(blind_visit_open(&stranger[BLIND_UNSEATED_MAX + i], &n, &test_pipe), 0);
        CHECK(blind_visit_count(&n) <= BLIND_UNSEATED_MAX + 1);
    }
    CHECK_INT(dropped, BLIND_UNSEATED_MAX + 1);
    scene_input(0, u, 64);
    say(scene_product(1, 0, 1, u));
    run_until(has_heard, WAIT_MS);
    CHECK_INT(last.type, BLIND_ANSWER);
    for (int i = 0; i < BLIND_UNSEATED_MAX; i++) blind_visit_free(stranger[BLIND_UNSEATED_MAX + 1 + i]);
    close_session();
    CHECK_INT(blind_visit_count(&n), 0);
    done();
}

static size_t enough;
static int has_written(void) { return down_n >= enough; }

/* A client that takes nothing, until no answer may be sealed for it any more. Returns the last product's number. */
static uint32_t stuffed(void) {
    uint32_t seq = 0;
    greeted(BLIND_ROLE_A);
    flow();
    stuck = 1;
    scene_input(4, u, 64 * 64);         /* 200 rows: 38400 bytes an answer of 64 columns */
    while (down_n < BLIND_UNSENT_MAX) { /* one after the other */
        say(scene_product(++seq, 4, 64, u));
        enough = down_n + 1;
        run_until(has_written, WAIT_MS);
    }
    return seq;
}
/* The session is dropped no earlier and not much later; b is gone then. */
static void is_dropped_after(uint64_t ms) {
    uint64_t from = clock_mono_ms();
    run_until(is_dropped, ms + WAIT_MS);
    CHECK(clock_mono_ms() - from + 20 >= ms);
    CHECK_INT(dropped, 1);
    CHECK_INT(blind_visit_count(&n), 0);
    session_wipe(&client);
    b = NULL;
}

TEST(answers_wait_where_the_client_takes_none) {
    setup();
    uint32_t seq = stuffed();
    for (int more = 0; more < 12; more++) say(scene_product(++seq, 4, 64, u)); /* fewer than may be unanswered */
    run_until(NULL, 300);
    CHECK(down_n < BLIND_UNSENT_MAX + 40000); /* one answer over */
    stuck = 0;
    for (uint32_t heard = 1; heard <= seq; heard++) {
        run_until(has_heard, WAIT_MS);
        CHECK_INT(last.type, BLIND_ANSWER);
        CHECK_INT(last.answer.seq, heard);
    }
    close_session();
    done();
}

TEST(a_client_that_takes_nothing_is_dropped) {
    setup();
    n.visit_times.stall_ms = 400;
    (void)stuffed();
    blind_visit_sent(b, 1); /* starts the time anew */
    is_dropped_after(400);
    greeted(BLIND_ROLE_A); /* one that has taken all is not stuck */
    flow();
    run_until(NULL, 900);
    CHECK(!dropped && !ended);
    close_session();
    done();
}

TEST(the_idle_limit_holds_for_a_client_that_takes_nothing) {
    setup();
    n.visit_times.idle_ms = 200;
    n.visit_times.leave_ms = 300;
    (void)stuffed();
    is_dropped_after(500);
    done();
}

/* Answers, bytes taken and new messages do not put off the end of who was told to go. */
TEST(nothing_prolongs_a_session_that_was_told_to_end) {
    setup();
    n.visit_times.leave_ms = 500;
    uint32_t seq = stuffed();
    uint64_t from = clock_mono_ms();
    blind_visit_fail_all(&n, BLIND_CODE_DRAINING);
    for (int i = 0; i < 5; i++) {
        run_until(NULL, 50);
        CHECK(!dropped && !ended);
        say(scene_product(++seq, 4, 64, u));
        blind_visit_sent(b, 1);
        blind_visit_fail_all(&n, BLIND_CODE_DRAINING);
    }
    run_until(is_dropped, WAIT_MS);
    CHECK(clock_mono_ms() - from >= 480 && clock_mono_ms() - from < 2000);
    CHECK_INT(blind_visit_count(&n), 0);
    session_wipe(&client);
    b = NULL;
    done();
}

/* Over, and its pipe waits for the client to take the rest: byte by byte is not enough. */
TEST(what_is_left_of_an_ended_session_is_dropped) {
    setup();
    (void)stuffed();
    n.visit_times.stall_ms = 300;
    blind_visit_end(b);
    CHECK(ended && !dropped);
    uint64_t from = clock_mono_ms();
    while (!dropped && clock_mono_ms() - from < WAIT_MS) {
        run_until(NULL, 50);
        if (!dropped) blind_visit_sent(b, 1);
    }
    CHECK_INT(dropped, 1);
    is_dropped_after(0);
    n.visit_times = (struct blind_times)BLIND_TIMES_USUAL;
    (void)stuffed();
    blind_visit_end(b);
    n.visit_times.leave_ms = 200; /* the node drains: all the more */
    blind_visit_fail_all(&n, BLIND_CODE_DRAINING);
    is_dropped_after(200);
    done();
}

/* Who says nothing is cut, and dropped when the pipe does not close by that. */
TEST(a_client_that_does_not_greet_is_gone_in_time) {
    setup();
    n.visit_times.hello_ms = n.visit_times.leave_ms = 150;
    open_session();
    run_until(is_ended, WAIT_MS);
    is_dropped_after(150);
    open_session();
    blind_visit_bytes(b, start, sizeof start);
    hears_error(BLIND_CODE_IDLE);
    done();
}

TEST(a_draining_node_ends_its_sessions_and_takes_no_seat) {
    setup();
    greeted(BLIND_ROLE_A);
    blind_thread_drain(n.blind[0].thread);
    hears_error(BLIND_CODE_DRAINING);
    open_session();
    blind_visit_bytes(b, start, sizeof start);
    say(hello(BLIND_ROLE_A));
    hears_error(BLIND_CODE_DRAINING);
    done();
}

TEST(sessions_end_with_a_code_when_they_are_told_to) {
    setup();
    greeted(BLIND_ROLE_A);
    blind_visit_fail_all(&n, BLIND_CODE_IDLE);
    hears_error(BLIND_CODE_IDLE);
    open_session(); /* no key yet: without a word */
    blind_visit_fail_all(&n, BLIND_CODE_IDLE);
    CHECK(ended && down_n == 0);
    close_session();
    done();
}

TEST(a_client_that_leaves_at_any_time_leaves_nothing) {
    setup();
    for (int when = 0; when < 4; when++) {
        open_session();
        if (when > 0) blind_visit_bytes(b, start, sizeof start);
        if (when > 1) say(hello(BLIND_ROLE_A));
        if (when > 2) {
            scene_input(3, u, 64 * SYNTH_COLS_MAX / 8);
            say(scene_product(1, 3, 8, u));
        }
        if (when % 2) blind_visit_end(b);
        close_session();
        CHECK_INT(blind_visit_count(&n), 0);
        run_until(NULL, 5);
    }
    done();
}

int main(void) {
    const struct CMUnitTest all[] = {T(a_session_in_single_bytes_is_answered),
                                     T(a_start_that_is_not_ours_gets_no_word),
                                     T(a_chunk_that_does_not_open_ends_the_session_without_a_word),
                                     T(what_comes_instead_of_a_hello_is_refused_with_the_reason),
                                     T(the_workers_refusals_reach_the_client),
                                     T(a_bye_that_is_not_final_and_a_product_that_is_are_refused),
                                     T(tokens_are_asked_for_when_there_is_a_list),
                                     T(more_sessions_than_there_are_seats_are_turned_away),
                                     T(a_seat_that_is_not_used_goes_to_somebody_else),
                                     T(silent_strangers_keep_nobody_out),
                                     T(answers_wait_where_the_client_takes_none),
                                     T(a_client_that_takes_nothing_is_dropped),
                                     T(the_idle_limit_holds_for_a_client_that_takes_nothing),
                                     T(nothing_prolongs_a_session_that_was_told_to_end),
                                     T(what_is_left_of_an_ended_session_is_dropped),
                                     T(a_client_that_does_not_greet_is_gone_in_time),
                                     T(a_draining_node_ends_its_sessions_and_takes_no_seat),
                                     T(sessions_end_with_a_code_when_they_are_told_to),
                                     T(a_client_that_leaves_at_any_time_leaves_nothing)};
    if (secret_setup() != 0 || !(down = malloc(WIRE))) return 99;
    cmocka_set_message_output(CM_OUTPUT_TAP);
    int r = cmocka_run_group_tests_name("blind_visit", all, NULL, NULL) != 0;
    free(down);
    return r;
}
