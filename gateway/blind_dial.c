/* gateway/blind_dial.c - see blind_dial.h. The loop's side of a link: the stream, and for a direct way its connection. */
#include "base/hash.h"
#include "base/log.h"
#include "gateway/blind_gate.h"
#include "seal/codes.h"
#include "seal/http_names.h"

#include <string.h>

/* ---- the stream ---- */

static void lose(struct gate *g) {
    pthread_mutex_lock(&g->lock);
    g->lost = 1;
    pthread_cond_signal(&g->news_cond);
    pthread_mutex_unlock(&g->lock);
}

/* Writes what waits, as much as the stream takes now; on_sent goes on. */
static void push(struct gate *g) {
    int r = 0;
    pthread_mutex_lock(&g->lock);
    size_t n = g->out.len, room = h2_write_room(g->stream);
    if (n > room) n = room;
    if (n) r = h2_write(g->stream, g->out.data, n);
    if (n && r == 0) {
        buf_drop(&g->out, n);
        pthread_cond_signal(&g->news_cond);
    }
    size_t taken = g->taken;
    g->taken = 0;
    pthread_mutex_unlock(&g->lock);
    if (taken) h2_consume(g->stream, taken);
    if (r != 0) { /* no on_close follows */
        h2_reset(g->stream, H2_CANCEL);
        g->stream = NULL;
        lose(g);
    }
}

static void on_response(void *arg, struct h2_stream *s, int status, const struct h2_headers *h) {
    if (status == 200) {
        (void)h2_stream_widen(s, GATE_WINDOW, GATE_WRITE_MAX); /* else it is slower */
        return;
    }
    const char *code = h2_header_get(h, HEADER_CODE);
    log_event(LOG_INFO, "blind", "refused", LOG_ID("key", ((struct gate *)arg)->key_id, 8), LOG_COUNT("status", (uint64_t)status),
              LOG_NAME("code", code ? code : ""));
}

static void on_data(void *arg, struct h2_stream *s, const uint8_t *p, size_t n) {
    struct gate *g = arg;
    pthread_mutex_lock(&g->lock);
    int r = buf_add(&g->in, p, n);
    pthread_cond_signal(&g->news_cond);
    pthread_mutex_unlock(&g->lock);
    if (r == 0) return;
    h2_reset(s, H2_CANCEL);
    g->stream = NULL;
    lose(g);
}

static void on_sent(void *arg, struct h2_stream *s, size_t n) {
    (void)s, (void)n;
    push(arg);
}

static void on_close(void *arg, struct h2_stream *s, uint32_t code) {
    struct gate *g = arg;
    (void)s, (void)code;
    g->stream = NULL;
    lose(g);
}

static const struct h2_stream_events stream_events = {
    .on_response = on_response, .on_data = on_data, .on_sent = on_sent, .on_close = on_close};

static void ask(struct gate *g, struct h2 *h) {
    char hex[65];
    struct h2_header fields[] = {{HEADER_KEY, hex}, {"content-type", "application/octet-stream"}, {"authorization", g->d.bearer}};
    size_t count = g->d.bearer && !g->own ? 3 : 2; /* the coordinator's key is none of the worker's business */
    struct h2_request q = {.method = "POST", .path = PATH_BLIND, .headers = {fields, count}};
    hex_encode(hex, g->key_id, 32);
    if (!h || h2_ask(h, &q, &stream_events, g, &g->stream) != 0) {
        g->stream = NULL;
        lose(g);
    }
}

/* ---- a connection of its own ---- */

static void on_own_ready(void *arg, struct h2 *h, enum tls_proto proto) {
    (void)proto;
    struct gate *g = arg;
    ask(g, h);
    if (g->stream) push(g);
}

static void on_own_gone(void *arg, struct h2 *h, int err) {
    struct gate *g = arg;
    (void)h;
    /* Who is found there is not who the record says: the log names the one that was looked for. */
    log_event(err == ERR_AUTH ? LOG_WARN : LOG_INFO, "blind", err == ERR_AUTH ? "direct_link_to_another" : "direct_link_gone",
              LOG_ID("worker", g->identity, 32), LOG_NAME("at", g->at), LOG_CODE("reason", err_text(err)));
    g->own = NULL;
    lose(g);
}

static const struct h2_events own_events = {.on_ready = on_own_ready, .on_gone = on_own_gone};

static void dial_own(struct gate *g) {
    struct h2_opts o = {.streams_max = 4};
    if (h2_dial(&g->own, g->d.loop, g->tls, g->at, &o, &own_events, g) == 0) return;
    g->own = NULL;
    lose(g);
}

/* The caller has let go. Through the coordinator what it said still leaves, in good order. A connection of its own goes at once: the bye may
 * be lost with it, and the worker then sees a client that left without one, which is the same to it. */
static void let_go(struct gate *g) {
    if (g->stream) {
        push(g);
        if (g->stream && h2_end(g->stream, NULL) == 0)
            h2_stream_set(g->stream, NULL, NULL);
        else if (g->stream)
            h2_reset(g->stream, H2_CANCEL);
        g->stream = NULL;
    }
    gate_free(g);
}

static void on_job(struct loop_job *j) {
    struct gate *g = (struct gate *)(void *)((uint8_t *)j - offsetof(struct gate, job));
    pthread_mutex_lock(&g->lock);
    g->posted = 0;
    int closed = g->closed;
    pthread_mutex_unlock(&g->lock);
    if (!g->asked && !closed) {
        g->asked = 1;
        if (g->at[0])
            dial_own(g);
        else
            ask(g, g->d.coordinator(g->d.arg));
    }
    if (closed)
        let_go(g);
    else if (g->stream)
        push(g);
}

/* ---- any thread ---- */

static int own_way(struct gate *g, const struct worker_entry *entry) {
    char pin[TLS_PIN_BYTES] = "sha256:";
    struct tls_client_opts to = {.proto = TLS_GATEWAY, .pin = pin};
    hex_encode(pin + 7, entry->at_pin, 32);
    memcpy(g->at, entry->at, sizeof g->at);
    return tls_client_new(&g->tls, &to, NULL);
}

static int dial(struct blind_link *out, const struct blind_dialer *d, const struct keystmt *worker,
                const struct worker_entry *entry) {
    struct gate *g;
    int r = gate_new(&g, d, worker);
    if (r != 0) return r;
    g->job.fn = on_job;
    memcpy(g->identity, worker->identity, 32);
    if (entry && (r = own_way(g, entry)) != 0) {
        gate_free(g);
        return r;
    }
    *out = (struct blind_link){.ops = &gate_ops, .state = g};
    memcpy(out->identity, worker->identity, 32);
    memcpy(out->operator_id, worker->operator_id, 32);
    pthread_mutex_lock(&g->lock);
    gate_post(g);
    pthread_mutex_unlock(&g->lock);
    return 0;
}

int blind_dial(struct blind_link *out, const struct blind_dialer *d, const struct keystmt *worker) {
    return dial(out, d, worker, NULL);
}

int blind_dial_direct(struct blind_link *out, const struct blind_dialer *d, const struct keystmt *worker,
                      const struct worker_entry *entry) {
    return entry->at[0] ? dial(out, d, worker, entry) : ERR_NOTFOUND;
}
