/* coordinator: a gateway's nonce to the node that it names, the node's evidence back: bounds, refusals, time, who may ask how often. */
#include "tests/unit/coordinator/scene.h"

enum { ASKS = 20, CHUNK = 4096 };

/* ---- one end of an ask, at the node or at the gateway ---- */
struct end {
    struct h2_stream *s;
    int status, ended, closed;
    uint32_t close_code;
    char code[32], type[40];
    size_t got, to_send, pushed; /* of a body, to the gateway: bytes that count up */
    int sum_bad;
    uint8_t nonce[64];
};
static struct scene s;
static struct node_actor node;
static struct gateway_actor gw;
static struct end at_node[ASKS], at_gateway[ASKS];
static unsigned asked;
static const char *expected_path = PATH_EVIDENCE;
static int node_status;    /* what the node answers; 0: it says nothing */
static size_t answer_size; /* and how long its evidence is */

static void push(struct end *e) {
    uint8_t block[CHUNK];
    while (e->pushed < e->to_send) {
        size_t n = e->to_send - e->pushed < CHUNK ? e->to_send - e->pushed : CHUNK;
        for (size_t i = 0; i < n; i++) block[i] = (uint8_t)((e->pushed + i) % 251);
        if (h2_write(e->s, block, n) != 0) return;
        e->pushed += n;
    }
    (void)h2_end(e->s, NULL);
}
static void end_response(void *arg, struct h2_stream *st, int status, const struct h2_headers *h) {
    struct end *e = arg;
    const char *code = h2_header_get(h, HEADER_CODE), *type = h2_header_get(h, "content-type");
    (void)st;
    e->status = status;
    snprintf(e->code, sizeof e->code, "%s", code ? code : "");
    snprintf(e->type, sizeof e->type, "%s", type ? type : "");
}
static void end_data(void *arg, struct h2_stream *st, const uint8_t *p, size_t n) {
    struct end *e = arg;
    for (size_t i = 0; i < n; i++) {
        if (e->got + i < sizeof e->nonce) e->nonce[e->got + i] = p[i];
        e->sum_bad |= p[i] != (uint8_t)((e->got + i) % 251);
    }
    e->got += n;
    h2_consume(st, n);
}
static void end_close(void *arg, struct h2_stream *st, uint32_t code) {
    struct end *e = arg;
    (void)st;
    e->s = NULL;
    e->closed = 1;
    e->close_code = code;
}
static void end_writable(void *arg, struct h2_stream *st) {
    (void)st;
    push(arg);
}
static void gateway_end(void *arg, struct h2_stream *st) {
    (void)st;
    ((struct end *)arg)->ended = 1;
}
/* The nonce is whole: the node does as it was told. */
static void node_end(void *arg, struct h2_stream *st) {
    struct end *e = arg;
    e->ended = 1;
    if (node_status == 0) return;
    CHECK_INT(h2_respond(st, node_status, NULL), 0);
    e->to_send = node_status == 200 ? answer_size : 0;
    push(e);
}
static const struct h2_stream_events node_events_ = {
    .on_data = end_data, .on_end = node_end, .on_writable = end_writable, .on_close = end_close};
static const struct h2_stream_events gateway_events_ = {
    .on_response = end_response, .on_data = end_data, .on_end = gateway_end, .on_close = end_close};

static void on_request(void *arg, struct h2 *h, struct h2_stream *st, const struct h2_request *r) {
    (void)arg, (void)h;
    CHECK_STR(r->path, expected_path);
    CHECK_STR(r->method, "POST");
    CHECK(asked < ASKS);
    struct end *e = &at_node[asked++];
    e->s = st;
    h2_stream_set(st, &node_events_, e);
}
static const struct h2_events node_side = {.on_request = on_request, .on_gone = node_gone};

static void setup(int status, size_t size) {
    memset(at_node, 0, sizeof at_node);
    memset(at_gateway, 0, sizeof at_gateway);
    asked = 0;
    node_status = status;
    answer_size = size;
    scene_init(&s);
    scene_start(&s);
    node_init(&node, &s, 1);
    node.slots = 8;
    node_dial(&node);
    scene_until(&s, node_serves, &node, 5000);
    h2_set(node.h, &node_side, &node);
    gateway_up(&gw, &s);
}
static void done(void) {
    gateway_done(&gw);
    node_done(&node);
    scene_end(&s);
}
static struct end *ask_path(unsigned i, const char *path, size_t nonce_bytes, int finish) {
    uint8_t nonce[ACTIVATE_BYTES_MAX + 1];
    struct h2_request r = {.method = "POST", .path = path};
    struct end *e = &at_gateway[i];
    for (size_t k = 0; k < sizeof nonce; k++) nonce[k] = (uint8_t)k;
    CHECK_INT(h2_ask(gw.h, &r, &gateway_events_, e, &e->s), 0);
    if (nonce_bytes) CHECK_INT(h2_write(e->s, nonce, nonce_bytes), 0);
    if (finish) CHECK_INT(h2_end(e->s, NULL), 0);
    return e;
}
static struct end *ask(unsigned i, size_t nonce_bytes) {
    char path[128] = PATH_EVIDENCE "?node=";
    hex_encode(path + strlen(path), node.fix.record.keys.identity, 32);
    return ask_path(i, path, nonce_bytes, 1);
}
static struct end *ask_activation(unsigned i, size_t bytes) {
    char path[128] = PATH_ACTIVATE "?node=";
    hex_encode(path + strlen(path), node.fix.record.keys.identity, 32);
    return ask_path(i, path, bytes, 1);
}
static int is_closed(void *arg) { return ((struct end *)arg)->closed; }
static int has_been_asked(void *arg) { return asked >= *(unsigned *)arg; }
static int none_left(void *arg) { return ((struct coord *)arg)->evidence_count == 0; }
static void refused(struct end *e, enum code code) {
    scene_until(&s, is_closed, e, 5000);
    CHECK_STR(e->code, code_name(code));
    CHECK_INT(e->status, (int)code_http_status(code));
    CHECK_INT(e->got, 0);
    scene_until(&s, none_left, &s.c, 5000);
}

TEST(the_nonce_reaches_the_node_and_its_evidence_comes_back_whole) {
    static const size_t sizes[] = {1, 70000, EVIDENCE_BYTES_MAX};
    for (size_t i = 0; i < 3; i++) {
        setup(200, sizes[i]);
        struct end *g = ask(0, 32);
        scene_until(&s, is_closed, g, 20000);
        CHECK_INT(g->status, 200);
        CHECK_STR(g->type, EVIDENCE_CONTENT_TYPE);
        CHECK(g->ended && g->close_code == H2_OK && !g->sum_bad);
        CHECK_INT(g->got, sizes[i]);
        CHECK_INT(at_node[0].got, 32);
        for (size_t k = 0; k < 32; k++) CHECK_INT(at_node[0].nonce[k], k);
        scene_until(&s, none_left, &s.c, 5000);
        done();
    }
}

TEST(nothing_reaches_the_node_as_nothing_for_what_was_made_ahead) {
    setup(200, 70000);
    struct end *g = ask(0, 0);
    scene_until(&s, is_closed, g, 5000);
    CHECK_INT(g->status, 200);
    CHECK_INT(g->got, 70000);
    CHECK_INT(at_node[0].got, 0);
    CHECK(at_node[0].ended);
    scene_until(&s, none_left, &s.c, 5000);
    done();
}

TEST(evidence_over_4_mib_is_broken_off) {
    setup(200, EVIDENCE_BYTES_MAX + 1);
    struct end *g = ask(0, 32);
    scene_until(&s, is_closed, g, 20000);
    CHECK(!g->ended && g->close_code != H2_OK);
    CHECK(g->got <= EVIDENCE_BYTES_MAX);
    scene_until(&s, is_closed, &at_node[0], 5000);
    scene_until(&s, none_left, &s.c, 5000);
    done();
}

TEST(what_is_not_32_bytes_for_a_node_that_is_here_reaches_nobody) {
    static const char unknown[] = PATH_EVIDENCE "?node=0000000000000000000000000000000000000000000000000000000000000000";
    setup(200, 10);
    refused(ask(0, 31), CODE_BAD_REQUEST);
    refused(ask(1, 33), CODE_BAD_REQUEST);
    refused(ask_path(3, PATH_EVIDENCE, 32, 1), CODE_BAD_REQUEST);
    refused(ask_path(4, PATH_EVIDENCE "?node=ab", 32, 1), CODE_BAD_REQUEST);
    refused(ask_path(5, PATH_EVIDENCE "?model=m", 32, 1), CODE_BAD_REQUEST);
    struct end *g = ask_path(6, unknown, 32, 1);
    refused(g, CODE_NO_MODEL);
    CHECK_INT(g->status, 404);
    CHECK_INT(asked, 0);
    done();
}

TEST(a_nodes_refusal_is_passed_on) {
    static const struct {
        int status;
        enum code code;
    } rows[] = {{404, CODE_NO_MODEL}, {429, CODE_RATE}, {503, CODE_BUSY}, {418, CODE_INTERNAL}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        setup(rows[i].status, 0);
        refused(ask(0, 32), rows[i].code);
        done();
    }
}

TEST(a_node_that_says_nothing_is_given_ten_seconds) {
    setup(0, 0);
    struct end *g = ask(0, 32);
    unsigned one = 1;
    scene_until(&s, has_been_asked, &one, 5000);
    evidence_relay_tick(&s.c, clock_mono_ms() + 9000);
    scene_for(&s, 20);
    CHECK(!g->closed);
    evidence_relay_tick(&s.c, clock_mono_ms() + 10500);
    refused(g, CODE_DEADLINE);
    scene_until(&s, is_closed, &at_node[0], 5000);
    done();
}

TEST(a_lost_node_and_a_gateway_that_leaves_end_it) {
    unsigned one = 1;
    setup(0, 0);
    struct end *g = ask(0, 32);
    scene_until(&s, has_been_asked, &one, 5000);
    h2_drop(node.h);
    node.h = NULL;
    refused(g, CODE_BUSY);
    done();
    setup(0, 0);
    g = ask(0, 32);
    scene_until(&s, has_been_asked, &one, 5000);
    h2_reset(g->s, H2_CANCEL);
    scene_until(&s, is_closed, &at_node[0], 5000);
    scene_until(&s, none_left, &s.c, 5000);
    done();
}

TEST(one_node_is_asked_by_two_at_a_time) {
    unsigned two = 2;
    setup(0, 0);
    (void)ask(0, 32);
    (void)ask(1, 32);
    scene_until(&s, has_been_asked, &two, 5000);
    struct end *more = ask(2, 32);
    scene_until(&s, is_closed, more, 5000);
    CHECK_STR(more->code, code_name(CODE_BUSY));
    h2_reset(at_gateway[0].s, H2_CANCEL);
    scene_until(&s, is_closed, &at_node[0], 5000);
    node_status = 200, answer_size = 3;
    more = ask(3, 32);
    scene_until(&s, is_closed, more, 5000);
    CHECK_INT(more->status, 200);
    CHECK_INT(more->got, 3);
    done();
}

TEST(a_credential_reaches_the_node_and_its_secret_comes_back) {
    static const size_t sizes[] = {ACTIVATE_BYTES_MIN, 140, ACTIVATE_BYTES_MAX};
    expected_path = PATH_ACTIVATE;
    for (size_t i = 0; i < 3; i++) {
        setup(200, i ? 32 : ACTIVATE_SECRET_MAX);
        struct end *g = ask_activation(0, sizes[i]);
        scene_until(&s, is_closed, g, 5000);
        CHECK_INT(g->status, 200);
        CHECK(g->ended && g->close_code == H2_OK && !g->sum_bad);
        CHECK_INT(g->got, i ? 32 : ACTIVATE_SECRET_MAX);
        CHECK_INT(at_node[0].got, sizes[i]);
        scene_until(&s, none_left, &s.c, 5000);
        done();
    }
    expected_path = PATH_EVIDENCE;
}

TEST(no_longer_credential_goes_up_and_no_longer_secret_down) {
    expected_path = PATH_ACTIVATE;
    setup(200, ACTIVATE_SECRET_MAX + 1);
    refused(ask_activation(0, ACTIVATE_BYTES_MIN - 1), CODE_BAD_REQUEST);
    refused(ask_activation(3, 0), CODE_BAD_REQUEST);
    refused(ask_activation(1, ACTIVATE_BYTES_MAX + 1), CODE_BAD_REQUEST);
    CHECK_INT(asked, 0);
    struct end *g = ask_activation(2, 100);
    scene_until(&s, is_closed, g, 5000);
    CHECK(!g->ended && g->close_code != H2_OK);
    CHECK(g->got <= ACTIVATE_SECRET_MAX);
    scene_until(&s, none_left, &s.c, 5000);
    done();
    setup(400, 0); /* not for this TPM */
    refused(ask_activation(0, 100), CODE_BAD_REQUEST);
    done();
    expected_path = PATH_EVIDENCE;
}

TESTS_MAIN("evidence relay", T(the_nonce_reaches_the_node_and_its_evidence_comes_back_whole),
           T(nothing_reaches_the_node_as_nothing_for_what_was_made_ahead), T(evidence_over_4_mib_is_broken_off),
           T(what_is_not_32_bytes_for_a_node_that_is_here_reaches_nobody), T(a_nodes_refusal_is_passed_on),
           T(a_node_that_says_nothing_is_given_ten_seconds), T(a_lost_node_and_a_gateway_that_leaves_end_it),
           T(one_node_is_asked_by_two_at_a_time), T(a_credential_reaches_the_node_and_its_secret_comes_back),
           T(no_longer_credential_goes_up_and_no_longer_secret_down))
