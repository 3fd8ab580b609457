/* net/h2_session.c - nghttp2's callbacks: frames in become calls of the owner, streams' buffers become frames out.
 *
 * Neither nghttp2_session_mem_recv nor _mem_send may be called inside these callbacks, so they only submit, consume and ask
 * for a flush. After each call of the owner h->dead and s->dead are looked at: it may have dropped either. */
#include "base/clock.h"
#include "base/secret.h"
#include "net/h2_parts.h"

#include <stdlib.h>
#include <string.h>

static void *mem_malloc(size_t n, void *u) { return (void)u, wiped_malloc(n); }
static void mem_free(void *p, void *u) { (void)u, wiped_free(p); }
static void *mem_calloc(size_t count, size_t size, void *u) { return (void)u, calloc(count, size); }
static void *mem_realloc(void *p, size_t n, void *u) { return (void)u, wiped_realloc(p, n); }

static nghttp2_mem memory = {NULL, mem_malloc, mem_free, mem_calloc, mem_realloc};

static struct h2_stream *stream_of(nghttp2_session *session, int32_t id) {
    struct h2_stream *s = id > 0 ? nghttp2_session_get_stream_user_data(session, id) : NULL;
    return s && !s->dead ? s : NULL;
}

/* ---- header blocks ---- */
static void block_start(struct h2_block *b) {
    b->text.len = 0;
    b->count = b->bytes = 0;
    b->method = b->path = b->authority = b->status = 0;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *f, void *arg) {
    struct h2 *h = arg;
    (void)session;
    if (h->dead || f->hd.type != NGHTTP2_HEADERS) return 0;
    block_start(&h->block);
    if (f->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    return h2_stream_new(h, f->hd.stream_id) ? 0 : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static size_t *pseudo_slot(struct h2_block *b, const uint8_t *name, size_t n) {
    static const struct {
        const char *name;
        size_t offset;
    } known[] = {{":method", offsetof(struct h2_block, method)},
                 {":path", offsetof(struct h2_block, path)},
                 {":authority", offsetof(struct h2_block, authority)},
                 {":status", offsetof(struct h2_block, status)}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (n == strlen(known[i].name) && memcmp(name, known[i].name, n) == 0)
            return (size_t *)(void *)((uint8_t *)b + known[i].offset);
    return NULL;
}

/* nghttp2 has checked names and values (RFC 9113, 8.2): lower case, no control characters. */
static int on_header(nghttp2_session *session, const nghttp2_frame *f, const uint8_t *name, size_t name_len, const uint8_t *value,
                     size_t value_len, uint8_t flags, void *arg) {
    struct h2 *h = arg;
    struct h2_block *b = &h->block;
    (void)session, (void)flags;
    if (h->dead || f->hd.type != NGHTTP2_HEADERS) return 0;
    b->bytes += name_len + value_len + 32;
    int pseudo = name_len > 0 && name[0] == ':';
    if (b->bytes > H2_HEADER_BYTES_MAX || (!pseudo && b->count == H2_HEADERS_MAX)) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    size_t at = b->text.len;
    if (buf_add(&b->text, name, name_len) != 0 || buf_add(&b->text, "", 1) != 0 || buf_add(&b->text, value, value_len) != 0 ||
        buf_add(&b->text, "", 1) != 0)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    if (pseudo) {
        size_t *slot = pseudo_slot(b, name, name_len);
        if (slot) *slot = at + name_len + 2; /* offset + 1 */
        return 0;
    }
    b->name[b->count] = at;
    b->value[b->count++] = at + name_len + 1;
    return 0;
}

static const char *block_pseudo(const struct h2_block *b, size_t slot) {
    return slot ? (const char *)b->text.data + slot - 1 : NULL;
}

static struct h2_headers block_headers(const struct h2_block *b, struct h2_header list[H2_HEADERS_MAX]) {
    for (size_t i = 0; i < b->count; i++)
        list[i] = (struct h2_header){(const char *)b->text.data + b->name[i], (const char *)b->text.data + b->value[i]};
    return (struct h2_headers){list, b->count};
}

static void headers_done(struct h2 *h, struct h2_stream *s, nghttp2_headers_category cat) {
    struct h2_header list[H2_HEADERS_MAX];
    struct h2_headers headers = block_headers(&h->block, list);
    const char *status = block_pseudo(&h->block, h->block.status);
    if (cat == NGHTTP2_HCAT_REQUEST) {
        struct h2_request r = {block_pseudo(&h->block, h->block.method), block_pseudo(&h->block, h->block.path),
                               block_pseudo(&h->block, h->block.authority), headers};
        if (!r.method || !r.path) /* CONNECT has no path: nobody here tunnels */
            h2_reset(s, H2_REFUSED);
        else
            h->ev->on_request(h->arg, h, s, &r);
        return;
    }
    if (status) {
        int code = atoi(status);
        if (code >= 200 && s->ev && s->ev->on_response) s->ev->on_response(s->arg, s, code, &headers);
    } else if (s->ev && s->ev->on_trailers) {
        s->ev->on_trailers(s->arg, s, &headers);
    }
}

/* ---- frames in ---- */
static void peer_end(struct h2_stream *s) {
    if (s->dead || s->peer_ended) return;
    s->peer_ended = 1;
    if (s->ev && s->ev->on_end) s->ev->on_end(s->arg, s);
}

static void on_settings(struct h2 *h, int ack) {
    if (ack || !h->asks) return;
    int first = !h->ready;
    h->ready = 1;
    if (first) {
        timer_stop(h->limit);
        h->ev->on_ready(h->arg, h, h->proto);
    } else if (h->ev->on_slots) {
        h->ev->on_slots(h->arg, h);
    }
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *f, void *arg) {
    struct h2 *h = arg;
    if (h->dead) return 0;
    struct h2_stream *s = stream_of(session, f->hd.stream_id);
    switch (f->hd.type) {
    case NGHTTP2_HEADERS:
        if (s) headers_done(h, s, f->headers.cat);
        if (!h->dead && s && (f->hd.flags & NGHTTP2_FLAG_END_STREAM)) peer_end(s);
        break;
    case NGHTTP2_DATA:
        if (s && (f->hd.flags & NGHTTP2_FLAG_END_STREAM)) peer_end(s);
        break;
    case NGHTTP2_SETTINGS: on_settings(h, f->hd.flags & NGHTTP2_FLAG_ACK); break;
    case NGHTTP2_PING:
        if ((f->hd.flags & NGHTTP2_FLAG_ACK) && h->ping_sent_us) h->rtt_us = clock_mono_us() - h->ping_sent_us;
        break;
    case NGHTTP2_GOAWAY:
        h->goaway_received = 1;
        if (h->ev->on_goaway) h->ev->on_goaway(h->arg, h);
        break;
    default: break;
    }
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *p, size_t n, void *arg) {
    struct h2 *h = arg;
    (void)flags;
    if (h->dead) return 0;
    struct h2_stream *s = stream_of(session, id);
    if (s && s->ev && s->ev->on_data) {
        s->unconsumed += n;
        s->ev->on_data(s->arg, s, p, n);
    } else {
        (void)nghttp2_session_consume(session, id, n); /* nobody reads it: its window goes back at once */
    }
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *arg) {
    struct h2 *h = arg;
    if (h->dead) return 0;
    struct h2_stream *s = stream_of(session, id);
    if (!s) return 0;
    if (h->just_sent == s) h2_stream_sent(s, h->just_sent_bytes);
    if (!s->dead) h2_stream_close(s, code, 1);
    if (!h->dead && h->asks && h->ready && h->ev->on_slots) h->ev->on_slots(h->arg, h);
    if (!h->dead) h2_flush_soon(h);
    return 0;
}

/* ---- frames out ---- */
/* A response that ends before the request body did would leave the stream, and its slot, open for ever: the asking side is
 * told to stop, but only once the END_STREAM has left, because RST_STREAM throws queued DATA away (RFC 9113, 8.1). */
static int on_frame_sent(nghttp2_session *session, const nghttp2_frame *f, void *arg) {
    struct h2 *h = arg;
    if (h->dead) return 0;
    if (f->hd.type == NGHTTP2_GOAWAY) h->goaway_sent_code = f->goaway.error_code;
    int end = (f->hd.type == NGHTTP2_DATA || f->hd.type == NGHTTP2_HEADERS) && (f->hd.flags & NGHTTP2_FLAG_END_STREAM);
    struct h2_stream *s = end ? stream_of(session, f->hd.stream_id) : NULL;
    if (!s) return 0;
    s->end_sent = 1;
    if (!h->asks && !s->peer_ended) (void)nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, s->id, H2_OK);
    return 0;
}

/* A request that nghttp2 could not send (the peer's GOAWAY came first) still ends in on_close: on_stream_close follows for
 * streams that exist, this one is for those that never did. */
static int on_frame_not_sent(nghttp2_session *session, const nghttp2_frame *f, int err, void *arg) {
    struct h2 *h = arg;
    (void)err;
    if (h->dead || f->hd.type != NGHTTP2_HEADERS || f->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    struct h2_stream *s = NULL;
    for (struct h2_stream *i = h->streams; i && !s; i = i->next)
        if (i->id == f->hd.stream_id) s = i;
    (void)session;
    if (s) h2_stream_close(s, H2_REFUSED, 1);
    return 0;
}

static int begin_session(struct h2 *h, nghttp2_session_callbacks *cb, nghttp2_option *opt) {
    nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_stream_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_frame_sent);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(cb, on_frame_not_sent);
    nghttp2_option_set_no_auto_window_update(opt, 1);
    nghttp2_option_set_no_closed_streams(opt, 1);
    /* The guard's burst of 1,000 cancels would make a busy node say GOAWAY and end every job of its own coordinator. */
    if (h->use.trust_resets) nghttp2_option_set_stream_reset_rate_limit(opt, 1000000, 100000);
    return h->asks ? nghttp2_session_client_new3(&h->session, cb, h, opt, &memory)
                   : nghttp2_session_server_new3(&h->session, cb, h, opt, &memory);
}

int h2_session_start(struct h2 *h) {
    nghttp2_session_callbacks *cb = NULL;
    nghttp2_option *opt = NULL;
    int r = nghttp2_session_callbacks_new(&cb);
    if (r == 0) r = nghttp2_option_new(&opt);
    if (r == 0) r = begin_session(h, cb, opt);
    nghttp2_session_callbacks_del(cb);
    nghttp2_option_del(opt);
    if (r != 0) return ERR_NOMEM;
    nghttp2_settings_entry set[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, h->asks ? 0 : h->use.streams_max},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, h->use.window},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, H2_HEADER_BYTES_MAX},
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0}, /* sent by clients only */
    };
    r = nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, set, sizeof set / sizeof set[0] - (h->asks ? 0 : 1));
    return r == 0 ? h2_session_window(h) : ERR_NOMEM;
}

/* Stalled streams hold their window; the connection's must have room for all of them and more, or one stops the others. */
int h2_session_window(struct h2 *h) {
    uint64_t window = (uint64_t)h->use.streams_max * h->use.window + (1 << 20) + h->wider_by;
    if (window > INT32_MAX) window = INT32_MAX;
    return nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, 0, (int32_t)window) == 0 ? 0 : ERR_NOMEM;
}

int h2_session_step_out(struct h2 *h, const uint8_t **p) {
    h->just_sent = NULL;
    h->just_sent_bytes = 0;
    ssize_t n = nghttp2_session_mem_send(h->session, p);
    return (int)n;
}
