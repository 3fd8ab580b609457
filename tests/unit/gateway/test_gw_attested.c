/* Tier attested through a whole gateway: who is asked for evidence, who is sealed to, what the app is told; and nodes and coordinators that
 * show what is not theirs, not fresh, too much, or nothing. */
#include "base/hash.h"
#include "tests/unit/gateway/hostile_net.h"
#include "tests/unit/gateway/shown.h"

#define ATTESTED "lull-min-tier: attested\r\n"

enum shows { GOOD, DEBUG, OF_NODE_0, STALE, HUGE_ONE, CUT_OFF, NOTHING, TOO_OFTEN, SILENT };

static struct net net;
static enum shows shows[NET_NODES];
static unsigned asked[NET_NODES];
static struct { /* evidence that is asked for */
    struct h2_stream *s;
    size_t node, got, sent;
    uint8_t nonce[32];
} asks[64];
static size_t ask_count;
static uint8_t nonces[64][32];

/* ---- the coordinator and the nodes behind it ---- */

static void put_zeros(size_t i) {
    static const uint8_t zeros[4096];
    while (asks[i].s && asks[i].sent <= EVIDENCE_BYTES_MAX) {
        if (h2_write(asks[i].s, zeros, sizeof zeros) != 0) return;
        asks[i].sent += sizeof zeros;
    }
    if (asks[i].s) (void)h2_end(asks[i].s, NULL);
}
static void show(size_t i) {
    static uint8_t wire[8192];
    size_t who = asks[i].node;
    enum shows how = shows[who];
    int status = how == NOTHING ? 404 : how == TOO_OFTEN ? 429 : 200;
    if (how == SILENT) return;
    CHECK_INT(h2_respond(asks[i].s, status, NULL), 0);
    if (how == HUGE_ONE) {
        put_zeros(i);
        return;
    }
    if (how == STALE) asks[i].nonce[0] ^= 1;
    const uint8_t *key = net.node[how == OF_NODE_0 ? 0 : who].key.key_id;
    size_t n = shown_make(wire, sizeof wire, how == DEBUG ? SHOWN_DEBUG : SHOWN_GOOD, asks[i].nonce, key, 1);
    if (status == 200) CHECK_INT(h2_write(asks[i].s, wire, how == CUT_OFF ? n / 2 : n), 0);
    (void)h2_end(asks[i].s, NULL);
}
static size_t index_of(void *arg) { return (size_t)((uintptr_t)arg - 1); }
static void nonce_data(void *arg, struct h2_stream *s, const uint8_t *p, size_t n) {
    size_t i = index_of(arg);
    h2_consume(s, n);
    CHECK(asks[i].got + n <= 32);
    memcpy(asks[i].nonce + asks[i].got, p, n);
    asks[i].got += n;
}
static void nonce_end(void *arg, struct h2_stream *s) {
    size_t i = index_of(arg);
    (void)s;
    CHECK_INT(asks[i].got, 32);
    memcpy(nonces[i], asks[i].nonce, 32);
    show(i);
}
static void nonce_writable(void *arg, struct h2_stream *s) {
    (void)s;
    put_zeros(index_of(arg));
}
static void nonce_close(void *arg, struct h2_stream *s, uint32_t code) {
    (void)s, (void)code;
    asks[index_of(arg)].s = NULL;
}
static const struct h2_stream_events nonce_events = {
    .on_data = nonce_data, .on_end = nonce_end, .on_writable = nonce_writable, .on_close = nonce_close};
static void on_evidence(struct net *n, struct h2_stream *s, const char *identity) {
    uint8_t id[32];
    CHECK_INT(hex_decode(id, 32, identity, strlen(identity)), 0);
    CHECK(ask_count < sizeof asks / sizeof *asks);
    size_t i = ask_count++, who = 0;
    while (who < NET_NODES && memcmp(n->node[who].record.keys.identity, id, 32) != 0) who++;
    CHECK(who < NET_NODES);
    asked[who]++;
    asks[i].s = s, asks[i].node = who, asks[i].got = asks[i].sent = 0;
    h2_stream_set(s, &nonce_events, (void *)(uintptr_t)(i + 1));
}

/* What a node does with a request: it says that it takes it, and breaks off. */
static struct opened opened;       /* the first one */
static unsigned sealed[NET_NODES]; /* envelopes that a node could open, over all attempts */
static void play(struct net_job *j) {
    static uint8_t plain[SIZE_CLASS_MAX], frame[FRAME_BYTES_MAX], begin[STREAM_START_BYTES];
    static struct stream_writer w;
    static struct opened o;
    struct frame_accepted a = {.engine_id = "lull-0.1.0", .profile = "C1-f16", .prompt_tokens = 12};
    size_t i = 0;
    while (i < NET_NODES && envelope_open(j->env.data, j->env.len, &net.node[i].own, &net.node[i].seen, clock_unix_s(), plain,
                                          sizeof plain, &o) != 0)
        i++;
    CHECK(i < NET_NODES);
    if (net.job_count == 1) opened = o;
    for (size_t n = 0; n < NET_NODES; n++)
        for (unsigned k = 0; k < o.head.count; k++) sealed[n] += memcmp(o.head.key_id[k], net.node[n].key.key_id, 32) == 0;
    stream_writer_start(&w, &o, begin);
    CHECK_INT(stream_put_accepted(&w, frame, &a), 0);
    CHECK_INT(h2_write(j->s, begin, sizeof begin), 0);
    CHECK_INT(h2_write(j->s, frame, w.frame_bytes), 0);
    CHECK_INT(h2_end(j->s, NULL), 0);
}

/* ---- the scene ---- */

static void on_verdict(void *arg) { gw_requests_wake(arg); }
static void begin(size_t listed, enum shows all) {
    memset(asked, 0, sizeof asked);
    memset(sealed, 0, sizeof sealed);
    memset(asks, 0, sizeof asks);
    ask_count = 0;
    for (size_t i = 0; i < NET_NODES; i++) shows[i] = all;
    net_init(&net, listed);
    net.play = play;
    net.evidence = on_evidence;
    net_start(&net);
    struct gw_evidence_opts e = {.loop = net.loop,
                                 .link = net.g.link,
                                 .policy = ev_policy_strict(),
                                 .verify = shown_verify,
                                 .on_verdict = on_verdict,
                                 .arg = &net.g};
    CHECK_INT(gw_evidence_open(&net.g.evidence, &e), 0);
    net.g.link_up_ms -= 5000; /* nobody is waited for any more */
}
static void ask(struct app *a, const char *header) {
    app_send_with(a, &net, "0.6", header);
    app_wait(a, &net);
}
static void is_refused(enum shows how, const char *factor) {
    struct app a;
    begin(1, how);
    ask(&a, ATTESTED);
    app_got_error(&a);
    CHECK_INT(a.status, 503);
    CHECK_INT(net.job_count, 0);
    CHECK_INT(asked[0], 1);
    CHECK(app_has(&a, "policy of tier attested"));
    if (!app_has(&a, factor)) fail_msg("%s is not in %s", factor, a.text);
    net_end(&net);
}

TEST(a_node_that_shows_what_is_asked_is_sealed_to_and_its_class_is_told) {
    struct app a;
    begin(1, GOOD);
    ask(&a, ATTESTED);
    CHECK(net.job_count > 0);
    CHECK_INT(opened.head.tier, TIER_ATTESTED);
    CHECK(app_has(&a, "lull-tier: attested") && app_has(&a, "lull-evidence-class: T2"));
    CHECK(!app_has(&a, "unattested"));
    net_end(&net);
}

TEST(a_request_of_tier_sealed_asks_for_no_evidence) {
    struct app a;
    begin(2, NOTHING);
    ask(&a, "");
    CHECK(net.job_count > 0);
    CHECK_INT(ask_count, 0);
    CHECK_INT(opened.head.tier, TIER_SEALED);
    CHECK_INT(opened.head.count, 2);
    CHECK(app_has(&a, "lull-tier: sealed") && app_has(&a, "unattested") && !app_has(&a, "lull-evidence-class"));
    net_end(&net);
}

TEST(evidence_is_asked_for_once_with_a_nonce_of_its_own) {
    struct app a;
    begin(2, GOOD);
    ask(&a, ATTESTED);
    ask(&a, ATTESTED);
    CHECK_INT(asked[0], 1);
    CHECK_INT(asked[1], 1);
    CHECK(memcmp(nonces[0], nonces[1], 32) != 0);
    net_end(&net);
}

TEST(only_those_that_pass_are_candidates) {
    struct app a;
    begin(4, GOOD);
    shows[0] = GOOD, shows[1] = DEBUG, shows[2] = OF_NODE_0, shows[3] = NOTHING;
    ask(&a, ATTESTED);
    CHECK(net.job_count > 0);
    CHECK_INT(opened.head.count, 1);
    CHECK(sealed[0] > 1 && sealed[1] + sealed[2] + sealed[3] == 0); /* nor after the node has broken off */
    net_end(&net);
}

TEST(another_nodes_evidence_is_refused) {
    struct app a;
    begin(2, GOOD);
    shows[1] = OF_NODE_0; /* made by node 0, for the nonce that node 1 was asked with */
    net.g.o.policy.node_count = 1;
    memcpy(net.g.o.policy.nodes[0], net.node[1].record.keys.identity, 32);
    ask(&a, ATTESTED);
    app_got_error(&a);
    CHECK_INT(net.job_count, 0);
    CHECK_INT(asked[0], 0); /* who is not permitted is not asked either */
    CHECK(app_has(&a, "refused: 1 (node "));
    net_end(&net);
}

TEST(every_node_that_was_refused_is_named) {
    struct app a;
    char name[16] = "node ";
    begin(2, DEBUG);
    shows[1] = NOTHING;
    ask(&a, ATTESTED);
    app_got_error(&a);
    CHECK(app_has(&a, "refused: 2 ("));
    for (int i = 0; i < 2; i++) {
        hex_encode(name + 5, net.node[i].record.keys.identity, 4);
        CHECK(app_has(&a, name));
    }
    CHECK(app_has(&a, "debug") && app_has(&a, "no_evidence"));
    net_end(&net);
}

TEST(evidence_for_another_nonce_is_refused) { is_refused(STALE, "nonce"); }
TEST(evidence_of_a_machine_in_debug_mode_is_refused) { is_refused(DEBUG, "debug"); }
TEST(evidence_that_never_ends_is_refused) { is_refused(HUGE_ONE, "envelope"); }
TEST(evidence_cut_short_is_refused) { is_refused(CUT_OFF, "envelope"); }
TEST(a_node_without_evidence_is_no_candidate) { is_refused(NOTHING, "no_evidence"); }

TEST(a_node_that_was_asked_too_often_is_asked_again) {
    struct app a;
    begin(1, TOO_OFTEN);
    app_send_with(&a, &net, "5", ATTESTED);
    net_until(&net, app_is_done, &a, 100000); /* its deadline: the node is never good */
    CHECK(asked[0] > 1 && asked[0] < 5);
    CHECK_INT(net.job_count, 0);
    CHECK_INT(close(a.fd), 0);
    net_end(&net);
}

TEST(a_silent_node_does_not_hold_up_those_that_answer) {
    struct app a;
    begin(2, GOOD);
    shows[1] = SILENT;
    app_send_with(&a, &net, "3", ATTESTED);
    app_wait(&a, &net);
    CHECK(net.job_count > 0);
    CHECK(sealed[0] && !sealed[1]);
    net_end(&net);
}

static int link_is_down(void *arg) { return !((struct net *)arg)->g.dir.fresh; }

TEST(verdicts_outlive_a_link_and_asks_do_not) {
    struct app a;
    begin(2, GOOD);
    shows[1] = SILENT;
    ask(&a, ATTESTED);
    h2_drop(net.peer); /* with node 1's ask under way */
    net.peer = NULL;
    net_until(&net, link_is_down, &net, 5000);
    net_until(&net, net_has_list, &net, 5000);
    shows[1] = GOOD;
    app_send_with(&a, &net, "3", ATTESTED);
    app_wait(&a, &net);
    CHECK(app_has(&a, "lull-evidence-class: T2"));
    CHECK_INT(asked[0], 1);
    net_end(&net);
}

TEST(without_a_policy_tier_attested_is_refused_and_never_weakened) {
    struct app a;
    begin(1, GOOD);
    gw_evidence_close(net.g.evidence);
    net.g.evidence = NULL;
    ask(&a, ATTESTED);
    CHECK_INT(a.status, 503);
    CHECK(app_has(&a, "--policy"));
    CHECK_INT(net.job_count + ask_count, 0);
    net_end(&net);
}

TEST(with_tier_attested_every_request_is) {
    struct app a;
    begin(1, DEBUG);
    net.g.o.blind.least = API_TIER_ATTESTED;
    ask(&a, "");
    app_got_error(&a);
    CHECK_INT(net.job_count, 0);
    CHECK_INT(asked[0], 1);
    net_end(&net);
}

TEST(the_status_page_shows_classes_and_refusals) {
    struct buf b;
    struct app a;
    begin(2, GOOD);
    shows[1] = DEBUG;
    ask(&a, ATTESTED);
    buf_init(&b, 1 << 16);
    CHECK_INT(gw_evidence_show(net.g.evidence, &b), 0);
    CHECK_INT(buf_add(&b, "", 1), 0);
    const char *text = (const char *)b.data;
    CHECK(strstr(text, "\"class\":\"T2\"") && strstr(text, ev_class_reach(EV_T2)) && strstr(text, "\"refused\":\"debug\""));
    buf_release(&b);
    net_end(&net);
}

TESTS_MAIN("gw_attested", T(a_node_that_shows_what_is_asked_is_sealed_to_and_its_class_is_told),
           T(a_request_of_tier_sealed_asks_for_no_evidence), T(evidence_is_asked_for_once_with_a_nonce_of_its_own),
           T(only_those_that_pass_are_candidates), T(every_node_that_was_refused_is_named), T(another_nodes_evidence_is_refused),
           T(evidence_for_another_nonce_is_refused), T(evidence_of_a_machine_in_debug_mode_is_refused),
           T(evidence_that_never_ends_is_refused), T(evidence_cut_short_is_refused), T(a_node_without_evidence_is_no_candidate),
           T(a_node_that_was_asked_too_often_is_asked_again), T(a_silent_node_does_not_hold_up_those_that_answer),
           T(verdicts_outlive_a_link_and_asks_do_not), T(without_a_policy_tier_attested_is_refused_and_never_weakened),
           T(with_tier_attested_every_request_is), T(the_status_page_shows_classes_and_refusals))
