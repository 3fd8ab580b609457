/* net/http_head.h - the head of an HTTP/1.1 request and the framing of its body (RFC 9112), read in the one way that no other
 * reader can read differently: what a lenient parser would guess at is refused. Pure functions, no I/O. */
#ifndef NET_HTTP_HEAD_H
#define NET_HTTP_HEAD_H

#include <stddef.h>
#include <stdint.h>

enum { HTTP_HEAD_MAX = 65536, HTTP_FIELDS_MAX = 128, HTTP_METHOD_BYTES = 16 };

/* Looks for the end of a head in what has come so far. *from (0 at the start) remembers what was looked at. Returns the head's
 * length with its empty line; 0: more is needed; ERR_FORMAT: a NUL, a line that does not end in CR LF, or HTTP_HEAD_MAX bytes
 * without an end. */
int http_head_find(const uint8_t *p, size_t n, size_t *from);

struct http_field {
    const char *name, *value; /* value without blanks around it */
};
struct http_head { /* texts point into the caller's bytes */
    char method[HTTP_METHOD_BYTES];
    const char *target;
    int minor; /* HTTP/1.minor: 0 or 1 */
    size_t count;
    struct http_field field[HTTP_FIELDS_MAX];
    uint64_t length; /* of the body, when it is not chunked */
    int chunked;
    int close;   /* no request may follow on this connection */
    int expects; /* the client waits for 100 Continue */
};
/* text: a whole head of n bytes as http_head_find measured it; it is cut into strings in place. ERR_FORMAT: a malformed line, a
 * control character, folded lines, more than one Content-Length or one that is no plain number, a Transfer-Encoding that is not
 * just "chunked", both of them, chunks from HTTP/1.0, a body with HEAD, TRACE or CONNECT; ERR_VERSION: not HTTP/1.x. */
int http_head_parse(struct http_head *h, char *text, size_t n);
/* The first field of that name, NULL: none. *count, when not NULL: how many there are. */
const char *http_head_get(const struct http_head *h, const char *name, size_t *count);

/* A body in chunks. Extensions and trailers are refused: nobody here needs them. */
struct http_chunks {
    int state;
    uint64_t left; /* of the chunk, or its size so far */
    int digits;
};
/* Takes bytes from p: *used of them, of which *data (its length *data_n, maybe 0) belongs to the body. 0: call again while
 * there are more; 1: the body is whole; ERR_FORMAT. A zeroed struct is the start. */
int http_chunks_take(struct http_chunks *c, const uint8_t *p, size_t n, size_t *used, const uint8_t **data, size_t *data_n);

#endif
