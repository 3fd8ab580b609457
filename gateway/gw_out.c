/* gateway/gw_out.c - see gw_out.h. */
#include "gateway/gw_out.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void gw_reply_error(struct http_req *r, const struct api_error *e, enum api_dialect dialect, int after_work) {
    struct api_error_head h = api_error_head(e, dialect, after_work);
    struct buf b;
    char text[32];
    buf_init(&b, 4096);
    (void)http_req_add_header(r, "x-should-retry", h.should_retry);
    if (h.retry_after_ms) {
        snprintf(text, sizeof text, "%" PRIu32, h.retry_after_ms);
        (void)http_req_add_header(r, "retry-after-ms", text);
        snprintf(text, sizeof text, "%" PRIu32, (h.retry_after_ms + 999) / 1000);
        (void)http_req_add_header(r, "retry-after", text);
    }
    if (e->code == API_KEY) (void)http_req_add_header(r, "www-authenticate", "Bearer");
    (void)api_error_body(&b, e, dialect);
    http_reply(r, h.status, "application/json", b.data, b.len);
    buf_release(&b);
}

void gw_out_init(struct gw_out *o, struct http_req *http, const struct api_reply *reply) {
    *o = (struct gw_out){.http = http, .reply = *reply, .dialect = api_dialect_of(reply->endpoint), .wrote_ms = clock_mono_ms()};
    buf_init(&o->text, OUT_TEXT_MAX);
    buf_init(&o->pending, OUT_PENDING_MAX);
}

void gw_out_release(struct gw_out *o) {
    buf_release(&o->text);
    buf_release(&o->pending);
    mem_wipe(o, sizeof *o);
}

/* Hands what waits to the server, as one chunk: all of it or, while the app is behind, nothing. */
static void push(struct gw_out *o) {
    if (!o->http || !o->begun) return;
    if (o->pending.len) {
        if (http_stream_write(o->http, o->pending.data, o->pending.len) != 0) return; /* writable follows */
        mem_wipe(o->pending.data, o->pending.len);
        o->pending.len = 0;
        o->wrote_ms = clock_mono_ms();
    }
    if (!o->ending) return;
    struct http_req *r = o->http;
    o->http = NULL;
    http_stream_end(r);
}

void gw_out_writable(struct gw_out *o) { push(o); }
int gw_out_behind(const struct gw_out *o) { return o->begun && o->pending.len > 0; }

int gw_out_begin(struct gw_out *o, uint64_t now_ms) {
    if (!o->reply.stream || o->begun) return 0;
    (void)http_req_add_header(o->http, "cache-control", "no-cache");
    (void)http_req_add_header(o->http, "x-accel-buffering", "no");
    o->begun = 1;
    o->wrote_ms = now_ms;
    http_stream_begin(o->http, 200, reply_content_type(&o->reply));
    int r = reply_head(&o->pending, &o->reply);
    push(o);
    return r;
}

/* Bytes at the end of s that are the valid beginning of a character. */
static size_t cut_tail(const uint8_t *s, size_t n) {
    uint32_t cp;
    for (size_t back = 1; back <= 3 && back <= n; back++)
        if (utf8_get(s + n - back, back, &cp) == UTF8_CUT) return back;
    return 0;
}

/* Text that starts after the waiting tail was put in front of it. */
static int emit(struct gw_out *o, const uint8_t *text, size_t n) {
    if (n == 0) return 0;
    if (o->reply.stream) return reply_text(&o->pending, &o->reply, (const char *)text, n);
    return buf_add(&o->text, text, n);
}

int gw_out_text(struct gw_out *o, const uint8_t *text, size_t n, uint64_t now_ms) {
    int r = gw_out_begin(o, now_ms);
    if (n == 0 || r != 0) return r;
    struct buf joined;
    buf_init(&joined, n + sizeof o->tail);
    r = buf_add(&joined, o->tail, o->tail_n);
    if (r == 0) r = buf_add(&joined, text, n);
    if (r == 0) {
        size_t cut = cut_tail(joined.data, joined.len);
        r = emit(o, joined.data, joined.len - cut);
        if (cut) memcpy(o->tail, joined.data + joined.len - cut, cut);
        o->tail_n = cut;
    }
    buf_release(&joined);
    push(o);
    return r;
}

static int end_whole(struct gw_out *o, enum api_finish finish, const struct api_usage *u) {
    struct buf body;
    buf_init(&body, 6 * (size_t)OUT_TEXT_MAX + 65536); /* each byte may become \u00XX */
    int r = reply_whole(&body, &o->reply, (const char *)o->text.data, o->text.len, finish, u);
    struct http_req *http = o->http;
    if (r == 0) {
        o->http = NULL;
        http_reply(http, 200, reply_content_type(&o->reply), body.data, body.len);
    }
    buf_release(&body);
    return r;
}

int gw_out_end(struct gw_out *o, enum api_finish finish, const struct api_usage *u) {
    int r = gw_out_begin(o, clock_mono_ms());
    if (r == 0) r = emit(o, o->tail, o->tail_n); /* half a character stays one: U+FFFD */
    o->tail_n = 0;
    if (r == 0 && !o->reply.stream) return end_whole(o, finish, u);
    if (r == 0) r = reply_end(&o->pending, &o->reply, finish, u);
    if (r != 0) return r;
    o->ending = 1;
    push(o);
    return 0;
}

void gw_out_error(struct gw_out *o, const struct api_error *e, int after_work) {
    if (!o->http || o->ending) return;
    struct http_req *http = o->http;
    if (!o->begun) {
        o->http = NULL;
        gw_reply_error(http, e, o->dialect, after_work);
        return;
    }
    o->ending = 1;
    if (api_error_in_stream(&o->pending, e, o->dialect) == 0)
        push(o);
    else {
        o->http = NULL;
        http_abort(http); /* no room for the error: a reset is the honest end */
    }
}

void gw_out_keepalive(struct gw_out *o, uint64_t now_ms) {
    if (!o->http || !o->reply.stream || o->dialect != API_OPENAI || o->ending || o->pending.len) return;
    if (now_ms - o->wrote_ms < OUT_QUIET_MS) return;
    if (!o->begun) (void)gw_out_begin(o, now_ms);
    o->wrote_ms = now_ms;
    if (reply_keepalive(&o->pending, &o->reply) == 0) push(o);
}
