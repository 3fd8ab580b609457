/* net/h2_parts.h - what the h2_*.c files share: the link, its streams, and how each file reaches the other. Not for others.
 *
 *   h2.c         life of a link: accept, TLS events, silence, close, free
 *   h2_dial.c    look-up and connect, address by address
 *   h2_session.c nghttp2's callbacks: frames in, frames out
 *   h2_stream.c  streams: ask, respond, write, end, reset, consume */
#ifndef NET_H2_PARTS_H
#define NET_H2_PARTS_H

#include <nghttp2/nghttp2.h>

#include "base/mem.h"
#include "net/h2.h"
#include "net/tls_conn.h"

struct h2_stream {
    struct h2 *link;
    struct h2_stream *prev, *next;
    const struct h2_stream_events *ev;
    void *arg;
    int32_t id;
    struct buf out; /* body bytes that nghttp2 has not taken yet, from out_at on */
    size_t out_at;
    struct buf trailers; /* name NUL value NUL ... */
    size_t trailer_count;
    size_t unconsumed;      /* received, not yet given back */
    size_t write_max;       /* of out */
    uint32_t wider_by;      /* h2_stream_widen: what its window has over the link's */
    unsigned responded : 1; /* serving: headers sent; asking: always 1 */
    unsigned ended : 1;     /* h2_end was called */
    unsigned end_sent : 1;  /* END_STREAM has left */
    unsigned peer_ended : 1;
    unsigned deferred : 1; /* nghttp2 waits for h2_resume */
    unsigned starved : 1;  /* an h2_write was ERR_BUSY */
    unsigned dead : 1;
    struct later free_later;
};

/* The one header block that is being received. Offsets, because the buffer moves as it grows. */
struct h2_block {
    struct buf text;
    size_t name[H2_HEADERS_MAX], value[H2_HEADERS_MAX], count;
    size_t method, path, authority, status; /* offset + 1; 0: absent */
    size_t bytes;                           /* RFC 9113 6.5.2 counting: name + value + 32 */
};

struct dial; /* h2_dial.c */
int h2_dial_start(struct h2 *h, const char *where);

struct h2 {
    struct loop *loop;
    struct tls_conn *conn;
    struct tls *tls;
    struct dial *dial;
    nghttp2_session *session; /* NULL before the handshake is done */
    const struct h2_events *ev;
    void *arg;
    struct h2_opts opts[TLS_PROTOS], use; /* use: those of proto */
    enum tls_proto proto;
    struct addr peer;
    struct h2_stream *streams;
    uint32_t stream_count;
    uint64_t wider_by; /* over all streams: what the connection's window has over the usual */
    struct h2_block block;
    struct h2_stream *just_sent; /* the stream whose DATA frame nghttp2 has just packed, and its bytes */
    size_t just_sent_bytes;
    struct timer *quiet, *limit; /* silence; handshake, later h2_close's limit */
    uint64_t last_rx_ms, ping_sent_us, rtt_us;
    unsigned asks : 1, ready : 1, pinged : 1, closing : 1, goaway_received : 1, finished : 1, dead : 1, gone : 1;
    uint32_t goaway_sent_code;
    int gone_err;
    struct tls_fault fault; /* more about it */
    struct later flush_later, gone_later, free_later;
};

/* h2.c */
int h2_alloc(struct h2 **out, struct loop *l, struct tls *t, const struct h2_events *ev, void *arg);
int h2_start_conn(struct h2 *h, int fd, const char *host);
void h2_flush_soon(struct h2 *h);
void h2_fail(struct h2 *h, int err); /* on_gone(err) from a fresh stack; later calls do nothing */
/* h2_dial.c */
int h2_dial_start(struct h2 *h, const char *where);
int h2_dial_next(struct h2 *h); /* tries the next address: 0, or ERR_NOTFOUND when there is none */
void h2_dial_free(struct dial *d);
/* h2_session.c */
int h2_session_start(struct h2 *h);
int h2_session_step_out(struct h2 *h, const uint8_t **p); /* bytes of one frame; 0: nothing; negative: broken */
int h2_session_window(struct h2 *h);                      /* the connection's, as streams and h->wider_by ask for it */
/* h2_stream.c */
struct h2_stream *h2_stream_new(struct h2 *h, int32_t id);
/* Unlinks, gives windows back, and, with tell, calls on_close. */
void h2_stream_close(struct h2_stream *s, uint32_t code, int tell);
void h2_stream_sent(struct h2_stream *s, size_t n);

#endif
