/* test_h2.c - links over real sockets: both roles, bodies and trailers, back-pressure, cancels, ends of all kinds. */
#include "tests/unit/net/pair.h"

struct talk { /* one stream as a test sees it */
    struct h2_stream *s;
    int status, ended, closed, writable, trailers;
    uint32_t code;
    size_t got, sent;
    uint32_t sum; /* of received bytes */
    int hold;     /* 1: do not consume */
    char trailer[32], type[32];
    size_t to_send; /* echo: bytes to produce */
    uint8_t last;
    int end_last; /* 1: end only after the peer has: an answer that ends first stops the request's body */
};

static void talk_response(void *arg, struct h2_stream *s, int status, const struct h2_headers *h) {
    struct talk *t = arg;
    (void)s;
    t->status = status;
    const char *type = h2_header_get(h, "content-type");
    snprintf(t->type, sizeof t->type, "%s", type ? type : "");
}
static void talk_data(void *arg, struct h2_stream *s, const uint8_t *p, size_t n) {
    struct talk *t = arg;
    for (size_t i = 0; i < n; i++) t->sum = t->sum * 31 + p[i];
    t->got += n;
    if (!t->hold) h2_consume(s, n);
}
static void talk_trailers(void *arg, struct h2_stream *s, const struct h2_headers *h) {
    struct talk *t = arg;
    (void)s;
    t->trailers = 1;
    const char *v = h2_header_get(h, "lull-usage");
    snprintf(t->trailer, sizeof t->trailer, "%s", v ? v : "");
}
static void talk_sent(void *arg, struct h2_stream *s, size_t n) { (void)s, ((struct talk *)arg)->sent += n; }
static void pump(struct talk *t) {
    uint8_t block[1000];
    while (t->to_send) {
        size_t n = t->to_send < sizeof block ? t->to_send : sizeof block;
        for (size_t i = 0; i < n; i++) block[i] = (uint8_t)(t->last + i);
        if (h2_write(t->s, block, n) != 0) return;
        t->last = (uint8_t)(t->last + n);
        t->to_send -= n;
    }
    if (!t->end_last || t->ended) (void)h2_end(t->s, NULL);
}
static void talk_end(void *arg, struct h2_stream *s) {
    struct talk *t = arg;
    (void)s;
    t->ended = 1;
    if (t->end_last) pump(t);
}
static void talk_writable(void *arg, struct h2_stream *s) {
    struct talk *t = arg;
    (void)s;
    t->writable++;
    pump(t);
}
static void talk_close(void *arg, struct h2_stream *s, uint32_t code) {
    struct talk *t = arg;
    (void)s;
    t->closed = 1;
    t->code = code;
    t->s = NULL;
}
static const struct h2_stream_events talk_events = {talk_response, talk_data,     talk_trailers, talk_end,
                                                    talk_sent,     talk_writable, talk_close};
static int is_closed(void *arg) { return ((struct talk *)arg)->closed; }
static int is_ended(void *arg) { return ((struct talk *)arg)->ended; }
static int has_response(void *arg) { return ((struct talk *)arg)->status != 0; }

static struct end *asker(struct pair *p) { return p->dialled.proto == TLS_NODE ? &p->accepted : &p->dialled; }
static struct end *server(struct pair *p) { return p->dialled.proto == TLS_NODE ? &p->dialled : &p->accepted; }

static void ask(struct pair *p, struct talk *t, const char *method, const char *path) {
    struct h2_request r = {.method = method, .path = path};
    CHECK_INT(h2_ask(asker(p)->h, &r, &talk_events, t, &t->s), 0);
}

/* A link whose serving side does `serve` with what is asked. */
static void serving(struct pair *p, void (*serve)(struct end *e, struct h2_stream *s, const struct h2_request *r),
                    struct talk *theirs) {
    pair_up(p, TLS_NODE);
    server(p)->serve = serve;
    server(p)->arg = theirs;
}

/* Answers 200 with a type, the body "hello" and a trailer. */
static void serve_hello(struct end *e, struct h2_stream *s, const struct h2_request *r) {
    struct h2_header type = {"content-type", "text/plain"}, usage = {"lull-usage", "abc"};
    struct h2_headers head = {&type, 1}, tail = {&usage, 1};
    struct talk *t = e->arg;
    CHECK_STR(r->path, "/hello?x=1");
    t->s = s;
    h2_stream_set(s, &talk_events, t);
    CHECK_INT(h2_respond(s, 200, &head), 0);
    CHECK_INT(h2_write(s, "hello", 5), 0);
    CHECK_INT(h2_end(s, &tail), 0);
}

static void hello_over(enum tls_proto proto) {
    struct pair p;
    struct talk mine = {0}, theirs = {0};
    pair_up(&p, proto);
    CHECK_INT(p.dialled.proto, proto);
    CHECK_INT(p.accepted.proto, proto);
    server(&p)->serve = serve_hello;
    server(&p)->arg = &theirs;
    ask(&p, &mine, "GET", "/hello?x=1");
    CHECK_INT(h2_end(mine.s, NULL), 0);
    pair_run_until(&p, is_closed, &mine, 5000);
    CHECK_INT(mine.status, 200);
    CHECK_STR(mine.type, "text/plain");
    CHECK_INT(mine.got, 5);
    CHECK(mine.ended && mine.trailers);
    CHECK_STR(mine.trailer, "abc");
    CHECK_INT(mine.code, H2_OK);
    pair_run_until(&p, is_closed, &theirs, 5000);
    CHECK_INT(theirs.code, H2_OK);
    CHECK_INT(theirs.sent, 5);
    uint8_t a[32], b[32];
    CHECK_INT(h2_exporter(p.dialled.h, "EXPORTER-lull-link", a, 32), 0);
    CHECK_INT(h2_exporter(p.accepted.h, "EXPORTER-lull-link", b, 32), 0);
    CHECK_MEM(a, b, 32);
    pair_release(&p);
}
TEST(gateway_asks_and_is_answered) { hello_over(TLS_GATEWAY); }
TEST(node_dials_and_serves) { hello_over(TLS_NODE); }

/* ---- large bodies and back-pressure ---- */
static void serve_bulk(struct end *e, struct h2_stream *s, const struct h2_request *r) {
    struct talk *t = e->arg;
    (void)r;
    t->s = s;
    h2_stream_set(s, &talk_events, t);
    CHECK_INT(h2_respond(s, 200, &(struct h2_headers){NULL, 0}), 0);
    pump(t);
}
static uint32_t sum_of(size_t n) {
    uint32_t sum = 0;
    for (size_t i = 0; i < n; i++) sum = sum * 31 + (uint8_t)i;
    return sum;
}
TEST(ten_megabytes_both_ways) {
    struct pair p;
    enum { N = 10 << 20 };
    struct talk mine = {.to_send = N}, theirs = {.to_send = N, .end_last = 1};
    serving(&p, serve_bulk, &theirs);
    ask(&p, &mine, "POST", "/bulk");
    pump(&mine);
    pair_run_until(&p, is_closed, &mine, 60000);
    pair_run_until(&p, is_closed, &theirs, 5000);
    CHECK_INT(mine.got, N);
    CHECK_INT(theirs.got, N);
    CHECK_INT(mine.sum, sum_of(N));
    CHECK_INT(theirs.sum, sum_of(N));
    CHECK(mine.writable > 0 && theirs.writable > 0);
    pair_release(&p);
}
TEST(stalled_reader_holds_one_window_and_others_go_on) {
    struct pair p;
    struct talk stalled = {.hold = 1}, mine = {0}, theirs = {.to_send = 5 << 20};
    serving(&p, serve_bulk, &theirs);
    ask(&p, &stalled, "GET", "/a");
    CHECK_INT(h2_end(stalled.s, NULL), 0);
    pair_run_for(&p, 300);
    CHECK_INT(stalled.got, H2_WINDOW_DEFAULT);           /* not a byte more than the window */
    CHECK(theirs.to_send >= (5 << 20) - 262144 - 65536); /* the writer holds its buffer, and no more */
    struct talk other = {.to_send = 3 << 20};
    server(&p)->arg = &other;
    ask(&p, &mine, "GET", "/b");
    CHECK_INT(h2_end(mine.s, NULL), 0);
    pair_run_until(&p, is_closed, &mine, 20000);
    CHECK_INT(mine.got, 3 << 20);
    stalled.hold = 0;
    h2_consume(stalled.s, stalled.got);
    pair_run_until(&p, is_closed, &stalled, 20000);
    CHECK_INT(stalled.got, 5 << 20);
    pair_release(&p);
}
/* Streams closed with unread bytes must give the connection's window back, or the link dies of them. */
TEST(cancelled_unread_streams_leak_no_window) {
    struct pair p;
    pair_up(&p, TLS_NODE);
    server(&p)->serve = serve_bulk;
    for (int i = 0; i < 200; i++) {
        struct talk mine = {.hold = 1}, theirs = {.to_send = 1 << 20};
        server(&p)->arg = &theirs;
        ask(&p, &mine, "GET", "/");
        pair_run_until(&p, has_response, &mine, 5000);
        pair_run_for(&p, 2);
        h2_reset(mine.s, H2_CANCEL);
        pair_run_until(&p, is_closed, &theirs, 5000);
        CHECK_INT(theirs.code, H2_CANCEL);
    }
    struct talk mine = {0}, theirs = {.to_send = 4 << 20};
    server(&p)->arg = &theirs;
    ask(&p, &mine, "GET", "/");
    CHECK_INT(h2_end(mine.s, NULL), 0);
    pair_run_until(&p, is_closed, &mine, 20000);
    CHECK_INT(mine.got, 4 << 20);
    pair_release(&p);
}

/* ---- cancels, early ends ---- */
static void serve_wait(struct end *e, struct h2_stream *s, const struct h2_request *r) {
    struct talk *t = e->arg;
    (void)r;
    t->s = s;
    t->closed = 0;
    h2_stream_set(s, &talk_events, t);
    CHECK_INT(h2_respond(s, 200, &(struct h2_headers){NULL, 0}), 0);
}
static void serve_cancel(struct end *e, struct h2_stream *s, const struct h2_request *r) {
    (void)e, (void)r;
    h2_reset(s, H2_REFUSED);
}
TEST(the_serving_side_can_cancel) {
    struct pair p;
    struct talk mine = {0};
    pair_up(&p, TLS_NODE);
    server(&p)->serve = serve_cancel;
    ask(&p, &mine, "POST", "/");
    pair_run_until(&p, is_closed, &mine, 5000);
    CHECK_INT(mine.code, H2_REFUSED);
    CHECK(!mine.ended);
    pair_release(&p);
}
TEST(a_thousand_cancels_do_not_end_a_nodes_link) {
    struct pair p;
    struct talk mine = {0}, theirs = {0};
    pair_init(&p);
    p.client_opts.trust_resets = 1;
    pair_dial(&p, TLS_NODE);
    pair_run_until(&p, pair_both_ready, &p, 5000);
    server(&p)->serve = serve_wait;
    server(&p)->arg = &theirs;
    for (int i = 0; i < 1500; i++) {
        mine = (struct talk){0};
        ask(&p, &mine, "POST", "/");
        pair_run_until(&p, has_response, &mine, 5000);
        h2_reset(mine.s, H2_CANCEL);
    }
    pair_run_until(&p, is_closed, &theirs, 5000);
    CHECK(!p.dialled.gone && !p.accepted.gone);
    CHECK_INT(h2_slots(asker(&p)->h), 100);
    pair_release(&p);
}
TEST(an_answer_before_the_body_ended_frees_the_stream) {
    struct pair p;
    struct talk mine = {0}, theirs = {0};
    serving(&p, serve_hello, &theirs);
    ask(&p, &mine, "POST", "/hello?x=1"); /* its body never ends */
    pair_run_until(&p, is_closed, &mine, 5000);
    CHECK(mine.ended && mine.got == 5 && mine.trailers);
    CHECK_INT(mine.code, H2_OK);
    pair_run_until(&p, is_closed, &theirs, 5000);
    CHECK_INT(h2_slots(asker(&p)->h), 100);
    pair_release(&p);
}
TEST(slots_are_counted_and_the_next_ask_is_busy) {
    struct pair p;
    struct talk mine[4] = {{0}}, theirs = {0};
    pair_init(&p);
    p.client_opts.streams_max = 3;
    pair_dial(&p, TLS_NODE);
    pair_run_until(&p, pair_both_ready, &p, 5000);
    server(&p)->serve = serve_wait;
    server(&p)->arg = &theirs;
    CHECK_INT(h2_slots(asker(&p)->h), 3);
    for (int i = 0; i < 3; i++) ask(&p, &mine[i], "POST", "/");
    struct h2_request r = {.method = "POST", .path = "/"};
    CHECK_INT(h2_ask(asker(&p)->h, &r, &talk_events, &mine[3], &mine[3].s), ERR_BUSY);
    CHECK_INT(h2_ask(server(&p)->h, &r, &talk_events, &mine[3], &mine[3].s), ERR_WRONG_STATE);
    pair_run_until(&p, has_response, &mine[2], 5000);
    h2_reset(mine[0].s, H2_CANCEL);
    CHECK_INT(h2_slots(asker(&p)->h), 1);
    ask(&p, &mine[3], "POST", "/");
    pair_run_until(&p, has_response, &mine[3], 5000);
    pair_release(&p);
}

/* ---- the link's end ---- */

/* One stream is open, and answered as far as its headers. */
static void waiting(struct pair *p, struct talk *mine, struct talk *theirs) {
    *mine = *theirs = (struct talk){0};
    serving(p, serve_wait, theirs);
    ask(p, mine, "POST", "/");
    pair_run_until(p, has_response, mine, 5000);
}

TEST(dropping_a_link_is_seen_at_once_and_closes_streams) {
    struct pair p;
    struct talk mine, theirs;
    waiting(&p, &mine, &theirs);
    uint64_t t0 = clock_mono_ms();
    h2_drop(p.dialled.h);
    p.dialled.h = NULL;
    CHECK(theirs.closed && theirs.code == H2_LOST);
    pair_run_until(&p, is_closed, &mine, 5000);
    CHECK_INT(mine.code, H2_LOST);
    CHECK(clock_mono_ms() - t0 < 100);
    pair_run_for(&p, 5);
    CHECK(p.accepted.gone && p.accepted.gone_err == ERR_LOST);
    pair_release(&p);
}
TEST(close_lets_streams_end_first) {
    struct pair p;
    struct talk mine, theirs;
    waiting(&p, &mine, &theirs);
    h2_close(p.dialled.h, 0);
    pair_run_for(&p, 50);
    CHECK(p.accepted.goaway && !p.dialled.gone && !mine.closed);
    struct h2_request r = {.method = "POST", .path = "/"};
    struct h2_stream *none;
    CHECK_INT(h2_ask(asker(&p)->h, &r, &talk_events, NULL, &none), ERR_LOST);
    CHECK_INT(h2_write(theirs.s, "bye", 3), 0);
    CHECK_INT(h2_end(theirs.s, NULL), 0);
    CHECK_INT(h2_end(mine.s, NULL), 0);
    pair_run_until(&p, pair_both_gone, &p, 3000);
    CHECK(mine.ended && mine.got == 3 && mine.code == H2_OK);
    CHECK_INT(p.dialled.gone_err, 0);
    CHECK_INT(p.accepted.gone_err, 0);
    pair_release(&p);
}
TEST(close_has_a_limit) {
    struct pair p;
    struct talk mine, theirs;
    waiting(&p, &mine, &theirs);
    h2_close(p.dialled.h, 100);
    pair_run_until(&p, pair_both_gone, &p, 3000);
    CHECK_INT(theirs.code, H2_LOST);
    CHECK_INT(mine.code, H2_LOST);
    pair_release(&p);
}

/* ---- headers ---- */
TEST(oversized_headers_are_refused_and_the_link_lives) {
    struct pair p;
    struct talk mine = {0}, theirs = {0};
    serving(&p, serve_hello, &theirs);
    struct h2_header many[H2_HEADERS_MAX + 1];
    for (size_t i = 0; i <= H2_HEADERS_MAX; i++) many[i] = (struct h2_header){"x-many", "v"};
    struct h2_request r = {.method = "GET", .path = "/hello?x=1", .headers = {many, H2_HEADERS_MAX + 1}};
    CHECK_INT(h2_ask(asker(&p)->h, &r, &talk_events, &mine, &mine.s), ERR_LIMIT);
    char *big = calloc(1, 70000);
    memset(big, 'a', 69999);
    many[0].value = big;
    r.headers.count = 1;
    CHECK_INT(h2_ask(asker(&p)->h, &r, &talk_events, &mine, &mine.s), ERR_LIMIT);
    big[64000] = 0; /* passes the sender's check, not the receiver's count with its other headers */
    many[1] = (struct h2_header){"x-more", big + 62000};
    r.headers.count = 2;
    int e = h2_ask(asker(&p)->h, &r, &talk_events, &mine, &mine.s);
    CHECK_INT(e, ERR_LIMIT);
    free(big);
    ask(&p, &mine, "GET", "/hello?x=1");
    pair_run_until(&p, is_ended, &mine, 5000);
    pair_release(&p);
}

TESTS_MAIN("h2", T(gateway_asks_and_is_answered), T(node_dials_and_serves), T(ten_megabytes_both_ways),
           T(stalled_reader_holds_one_window_and_others_go_on), T(cancelled_unread_streams_leak_no_window),
           T(the_serving_side_can_cancel), T(a_thousand_cancels_do_not_end_a_nodes_link),
           T(an_answer_before_the_body_ended_frees_the_stream), T(slots_are_counted_and_the_next_ask_is_busy),
           T(dropping_a_link_is_seen_at_once_and_closes_streams), T(close_lets_streams_end_first), T(close_has_a_limit),
           T(oversized_headers_are_refused_and_the_link_lives))
