/* coordinator: worker sessions: bytes both ways through real links, back-pressure each way, ends, refusals, limits of time. */
#include "tests/unit/coordinator/scene.h"

enum { CHUNK = 4096, SOME = 3 << 20 };

/* ---- one end of a session, at the node or at the gateway ---- */
struct end {
    struct h2_stream *s;
    int status, ended, closed, hold; /* hold: keeps what came unconsumed */
    uint32_t close_code;
    char code[32];
    size_t got, to_send, pushed, held;
    uint8_t next_in, next_out; /* bytes count up, so that a lost or moved one shows */
    int finish;                /* ends its side when all is pushed */
};
static void end_push(struct end *e) {
    uint8_t block[CHUNK];
    while (e->pushed < e->to_send) {
        size_t n = e->to_send - e->pushed < CHUNK ? e->to_send - e->pushed : CHUNK;
        for (size_t i = 0; i < n; i++) block[i] = (uint8_t)(e->next_out + i);
        if (h2_write(e->s, block, n) != 0) return;
        e->next_out = (uint8_t)(e->next_out + n);
        e->pushed += n;
    }
    if (e->finish) (void)h2_end(e->s, NULL);
    e->finish = 0;
}
static void end_response(void *arg, struct h2_stream *s, int status, const struct h2_headers *h) {
    struct end *e = arg;
    const char *code = h2_header_get(h, HEADER_CODE);
    (void)s;
    e->status = status;
    snprintf(e->code, sizeof e->code, "%s", code ? code : "");
}
static void end_data(void *arg, struct h2_stream *s, const uint8_t *p, size_t n) {
    struct end *e = arg;
    for (size_t i = 0; i < n; i++) CHECK_INT(p[i], e->next_in++);
    e->got += n;
    if (e->hold)
        e->held += n;
    else
        h2_consume(s, n);
}
static void end_end(void *arg, struct h2_stream *s) {
    (void)s;
    ((struct end *)arg)->ended = 1;
}
static void end_writable(void *arg, struct h2_stream *s) {
    (void)s;
    end_push(arg);
}
static void end_close(void *arg, struct h2_stream *s, uint32_t code) {
    struct end *e = arg;
    (void)s;
    e->s = NULL;
    e->closed = 1;
    e->close_code = code;
}
static const struct h2_stream_events end_events = {end_response, end_data, NULL, end_end, NULL, end_writable, end_close};
static void end_release(struct end *e) {
    e->hold = 0;
    h2_consume(e->s, e->held);
    e->held = 0;
}

/* ---- the scene: one node, one gateway ---- */
enum { ENDS = 400, NODES = 5, SAME = 8 /* of one site at one node */, SEATS = 32 /* at one node */, ALL = 128 };
static struct scene s;
static struct node_actor node;
static struct gateway_actor gw;
static struct end at_node[ENDS], at_gateway[ENDS];
static unsigned opened;
static enum code refuse_with;

static void on_request(void *arg, struct h2 *h, struct h2_stream *st, const struct h2_request *r) {
    (void)arg, (void)h;
    CHECK_STR(r->path, PATH_BLIND);
    CHECK_STR(r->method, "POST");
    if (refuse_with) {
        struct h2_header why = {HEADER_CODE, code_name(refuse_with)};
        CHECK_INT(h2_respond(st, (int)code_http_status(refuse_with), &(struct h2_headers){&why, 1}), 0);
        CHECK_INT(h2_end(st, NULL), 0);
        return;
    }
    struct end *e = &at_node[opened++];
    e->s = st;
    h2_stream_set(st, &end_events, e);
    CHECK_INT(h2_respond(st, 200, NULL), 0);
}
static const struct h2_events node_side = {.on_request = on_request, .on_gone = node_gone};

static void setup_with(uint16_t slots) {
    memset(at_node, 0, sizeof at_node);
    memset(at_gateway, 0, sizeof at_gateway);
    opened = 0;
    refuse_with = CODE_NONE;
    scene_init(&s);
    scene_start(&s);
    node_init(&node, &s, 1);
    node.slots = slots;
    node_dial(&node);
    scene_until(&s, node_serves, &node, 5000);
    h2_set(node.h, &node_side, &node);
    gateway_up(&gw, &s);
}
static void setup(void) { setup_with(1); }
static void done(void) {
    gateway_done(&gw);
    node_done(&node);
    scene_end(&s);
}
static struct end *ask_key(unsigned i, const char *hex) {
    struct h2_header key = {HEADER_KEY, hex};
    struct h2_request r = {.method = "POST", .path = PATH_BLIND, .headers = {&key, hex ? 1 : 0}};
    CHECK_INT(h2_ask(gw.h, &r, &end_events, &at_gateway[i], &at_gateway[i].s), 0);
    return &at_gateway[i];
}
static struct end *ask(unsigned i) {
    char hex[65];
    hex_encode(hex, node.fix.key.key_id, 32);
    return ask_key(i, hex);
}
static int is_accepted(void *arg) { return ((struct end *)arg)->status != 0; }
static int is_closed(void *arg) { return ((struct end *)arg)->closed; }
static int has_all(void *arg) {
    struct end *e = arg;
    return e->got >= SOME;
}
static struct end *ask_accepted(unsigned i) {
    struct end *e = ask(i);
    scene_until(&s, is_accepted, e, 5000);
    CHECK_INT(e->status, 200);
    CHECK_INT(opened, i + 1);
    return e;
}
static int none_left(void *arg) { return ((struct coord *)arg)->tunnel_count == 0; }

TEST(bytes_pass_both_ways_at_once_and_in_order) {
    setup();
    struct end *g = ask(0); /* its first bytes need not wait for the answer */
    g->to_send = SOME;
    end_push(g);
    scene_until(&s, is_accepted, g, 5000);
    at_node[0].to_send = SOME;
    end_push(&at_node[0]);
    scene_until(&s, has_all, g, 20000);
    scene_until(&s, has_all, &at_node[0], 20000);
    CHECK(!g->ended && !at_node[0].ended); /* open until one of them ends it */
    at_node[0].finish = 1;
    end_push(&at_node[0]);
    scene_until(&s, is_closed, g, 5000);
    CHECK(g->ended);
    CHECK_INT(g->close_code, H2_OK);
    scene_until(&s, none_left, &s.c, 5000);
    done();
}

static size_t passes;
static int pushed_enough(void *arg) { return ((struct end *)arg)->pushed > passes; }

TEST(a_slow_end_slows_the_other_and_nobody_else) {
    for (int way = 0; way < 2; way++) {
        setup();
        struct end *g = ask_accepted(0), *slow = way ? g : &at_node[0], *quick = way ? &at_node[0] : g;
        slow->hold = 1;
        quick->to_send = 64 << 20;
        end_push(quick);
        passes = 1 << 20;
        scene_until(&s, pushed_enough, quick, 20000);
        scene_for(&s, 300);
        CHECK(quick->pushed < 8 << 20); /* windows of two hops and one buffer, not what wants to pass */
        size_t stuck = quick->pushed;
        struct end *other = ask_accepted(1); /* over the same two links */
        other->to_send = at_node[1].to_send = SOME;
        end_push(other);
        end_push(&at_node[1]);
        scene_until(&s, has_all, other, 20000);
        scene_until(&s, has_all, &at_node[1], 20000);
        CHECK_INT(quick->pushed, stuck);
        end_release(slow);
        passes = stuck + (4 << 20);
        scene_until(&s, pushed_enough, quick, 20000);
        done();
    }
}

TEST(a_gateway_that_leaves_is_cancelled_at_the_node) {
    for (int how = 0; how < 2; how++) {
        setup();
        struct end *g = ask_accepted(0);
        if (how) {
            h2_drop(gw.h);
            gw.h = NULL;
        } else {
            h2_reset(g->s, H2_CANCEL);
        }
        scene_until(&s, is_closed, &at_node[0], 5000);
        CHECK(at_node[0].close_code != H2_OK);
        scene_until(&s, none_left, &s.c, 5000);
        done();
    }
}

TEST(an_end_by_the_gateway_reaches_the_node) {
    setup();
    struct end *g = ask_accepted(0);
    g->to_send = SOME;
    g->finish = 1;
    end_push(g);
    scene_until(&s, has_all, &at_node[0], 20000);
    scene_for(&s, 50);
    CHECK(at_node[0].ended && !at_node[0].closed);
    at_node[0].to_send = 10; /* and its own side is still open */
    at_node[0].finish = 1;
    end_push(&at_node[0]);
    scene_until(&s, is_closed, g, 5000);
    CHECK_INT(g->got, 10);
    CHECK_INT(g->close_code, H2_OK);
    done();
}

TEST(a_lost_node_resets_the_session) {
    setup();
    struct end *g = ask_accepted(0);
    h2_drop(node.h);
    node.h = NULL;
    scene_until(&s, is_closed, g, 5000);
    CHECK(!g->ended && g->close_code != H2_OK);
    scene_until(&s, none_left, &s.c, 5000);
    done();
}

static void refused(struct end *e, enum code code) {
    scene_until(&s, is_closed, e, 5000);
    CHECK_STR(e->code, code_name(code));
    CHECK_INT(e->status, (int)code_http_status(code));
    CHECK_INT(s.c.tunnel_count, 0);
    CHECK_INT(opened, 0);
}

TEST(unknown_and_malformed_keys_are_refused) {
    setup();
    refused(ask_key(0, NULL), CODE_BAD_REQUEST);
    refused(ask_key(1, "abc"), CODE_BAD_REQUEST);
    refused(ask_key(2, "0000000000000000000000000000000000000000000000000000000000000000"), CODE_REFUSED);
    done();
}

TEST(a_nodes_refusal_reaches_the_gateway) {
    setup();
    refuse_with = CODE_BUSY;
    refused(ask(0), CODE_BUSY);
    done();
}

static int node_drains(void *arg) {
    (void)arg;
    const struct dir_node *d = dir_by_identity(&s.c.dir, node.fix.record.keys.identity);
    return d && d->draining;
}

TEST(a_draining_node_gets_no_new_session) {
    setup();
    node_say(&node, &(struct link_message){.type = LINK_DRAIN, .code = REASON_DRAINING});
    scene_until(&s, node_drains, NULL, 5000);
    refused(ask(0), CODE_DRAINING);
    done();
}

TEST(one_address_cannot_take_all_sessions) {
    setup_with(60);
    for (unsigned i = 0; i < SAME; i++) (void)ask_accepted(i);
    struct end *more = ask(SAME);
    scene_until(&s, is_closed, more, 5000);
    CHECK_STR(more->code, code_name(CODE_RATE));
    h2_reset(at_gateway[0].s, H2_CANCEL); /* one leaves, one may come */
    scene_until(&s, is_closed, &at_node[0], 5000);
    more = ask(SAME + 1);
    scene_until(&s, is_accepted, more, 5000);
    CHECK_INT(more->status, 200);
    done();
}

/* The gateway's requests come from that address from now on, 10.0.0.n, as far as the coordinator can tell. */
static void come_from(unsigned n) {
    for (struct peer *p = s.c.peers; p; p = p->next)
        if (p->ready && p->proto == TLS_GATEWAY) {
            memset(p->addr, 0, sizeof p->addr);
            memcpy(p->addr + 10, "\xff\xff\x0a\0\0", 5);
            p->addr[15] = (uint8_t)n;
        }
}
static void come_from_loopback(void) { /* where it is counted */
    come_from(1);
    for (struct peer *p = s.c.peers; p; p = p->next)
        if (p->ready && p->proto == TLS_GATEWAY) p->addr[12] = 127;
}
static int is_settled(void *arg) { return ((struct end *)arg)->status != 0 || ((struct end *)arg)->closed; }

static struct node_actor more_nodes[NODES - 1]; /* beside node */
static struct end *ask_of(unsigned i, unsigned at) {
    char hex[65];
    CHECK(i < ENDS);
    hex_encode(hex, (at ? &more_nodes[at - 1] : &node)->fix.key.key_id, 32);
    struct end *e = ask_key(i, hex);
    scene_until(&s, is_settled, e, 5000);
    return e;
}

/* Sites 10.0.0.1, .2, ... take what they get at the first `nodes` nodes, until `until` sessions are there. Returns how often they asked. */
static unsigned strangers_come(unsigned nodes, uint32_t until) {
    unsigned asked = 0;
    for (unsigned from = 1; s.c.tunnel_count < until; from++) {
        CHECK(from < 60);
        come_from(from);
        for (unsigned at = 0; at < nodes; at++)
            for (int i = 0; i < SAME && s.c.tunnel_count < until; i++) {
                struct end *e = ask_of(asked++, (from + at) % nodes);
                if (e->status == 200) continue;
                CHECK(strcmp(e->code, code_name(CODE_RATE)) == 0 || strcmp(e->code, code_name(CODE_BUSY)) == 0);
                break;
            }
    }
    return asked;
}
static unsigned lost(unsigned asked) {
    unsigned n = 0;
    for (unsigned i = 0; i < asked; i++)
        n += at_gateway[i].status == 200 && at_gateway[i].closed && at_gateway[i].close_code != H2_OK;
    return n;
}

TEST(a_few_addresses_cannot_keep_others_from_a_node) {
    setup_with(SEATS + 8);
    unsigned asked = strangers_come(1, SEATS);
    come_from(250);
    struct end *mine = ask_of(ENDS - 1, 0);
    CHECK_INT(mine->status, 200);
    scene_for(&s, 50);
    CHECK_INT(s.c.tunnel_count, SEATS); /* no more than the node has seats */
    CHECK_INT(lost(asked), 1);
    mine->to_send = SOME; /* and it works */
    end_push(mine);
    scene_until(&s, has_all, &at_node[opened - 1], 20000);
    come_from_loopback();
    done();
}

/* Few addresses take all there is; who comes from another one gets what he needs, and they lose it. */
TEST(a_few_addresses_cannot_keep_others_out) {
    setup_with(SEATS + 8);
    for (unsigned i = 0; i < NODES - 1; i++) {
        node_init(&more_nodes[i], &s, (uint8_t)(i + 2));
        more_nodes[i].slots = SEATS + 8;
        node_dial(&more_nodes[i]);
        scene_until(&s, node_serves, &more_nodes[i], 5000);
        h2_set(more_nodes[i].h, &node_side, &more_nodes[i]);
    }
    unsigned asked = strangers_come(NODES, ALL);
    scene_for(&s, 50);
    unsigned before = lost(asked); /* to each other */
    printf("# all taken after %u requests\n", asked);
    come_from(250);
    for (unsigned at = 0; at < 2; at++) {
        CHECK_INT(ask_of(ENDS - 2 + at, at)->status, 200);
        CHECK_INT(s.c.tunnel_count, ALL);
    }
    scene_for(&s, 50);
    CHECK_INT(lost(asked), before + 2);
    come_from_loopback();
    for (unsigned i = 0; i < NODES - 1; i++) node_done(&more_nodes[i]);
    done();
}

TEST(idle_and_stalled_sessions_are_ended) {
    setup();
    struct end *g = ask_accepted(0);
    tunnel_tick(&s.c, clock_mono_ms() + 599000);
    scene_for(&s, 20);
    CHECK(!g->closed);
    tunnel_tick(&s.c, clock_mono_ms() + 601000);
    scene_until(&s, is_closed, g, 5000);
    scene_until(&s, is_closed, &at_node[0], 5000);
    g = ask_accepted(1);
    at_node[1].hold = 1;
    g->to_send = 16 << 20;
    end_push(g);
    scene_for(&s, 100);
    tunnel_tick(&s.c, clock_mono_ms() + 61000); /* something waits, and the node takes nothing */
    scene_until(&s, is_closed, g, 5000);
    CHECK_INT(s.c.tunnel_count, 0);
    done();
}

TESTS_MAIN("tunnel", T(bytes_pass_both_ways_at_once_and_in_order), T(a_slow_end_slows_the_other_and_nobody_else),
           T(a_gateway_that_leaves_is_cancelled_at_the_node), T(an_end_by_the_gateway_reaches_the_node),
           T(a_lost_node_resets_the_session), T(unknown_and_malformed_keys_are_refused), T(a_nodes_refusal_reaches_the_gateway),
           T(a_draining_node_gets_no_new_session), T(one_address_cannot_take_all_sessions),
           T(a_few_addresses_cannot_keep_others_from_a_node), T(a_few_addresses_cannot_keep_others_out),
           T(idle_and_stalled_sessions_are_ended))
