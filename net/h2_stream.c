/* net/h2_stream.c - streams: ask, respond, write, end, reset, consume; and the data source that nghttp2 reads from. */
#include "net/h2_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *h2_header_get(const struct h2_headers *h, const char *name) {
    for (size_t i = 0; i < h->count; i++)
        if (strcmp(h->list[i].name, name) == 0) return h->list[i].value;
    return NULL;
}

/* ---- birth and death ---- */
static void on_free(void *arg) {
    struct h2_stream *s = arg;
    buf_release(&s->out);
    buf_release(&s->trailers);
    free(s);
}

struct h2_stream *h2_stream_new(struct h2 *h, int32_t id) {
    struct h2_stream *s = mem_zalloc(1, sizeof *s);
    if (!s) return NULL;
    s->link = h;
    s->id = id;
    s->free_later = (struct later){.fn = on_free, .arg = s};
    s->write_max = h->use.write_max;
    buf_init(&s->out, s->write_max);
    buf_init(&s->trailers, H2_HEADER_BYTES_MAX);
    s->next = h->streams;
    if (s->next) s->next->prev = s;
    h->streams = s;
    h->stream_count++;
    (void)nghttp2_session_set_stream_user_data(h->session, id, s); /* a stream of ours is not known before its HEADERS leave */
    return s;
}

void h2_stream_close(struct h2_stream *s, uint32_t code, int tell) {
    struct h2 *h = s->link;
    if (s->dead) return;
    s->dead = 1;
    if (s->next) s->next->prev = s->prev;
    if (s->prev)
        s->prev->next = s->next;
    else
        h->streams = s->next;
    h->stream_count--;
    if (h->just_sent == s) h->just_sent = NULL;
    (void)nghttp2_session_set_stream_user_data(h->session, s->id, NULL);
    /* What the owner had not consumed still counts against the connection's window. */
    if (s->unconsumed) (void)nghttp2_session_consume_connection(h->session, s->unconsumed);
    if (s->wider_by && !h->dead) {
        h->wider_by -= s->wider_by;
        (void)h2_session_window(h); /* too large a window for a while harms nobody */
    }
    loop_later(h->loop, &s->free_later);
    if (tell && s->ev && s->ev->on_close) s->ev->on_close(s->arg, s, code);
}

void h2_stream_sent(struct h2_stream *s, size_t n) {
    struct h2 *h = s->link;
    h->just_sent = NULL;
    if (n && s->ev && s->ev->on_sent) s->ev->on_sent(s->arg, s, n);
    if (s->dead || !s->starved || s->out.len - s->out_at > s->write_max / 2) return;
    s->starved = 0;
    if (s->ev && s->ev->on_writable) s->ev->on_writable(s->arg, s);
}

void h2_stream_set(struct h2_stream *s, const struct h2_stream_events *ev, void *arg) {
    s->ev = ev;
    s->arg = arg;
}

uint32_t h2_stream_count(const struct h2 *h) { return h->stream_count; }
void *h2_stream_arg(const struct h2_stream *s) { return s->arg; }
struct h2 *h2_stream_link(const struct h2_stream *s) {
    return s->link;
}
uint32_t h2_stream_id(const struct h2_stream *s) { return (uint32_t)s->id; }

/* ---- headers out ---- */
static nghttp2_nv nv(const char *name, const char *value) {
    union { /* nghttp2 copies both and writes neither; its struct has no const */
        const char *c;
        uint8_t *u;
    } n = {name}, v = {value};
    return (nghttp2_nv){n.u, v.u, strlen(name), strlen(value), NGHTTP2_NV_FLAG_NONE};
}

/* Appends headers to list[at..]; the new count, or ERR_LIMIT. */
static int nv_add(nghttp2_nv *list, size_t at, const struct h2_headers *h) {
    size_t bytes = 0;
    if (!h) return (int)at;
    if (h->count > H2_HEADERS_MAX) return ERR_LIMIT;
    for (size_t i = 0; i < h->count; i++) {
        list[at++] = nv(h->list[i].name, h->list[i].value);
        bytes += strlen(h->list[i].name) + strlen(h->list[i].value) + 32;
    }
    return bytes > H2_HEADER_BYTES_MAX - 1024 ? ERR_LIMIT : (int)at;
}

static int send_trailers(nghttp2_session *session, struct h2_stream *s) {
    nghttp2_nv list[H2_HEADERS_MAX];
    const char *p = (const char *)s->trailers.data;
    for (size_t i = 0; i < s->trailer_count; i++) {
        const char *value = p + strlen(p) + 1;
        list[i] = nv(p, value);
        p = value + strlen(value) + 1;
    }
    return nghttp2_submit_trailer(session, s->id, list, s->trailer_count);
}

/* nghttp2 reads the body here. The stream is looked up by its id: after h2_reset nothing may reach its memory. */
static ssize_t on_read(nghttp2_session *session, int32_t id, uint8_t *to, size_t cap, uint32_t *flags,
                       nghttp2_data_source *source, void *arg) {
    struct h2 *h = arg;
    (void)source;
    struct h2_stream *s = nghttp2_session_get_stream_user_data(session, id);
    if (!s || s->dead) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    size_t have = s->out.len - s->out_at, n = have < cap ? have : cap;
    if (n == 0 && !s->ended) {
        s->deferred = 1;
        return NGHTTP2_ERR_DEFERRED;
    }
    if (n) memcpy(to, s->out.data + s->out_at, n);
    s->out_at += n;
    h->just_sent = s;
    h->just_sent_bytes = n;
    if (n == have && s->ended) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        if (s->trailer_count) {
            *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
            if (send_trailers(session, s) != 0) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
        }
    }
    return (ssize_t)n;
}

int h2_ask(struct h2 *h, const struct h2_request *r, const struct h2_stream_events *ev, void *arg, struct h2_stream **out) {
    nghttp2_nv list[4 + H2_HEADERS_MAX];
    char peer[ADDR_TEXT_BYTES];
    if (!h->asks || !h->ready) return ERR_WRONG_STATE;
    if (h->dead || h->gone || h->closing || h->goaway_received) return ERR_LOST;
    if (h2_slots(h) == 0) return ERR_BUSY;
    addr_text(&h->peer, peer);
    list[0] = nv(":method", r->method);
    list[1] = nv(":scheme", "https");
    list[2] = nv(":authority", r->authority ? r->authority : peer);
    list[3] = nv(":path", r->path);
    int n = nv_add(list, 4, &r->headers);
    if (n < 0) return n;
    nghttp2_data_provider body = {.read_callback = on_read};
    int32_t id = nghttp2_submit_request(h->session, NULL, list, (size_t)n, &body, NULL);
    if (id < 0) return id == NGHTTP2_ERR_NOMEM ? ERR_NOMEM : ERR_LOST;
    struct h2_stream *s = h2_stream_new(h, id);
    if (!s) {
        (void)nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, id, H2_CANCEL);
        return ERR_NOMEM;
    }
    s->responded = 1;
    h2_stream_set(s, ev, arg);
    h2_flush_soon(h);
    *out = s;
    return 0;
}

int h2_respond(struct h2_stream *s, int status, const struct h2_headers *headers) {
    nghttp2_nv list[1 + H2_HEADERS_MAX];
    char code[8];
    if (s->dead || s->link->dead) return ERR_LOST;
    if (s->link->asks || s->responded || status < 200 || status > 599) return ERR_WRONG_STATE;
    snprintf(code, sizeof code, "%d", status);
    list[0] = nv(":status", code);
    int n = nv_add(list, 1, headers);
    if (n < 0) return n;
    nghttp2_data_provider body = {.read_callback = on_read};
    int r = nghttp2_submit_response(s->link->session, s->id, list, (size_t)n, &body);
    if (r != 0) return r == NGHTTP2_ERR_NOMEM ? ERR_NOMEM : ERR_LOST;
    s->responded = 1;
    h2_flush_soon(s->link);
    return 0;
}

/* ---- body out ---- */
static void wake(struct h2_stream *s) {
    if (s->deferred) { /* resuming one that is not deferred is an error */
        s->deferred = 0;
        (void)nghttp2_session_resume_data(s->link->session, s->id);
    }
    h2_flush_soon(s->link);
}

size_t h2_write_room(const struct h2_stream *s) { return s->write_max - (s->out.len - s->out_at); }

int h2_write(struct h2_stream *s, const void *p, size_t n) {
    if (s->dead || s->link->dead || s->link->gone) return ERR_LOST;
    if (s->ended || !s->responded) return ERR_WRONG_STATE;
    if (n > s->write_max) return ERR_LIMIT;
    if (n > h2_write_room(s)) {
        s->starved = 1;
        return ERR_BUSY;
    }
    if (s->out_at == s->out.len) {
        s->out.len = s->out_at = 0;
    } else if (s->out_at >= s->out.max / 2 || s->out.len + n > s->out.max) {
        buf_drop(&s->out, s->out_at);
        s->out_at = 0;
    }
    int r = buf_add(&s->out, p, n);
    if (r == 0) wake(s);
    return r;
}

int h2_end(struct h2_stream *s, const struct h2_headers *trailers) {
    if (s->dead || s->link->dead || s->link->gone) return ERR_LOST;
    if (s->ended || !s->responded) return ERR_WRONG_STATE;
    int r = 0;
    if (trailers && trailers->count > H2_HEADERS_MAX) return ERR_LIMIT;
    for (size_t i = 0; r == 0 && trailers && i < trailers->count; i++) {
        r = buf_add(&s->trailers, trailers->list[i].name, strlen(trailers->list[i].name) + 1);
        if (r == 0) r = buf_add(&s->trailers, trailers->list[i].value, strlen(trailers->list[i].value) + 1);
    }
    if (r != 0) return ERR_LIMIT;
    s->trailer_count = trailers ? trailers->count : 0;
    s->ended = 1;
    wake(s);
    return 0;
}

void h2_reset(struct h2_stream *s, uint32_t code) {
    struct h2 *h = s->link;
    if (s->dead) return;
    if (!h->dead) {
        (void)nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, s->id, code);
        h2_flush_soon(h);
    }
    h2_stream_close(s, code, 0);
}

void h2_consume(struct h2_stream *s, size_t n) {
    if (s->dead || s->link->dead) return;
    if (n > s->unconsumed) n = s->unconsumed;
    s->unconsumed -= n;
    (void)nghttp2_session_consume(s->link->session, s->id, n);
    h2_flush_soon(s->link);
}

int h2_stream_widen(struct h2_stream *s, uint32_t window, size_t write_max) {
    struct h2 *h = s->link;
    if (s->dead || h->dead || h->gone) return ERR_LOST;
    if (window < h->use.window || window > INT32_MAX || write_max < s->write_max || s->wider_by) return ERR_RANGE;
    if (nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, s->id, (int32_t)window) != 0) return ERR_NOMEM;
    s->out.max = s->write_max = write_max;
    s->wider_by = window - h->use.window;
    h->wider_by += s->wider_by;
    h2_flush_soon(h);
    return h2_session_window(h);
}
