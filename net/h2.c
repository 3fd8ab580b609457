/* net/h2.c - the life of a link: TLS events, silence, closing, freeing. See h2.h, and h2_parts.h for who does what.
 *
 * No callback of the owner runs while this file has work left to do on the link: each ends a function, or is followed by a
 * look at h->dead. Links are freed by loop_later, never under nghttp2's or TLS's feet. */
#include "base/clock.h"
#include "base/log.h"
#include "net/h2_parts.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    OUT_ENOUGH = 65536, /* bytes queued for TLS before nghttp2 is asked for more */
    FINISH_MS = 1000,   /* for the peer's end of file after ours */
};

static void on_free(void *arg) {
    struct h2 *h = arg;
    nghttp2_session_del(h->session);
    buf_release(&h->block.text);
    free(h);
}

/* Everything but the memory goes at once; after it nothing calls the owner. */
static void let_go(struct h2 *h) {
    h->dead = 1;
    timer_free(h->quiet);
    timer_free(h->limit);
    h->quiet = h->limit = NULL;
    h2_dial_free(h->dial);
    h->dial = NULL;
    tls_conn_free(h->conn);
    h->conn = NULL;
    loop_later(h->loop, &h->free_later);
}

static void on_gone_later(void *arg) {
    struct h2 *h = arg;
    if (h->dead) return;
    while (h->streams && !h->dead) h2_stream_close(h->streams, H2_LOST, 1);
    if (h->dead) return; /* an on_close dropped the link */
    h->dead = 1;
    const struct h2_events *ev = h->ev;
    void *owner = h->arg;
    int err = h->gone_err;
    ev->on_gone(owner, h, err); /* h is still whole here: its peer and argument may be looked at */
    let_go(h);
}

void h2_fail(struct h2 *h, int err) {
    if (h->gone || h->dead) return;
    h->gone = 1;
    h->gone_err = err;
    loop_later(h->loop, &h->gone_later);
}

/* ---- output ---- */
static int end_code(const struct h2 *h) {
    if (h->goaway_sent_code == H2_OK) return 0;
    return h->goaway_sent_code == H2_CALM ? ERR_LIMIT : ERR_FORMAT;
}

/* When all streams have ended and the GOAWAY is out, the connection has nothing left to do. Our side is ended, and the peer's
 * end of file is waited for: closing at once would answer its last bytes with a reset, which could cost it ours. */
static void finish_if_done(struct h2 *h) {
    if (h->finished || tls_conn_waiting(h->conn) || nghttp2_session_want_write(h->session)) return;
    int over = !nghttp2_session_want_read(h->session);
    if (!over && !(h->closing && h->streams == NULL)) return;
    h->finished = 1;
    tls_conn_finish(h->conn);
    timer_start_ms(h->limit, FINISH_MS);
}

static void flush(struct h2 *h) {
    while (!h->dead && !h->gone && tls_conn_waiting(h->conn) < OUT_ENOUGH) {
        const uint8_t *p;
        int n = h2_session_step_out(h, &p);
        if (h->dead || n == 0) break;
        if (n < 0 || tls_conn_add(h->conn, p, (size_t)n) != 0) {
            h2_fail(h, ERR_FORMAT);
            return;
        }
        if (h->just_sent) h2_stream_sent(h->just_sent, h->just_sent_bytes);
        if (!h->dead && tls_conn_waiting(h->conn) >= OUT_ENOUGH) tls_conn_flush(h->conn);
    }
    if (h->dead || h->gone) return;
    tls_conn_flush(h->conn);
    finish_if_done(h);
}

static void on_flush_later(void *arg) {
    struct h2 *h = arg;
    if (!h->dead && h->session) flush(h);
}

void h2_flush_soon(struct h2 *h) {
    if (!h->dead) loop_later(h->loop, &h->flush_later);
}

/* ---- silence ---- */
static void on_quiet(void *arg) {
    struct h2 *h = arg;
    uint64_t now = clock_mono_ms(), since = now - h->last_rx_ms;
    if (since >= h->use.lost_after_ms) {
        h2_fail(h, ERR_TIME);
        return;
    }
    if (since >= h->use.ping_after_ms && !h->pinged) {
        h->pinged = 1;
        h->ping_sent_us = clock_mono_us();
        (void)nghttp2_submit_ping(h->session, NGHTTP2_FLAG_NONE, NULL);
        h2_flush_soon(h);
    }
    uint64_t next = h->pinged ? h->use.lost_after_ms : h->use.ping_after_ms;
    timer_start_ms(h->quiet, since < next ? next - since : 1);
}

static void on_limit(void *arg) {
    struct h2 *h = arg;
    h2_fail(h, h->closing || h->finished ? end_code(h) : ERR_TIME);
}

/* ---- events of the TLS connection ---- */
static void fill_defaults(struct h2_opts *o) {
    if (!o->streams_max) o->streams_max = 100;
    if (!o->window) o->window = H2_WINDOW_DEFAULT;
    if (!o->write_max) o->write_max = 262144;
    if (!o->handshake_ms) o->handshake_ms = 10000;
    if (!o->ping_after_ms) o->ping_after_ms = 1000;
    if (!o->lost_after_ms) o->lost_after_ms = 3000;
}

static void on_open(void *arg, enum tls_proto proto) {
    struct h2 *h = arg;
    h->proto = proto;
    h->use = h->opts[proto];
    /* The side that dials out serves when it is a node, and asks when it is a gateway. */
    h->asks = (proto == TLS_NODE) == (tls_is_server(h->tls) != 0);
    h->last_rx_ms = clock_mono_ms();
    if (h2_session_start(h) != 0) {
        h2_fail(h, ERR_NOMEM);
        return;
    }
    timer_start_ms(h->quiet, h->use.ping_after_ms);
    h2_flush_soon(h);
    if (h->asks) return; /* ready with the peer's SETTINGS: they say how many streams it takes */
    timer_stop(h->limit);
    h->ready = 1;
    h->ev->on_ready(h->arg, h, proto);
}

static void on_bytes(void *arg, const uint8_t *p, size_t n) {
    struct h2 *h = arg;
    if (h->gone || h->finished) return;
    h->last_rx_ms = clock_mono_ms();
    h->pinged = 0;
    ssize_t took = nghttp2_session_mem_recv(h->session, p, n);
    if (h->dead) return;
    if (took < 0) {
        h2_fail(h, took == NGHTTP2_ERR_FLOODED ? ERR_LIMIT : ERR_FORMAT);
        return;
    }
    flush(h); /* per record, not per turn: what nghttp2 refuses it must be able to say before it is given more */
}

static void on_room(void *arg) { flush(arg); }

static void on_conn_gone(void *arg, int err) {
    struct h2 *h = arg;
    h->fault = *tls_conn_fault(h->conn);
    if (err == ERR_NOTFOUND && h->dial && !h->dead) {
        tls_conn_free(h->conn);
        h->conn = NULL;
        if (h2_dial_next(h) == 0) return;
    }
    if (h->finished)
        err = end_code(h);
    else if (h->goaway_received && h->streams == NULL && err == ERR_LOST)
        err = 0; /* the peer closed in good order */
    h2_fail(h, err);
}

static const struct tls_conn_events conn_events = {on_open, on_bytes, on_room, on_conn_gone};

int h2_start_conn(struct h2 *h, int fd, const char *host) {
    return tls_conn_new(&h->conn, h->loop, h->tls, fd, host, &conn_events, h);
}

/* ---- birth ---- */
int h2_alloc(struct h2 **out, struct loop *l, struct tls *t, const struct h2_events *ev, void *arg) {
    struct h2 *h = mem_zalloc(1, sizeof *h);
    if (!h) return ERR_NOMEM;
    *h = (struct h2){.loop = l, .tls = t, .ev = ev, .arg = arg};
    h->flush_later = (struct later){.fn = on_flush_later, .arg = h};
    h->gone_later = (struct later){.fn = on_gone_later, .arg = h};
    h->free_later = (struct later){.fn = on_free, .arg = h};
    buf_init(&h->block.text, H2_HEADER_BYTES_MAX + 2 * H2_HEADERS_MAX + 64);
    int r = timer_new(&h->quiet, l, on_quiet, h);
    if (r == 0) r = timer_new(&h->limit, l, on_limit, h);
    if (r != 0) {
        timer_free(h->quiet);
        free(h);
        return r;
    }
    *out = h;
    return 0;
}

int h2_accept(struct h2 **out, struct loop *l, struct tls *t, int fd, const struct addr *peer,
              const struct h2_opts opts[TLS_PROTOS], const struct h2_events *ev, void *arg) {
    struct h2 *h = NULL;
    int r = h2_alloc(&h, l, t, ev, arg);
    if (r != 0) {
        close(fd);
        return r;
    }
    for (int i = 0; i < TLS_PROTOS; i++) {
        h->opts[i] = opts[i];
        fill_defaults(&h->opts[i]);
    }
    h->peer = *peer;
    r = h2_start_conn(h, fd, NULL);
    if (r != 0) {
        let_go(h);
        return r;
    }
    timer_start_ms(h->limit, h->opts[TLS_NODE].handshake_ms);
    *out = h;
    return 0;
}

int h2_dial(struct h2 **out, struct loop *l, struct tls *t, const char *where, const struct h2_opts *o,
            const struct h2_events *ev, void *arg) {
    struct h2 *h = NULL;
    int r = h2_alloc(&h, l, t, ev, arg);
    if (r != 0) return r;
    for (int i = 0; i < TLS_PROTOS; i++) {
        h->opts[i] = *o;
        fill_defaults(&h->opts[i]);
    }
    r = h2_dial_start(h, where);
    if (r != 0) {
        let_go(h);
        return r;
    }
    timer_start_ms(h->limit, h->opts[0].handshake_ms);
    *out = h;
    return 0;
}

/* ---- the owner's calls ---- */
void h2_set(struct h2 *h, const struct h2_events *ev, void *arg) {
    h->ev = ev;
    h->arg = arg;
}

void *h2_arg(const struct h2 *h) { return h->arg; }
const struct addr *h2_peer(const struct h2 *h) { return &h->peer; }
uint64_t h2_rtt_us(const struct h2 *h) { return h->rtt_us; }

void h2_close(struct h2 *h, uint32_t limit_ms) {
    if (h->closing || h->dead) return;
    h->closing = 1;
    if (!h->session) {
        h2_fail(h, 0);
        return;
    }
    (void)nghttp2_submit_goaway(h->session, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(h->session), H2_OK, NULL,
                                0);
    timer_start_ms(h->limit, limit_ms ? limit_ms : 5000);
    h2_flush_soon(h);
}

void h2_drop(struct h2 *h) {
    if (h->dead) return;
    h->dead = 1; /* before the streams: their on_close may come back here */
    while (h->streams) h2_stream_close(h->streams, H2_LOST, 1);
    let_go(h);
}

uint32_t h2_slots(const struct h2 *h) {
    if (!h->asks || !h->ready || h->dead || h->gone || h->closing || h->goaway_received) return 0;
    if (!nghttp2_session_check_request_allowed(h->session)) return 0;
    uint32_t peer = nghttp2_session_get_remote_settings(h->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
    uint32_t max = peer < h->use.streams_max ? peer : h->use.streams_max;
    return h->stream_count < max ? max - h->stream_count : 0;
}

int h2_exporter(struct h2 *h, const char *label, uint8_t *out, size_t n) {
    return h->conn && !h->dead ? tls_conn_exporter(h->conn, label, out, n) : ERR_WRONG_STATE;
}

const char *h2_gone_text(const struct h2 *h, int err) {
    if ((err == ERR_NOTFOUND || err == ERR_AUTH) && h->fault.text) return h->fault.text;
    switch (err) {
    case 0: return "closed in good order";
    case ERR_NOTFOUND: return "cannot be reached";
    case ERR_AUTH: return "what answers there is no lull coordinator";
    case ERR_TIME: return "silent";
    default: return err_text(err);
    }
}

const char *h2_gone_names(const struct h2 *h) { return h->fault.names; }
