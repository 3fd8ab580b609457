/* test_hostile.c - peers that speak HTTP/2 well enough to be dangerous: header floods, cancel storms, ping floods, windows
 * that overflow. The link ends, or the stream does; nothing grows. */
#include "tests/unit/net/foreign.h"

static int accepted_gone(void *arg) { return ((struct pair *)arg)->accepted.gone; }

static int requests;
static void on_close(void *arg, struct h2_stream *s, uint32_t code) { (void)arg, (void)s, (void)code; }
static const struct h2_stream_events quiet = {.on_close = on_close};
static void count_requests(struct end *e, struct h2_stream *s, const struct h2_request *r) {
    (void)e, (void)r;
    requests++;
    h2_stream_set(s, &quiet, NULL);
}

/* ---- frames by hand (RFC 9113, 4.1; RFC 7541) ---- */
struct out {
    uint8_t p[300000];
    size_t n;
};
static void put(struct out *o, const void *p, size_t n) {
    if (o->n + n > sizeof o->p) _exit(9);
    memcpy(o->p + o->n, p, n);
    o->n += n;
}
static void put_frame(struct out *o, uint8_t type, uint8_t flags, uint32_t id, const void *p, size_t n) {
    uint8_t head[9] = {(uint8_t)(n >> 16),  (uint8_t)(n >> 8),   (uint8_t)n,         type,       flags,
                       (uint8_t)(id >> 24), (uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id};
    put(o, head, 9);
    put(o, p, n);
}
static void put_preface(struct out *o) {
    put(o, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
    put_frame(o, 4, 0, 0, "", 0);
}
static const uint8_t get_root[] = {0x82, 0x84, 0x87, 0x01, 1, 'x'}; /* :method GET, :path /, :scheme https, :authority x */
static void send_all(SSL *ssl, const struct out *o) {
    for (size_t at = 0; at < o->n;) {
        int n = SSL_write(ssl, o->p + at, (int)(o->n - at));
        if (n <= 0) _exit(4);
        at += (size_t)n;
    }
}
/* Reads frames until one of that type; its stream id, or 0 at the end of the connection. */
static uint32_t wait_frame(SSL *ssl, uint8_t type) {
    static uint8_t in[65536];
    size_t have = 0;
    for (;;) {
        int n = SSL_read(ssl, in + have, (int)(sizeof in - have));
        if (n <= 0) return 0;
        have += (size_t)n;
        for (;;) {
            size_t len = have >= 9 ? ((size_t)in[0] << 16 | (size_t)in[1] << 8 | in[2]) + 9 : SIZE_MAX;
            if (len > have) break;
            if (in[3] == type) return (uint32_t)in[5] << 24 | (uint32_t)in[6] << 16 | (uint32_t)in[7] << 8 | in[8];
            memmove(in, in + len, have - len);
            have -= len;
        }
    }
}

/* Too many headers: the stream is reset, and the next request on the same link is served. */
static void talk_many_headers(SSL *ssl) {
    static struct out o, block;
    put_preface(&o);
    put(&block, get_root, sizeof get_root);
    for (int i = 0; i < H2_HEADERS_MAX + 1; i++) put(&block, "\0\1a\1b", 5);
    put_frame(&o, 1, 0x5, 1, block.p, block.n);
    send_all(ssl, &o);
    if (wait_frame(ssl, 3) != 1) _exit(5);
    o.n = 0;
    put_frame(&o, 1, 0x5, 3, get_root, sizeof get_root);
    put_frame(&o, 6, 0, 0, "12345678", 8);
    send_all(ssl, &o);
    (void)wait_frame(ssl, 6);
}
/* Over 64 KiB of header text in CONTINUATION frames. */
static void talk_long_headers(SSL *ssl) {
    static struct out o, value;
    put_preface(&o);
    put_frame(&o, 1, 0x1, 1, get_root, sizeof get_root);
    for (int i = 0; i < 5; i++) { /* 5 values of 14,000 bytes */
        value.n = 0;
        put(&value, "\0\1a\x7f\xb1\x6c", 6); /* length 14,000 = 127 + 13,873 in HPACK's integers */
        while (value.n < 6 + 14000) put(&value, "v", 1);
        put_frame(&o, i == 0 ? 1 : 9, i == 0 ? 0x1 : i == 4 ? 0x4 : 0, 3, value.p, value.n);
    }
    send_all(ssl, &o);
    (void)wait_frame(ssl, 7); /* GOAWAY or the end */
}
static void talk_cancel_storm(SSL *ssl) {
    static struct out o;
    put_preface(&o);
    for (uint32_t i = 0; i < 5000; i++) {
        put_frame(&o, 1, 0x5, 2 * i + 1, get_root, sizeof get_root);
        put_frame(&o, 3, 0, 2 * i + 1, "\0\0\0\x08", 4);
    }
    send_all(ssl, &o);
    (void)wait_frame(ssl, 7);
}
static void talk_ping_flood(SSL *ssl) {
    static struct out o;
    put_preface(&o);
    send_all(ssl, &o);
    o.n = 0;
    for (int i = 0; i < 10000; i++) put_frame(&o, 6, 0, 0, "12345678", 8);
    for (int i = 0; i < 200; i++) send_all(ssl, &o); /* never reads an answer */
}
static void talk_over_the_window(SSL *ssl) {
    static struct out o;
    static uint8_t data[16384];
    static const uint8_t post_root[] = {0x83, 0x84, 0x87, 0x01, 1, 'x'};
    put_preface(&o);
    put_frame(&o, 1, 0x4, 1, post_root, sizeof post_root);
    for (int i = 0; i < 5; i++) put_frame(&o, 0, 0, 1, data, sizeof data); /* 80 KiB into a window of 64 */
    send_all(ssl, &o);
    (void)wait_frame(ssl, 7);
}

/* The child's exit status; the link's end in p. */
static void against(struct pair *p, void (*talk)(SSL *ssl)) {
    struct foreign f = {.alpn = "\2h2", .alpn_len = 3, .talk = talk};
    requests = 0;
    pair_init(p);
    p->accepted.serve = count_requests;
    pid_t pid = foreign_start(p, &f);
    pair_run_until(p, accepted_gone, p, 20000);
    int status = foreign_end(pid);
    CHECK(status == 0 || status == 4); /* 4: we hung up while it was still talking */
}
TEST(too_many_headers_cost_one_stream) {
    struct pair p;
    against(&p, talk_many_headers);
    CHECK_INT(requests, 1); /* the second one only */
    CHECK_INT(p.accepted.gone_err, ERR_LOST);
    pair_release(&p);
}
TEST(header_text_over_the_limit_never_becomes_a_request) {
    struct pair p;
    against(&p, talk_long_headers);
    CHECK(requests <= 1);
    pair_release(&p);
}
TEST(a_cancel_storm_ends_a_gateways_link) {
    struct pair p;
    against(&p, talk_cancel_storm);
    CHECK(requests < 2000); /* the guard's burst of 1,000, and what one TLS record holds */
    CHECK(p.accepted.gone_err == ERR_FORMAT || p.accepted.gone_err == ERR_LIMIT);
    pair_release(&p);
}
TEST(a_ping_flood_ends_the_link) {
    struct pair p;
    against(&p, talk_ping_flood);
    CHECK(p.accepted.gone_err == ERR_LIMIT || p.accepted.gone_err == ERR_FORMAT);
    pair_release(&p);
}
TEST(data_over_the_window_ends_the_stream_or_the_link) {
    struct pair p;
    against(&p, talk_over_the_window);
    CHECK_INT(requests, 1);
    pair_release(&p);
}
TESTS_MAIN("hostile", T(too_many_headers_cost_one_stream), T(header_text_over_the_limit_never_becomes_a_request),
           T(a_cancel_storm_ends_a_gateways_link), T(a_ping_flood_ends_the_link),
           T(data_over_the_window_ends_the_stream_or_the_link))
