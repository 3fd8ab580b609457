/* blind: a worker in a thread and sealed links to it: products over both roles at once, back-pressure, drain, and the end. */
#include "blind/local_link.h"
#include "base/clock.h"
#include "blind/worker_thread.h"
#include "tests/unit/blind/worker_scene.h"

enum { WAIT_MS = 20000 };
static struct weights s;
static uint32_t u[64 * SYNTH_COLS_MAX];

static struct blind_message hear(struct blind_link *k) {
    const uint8_t *p;
    size_t n;
    struct blind_message m;
    CHECK_INT(k->ops->receive(k->state, &p, &n, WAIT_MS), 0);
    CHECK_INT(blind_message_read(p, n, 0, &m), 0);
    return m;
}
static void say(struct blind_link *k, size_t n) { CHECK_INT(k->ops->send(k->state, scene_buf, n), 0); }
static void hello(struct blind_link *k, enum blind_role role) {
    struct blind_message m = {.type = BLIND_HELLO, .hello = {.role = (uint8_t)role}};
    memcpy(m.hello.manifest_hash, scene_manifest, 32);
    say(k, scene_write(&m));
    CHECK_INT(hear(k).type, BLIND_READY);
}
/* All pieces of an answer, compared with the plain product. */
static void expects(struct blind_link *k, uint32_t seq, uint32_t stack, uint16_t count) {
    struct speaker said = {.count = 0};
    uint32_t rows = 0;
    while (rows < synth_shapes[stack].rows) {
        const uint8_t *p;
        size_t n;
        struct blind_message m;
        CHECK_INT(k->ops->receive(k->state, &p, &n, WAIT_MS), 0);
        CHECK_INT(blind_message_read(p, n, 0, &m), 0);
        CHECK_INT(m.type, BLIND_ANSWER);
        rows += m.answer.rows;
        speaker_put(&said, p, n, 0);
    }
    (void)speaker_expects(&said, seq, 0, stack, count, u);
    speaker_forget(&said);
}

TEST(products_come_back_over_sealed_links) {
    struct blind_local *l;
    struct blind_link k[3];
    struct blind_worker_counts n;
    weights_open(&s, 2);
    CHECK_INT(blind_local_new(&l, &s.opts, 0), 0);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_INT(blind_local_link(l, &k[i]), 0);
        hello(&k[i], BLIND_ROLE_LATTICE);
    }
    for (uint32_t seq = 1; seq <= 20; seq++)
        for (unsigned i = 0; i < 3; i++) {
            uint32_t stack = (seq + i) % SYNTH_STACKS;
            uint16_t count = (uint16_t)(1 + seq % 5);
            scene_input(stack, u, count * (size_t)synth_shapes[stack].cols);
            say(&k[i], scene_product(seq, stack, count, u));
            expects(&k[i], seq, stack, count);
        }
    for (unsigned i = 0; i < 3; i++) {
        say(&k[i], scene_write(&(struct blind_message){.type = BLIND_BYE}));
        k[i].ops->close(k[i].state);
    }
    do blind_local_counts(l, &n); /* counted when the thread has nothing to do */
    while (n.products < 60);
    CHECK_INT(n.products, 60);
    blind_local_free(l);
    weights_close(&s);
}

TEST(a_link_with_delay_takes_it_each_way) {
    struct blind_local *l;
    struct blind_link k;
    weights_open(&s, 1);
    CHECK_INT(blind_local_new(&l, &s.opts, 10000), 0);
    CHECK_INT(blind_local_link(l, &k), 0);
    hello(&k, BLIND_ROLE_A);
    scene_input(0, u, 64);
    uint64_t begun = clock_mono_us();
    say(&k, scene_product(1, 0, 1, u));
    expects(&k, 1, 0, 1);
    CHECK(clock_mono_us() - begun >= 20000);
    k.ops->close(k.state);
    blind_local_free(l);
    weights_close(&s);
}

TEST(an_error_is_the_last_message_of_a_link) {
    struct blind_local *l;
    struct blind_link k;
    const uint8_t *p;
    size_t n;
    weights_open(&s, 1);
    CHECK_INT(blind_local_new(&l, &s.opts, 0), 0);
    CHECK_INT(blind_local_link(l, &k), 0);
    CHECK_INT(k.ops->receive(k.state, &p, &n, 0), ERR_MORE);
    hello(&k, BLIND_ROLE_A);
    scene_input(0, u, 64);
    size_t length = scene_product(1, 0, 1, u);
    say(&k, length - 1);
    struct blind_message m = hear(&k);
    CHECK_INT(m.type, BLIND_ERROR);
    CHECK_INT(m.error.code, BLIND_CODE_SHAPE);
    CHECK_INT(k.ops->receive(k.state, &p, &n, WAIT_MS), ERR_IO);
    CHECK_INT(k.ops->send(k.state, scene_buf, length), ERR_IO);
    k.ops->close(k.state);
    blind_local_free(l);
    weights_close(&s);
}

/* ---- seats ---- */
static void on_wake(void *arg) { ++*(int *)arg; }
static size_t take_all(struct blind_seat *seat, unsigned answers) {
    size_t bytes = 0;
    uint64_t until = clock_mono_ms() + WAIT_MS;
    struct blind_out out;
    while (answers && clock_mono_ms() < until)
        if (blind_seat_take(seat, &out) == 0) {
            bytes += out.n;
            answers -= out.message[0] == BLIND_ANSWER;
            blind_out_free(&out);
        }
    CHECK_INT(answers, 0);
    return bytes;
}
static struct blind_seat *seat_of(struct blind_thread *t, int *woken) {
    struct blind_seat *seat;
    struct blind_message m = {.type = BLIND_HELLO, .hello = {.role = BLIND_ROLE_A}};
    memcpy(m.hello.manifest_hash, scene_manifest, 32);
    CHECK_INT(blind_seat_open(&seat, t, NULL, on_wake, woken), 0);
    CHECK_INT(blind_seat_put(seat, scene_buf, scene_write(&m)), 0);
    return seat;
}

TEST(a_draining_worker_answers_what_was_asked_and_ends_its_sessions) {
    struct blind_thread *t;
    int woken = 0;
    struct blind_out out;
    weights_open(&s, 1);
    CHECK_INT(blind_thread_new(&t, &s.opts, 0), 0);
    struct blind_seat *seat = seat_of(t, &woken), *other;
    scene_input(3, u, 8 * SYNTH_COLS_MAX);
    for (uint32_t seq = 1; seq <= 4; seq++) CHECK_INT(blind_seat_put(seat, scene_buf, scene_product(seq, 3, 8, u)), 0);
    blind_thread_drain(t);
    CHECK_INT(blind_seat_open(&other, t, NULL, on_wake, &woken), ERR_WRONG_STATE);
    (void)take_all(seat, 4);
    uint64_t until = clock_mono_ms() + WAIT_MS;
    while (blind_seat_take(seat, &out) == ERR_MORE) CHECK(clock_mono_ms() < until);
    struct blind_message m;
    CHECK_INT(blind_message_read(out.message, out.n, 0, &m), 0);
    CHECK_INT(m.type, BLIND_ERROR);
    CHECK_INT(m.error.code, BLIND_CODE_DRAINING);
    CHECK_INT(out.final, 1);
    blind_out_free(&out);
    blind_seat_close(seat);
    blind_thread_free(t);
    CHECK(woken > 0);
    weights_close(&s);
}

TEST(seats_are_bounded_and_come_back_when_closed) {
    struct blind_thread *t;
    int woken = 0;
    weights_open(&s, 1);
    s.opts.clients_max = 2;
    CHECK_INT(blind_thread_new(&t, &s.opts, 0), 0);
    struct blind_seat *a = seat_of(t, &woken), *b = seat_of(t, &woken), *c;
    CHECK_INT(blind_seat_open(&c, t, NULL, on_wake, &woken), ERR_BUSY);
    blind_seat_close(a);
    uint64_t until = clock_mono_ms() + WAIT_MS;
    int r;
    while ((r = blind_seat_open(&c, t, NULL, on_wake, &woken)) == ERR_BUSY) CHECK(clock_mono_ms() < until);
    CHECK_INT(r, 0);
    blind_seat_close(b);
    blind_seat_close(c);
    blind_thread_free(t); /* closes that are still under way are done by it */
    weights_close(&s);
}

TEST(a_seat_takes_no_more_than_its_window_and_says_when_it_does_again) {
    struct blind_thread *t;
    int woken = 0;
    uint8_t *large = calloc(1, BLIND_MESSAGE_MAX);
    CHECK(large != NULL);
    weights_open(&s, 1);
    CHECK_INT(blind_thread_new(&t, &s.opts, 200000), 0); /* the worker sees nothing for a while: what is put piles up */
    struct blind_seat *seat = seat_of(t, &woken);
    CHECK_INT(blind_seat_room(seat), BLIND_MESSAGE_MAX);
    CHECK_INT(blind_seat_put(seat, large, BLIND_MESSAGE_MAX), 0);
    CHECK(blind_seat_room(seat) < BLIND_MESSAGE_MAX);
    CHECK_INT(blind_seat_put(seat, large, BLIND_MESSAGE_MAX), ERR_BUSY);
    uint64_t until = clock_mono_ms() + WAIT_MS;
    while (blind_seat_room(seat) < BLIND_MESSAGE_MAX) CHECK(clock_mono_ms() < until);
    blind_seat_close(seat);
    blind_thread_free(t);
    CHECK(woken > 0);
    free(large);
    weights_close(&s);
}

TESTS_MAIN("local_link", T(products_come_back_over_sealed_links), T(a_link_with_delay_takes_it_each_way),
           T(an_error_is_the_last_message_of_a_link), T(a_draining_worker_answers_what_was_asked_and_ends_its_sessions),
           T(seats_are_bounded_and_come_back_when_closed), T(a_seat_takes_no_more_than_its_window_and_says_when_it_does_again))
