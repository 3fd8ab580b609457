/* gateway: links to blind workers, against a coordinator and a worker that the test plays: whole messages both ways, back-pressure, and everything
 * that may be wrong with what comes. The caller runs on a thread of its own, as it does in the program. */
#include "gateway/blind_dial.h"
#include "blind/message.h"
#include "seal/http_names.h"
#include "seal/session.h"
#include "tests/unit/net/pair.h"
#include "tests/unit/seal/seal_fixture.h"

#include <pthread.h>
#include <stdatomic.h>

enum { LARGE = 3 << 20, WAIT_MS = 20000 };
static struct pair p;
static struct fix_node node;

/* ---- coordinator and worker in one: on the loop's thread ---- */
enum manner { HONEST, FLIPS, CUTS, REFUSES, FLOODS, SILENT, WRONG_FINAL };
static enum manner manner;
static struct h2_stream *stream;
static struct session worker;
static struct buf rx;
static int accepted;
static char asked_key[65];
static size_t heard_bytes, flooded;

static void send_bytes(const uint8_t *message, size_t n, int final) {
    uint8_t *chunk = malloc(n + SESSION_OVERHEAD);
    CHECK(chunk != NULL);
    CHECK_INT(session_seal(&worker, chunk, message, n, final), 0);
    if (manner == FLIPS) chunk[n / 2] ^= 4;
    CHECK_INT(h2_write(stream, chunk, n + SESSION_OVERHEAD), 0);
    free(chunk);
}
static void flood(void) {
    uint8_t block[16384] = {BLIND_ANSWER};
    while (h2_write_room(stream) > sizeof block + SESSION_OVERHEAD && flooded < 32 << 20) {
        send_bytes(block, sizeof block, 0);
        flooded += sizeof block;
    }
}
/* Answers every message with itself, as a message of a worker. */
static void on_message(uint8_t *message, size_t n, int final) {
    heard_bytes += n;
    if (manner == FLOODS)
        flood();
    else if (manner == SILENT || final)
        return;
    else if (manner == CUTS)
        CHECK_INT(h2_end(stream, NULL), 0);
    else {
        message[0] = BLIND_ANSWER;
        send_bytes(message, n, manner == WRONG_FINAL);
    }
}
static void on_data(void *arg, struct h2_stream *s, const uint8_t *bytes, size_t n) {
    size_t used, message_n;
    uint8_t *message, reply[SESSION_REPLY_BYTES];
    int final;
    (void)arg;
    h2_consume(s, n);
    CHECK_INT(buf_add(&rx, bytes, n), 0);
    if (!accepted && rx.len < SESSION_START_BYTES) return;
    if (!accepted) {
        CHECK_INT(session_accept(&worker, rx.data, &node.key, 1, &node.seen, reply), 0);
        CHECK_INT(h2_write(s, reply, sizeof reply), 0);
        buf_drop(&rx, SESSION_START_BYTES);
        accepted = 1;
    }
    while (stream && session_open(&worker, rx.data, rx.len, SESSION_MESSAGE_MAX, &used, &message, &message_n, &final) == 0) {
        on_message(message, message_n, final);
        buf_drop(&rx, used);
    }
}
static void on_writable(void *arg, struct h2_stream *s) {
    (void)arg, (void)s;
    if (manner == FLOODS) flood();
}
static void on_sent(void *arg, struct h2_stream *s, size_t n) {
    (void)arg, (void)s, (void)n;
    if (manner == FLOODS && accepted) flood();
}
static void on_close(void *arg, struct h2_stream *s, uint32_t code) {
    (void)arg, (void)s, (void)code;
    stream = NULL;
}
static const struct h2_stream_events worker_events = {
    .on_data = on_data, .on_writable = on_writable, .on_sent = on_sent, .on_close = on_close};
static void serve(struct end *e, struct h2_stream *s, const struct h2_request *r) {
    (void)e;
    CHECK_STR(r->path, PATH_BLIND);
    const char *key = h2_header_get(&r->headers, HEADER_KEY);
    snprintf(asked_key, sizeof asked_key, "%s", key ? key : "");
    stream = s;
    if (manner == REFUSES) {
        struct h2_header why = {HEADER_CODE, "busy"};
        h2_stream_set(s, NULL, NULL);
        CHECK_INT(h2_respond(s, 503, &(struct h2_headers){&why, 1}), 0);
        CHECK_INT(h2_end(s, NULL), 0);
        return;
    }
    h2_stream_set(s, &worker_events, NULL);
    CHECK_INT(h2_stream_widen(s, 1 << 20, 4 << 20), 0);
    CHECK_INT(h2_respond(s, 200, NULL), 0);
}

/* ---- the caller: its thread notes what it sees, the test's checks it ---- */
static struct blind_link k;
static struct blind_dialer dialer;
static int (*script)(void); /* 0: as it should be */
static atomic_int over;
static int seen;
static pthread_t caller;

static void *run_script(void *arg) {
    (void)arg;
    seen = script();
    atomic_store(&over, 1);
    return NULL;
}
static int is_over(void *arg) { return (void)arg, atomic_load(&over); }
static struct h2 *coordinator(void *arg) { return (void)arg, p.dialled.h; }
static struct h2 *no_coordinator(void *arg) { return (void)arg, NULL; }

static void begin(enum manner how, int (*what)(void)) {
    manner = how;
    script = what;
    stream = NULL;
    accepted = 0;
    heard_bytes = flooded = 0;
    atomic_store(&over, 0);
    fix_node(&node, 1);
    pair_up(&p, TLS_GATEWAY);
    p.accepted.serve = serve;
    buf_init(&rx, 16 << 20);
    dialer = (struct blind_dialer){.loop = p.loop, .coordinator = coordinator};
    CHECK_INT(pthread_create(&caller, NULL, run_script, NULL), 0);
}
static void finish(void) {
    pair_run_until(&p, is_over, NULL, 60000);
    CHECK_INT(pthread_join(caller, NULL), 0);
    CHECK_INT(seen, 0);
}
static void play(enum manner how, int (*what)(void)) {
    begin(how, what);
    finish();
}
static void done(void) {
    pair_run_for(&p, 20); /* the link's close */
    pair_release(&p);
    session_wipe(&worker);
    buf_release(&rx);
    fix_node_done(&node);
}

static uint8_t big[LARGE];
static int dial(void) { return blind_dial(&k, &dialer, &node.record.keys); }
static int echo(size_t n) {
    const uint8_t *back;
    size_t back_n;
    big[0] = BLIND_PRODUCT;
    for (size_t i = 1; i < n; i++) big[i] = (uint8_t)(i * 7 + n);
    if (k.ops->send(k.state, big, n) != 0) return 1;
    if (k.ops->receive(k.state, &back, &back_n, WAIT_MS) != 0) return 2;
    return back_n == n && back[0] == BLIND_ANSWER && memcmp(back + 1, big + 1, n - 1) == 0 ? 0 : 3;
}
static int leave(int r) {
    k.ops->close(k.state);
    return r;
}

static int messages_both_ways(void) {
    static const size_t sizes[] = {1, 100, 65535, 1 << 20, LARGE, 17};
    int r = dial();
    for (size_t i = 0; r == 0 && i < sizeof sizes / sizeof *sizes; i++) r = echo(sizes[i]);
    uint8_t bye = BLIND_BYE;
    if (r == 0) r = k.ops->send(k.state, &bye, 1);
    return leave(r);
}
static int heard_the_end(void *arg) { return (void)arg, session_end(&worker) == 0; }
TEST(messages_of_any_size_go_both_ways) {
    char key[65];
    play(HONEST, messages_both_ways);
    hex_encode(key, node.key.key_id, 32);
    CHECK_STR(asked_key, key);
    CHECK_MEM(k.identity, node.record.keys.identity, 32);
    CHECK_MEM(k.operator_id, node.record.keys.operator_id, 32);
    pair_run_until(&p, heard_the_end, NULL, 5000); /* the bye, in its final chunk */
    done();
}

/* Says something, and must then hear that the link is dead. */
static int is_dead(void) {
    const uint8_t *back;
    size_t n;
    int r = dial();
    big[0] = BLIND_PRODUCT;
    if (r == 0) (void)k.ops->send(k.state, big, 1000);
    if (r == 0) r = k.ops->receive(k.state, &back, &n, WAIT_MS) == ERR_IO ? 0 : 4;
    if (r == 0) r = k.ops->receive(k.state, &back, &n, 100) == ERR_IO ? 0 : 5; /* and stays so */
    if (r == 0) r = k.ops->send(k.state, big, 1000) == ERR_IO ? 0 : 6;
    return leave(r);
}
TEST(a_flipped_bit_ends_the_link) {
    play(FLIPS, is_dead);
    done();
}
TEST(a_cut_ends_the_link) {
    play(CUTS, is_dead);
    done();
}
TEST(a_refusal_ends_the_link) {
    play(REFUSES, is_dead);
    done();
}
TEST(an_answer_in_a_final_chunk_ends_the_link) {
    play(WRONG_FINAL, is_dead);
    done();
}
static int without_coordinator(void) {
    dialer.coordinator = no_coordinator;
    return is_dead();
}
TEST(without_a_coordinator_the_link_is_dead) {
    play(HONEST, without_coordinator);
    done();
}

static int waits(void) {
    const uint8_t *back;
    size_t n;
    int r = dial();
    uint64_t begun = clock_mono_ms();
    big[0] = BLIND_PRODUCT;
    if (r == 0) r = k.ops->send(k.state, big, 100);
    if (r == 0) r = k.ops->receive(k.state, &back, &n, 150) == ERR_MORE ? 0 : 7;
    if (r == 0 && clock_mono_ms() - begun < 150) r = 8;
    return leave(r);
}
TEST(who_hears_nothing_waits_as_long_as_it_said) {
    play(SILENT, waits);
    done();
}

static atomic_int go_on;
static int takes_late(void) {
    const uint8_t *back;
    size_t n;
    int r = dial();
    big[0] = BLIND_PRODUCT;
    if (r == 0) r = k.ops->send(k.state, big, 100);
    if (r == 0) r = k.ops->receive(k.state, &back, &n, WAIT_MS);
    atomic_store(&over, 1); /* the test looks how far the flood got */
    while (!atomic_load(&go_on)) usleep(1000);
    for (int i = 0; r == 0 && i < 1000; i++) r = k.ops->receive(k.state, &back, &n, WAIT_MS);
    return leave(r);
}
TEST(who_takes_nothing_holds_the_worker_back) {
    atomic_store(&go_on, 0);
    begin(FLOODS, takes_late);
    pair_run_until(&p, is_over, NULL, 60000);
    pair_run_for(&p, 300);
    size_t stuck = flooded;
    CHECK(stuck < 12 << 20); /* its own write buffer of 4 MiB and the link's windows, not all of it */
    pair_run_for(&p, 100);
    CHECK_INT(flooded, stuck);
    atomic_store(&over, 0);
    atomic_store(&go_on, 1);
    finish();
    done();
}

TEST(a_key_that_is_no_point_is_not_dialled) {
    struct keystmt bad;
    fix_node(&node, 1);
    bad = node.record.keys;
    memset(bad.seal_key, 0, 32);
    CHECK_INT(blind_dial(&k, &dialer, &bad), ERR_AUTH);
    fix_node_done(&node);
}

TESTS_MAIN("blind_dial", T(messages_of_any_size_go_both_ways), T(a_flipped_bit_ends_the_link), T(a_cut_ends_the_link),
           T(a_refusal_ends_the_link), T(an_answer_in_a_final_chunk_ends_the_link), T(without_a_coordinator_the_link_is_dead),
           T(who_hears_nothing_waits_as_long_as_it_said), T(who_takes_nothing_holds_the_worker_back),
           T(a_key_that_is_no_point_is_not_dialled))
