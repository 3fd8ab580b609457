/* fuzz_h2.c - bytes of a peer into an HTTP/2 session of either role, as they come out of TLS; an owner that answers, cancels
 * and drops by what the bytes say. The TLS connection is left out: output is taken and thrown away.
 *
 * Byte 0: bit 0 we ask; bit 1 reset streams at the first data; bit 2 drop the link on the third request; bit 3 do not consume. */
#include "base/secret.h"
#include "net/h2_parts.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

static struct {
    uint8_t mode;
    unsigned requests, streams, closed;
    struct h2 *h;
} now;
static struct loop *loop;

static void check(int ok) {
    if (!ok) abort();
}
static void check_headers(const struct h2_headers *h) {
    size_t bytes = 0;
    check(h->count <= H2_HEADERS_MAX);
    for (size_t i = 0; i < h->count; i++) bytes += strlen(h->list[i].name) + strlen(h->list[i].value);
    check(bytes <= H2_HEADER_BYTES_MAX);
}
static void on_response(void *arg, struct h2_stream *s, int status, const struct h2_headers *h) {
    (void)arg, (void)s;
    check(status >= 200 && status <= 999);
    check_headers(h);
}
static void on_data(void *arg, struct h2_stream *s, const uint8_t *p, size_t n) {
    (void)arg, (void)p;
    if (now.mode & 2) {
        now.closed++;
        h2_reset(s, H2_CANCEL);
    } else if (!(now.mode & 8)) {
        h2_consume(s, n);
    }
}
static void on_trailers(void *arg, struct h2_stream *s, const struct h2_headers *h) { (void)arg, (void)s, check_headers(h); }
static void on_end(void *arg, struct h2_stream *s) {
    (void)arg;
    (void)h2_end(s, NULL);
}
static void on_close(void *arg, struct h2_stream *s, uint32_t code) { (void)arg, (void)s, (void)code, now.closed++; }
static const struct h2_stream_events stream_events = {
    .on_response = on_response, .on_data = on_data, .on_trailers = on_trailers, .on_end = on_end, .on_close = on_close};

static void ask_all(struct h2 *h) {
    struct h2_request r = {.method = "POST", .path = "/x", .authority = "a"};
    struct h2_stream *s;
    while (now.streams < 4 && h2_ask(h, &r, &stream_events, NULL, &s) == 0) {
        now.streams++;
        (void)h2_write(s, "body", 4);
    }
}
static void on_ready(void *arg, struct h2 *h, enum tls_proto proto) {
    (void)arg, (void)proto;
    if (now.mode & 1) ask_all(h);
}
static void on_request(void *arg, struct h2 *h, struct h2_stream *s, const struct h2_request *r) {
    (void)arg;
    check(r->method && r->path);
    check_headers(&r->headers);
    now.requests++;
    now.streams++;
    h2_stream_set(s, &stream_events, NULL);
    check(h2_respond(s, 200, &r->headers) != ERR_WRONG_STATE);
    (void)h2_write(s, r->path, strlen(r->path));
    if ((now.mode & 4) && now.requests == 3) {
        h2_drop(h);
        now.h = NULL;
    }
}
static void on_gone(void *arg, struct h2 *h, int err) {
    (void)arg, (void)h, (void)err;
    now.h = NULL;
}
static const struct h2_events events = {.on_ready = on_ready, .on_request = on_request, .on_gone = on_gone};

static void drain(struct h2 *h) {
    const uint8_t *p;
    while (now.h == h && !h->dead) {
        int n = h2_session_step_out(h, &p);
        if (now.h != h || h->dead || n <= 0) break;
        if (h->just_sent) h2_stream_sent(h->just_sent, h->just_sent_bytes);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    if (!loop && (secret_setup() != 0 || loop_new(&loop) != 0)) abort();
    if (n < 1) return 0;
    memset(&now, 0, sizeof now);
    now.mode = data[0];
    struct h2 *h = NULL;
    if (h2_alloc(&h, loop, NULL, &events, NULL) != 0) return 0;
    now.h = h;
    h->asks = now.mode & 1;
    h->use = (struct h2_opts){.streams_max = 8, .window = 65535, .write_max = 65536};
    h->flush_later.queued = 1; /* there is no TLS to flush to: drain() takes the output */
    check(h2_session_start(h) == 0);
    if (!h->asks) check(nghttp2_session_mem_recv(h->session, (const uint8_t *)NGHTTP2_CLIENT_MAGIC, 24) == 24);
    for (size_t at = 1; at < n && now.h == h && !h->gone;) {
        size_t piece = n - at < 4096 ? n - at : 4096;
        if (nghttp2_session_mem_recv(h->session, data + at, piece) < 0) break;
        at += piece;
        drain(h);
    }
    if (now.h == h) h2_drop(h);
    check(now.closed == now.streams); /* every stream that was announced came to its end, once */
    check(event_base_loop(loop_base(loop), EVLOOP_NONBLOCK) >= 0);
    return 0;
}
