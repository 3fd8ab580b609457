/* tests/unit/coordinator/scene.h - a whole coordinator on loopback, with scripted nodes and gateways on real links beside it,
 * all in one loop. What a node does with its registration and its jobs is set before it dials. */
#ifndef TESTS_COORDINATOR_SCENE_H
#define TESTS_COORDINATOR_SCENE_H

#include "tests/check.h"
#include "tests/unit/seal/seal_fixture.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "coordinator/coord.h"
#include "net/httpd.h"
#include "seal/dirlist.h"
#include "seal/http_names.h"

#include <unistd.h>

struct scene {
    struct loop *loop;
    struct coord c;
    struct config o;
    char dir[64], where[ADDR_TEXT_BYTES];
    struct tls *tls[TLS_PROTOS];
    struct timer *guard, *poll;
    int (*until)(void *arg);
    void *until_arg;
    int late, stopped; /* stopped: the coordinator ended the loop itself */
};

FIX void scene_late(void *arg) {
    struct scene *s = arg;
    s->late = 1;
    loop_stop(s->loop);
}
FIX void scene_poll(void *arg) {
    struct scene *s = arg;
    if (s->until(s->until_arg))
        loop_stop(s->loop);
    else
        timer_start_us(s->poll, 200);
}
/* Runs until the condition holds, or the coordinator stops the loop; fails the test after ms. */
FIX void scene_until(struct scene *s, int (*until)(void *arg), void *arg, uint64_t ms) {
    s->until = until;
    s->until_arg = arg;
    timer_start_ms(s->guard, ms);
    timer_start_us(s->poll, 1);
    CHECK_INT(loop_run(s->loop), 0);
    timer_stop(s->guard);
    timer_stop(s->poll);
    CHECK(!s->late);
}
FIX int scene_never(void *arg) { return (void)arg, 0; }
FIX void scene_for(struct scene *s, uint64_t ms) {
    s->until = scene_never;
    timer_start_ms(s->guard, ms);
    CHECK_INT(loop_run(s->loop), 0);
    s->late = 0;
}

FIX void scene_start(struct scene *s) { /* s->o may be changed between scene_init and here */
    struct why why = {{0}};
    CHECK_INT(coord_open(&s->c, s->loop, &s->o, s->dir, &why), 0);
    listener_addr(s->c.listener, s->where);
    char ca[96];
    snprintf(ca, sizeof ca, "%s/tls.crt", s->dir);
    for (int p = 0; p < TLS_PROTOS; p++) {
        struct tls_client_opts t = {.proto = (enum tls_proto)p, .ca_file = ca};
        CHECK_INT(tls_client_new(&s->tls[p], &t, &why), 0);
    }
}
FIX void scene_init(struct scene *s) {
    memset(s, 0, sizeof *s);
    snprintf(s->dir, sizeof s->dir, "/tmp/lull-coord-XXXXXX");
    CHECK(mkdtemp(s->dir) != NULL);
    CHECK_INT(loop_new(&s->loop), 0);
    CHECK_INT(timer_new(&s->guard, s->loop, scene_late, s), 0);
    CHECK_INT(timer_new(&s->poll, s->loop, scene_poll, s), 0);
    config_defaults(&s->o);
    s->o.listen = "127.0.0.1:0";
    s->o.status = "off";
    CHECK_INT(log_setup("error", NULL), 0);
}
FIX void scene_end(struct scene *s) {
    CHECK_INT(coord_close(&s->c), 0);
    for (int p = 0; p < TLS_PROTOS; p++) tls_free(s->tls[p]);
    timer_free(s->guard);
    timer_free(s->poll);
    loop_free(s->loop);
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", s->dir);
    CHECK_INT(system(command), 0);
}

/* ---- a node ---- */
enum reg_mode {
    REG_GOOD,
    REG_BAD_PROOF,
    REG_REPLAYED,
    REG_COPIED_OPERATOR,
    REG_GARBAGE,
    REG_HUGE,
    REG_EARLY_BEAT,
    REG_NEVER,
    REG_FUTURE
};
enum job_mode { JOB_ANSWER, JOB_KEEP, JOB_REFUSE, JOB_RAW, JOB_FLOOD, JOB_FOREIGN_USAGE };
enum { ACTOR_JOBS = 16, RAW_BYTES = 33 + 3 * 256 };

struct node_actor;
struct node_job {
    struct node_actor *n;
    struct h2_stream *s; /* NULL: closed */
    struct buf env;
    int used, ended, closed;
    uint32_t code;
    size_t flooded, sent;
};
struct node_actor {
    struct scene *s;
    struct fix_node fix;
    struct h2 *h;
    struct h2_stream *link;
    enum reg_mode reg;
    enum job_mode job;
    enum code refuse_with;
    uint16_t slots;
    uint8_t proof[SIGN_BYTES]; /* as sent; for REG_REPLAYED, to be sent */
    int ready, gone, gone_err, welcomed, refused, told_to_drain;
    struct buf in;
    struct node_job jobs[ACTOR_JOBS];
};

FIX void node_say(struct node_actor *n, const struct link_message *m) {
    uint8_t bytes[LINK_MESSAGE_MAX];
    struct writer w = writer_over(bytes, sizeof bytes);
    link_write(&w, m);
    CHECK_INT(w.err, 0);
    if (n->link) (void)h2_write(n->link, bytes, w.len);
}
FIX void node_beat(struct node_actor *n, uint16_t free_slots, enum node_reason reason) {
    struct link_message m = {
        .type = LINK_HEARTBEAT,
        .heartbeat = {.load_permille = 100, .slots = n->slots, .slots_free = free_slots, .reason = (uint8_t)reason}};
    node_say(n, &m);
}
/* Signs the record anew, valid around now. */
FIX void node_sign(struct node_actor *n, uint64_t from_s) {
    struct record *r = &n->fix.record;
    r->keys.not_before = from_s;
    r->keys.not_after = from_s + 3600;
    operator_sign(&r->operator, r->keys.identity, from_s + 86400, n->fix.operator_secret);
    CHECK_INT(record_sign(r, n->fix.identity_secret), 0);
    keystmt_id(n->fix.key.key_id, &r->keys);
}
FIX void node_register(struct node_actor *n) {
    struct link_message m = {.type = LINK_REGISTER, .reg.record = n->fix.record};
    uint8_t exporter[LINK_EXPORTER_BYTES];
    CHECK_INT(h2_exporter(n->h, LINK_EXPORTER_LABEL, exporter, sizeof exporter), 0);
    if (n->reg == REG_BAD_PROOF) exporter[0] ^= 1;
    if (n->reg != REG_REPLAYED) CHECK_INT(link_proof_make(n->proof, exporter, n->fix.identity_secret), 0);
    memcpy(m.reg.proof, n->proof, SIGN_BYTES);
    node_say(n, &m);
}
FIX void node_first_words(struct node_actor *n) {
    static uint8_t junk[65536];
    switch (n->reg) {
    case REG_NEVER: return;
    case REG_GARBAGE:
        memset(junk, 0xee, 64);
        (void)h2_write(n->link, junk, 64);
        return;
    case REG_HUGE:
        memset(junk, 0, 5);
        junk[1] = 1, junk[2] = 0, junk[3] = 1, junk[4] = LINK_REGISTER;
        (void)h2_write(n->link, junk, sizeof junk);
        return;
    case REG_EARLY_BEAT: node_beat(n, 1, REASON_READY); return;
    default: node_register(n);
    }
}

FIX void link_data(void *arg, struct h2_stream *s, const uint8_t *p, size_t bytes) {
    struct node_actor *n = arg;
    struct link_message m;
    size_t used;
    h2_consume(s, bytes);
    CHECK_INT(buf_add(&n->in, p, bytes), 0);
    while (link_read(n->in.data, n->in.len, 0, &m, &used) == 0) {
        buf_drop(&n->in, used);
        if (m.type == LINK_WELCOME) {
            n->welcomed++;
            node_beat(n, n->slots, REASON_READY);
        } else if (m.type == LINK_REFUSED)
            n->refused = m.code;
        else if (m.type == LINK_DRAIN)
            n->told_to_drain = 1;
    }
}
FIX void link_end(void *arg, struct h2_stream *s) {
    (void)s;
    h2_close(((struct node_actor *)arg)->h, 100);
}
FIX void link_close(void *arg, struct h2_stream *s, uint32_t code) {
    (void)s, (void)code;
    ((struct node_actor *)arg)->link = NULL;
}
static const struct h2_stream_events actor_link_events = {.on_data = link_data, .on_end = link_end, .on_close = link_close};

/* A whole, real answer of two tokens: accepted, tokens, end with receipt, usage statement. */
FIX void answer(struct node_job *j, int foreign) {
    static uint8_t plain[SIZE_CLASS_MAX], out[STREAM_END_BYTES_MAX], ids[8] = {0, 0, 0, 5, 0, 0, 0, 6}, digests[64];
    static struct stream_writer w;
    struct fix_node *x = &j->n->fix;
    struct opened o;
    struct receipt receipt;
    uint8_t start[STREAM_START_BYTES], frame[FRAME_BYTES_MAX], signed_receipt[RECEIPT_BYTES_MAX], usage[USAGE_BYTES];
    CHECK_INT(envelope_open(j->env.data, j->env.len, &x->own, &x->seen, clock_unix_s(), plain, sizeof plain, &o), 0);
    stream_writer_start(&w, &o, start);
    struct frame_accepted a = {.engine_id = "lull-0.1.0", .profile = "C1-f16", .prompt_tokens = 12};
    CHECK_INT(h2_respond(j->s, 200, NULL), 0);
    CHECK_INT(h2_write(j->s, start, sizeof start), 0);
    CHECK_INT(stream_put_accepted(&w, frame, &a), 0);
    CHECK_INT(h2_write(j->s, frame, w.frame_bytes), 0);
    for (uint32_t i = 0; i < 2; i++) {
        struct frame_token t = {.position = i, .id = (int32_t)(5 + i), .text = (const uint8_t *)"word ", .text_n = 5};
        CHECK_INT(stream_put_token(&w, frame, &t), 0);
        CHECK_INT(h2_write(j->s, frame, w.frame_bytes), 0);
    }
    struct id_list list = {ids, 2};
    fix_receipt(&receipt, x, &o, &list, digests, "word word ");
    struct writer rw = writer_over(signed_receipt, sizeof signed_receipt), uw = writer_over(usage, sizeof usage);
    receipt_write(&rw, &receipt);
    struct usage u;
    CHECK_INT(usage_from_receipt(&u, &receipt, foreign ? x->identity_secret : x->receipt_secret), 0);
    usage_write(&uw, &u);
    size_t n = stream_end_bytes(&w, rw.len);
    struct frame_usage fu = {.stop = SEAL_STOP_END, .prompt_tokens = 12, .output_tokens = 2};
    CHECK_INT(stream_put_end(&w, out, n, &fu, signed_receipt, rw.len), 0);
    CHECK_INT(h2_write(j->s, out, n), 0);
    char hex[2 * USAGE_BYTES + 1];
    hex_encode(hex, usage, uw.len);
    struct h2_header trailer = {TRAILER_USAGE, hex};
    CHECK_INT(h2_end(j->s, &(struct h2_headers){&trailer, 1}), 0);
}
FIX void flood(struct node_job *j) {
    static const uint8_t block[4096];
    while (h2_write(j->s, block, sizeof block) == 0) j->flooded += sizeof block;
}
FIX void job_data(void *arg, struct h2_stream *s, const uint8_t *p, size_t n) {
    struct node_job *j = arg;
    h2_consume(s, n);
    CHECK_INT(buf_add(&j->env, p, n), 0);
}
FIX void job_whole(void *arg, struct h2_stream *s) {
    struct node_job *j = arg;
    static const uint8_t raw[RAW_BYTES];
    j->ended = 1;
    if (j->n->job == JOB_ANSWER || j->n->job == JOB_FOREIGN_USAGE) answer(j, j->n->job == JOB_FOREIGN_USAGE);
    if (j->n->job != JOB_RAW && j->n->job != JOB_FLOOD && j->n->job != JOB_KEEP) return;
    CHECK_INT(h2_respond(s, 200, NULL), 0);
    if (j->n->job == JOB_FLOOD) {
        flood(j);
        return;
    }
    CHECK_INT(h2_write(s, raw, sizeof raw), 0);
    if (j->n->job == JOB_RAW) CHECK_INT(h2_end(s, NULL), 0);
}
FIX void job_writable(void *arg, struct h2_stream *s) {
    (void)s;
    flood(arg);
}
FIX void job_sent(void *arg, struct h2_stream *s, size_t n) {
    (void)s;
    ((struct node_job *)arg)->sent += n;
}
FIX void job_close(void *arg, struct h2_stream *s, uint32_t code) {
    struct node_job *j = arg;
    (void)s;
    j->s = NULL;
    j->closed = 1;
    j->code = code;
}
static const struct h2_stream_events actor_job_events = {
    .on_data = job_data, .on_end = job_whole, .on_sent = job_sent, .on_writable = job_writable, .on_close = job_close};

FIX void node_request(void *arg, struct h2 *h, struct h2_stream *s, const struct h2_request *r) {
    struct node_actor *n = arg;
    n->h = h;
    CHECK_STR(r->method, "POST");
    if (strcmp(r->path, PATH_LINK) == 0) {
        n->link = s;
        h2_stream_set(s, &actor_link_events, n);
        CHECK_INT(h2_respond(s, 200, NULL), 0);
        node_first_words(n);
        return;
    }
    CHECK_STR(r->path, PATH_JOB);
    struct node_job *j = n->jobs;
    while (j->used) j++;
    CHECK(j < n->jobs + ACTOR_JOBS);
    *j = (struct node_job){.n = n, .s = s, .used = 1};
    buf_init(&j->env, ENVELOPE_BYTES_MAX);
    h2_stream_set(s, &actor_job_events, j);
    if (n->job != JOB_REFUSE) return;
    struct h2_header why = {HEADER_CODE, code_name(n->refuse_with)};
    CHECK_INT(h2_respond(s, (int)code_http_status(n->refuse_with), &(struct h2_headers){&why, 1}), 0);
    CHECK_INT(h2_end(s, NULL), 0);
}
FIX void node_ready(void *arg, struct h2 *h, enum tls_proto proto) {
    struct node_actor *n = arg;
    n->h = h;
    n->ready = 1;
    CHECK_INT(proto, TLS_NODE);
}
FIX void node_gone(void *arg, struct h2 *h, int err) {
    struct node_actor *n = arg;
    (void)h;
    n->gone = 1;
    n->gone_err = err;
    n->h = NULL;
}
static const struct h2_events actor_node_events = {.on_ready = node_ready, .on_request = node_request, .on_gone = node_gone};

FIX void node_init(struct node_actor *n, struct scene *s, uint8_t number) {
    memset(n, 0, sizeof *n);
    n->s = s;
    n->slots = 1;
    fix_node(&n->fix, number);
    node_sign(n, clock_unix_s() - 60);
    buf_init(&n->in, 1 << 20);
}
FIX void node_dial(struct node_actor *n) {
    const struct h2_opts o = {.streams_max = n->slots + 4u, .trust_resets = 1};
    n->gone = n->welcomed = n->refused = 0;
    CHECK_INT(h2_dial(&n->h, n->s->loop, n->s->tls[TLS_NODE], n->s->where, &o, &actor_node_events, n), 0);
}
FIX int node_serves(void *arg) { /* welcomed, and its first heartbeat is known */
    struct node_actor *n = arg;
    const struct dir_node *d = dir_by_identity(&n->s->c.dir, n->fix.record.keys.identity);
    return n->welcomed && d && d->slots == n->slots;
}
FIX int node_is_gone(void *arg) { return ((struct node_actor *)arg)->gone; }
FIX void node_up(struct node_actor *n, struct scene *s, uint8_t number, enum job_mode job) {
    node_init(n, s, number);
    n->job = job;
    node_dial(n);
    scene_until(s, node_serves, n, 5000);
}
FIX void node_done(struct node_actor *n) {
    if (n->h) h2_drop(n->h);
    for (int i = 0; i < ACTOR_JOBS; i++) buf_release(&n->jobs[i].env);
    buf_release(&n->in);
    fix_node_done(&n->fix);
}

/* ---- a gateway ---- */
struct gateway_actor {
    struct scene *s;
    struct h2 *h;
    int ready, gone, goaway;
};
FIX void gw_ready(void *arg, struct h2 *h, enum tls_proto proto) {
    struct gateway_actor *g = arg;
    g->h = h;
    g->ready = proto == TLS_GATEWAY;
}
FIX void gw_goaway(void *arg, struct h2 *h) {
    (void)h;
    ((struct gateway_actor *)arg)->goaway = 1;
}
FIX void gw_gone(void *arg, struct h2 *h, int err) {
    struct gateway_actor *g = arg;
    (void)h, (void)err;
    g->gone = 1;
    g->h = NULL;
}
static const struct h2_events actor_gateway_events = {.on_ready = gw_ready, .on_goaway = gw_goaway, .on_gone = gw_gone};
FIX int gw_is_ready(void *arg) { return ((struct gateway_actor *)arg)->ready; }
FIX int gw_is_gone(void *arg) { return ((struct gateway_actor *)arg)->gone; }
FIX void gateway_up(struct gateway_actor *g, struct scene *s) {
    const struct h2_opts o = {.streams_max = 200};
    *g = (struct gateway_actor){.s = s};
    CHECK_INT(h2_dial(&g->h, s->loop, s->tls[TLS_GATEWAY], s->where, &o, &actor_gateway_events, g), 0);
    scene_until(s, gw_is_ready, g, 5000);
}
FIX void gateway_done(struct gateway_actor *g) {
    if (g->h) h2_drop(g->h);
}

struct ask { /* one request of a gateway, as it sees it */
    struct h2_stream *s;
    int status, ended, closed, hold;
    uint32_t close_code;
    char code[32], job[40], counter[2 * COUNTERSIGN_BYTES + 1];
    struct buf body, to_send;
    size_t at;
};
FIX void ask_response(void *arg, struct h2_stream *s, int status, const struct h2_headers *h) {
    struct ask *a = arg;
    (void)s;
    const char *code = h2_header_get(h, HEADER_CODE), *job = h2_header_get(h, HEADER_JOB);
    a->status = status;
    snprintf(a->code, sizeof a->code, "%s", code ? code : "");
    snprintf(a->job, sizeof a->job, "%s", job ? job : "");
}
FIX void ask_data(void *arg, struct h2_stream *s, const uint8_t *p, size_t n) {
    struct ask *a = arg;
    CHECK_INT(buf_add(&a->body, p, n), 0);
    if (!a->hold) h2_consume(s, n);
}
FIX void ask_trailers(void *arg, struct h2_stream *s, const struct h2_headers *h) {
    (void)s;
    const char *v = h2_header_get(h, TRAILER_COUNTERSIGN);
    snprintf(((struct ask *)arg)->counter, sizeof((struct ask *)arg)->counter, "%s", v ? v : "");
}
FIX void ask_end(void *arg, struct h2_stream *s) {
    (void)s;
    ((struct ask *)arg)->ended = 1;
}
FIX void ask_close(void *arg, struct h2_stream *s, uint32_t code) {
    struct ask *a = arg;
    (void)s;
    a->s = NULL;
    a->closed = 1;
    a->close_code = code;
}
FIX void ask_push(struct ask *a) {
    while (a->at < a->to_send.len) {
        size_t n = a->to_send.len - a->at > 16384 ? 16384 : a->to_send.len - a->at;
        if (h2_write(a->s, a->to_send.data + a->at, n) != 0) return;
        a->at += n;
    }
    (void)h2_end(a->s, NULL);
}
FIX void ask_writable(void *arg, struct h2_stream *s) {
    (void)s;
    ask_push(arg);
}
static const struct h2_stream_events ask_events = {ask_response, ask_data, ask_trailers, ask_end, NULL, ask_writable, ask_close};

FIX void ask_open(struct ask *a, struct gateway_actor *g, const char *method, const char *path, const char *key) {
    struct h2_header auth = {"authorization", key};
    struct h2_request r = {.method = method, .path = path, .headers = {&auth, key ? 1 : 0}};
    memset(a, 0, sizeof *a);
    buf_init(&a->body, 64 << 20);
    buf_init(&a->to_send, ENVELOPE_BYTES_MAX + 65536);
    CHECK_INT(h2_ask(g->h, &r, &ask_events, a, &a->s), 0);
}
FIX void ask_bytes(struct ask *a, struct gateway_actor *g, const void *p, size_t n) {
    ask_open(a, g, "POST", PATH_REQUESTS, NULL);
    CHECK_INT(buf_add(&a->to_send, p, n), 0);
    ask_push(a);
}
FIX void ask_done(struct ask *a) {
    if (a->s) h2_reset(a->s, H2_CANCEL);
    buf_release(&a->body);
    buf_release(&a->to_send);
}
FIX int ask_is_closed(void *arg) { return ((struct ask *)arg)->closed; }
FIX int ask_has_bytes(void *arg) { return ((struct ask *)arg)->body.len > 0; }

/* An envelope for these nodes, sealed now, with `more` bytes of body beyond the usual. */
FIX void seal_for(struct buf *out, struct envelope_secrets *secrets, struct node_actor *const *nodes, unsigned count,
                  size_t more) {
    static struct fix_node copy[CANDIDATES_MAX];
    struct content c;
    uint8_t *body = mem_zalloc(1, sizeof fix_body + more);
    for (unsigned i = 0; i < count; i++) copy[i] = nodes[i]->fix;
    fix_content(&c);
    c.time_s = clock_unix_s();
    c.attempt = 0;
    c.so_far = (struct id_list){NULL, 0};
    c.text_delivered = 0;
    memset(c.prompt_hash, 0, 32);
    memcpy(body, fix_body, sizeof fix_body);
    c.body = body;
    c.body_n = (uint32_t)(sizeof fix_body - 1 + more);
    CHECK_INT(fix_seal(out, secrets, copy, count, &c), 0);
    free(body);
}
FIX void ask_nodes(struct ask *a, struct gateway_actor *g, struct node_actor *const *nodes, unsigned count,
                   struct envelope_secrets *secrets) {
    struct envelope_secrets own;
    struct buf env;
    seal_for(&env, secrets ? secrets : &own, nodes, count, 0);
    ask_bytes(a, g, env.data, env.len);
    buf_release(&env);
}
/* The refusal a request got; CODE_NONE when it was no clean refusal. */
FIX enum code ask_refusal(struct scene *s, struct ask *a, uint64_t ms) {
    scene_until(s, ask_is_closed, a, ms);
    return a->ended && a->body.len == 0 && a->status == (int)code_http_status(code_from_name(a->code)) ? code_from_name(a->code)
                                                                                                       : CODE_NONE;
}

#endif
