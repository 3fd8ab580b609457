/* gateway/blind_dial.c - see blind_dial.h.
 *
 * Two threads share a gate: the caller's, which owns the session, and the loop's, which owns the stream. Sealed bytes lie between them in two
 * bounded buffers under one lock. The caller posts the loop's job when it left bytes, took bytes or closed; the loop wakes the caller when
 * bytes came, room came or the stream went. The gate goes when both have let go of it. */
#include "gateway/blind_dial.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/secret.h"
#include "blind/message.h"
#include "seal/codes.h"
#include "seal/http_names.h"
#include "seal/session.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    WINDOW = 1 << 20,
    WRITE_MAX = 2 << 20,
    IN_MAX = 2 * WINDOW, /* more than a window cannot come */
    OUT_MAX = SESSION_MESSAGE_MAX + SESSION_OVERHEAD + (1 << 20),
    RX_MAX = SESSION_MESSAGE_MAX + SESSION_OVERHEAD + IN_MAX
};
struct gate {
    struct blind_dialer d;
    uint8_t key_id[32];
    /* the caller's thread */
    struct session *session; /* guarded */
    struct buf rx;           /* sealed bytes taken over; the front may be an opened message */
    size_t opened;           /* bytes at the front of rx that the last receive gave out */
    int replied;
    /* shared */
    pthread_mutex_t lock;
    pthread_cond_t news_cond;
    struct buf in, out; /* lock */
    size_t taken;       /* lock: bytes of in that the caller has, their window not yet given back */
    int lost, closed;   /* lock: the stream is; the caller has let go */
    int posted;         /* lock: the loop's job is on its way */
    struct loop_job job;
    /* the loop's thread */
    struct h2_stream *stream;
    int asked;
    char at[WORKER_AT_BYTES]; /* "": through the coordinator */
    struct tls *tls;          /* for at */
    struct h2 *own;           /* to at */
};

static void gate_free(struct gate *g) {
    if (g->own) h2_drop(g->own);
    tls_free(g->tls);
    secret_free(g->session);
    buf_release(&g->rx);
    buf_release(&g->in);
    buf_release(&g->out);
    pthread_cond_destroy(&g->news_cond);
    pthread_mutex_destroy(&g->lock);
    free(g);
}

/* ---- the loop's thread ---- */

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
        (void)h2_stream_widen(s, WINDOW, WRITE_MAX); /* else it is slower */
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
    log_event(LOG_INFO, "blind", "direct_link_gone", LOG_NAME("at", g->at), LOG_CODE("reason", err_text(err)));
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

/* The caller has let go: what it said still leaves, in good order. */
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

/* ---- the caller's thread ---- */

static void post(struct gate *g) { /* lock held */
    if (g->posted) return;
    g->posted = 1;
    loop_post(g->d.loop, &g->job);
}

/* Until something is new, or a point in time. ERR_TIME. Lock held. */
static int wait_until(struct gate *g, uint64_t at_ms) {
    struct timespec at = {.tv_sec = (time_t)(at_ms / 1000), .tv_nsec = (long)(at_ms % 1000) * 1000000};
    return pthread_cond_timedwait(&g->news_cond, &g->lock, &at) == 0 ? 0 : ERR_TIME;
}

enum { SEND_MS = 60000 }; /* a worker that takes nothing for so long is as good as gone */

static int on_send(void *state, const uint8_t *message, size_t n) {
    struct gate *g = state;
    uint64_t until = clock_mono_ms() + SEND_MS;
    int r = g->session->err;
    pthread_mutex_lock(&g->lock);
    while (r == 0 && !g->lost && n + SESSION_OVERHEAD > OUT_MAX - g->out.len) r = wait_until(g, until);
    uint8_t *chunk = r == 0 && !g->lost ? buf_room(&g->out, n + SESSION_OVERHEAD) : NULL;
    if (chunk) r = session_seal(g->session, chunk, message, n, blind_message_final(message, n));
    if (chunk && r == 0) {
        g->out.len += n + SESSION_OVERHEAD;
        post(g);
    }
    pthread_mutex_unlock(&g->lock);
    return chunk && r == 0 ? 0 : ERR_IO;
}

/* Moves what came behind what is in rx. ERR_MORE: nothing came in time. */
static int take_bytes(struct gate *g, uint64_t until_ms) {
    int r = 0;
    pthread_mutex_lock(&g->lock);
    while (g->in.len == 0 && !g->lost && r == 0) r = wait_until(g, until_ms);
    if (g->in.len) {
        r = buf_add(&g->rx, g->in.data, g->in.len) == 0 ? 0 : ERR_IO;
        g->taken += g->in.len;
        g->in.len = 0;
        post(g);
    } else {
        r = g->lost ? ERR_IO : ERR_MORE;
    }
    pthread_mutex_unlock(&g->lock);
    return r;
}

static void forget_opened(struct gate *g) {
    if (!g->opened) return;
    mem_wipe(g->rx.data, g->opened);
    buf_drop(&g->rx, g->opened);
    g->opened = 0;
}

/* The next message out of what is there. */
static int open_next(struct gate *g, const uint8_t **message, size_t *n) {
    uint8_t *opened;
    size_t used;
    int final;
    if (!g->replied) {
        if (g->rx.len < SESSION_REPLY_BYTES) return ERR_MORE;
        if (session_reply(g->session, g->rx.data) != 0) return ERR_IO;
        buf_drop(&g->rx, SESSION_REPLY_BYTES);
        g->replied = 1;
    }
    int r = session_open(g->session, g->rx.data, g->rx.len, SESSION_MESSAGE_MAX, &used, &opened, n, &final);
    if (r == ERR_MORE) return r;
    if (r != 0 || final != blind_message_final(opened, *n)) return ERR_IO;
    g->opened = used;
    *message = opened;
    return 0;
}

static int on_receive(void *state, const uint8_t **message, size_t *n, uint32_t wait_ms) {
    struct gate *g = state;
    uint64_t until = clock_mono_ms() + wait_ms;
    forget_opened(g);
    for (;;) {
        int r = open_next(g, message, n);
        if (r == ERR_MORE)
            r = take_bytes(g, until);
        else
            return r;
        if (r != 0) return r;
    }
}

static void on_link_close(void *state) {
    struct gate *g = state;
    pthread_mutex_lock(&g->lock);
    g->closed = 1;
    post(g);
    pthread_mutex_unlock(&g->lock);
}

static const struct blind_link_ops gate_ops = {on_send, on_receive, on_link_close};

static int own_way(struct gate *g, const struct worker_entry *entry) {
    char pin[TLS_PIN_BYTES] = "sha256:";
    struct tls_client_opts to = {.proto = TLS_GATEWAY, .pin = pin};
    hex_encode(pin + 7, entry->at_pin, 32);
    memcpy(g->at, entry->at, sizeof g->at);
    return tls_client_new(&g->tls, &to, NULL);
}

static int dial(struct blind_link *out, const struct blind_dialer *d, const struct keystmt *worker,
                const struct worker_entry *entry) {
    uint8_t start[SESSION_START_BYTES];
    pthread_condattr_t attr;
    struct gate *g = mem_zalloc(1, sizeof *g);
    if (!g) return ERR_NOMEM;
    g->d = *d;
    g->job.fn = on_job;
    pthread_mutex_init(&g->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&g->news_cond, &attr);
    pthread_condattr_destroy(&attr);
    buf_init(&g->rx, RX_MAX);
    buf_init(&g->in, IN_MAX);
    buf_init(&g->out, OUT_MAX);
    keystmt_id(g->key_id, worker);
    g->session = secret_alloc(sizeof *g->session);
    int r = g->session ? session_start(g->session, worker, start) : ERR_NOMEM;
    if (r == 0) r = buf_add(&g->out, start, sizeof start);
    if (r == 0 && entry) r = own_way(g, entry);
    if (r != 0) {
        gate_free(g);
        return r;
    }
    pthread_mutex_lock(&g->lock);
    post(g);
    pthread_mutex_unlock(&g->lock);
    *out = (struct blind_link){.ops = &gate_ops, .state = g};
    memcpy(out->identity, worker->identity, 32);
    memcpy(out->operator_id, worker->operator_id, 32);
    return 0;
}

int blind_dial(struct blind_link *out, const struct blind_dialer *d, const struct keystmt *worker) {
    return dial(out, d, worker, NULL);
}

int blind_dial_direct(struct blind_link *out, const struct blind_dialer *d, const struct keystmt *worker,
                      const struct worker_entry *entry) {
    return entry->at[0] ? dial(out, d, worker, entry) : ERR_NOTFOUND;
}
