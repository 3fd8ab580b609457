/* coordinator/node_link.c - a node's link: asks it to register, checks what it says, keeps the directory right.
 *
 * The node dialled, but the coordinator asks: it opens POST /lull/v1/link, whose two bodies carry link records until the end. */
#include "base/clock.h"
#include "base/log.h"
#include "coordinator/coord.h"
#include "seal/envelope.h"
#include "seal/http_names.h"
#include "seal/seal_err.h"

#include <string.h>

enum {
    REGISTER_MS = 5000,  /* for the first register */
    HEARTBEAT_MS = 2000, /* asked of nodes */
    SILENT_MS = 8000,    /* without a heartbeat a node is dropped: within 10 s, counting the tick */
    SILENCE_MS = 3000,   /* told to nodes: without a byte the link is lost */
    CLOCK_S = 30,        /* a node's clock may be off by so much */
    STREAMS_MAX = 1024   /* job streams of one node, whatever slots it has */
};

/* ---- what we say ---- */
static int say(struct peer *p, const struct link_message *m) {
    uint8_t bytes[256]; /* ours are all small; LINK_MESSAGE_MAX is a register's */
    struct writer w = writer_over(bytes, sizeof bytes);
    link_write(&w, m);
    if (w.err != 0) return w.err;
    return p->stream ? h2_write(p->stream, bytes, w.len) : ERR_LOST;
}

static void leave_directory(struct peer *p) {
    dir_remove(&p->c->dir, &p->node);
    p->state = LINK_LEAVING;
}

static void refuse(struct peer *p, enum code code, int reason) {
    struct link_message m = {.type = LINK_REFUSED, .code = (uint8_t)code};
    log_event(LOG_WARN, "node", "refused", LOG_ID("identity", p->node.identity, 8), LOG_CODE("code", code_name(code)),
              LOG_CODE("reason", seal_err_text(reason)));
    leave_directory(p);
    (void)say(p, &m);
    if (p->stream) (void)h2_end(p->stream, NULL);
    h2_close(p->h, 1000);
}

static void welcome(struct peer *p) {
    struct link_message m = {.type = LINK_WELCOME,
                             .welcome = {.time_ms = clock_unix_ms(),
                                         .envelope_bytes_max = ENVELOPE_BYTES_MAX,
                                         .heartbeat_ms = HEARTBEAT_MS,
                                         .silence_ms = SILENCE_MS,
                                         .streams_max = STREAMS_MAX}};
    memcpy(m.welcome.coordinator_key, p->c->public_key, sizeof m.welcome.coordinator_key);
    (void)say(p, &m); /* a link that takes nothing more is ended by its own rules */
}

/* ---- what a node says ---- */
/* Every signature and time in the record, then the proof that this very connection belongs to the identity. A key that
 * starts up to CLOCK_S in the future is let in: the node's clock is ahead, gateways see to the rest themselves. */
static int check_register(struct peer *p, const struct link_register *m) {
    uint8_t exporter[LINK_EXPORTER_BYTES];
    uint64_t now_s = clock_unix_s();
    int r = record_verify(&m->record, now_s);
    if (r == BAD_KEY_NOT_YET) r = record_verify(&m->record, now_s + CLOCK_S);
    if (r == 0) r = h2_exporter(p->h, LINK_EXPORTER_LABEL, exporter, sizeof exporter);
    if (r == 0) r = link_proof_check(m->proof, exporter, m->record.keys.identity);
    return r;
}

/* The identity has just proven itself here: whatever link it had before is dead or copied, and its jobs with it. */
static void replace_older(struct peer *p) {
    struct dir_node *older = dir_by_identity(&p->c->dir, p->node.identity);
    if (!older || older == &p->node) return;
    struct peer *old = (struct peer *)(void *)((uint8_t *)older - offsetof(struct peer, node));
    log_event(LOG_INFO, "node", "replaced", LOG_ID("identity", p->node.identity, 8));
    h2_drop(old->h);
    node_link_gone(old);
    peer_forget(old);
}

static int list(struct peer *p, const struct link_register *m) {
    struct coord *c = p->c;
    if (!admit_operator(&c->operators, m->record.keys.operator_id)) return ERR_PERM;
    int r = store_reserve(c->store);
    if (r != 0) return r;
    replace_older(p);
    r = dir_put(&c->dir, &p->node, &m->record, m->record_bytes, m->record_n);
    if (r != 0) {
        store_unreserve(c->store);
        return r;
    }
    struct store_node row = {.seen_ms = clock_unix_ms()};
    memcpy(row.identity, p->node.identity, 32);
    memcpy(row.operator_id, p->node.operator_id, 32);
    store_put_node(c->store, &row);
    return 0;
}

static void on_register(struct peer *p, const struct link_register *m) {
    int again = p->state == LINK_SERVING;
    int r = check_register(p, m);
    if (r == 0 && again && memcmp(p->node.identity, m->record.keys.identity, 32) != 0) r = ERR_PERM;
    if (r == 0 && again && memcmp(p->node.operator_id, m->record.keys.operator_id, 32) != 0) r = ERR_PERM;
    if (r == 0 && p->c->draining) r = ERR_BUSY;
    if (r == 0 && !again) {
        memcpy(p->node.identity, m->record.keys.identity, 32);
        memcpy(p->node.operator_id, m->record.keys.operator_id, 32);
    }
    if (r == 0) r = list(p, m);
    if (r != 0) {
        enum code code = r == ERR_BUSY || r == ERR_LIMIT || r == ERR_NOMEM ? CODE_BUSY : CODE_REFUSED;
        refuse(p, p->c->draining ? CODE_DRAINING : code, r);
        return;
    }
    p->state = LINK_SERVING;
    p->node.heard_ms = clock_mono_ms();
    if (!again) p->node.since_ms = p->node.heard_ms;
    log_event(LOG_INFO, "node", again ? "renewed" : "registered", LOG_ID("identity", p->node.identity, 8),
              LOG_ID("operator", p->node.operator_id, 16), LOG_COUNT("models", m->record.model_count));
    welcome(p);
}

static void on_heartbeat(struct peer *p, const struct link_heartbeat *h) {
    dir_heard(&p->node, h->slots, h->slots_free, h->load_permille, h->reason, clock_mono_ms());
    coord_serve_soon(p->c);
}

static void on_message(struct peer *p, const struct link_message *m) {
    if (m->type == LINK_REGISTER) {
        on_register(p, &m->reg);
        return;
    }
    if (p->state != LINK_SERVING) { /* nothing may come before the proof */
        refuse(p, CODE_BAD_REQUEST, ERR_WRONG_STATE);
        return;
    }
    switch (m->type) {
    case LINK_HEARTBEAT: on_heartbeat(p, &m->heartbeat); break;
    case LINK_DRAIN:
        p->node.draining = 1;
        log_event(LOG_INFO, "node", "drains", LOG_ID("identity", p->node.identity, 8), LOG_COUNT("running", p->node.running));
        coord_serve_soon(p->c); /* who waits for this node alone need not wait longer */
        break;
    case LINK_DRAINED:
        leave_directory(p);
        h2_close(p->h, 1000);
        break;
    default: refuse(p, CODE_BAD_REQUEST, ERR_WRONG_STATE);
    }
}

/* ---- the link stream ---- */
static void on_data(void *arg, struct h2_stream *s, const uint8_t *bytes, size_t n) {
    struct peer *p = arg;
    h2_consume(s, n);
    if (p->state == LINK_LEAVING) return;
    if (buf_add(&p->in, bytes, n) != 0) {
        refuse(p, CODE_TOO_LARGE, ERR_LIMIT);
        return;
    }
    size_t at = 0, used = 0;
    struct link_message m;
    int r = 0;
    while (p->state != LINK_LEAVING && (r = link_read(p->in.data + at, p->in.len - at, 1, &m, &used)) == 0) {
        on_message(p, &m);
        at += used;
    }
    if (p->state == LINK_LEAVING) return;
    buf_drop(&p->in, at);
    if (r != ERR_MORE) refuse(p, r == ERR_VERSION ? CODE_VERSION : CODE_BAD_REQUEST, r);
}

static void on_response(void *arg, struct h2_stream *s, int status, const struct h2_headers *h) {
    struct peer *p = arg;
    (void)s, (void)h;
    if (status != 200 && p->state != LINK_LEAVING) refuse(p, CODE_BAD_REQUEST, ERR_UNSUPPORTED);
}

static void on_link_end(void *arg, struct h2_stream *s) {
    struct peer *p = arg;
    (void)s;
    if (p->state == LINK_LEAVING) return;
    leave_directory(p);
    h2_close(p->h, 1000);
}

static void on_link_close(void *arg, struct h2_stream *s, uint32_t code) {
    struct peer *p = arg;
    (void)s, (void)code;
    p->stream = NULL;
    if (p->state == LINK_LEAVING) return;
    leave_directory(p); /* a node without its link stream cannot say anything more */
    if (code != H2_LOST) h2_close(p->h, 1000);
}

static const struct h2_stream_events link_events = {
    .on_response = on_response, .on_data = on_data, .on_end = on_link_end, .on_close = on_link_close};

void node_link_start(struct peer *p) {
    struct h2_request ask = {.method = "POST", .path = PATH_LINK};
    p->state = LINK_OPENING;
    buf_init(&p->in, 2 * LINK_MESSAGE_MAX + H2_WINDOW_DEFAULT);
    route_local_init(&p->way, p->h);
    p->node.route = &p->way.route;
    if (h2_ask(p->h, &ask, &link_events, p, &p->stream) == 0) return;
    p->stream = NULL;
    p->state = LINK_LEAVING;
    h2_close(p->h, 1000);
}

void node_link_gone(struct peer *p) {
    if (p->node.listed || p->state == LINK_SERVING)
        log_event(LOG_INFO, "node", "gone", LOG_ID("identity", p->node.identity, 8),
                  LOG_MS("stayed", clock_mono_ms() - p->node.since_ms));
    leave_directory(p);
    buf_release(&p->in);
    coord_serve_soon(p->c);
}

void node_link_tick(struct peer *p, uint64_t now_ms) {
    if (p->state == LINK_OPENING && now_ms - p->since_ms > REGISTER_MS) refuse(p, CODE_DEADLINE, ERR_TIME);
    if (p->state == LINK_SERVING && now_ms - p->node.heard_ms > SILENT_MS) refuse(p, CODE_DEADLINE, ERR_TIME);
}

void node_link_drain(struct peer *p) {
    struct link_message m = {.type = LINK_DRAIN, .code = REASON_DRAINING};
    if (p->state == LINK_SERVING) (void)say(p, &m);
}

void node_link_bye(struct peer *p) {
    if (p->state == LINK_LEAVING) return;
    leave_directory(p);
    if (p->stream) (void)h2_end(p->stream, NULL); /* the node then closes: nothing is waited for */
    h2_close(p->h, 1000);
}

static void on_goaway(void *arg, struct h2 *h) {
    struct peer *p = arg;
    (void)h;
    p->node.draining = 1; /* it takes no new streams; those that run go on */
}

static void on_slots(void *arg, struct h2 *h) {
    (void)h;
    coord_serve_soon(((struct peer *)arg)->c);
}

static void on_gone(void *arg, struct h2 *h, int err) {
    struct peer *p = arg;
    (void)h;
    if (err != 0) log_event(LOG_INFO, "link", "node_lost", LOG_CODE("reason", err_text(err)));
    node_link_gone(p);
    peer_forget(p);
}

const struct h2_events node_events = {.on_goaway = on_goaway, .on_slots = on_slots, .on_gone = on_gone};
