/* net/h2.h - one HTTP/2 connection (RFC 9113) over TLS 1.3, in either role, with streams as objects.
 *
 * Who speaks HTTP/2 client and server follows from ALPN, not from who dialled: a node ("lull/1") dials and serves, a gateway
 * ("h2") dials and asks. Everything runs on the loop's thread.
 *
 * Lifetimes. A `struct h2 *` lives until its on_gone has returned, or h2_drop was called. A `struct h2_stream *` lives until
 * its on_close has returned, or h2_reset was called. After that no callback names it and it must not be used. Calls made from
 * inside callbacks are fine, h2_reset and h2_drop included.
 *
 * Back-pressure. Received body bytes keep their flow-control window until h2_consume: whoever relays consumes on the one side
 * what on_sent reported on the other. What is written waits in a buffer of write_max bytes per stream. */
#ifndef NET_H2_H
#define NET_H2_H

#include <stddef.h>
#include <stdint.h>

#include "net/addr.h"
#include "net/loop.h"
#include "net/tls.h"

struct h2;
struct h2_stream;

/* HTTP/2 error codes that we use (RFC 9113, 7), and one of our own for streams of a lost link. */
enum { H2_OK = 0, H2_PROTOCOL = 1, H2_INTERNAL = 2, H2_REFUSED = 7, H2_CANCEL = 8, H2_CALM = 11 };
#define H2_LOST 0xffffffffu

enum { H2_HEADERS_MAX = 64, H2_HEADER_BYTES_MAX = 65536, H2_WINDOW_DEFAULT = 65535 };
struct h2_header {
    const char *name;  /* lower case */
    const char *value; /* NUL-terminated; a value with a NUL inside is refused */
};
struct h2_headers {
    const struct h2_header *list;
    size_t count;
};
/* NULL when absent. */
const char *h2_header_get(const struct h2_headers *h, const char *name);

/* Valid during the callback (received) or the call (sent). */
struct h2_request {
    const char *method, *path; /* path with query */
    const char *authority;     /* NULL when sending: the peer's address */
    struct h2_headers headers; /* without pseudo-headers */
};

struct h2_stream_events { /* any may be NULL; on_data NULL: bytes are consumed and dropped */
    /* Asking side: response headers (status 200..599; informational ones are skipped). */
    void (*on_response)(void *arg, struct h2_stream *s, int status, const struct h2_headers *headers);
    void (*on_data)(void *arg, struct h2_stream *s, const uint8_t *p, size_t n);
    /* Headers after the body; followed by on_end. */
    void (*on_trailers)(void *arg, struct h2_stream *s, const struct h2_headers *headers);
    /* The peer has ended its side, all its data were delivered. Only this means "whole". */
    void (*on_end)(void *arg, struct h2_stream *s);
    /* n body bytes have left the write buffer for the connection. */
    void (*on_sent)(void *arg, struct h2_stream *s, size_t n);
    /* At least half of the write buffer is free again, after an h2_write that was ERR_BUSY. */
    void (*on_writable)(void *arg, struct h2_stream *s);
    /* Last call. H2_OK: both sides ended. Else the peer's RST_STREAM code, or H2_LOST. */
    void (*on_close)(void *arg, struct h2_stream *s, uint32_t code);
};

struct h2_events {
    /* TLS and ALPN are done, requests may be made (asking side). proto: what was agreed on. */
    void (*on_ready)(void *arg, struct h2 *h, enum tls_proto proto);
    /* Serving side: a request's headers. Call h2_stream_set at once; answer now or later. */
    void (*on_request)(void *arg, struct h2 *h, struct h2_stream *s, const struct h2_request *r);
    /* The peer takes no new streams (GOAWAY); those that run go on. May be NULL. */
    void (*on_goaway)(void *arg, struct h2 *h);
    /* The peer raised or lowered how many streams it takes, or a stream's end freed a slot. May be NULL. */
    void (*on_slots)(void *arg, struct h2 *h);
    /* Last call, after every stream's on_close. 0: h2_close is done or the peer closed in good order; ERR_LOST: end of
     * file or reset; ERR_TIME: silence, or no handshake in time; ERR_AUTH: certificate, pin or ALPN; ERR_NOTFOUND: host
     * unknown; ERR_FORMAT: not HTTP/2, or against its rules; ERR_LIMIT: the peer asked for too much. */
    void (*on_gone)(void *arg, struct h2 *h, int err);
};

struct h2_opts {             /* zeros: the defaults in brackets */
    uint32_t streams_max;    /* streams at once: taken when serving, opened when asking [100] */
    uint32_t window;         /* bytes of one stream's receive window [65535] */
    size_t write_max;        /* bytes of one stream's write buffer [262144] */
    uint32_t handshake_ms;   /* connect, TLS and first SETTINGS [10000] */
    uint32_t ping_after_ms;  /* silence before a PING [1000] */
    uint32_t lost_after_ms;  /* silence before the link is lost [3000] */
    int trust_resets;        /* 1: no rapid-reset guard; only for a node towards its coordinator */
    struct dialler *dialler; /* when dialling: who makes the connection, to the place that it knows; NULL: this process */
};

/* fd is taken over, also on failure. opts[TLS_NODE] and opts[TLS_GATEWAY] by what the peer turns out to be. */
int h2_accept(struct h2 **out, struct loop *l, struct tls *t, int fd, const struct addr *peer,
              const struct h2_opts opts[TLS_PROTOS], const struct h2_events *ev, void *arg);
/* Looks up, connects (each address in turn) and shakes hands; ends in on_ready or on_gone. ERR_FORMAT: where is no HOST:PORT. */
int h2_dial(struct h2 **out, struct loop *l, struct tls *t, const char *where, const struct h2_opts *o,
            const struct h2_events *ev, void *arg);

/* In on_gone: what its err means for whoever runs the program, a literal that is never NULL; and the names that the peer's
 * certificate is for, when it is refused for not having ours, else "". */
const char *h2_gone_text(const struct h2 *h, int err);
const char *h2_gone_names(const struct h2 *h);

void h2_set(struct h2 *h, const struct h2_events *ev, void *arg); /* once ALPN has shown who it is; ev must outlive h */
void *h2_arg(const struct h2 *h);
/* GOAWAY: no new streams. When those that run have ended and all is written, the connection closes and on_gone(0) comes;
 * after limit_ms (0: 5000) it comes anyway, with H2_LOST for the streams. */
void h2_close(struct h2 *h, uint32_t limit_ms);
/* Now, without a word: on_close(H2_LOST) for every stream, no on_gone. */
void h2_drop(struct h2 *h);

/* Asking side: how many h2_request calls would succeed now. */
uint32_t h2_slots(const struct h2 *h);
uint32_t h2_stream_count(const struct h2 *h); /* streams that are there, of either side's */
const struct addr *h2_peer(const struct h2 *h);
/* Round trip of the last PING in microseconds; 0 before the first. */
uint64_t h2_rtt_us(const struct h2 *h);
/* RFC 8446 7.5 exporter of the connection (empty context). ERR_WRONG_STATE before on_ready. */
int h2_exporter(struct h2 *h, const char *label, uint8_t *out, size_t n);

/* Opens a stream and sends the request's headers; the body follows by h2_write and h2_end. ERR_BUSY: no slot at the peer;
 * ERR_LOST: going away; ERR_WRONG_STATE: we serve, or before on_ready; ERR_LIMIT: too many or too long headers. */
int h2_ask(struct h2 *h, const struct h2_request *r, const struct h2_stream_events *ev, void *arg, struct h2_stream **out);
void h2_stream_set(struct h2_stream *s, const struct h2_stream_events *ev, void *arg); /* ev must outlive s */
void *h2_stream_arg(const struct h2_stream *s);
struct h2 *h2_stream_link(const struct h2_stream *s);
uint32_t h2_stream_id(const struct h2_stream *s);

/* Serving side: response headers, once. content-length is the caller's. ERR_LOST when the stream is on its way out. */
int h2_respond(struct h2_stream *s, int status, const struct h2_headers *headers);
/* Takes all n bytes or none. ERR_BUSY: no room, on_writable will follow; ERR_LIMIT: n is over write_max; ERR_WRONG_STATE:
 * after h2_end, or before h2_respond; ERR_LOST. */
int h2_write(struct h2_stream *s, const void *p, size_t n);
size_t h2_write_room(const struct h2_stream *s);
/* END_STREAM after what was written, with trailers (NULL: none). When a serving side ends before the request body did, the
 * asking side is told to stop sending (RST_STREAM NO_ERROR), so that the stream and its slot do not stay. */
int h2_end(struct h2_stream *s, const struct h2_headers *trailers);
/* Cancel: drops what is unsent. No callback for s follows. */
void h2_reset(struct h2_stream *s, uint32_t code);
/* n received bytes are dealt with: their window is given back. */
void h2_consume(struct h2_stream *s, size_t n);
/* A stream that carries much: window bytes (at least the link's) may be on their way to us, and as many more wait to be written as
 * write_max says. The connection's window grows with it, and shrinks when the stream ends. Once for a stream; when asking, from
 * on_response on. ERR_NOMEM, ERR_RANGE, ERR_LOST. */
int h2_stream_widen(struct h2_stream *s, uint32_t window, size_t write_max);

#endif
