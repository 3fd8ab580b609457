/* node/link.c - the one connection of a node: it dials out, proves who it is, says how it is doing, and dials again when lost.
 *
 * Roles are swapped: on this link the node is the HTTP/2 server. The coordinator opens the link stream (records both ways, it
 * never ends) and one stream per job. */
#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "node/activate_answer.h"
#include "node/blind_visit.h"
#include "node/evidence_ahead.h"
#include "node/evidence_answer.h"
#include "node/node_parts.h"
#include "seal/http_names.h"
#include "seal/linkmsg.h"

#include <stdio.h>
#include <string.h>

enum {
    REDIAL_MS_MIN = 50,
    REDIAL_MS_MAX = 2000,
    HEARTBEAT_MS = 2000,
    HEARTBEAT_MS_MIN = 200, /* whatever a coordinator asks for */
    CLOCK_OFF_MS = 30000,
    STREAM_WRITE_MAX = 16 << 20,
    RECORD_MAX = LINK_MESSAGE_MAX
};

static void send_message(struct node *n, const struct link_message *m) {
    uint8_t bytes[RECORD_MAX];
    struct writer w = writer_over(bytes, sizeof bytes);
    if (!n->link_stream) return;
    link_write(&w, m);
    int r = w.err ? w.err : h2_write(n->link_stream, bytes, w.len);
    if (r != 0) log_event(LOG_WARN, "link", "not_sent", LOG_COUNT("type", m->type), LOG_CODE("reason", err_text(r)));
}

static int fill_record(struct node *n, struct record *r) {
    *r = (struct record){.keys = n->keys->stmt[0], .model_count = (uint8_t)n->model_count, .operator= n->operator_stmt };
    for (size_t i = 0; i < n->model_count; i++) r->models[i] = n->models[i].manifest;
    memcpy(r->evidence_hash, n->keys->evidence_hash[0], 32);
    r->worker_count = (uint8_t)n->blind_count;
    for (size_t i = 0; i < n->blind_count; i++) r->workers[i] = n->blind[i].entry;
    return signer_sign_record(&n->signer, r);
}

void link_register_now(struct node *n) {
    struct link_message m = {.type = LINK_REGISTER};
    uint8_t exporter[LINK_EXPORTER_BYTES];
    if (!n->link_stream) return;
    int r = fill_record(n, &m.reg.record);
    if (r == 0) r = h2_exporter(n->link, LINK_EXPORTER_LABEL, exporter, sizeof exporter);
    if (r == 0) r = signer_sign_link(&n->signer, exporter, m.reg.proof);
    if (r == 0)
        send_message(n, &m);
    else
        log_event(LOG_ERROR, "link", "cannot_sign", LOG_CODE("reason", err_text(r)));
}

void link_heartbeat_now(struct node *n) {
    uint32_t slots = 0, open = 0;
    for (size_t i = 0; i < n->model_count; i++) {
        slots += n->o.slots;
        open += worker_free_slots(n->models[i].worker);
    }
    struct link_message m = {.type = LINK_HEARTBEAT};
    m.heartbeat = (struct link_heartbeat){.load_permille = (uint16_t)(slots ? (slots - open) * 1000 / slots : 1000),
                                          .slots = (uint16_t)slots,
                                          .slots_free = (uint16_t)(n->draining ? 0 : open),
                                          .reason = n->draining ? REASON_DRAINING : REASON_READY};
    if (n->registered) send_message(n, &m);
}

static void on_heartbeat(void *arg) {
    struct node *n = arg;
    link_heartbeat_now(n);
    timer_start_ms(n->heartbeat, n->heartbeat_ms);
}

void link_say_drain(struct node *n) { send_message(n, &(struct link_message){.type = LINK_DRAIN, .code = REASON_DRAINING}); }

void link_say_drained(struct node *n) {
    send_message(n, &(struct link_message){.type = LINK_DRAINED});
    if (n->link_stream) (void)h2_end(n->link_stream, NULL); /* else the link would wait for this endless stream */
    if (n->link)
        h2_close(n->link, 1000);
    else
        loop_stop(n->loop);
}

/* ---- records from the coordinator ---- */

static void on_welcome(struct node *n, const struct link_welcome *w) {
    uint64_t now = clock_unix_ms(), off = now > w->time_ms ? now - w->time_ms : w->time_ms - now;
    if (off > CLOCK_OFF_MS) log_event(LOG_WARN, "link", "clock_off", LOG_MS("by", off));
    memcpy(n->coordinator_key, w->coordinator_key, 32);
    n->heartbeat_ms = w->heartbeat_ms > HEARTBEAT_MS_MIN ? w->heartbeat_ms : HEARTBEAT_MS_MIN;
    n->registered = n->was_registered = 1;
    n->redial_ms = REDIAL_MS_MIN;
    link_log_up(&n->log);
    uint8_t op[32]; /* users who choose by operator list this */
    operator_id_of(op, n->operator_stmt.operator_key);
    log_event(LOG_INFO, "link", "registered", LOG_NAME("coordinator", n->o.coordinator), LOG_ID("operator", op, 16));
    link_heartbeat_now(n);
    timer_start_ms(n->heartbeat, n->heartbeat_ms);
    if (n->said_ready) return;
    char id[65];
    hex_encode(id, n->signer.identity, 32);
    printf("ready node %s %s\n", n->o.coordinator, id);
    fflush(stdout);
    n->said_ready = 1;
}

static void on_refused(struct node *n, unsigned code) {
    const char *name = code_name(code);
    link_log_fault(&n->log, LOG_ERROR, "refused", n->o.coordinator, name ? name : "unknown", "");
    n->refused = 1;
    n->redial_ms = REDIAL_MS_MAX; /* no use in hurrying */
}

static void on_message(struct node *n, const struct link_message *m) {
    switch (m->type) {
    case LINK_WELCOME: on_welcome(n, &m->welcome); break;
    case LINK_REFUSED: on_refused(n, m->code); break;
    case LINK_DRAIN:
        log_event(LOG_INFO, "link", "coordinator_drains",
                  LOG_CODE("reason", reason_name(m->code) ? reason_name(m->code) : "unknown"));
        break;
    default: break; /* link_read lets no other type through from the coordinator */
    }
}

static void on_link_data(void *arg, struct h2_stream *s, const uint8_t *p, size_t bytes) {
    struct node *n = arg;
    struct link_message m;
    size_t used;
    h2_consume(s, bytes);
    int r = buf_add(&n->link_in, p, bytes);
    while (r == 0 && (r = link_read(n->link_in.data, n->link_in.len, 0, &m, &used)) == 0) {
        on_message(n, &m);
        buf_drop(&n->link_in, used);
    }
    if (r == ERR_MORE) return;
    log_event(LOG_WARN, "link", "bad_record", LOG_CODE("reason", err_text(r)));
    h2_close(n->link, 100);
}

static void on_link_end(void *arg, struct h2_stream *s) {
    struct node *n = arg;
    (void)s;
    h2_close(n->link, 100);
}

static void on_link_close(void *arg, struct h2_stream *s, uint32_t code) {
    struct node *n = arg;
    (void)s, (void)code;
    n->link_stream = NULL;
    n->registered = 0;
}

static const struct h2_stream_events link_events = {.on_data = on_link_data, .on_end = on_link_end, .on_close = on_link_close};

static void answer_404(struct h2_stream *s) {
    static const struct h2_stream_events none = {0};
    h2_stream_set(s, &none, NULL);
    if (h2_respond(s, 404, NULL) == 0) (void)h2_end(s, NULL);
}

static void on_request(void *arg, struct h2 *h, struct h2_stream *s, const struct h2_request *r) {
    struct node *n = arg;
    (void)h;
    int post = strcmp(r->method, "POST") == 0;
    if (post && strcmp(r->path, PATH_JOB) == 0 && n->registered) {
        job_begin(n, s);
    } else if (post && strcmp(r->path, PATH_BLIND) == 0 && n->registered && n->blind_count) {
        blind_way_begin(n, s);
    } else if (post && strcmp(r->path, PATH_EVIDENCE) == 0 && n->registered && n->chip) {
        evidence_answer_begin(n, s);
    } else if (post && strcmp(r->path, PATH_ACTIVATE) == 0 && n->registered && n->chip) {
        activate_answer_begin(n, s);
    } else if (post && strcmp(r->path, PATH_LINK) == 0 && !n->link_stream) {
        n->link_stream = s;
        n->link_in.len = 0;
        h2_stream_set(s, &link_events, n);
        if (h2_respond(s, 200, NULL) == 0) link_register_now(n);
    } else
        answer_404(s);
}

/* ---- dialling ---- */

static void on_ready(void *arg, struct h2 *h, enum tls_proto proto) {
    (void)arg, (void)h, (void)proto;
    log_event(LOG_DEBUG, "link", "connected", LOG_COUNT("rtt_us", h2_rtt_us(h)));
}

static uint64_t with_jitter(uint32_t ms) {
    uint8_t r;
    random_bytes(&r, 1);
    return ms / 2 + ms * (uint64_t)r / 510; /* half to all of it */
}

static void on_gone(void *arg, struct h2 *h, int err) {
    struct node *n = arg;
    int was_up = n->was_registered, refused = n->refused;
    n->link = NULL;
    n->link_stream = NULL;
    n->registered = n->was_registered = n->refused = 0;
    timer_stop(n->heartbeat);
    job_drop_all(n);
    if (n->draining) {
        loop_stop(n->loop);
        return;
    }
    if (!refused) link_log_gone(&n->log, n->said_ready ? LOG_WARN : LOG_ERROR, n->o.coordinator, h, err, was_up);
    timer_start_ms(n->redial, with_jitter(n->redial_ms));
    n->redial_ms = n->redial_ms * 2 > REDIAL_MS_MAX ? REDIAL_MS_MAX : n->redial_ms * 2;
}

static const struct h2_events events = {.on_ready = on_ready, .on_request = on_request, .on_gone = on_gone};

void link_dial(struct node *n) {
    uint32_t visits = n->blind_count ? n->o.blind_sessions * (uint32_t)n->blind_count + BLIND_UNSEATED_MAX : 0;
    struct h2_opts o = {.streams_max = n->o.slots * (uint32_t)n->model_count + visits + 4,
                        .write_max = STREAM_WRITE_MAX,
                        .trust_resets = 1,
                        .dialler = n->dialler};
    int r = h2_dial(&n->link, n->loop, n->tls, n->o.coordinator, &o, &events, n);
    if (r == 0) return;
    n->link = NULL;
    log_event(LOG_ERROR, "link", "cannot_dial", LOG_CODE("reason", err_text(r)));
    timer_start_ms(n->redial, REDIAL_MS_MAX);
}

static void on_redial(void *arg) { link_dial(arg); }

/* A new key statement, and the evidence that goes with it. */
static int renew_keys(struct node *n, struct why *why) {
    uint64_t now = clock_unix_s();
    uint8_t op[32];
    int r = operator_statement(&n->operator_stmt, n->o.operator_key, n->signer.identity, now, why);
    if (r == 0) operator_id_of(op, n->operator_stmt.operator_key);
    if (r == 0)
        r = keyring_renew(n->keys, n->signer.identity, op, NODE_ENGINE_ID, n->seal_source.ecdh ? &n->seal_source : NULL, now);
    if (r == 0) evidence_ahead_make(n);
    return r;
}

void link_renew_now(struct node *n) {
    struct why why = {{0}};
    int r = renew_keys(n, &why);
    if (r == 0 && n->registered) link_register_now(n);
    if (r != 0) log_event(LOG_ERROR, "keys", "not_renewed", LOG_CODE("reason", err_text(r)));
    timer_start_ms(n->renew, r == 0 ? KEYRING_RENEW_S * 1000u : 60000);
}

static void on_renew(void *arg) { link_renew_now(arg); }

int link_init(struct node *n, struct why *why) {
    struct tls_client_opts to = {.proto = TLS_NODE, .ca_file = n->o.ca, .pin = n->o.pin};
    n->redial_ms = REDIAL_MS_MIN;
    n->heartbeat_ms = HEARTBEAT_MS;
    buf_init(&n->link_in, LINK_RECORD_BODY_MAX + 65536);
    int r = tls_client_new(&n->tls, &to, why);
    if (r == 0) r = keyring_new(&n->keys);
    if (r == 0) r = renew_keys(n, why);
    if (r == 0) r = evidence_ahead_watch(n);
    if (r == 0) r = timer_new(&n->redial, n->loop, on_redial, n);
    if (r == 0) r = timer_new(&n->heartbeat, n->loop, on_heartbeat, n);
    if (r == 0) r = timer_new(&n->renew, n->loop, on_renew, n);
    if (r == 0) timer_start_ms(n->renew, KEYRING_RENEW_S * 1000u);
    return r;
}

void link_release(struct node *n) {
    job_drop_all(n);
    if (n->link) h2_drop(n->link);
    n->link = NULL;
    timer_free(n->redial);
    timer_free(n->heartbeat);
    timer_free(n->renew);
    evidence_ahead_release(n);
    tls_free(n->tls);
    keyring_free(n->keys);
    buf_release(&n->link_in);
}
