/* net/httpd.h - HTTP/1.1 server for the gateway's APIs and the status page (RFC 9112), strict in what it takes for a request.
 *
 * A request stays valid until it is answered (http_reply, http_stream_end, http_abort) or its on_gone has returned: a client
 * that leaves, queued or mid-stream, is noticed within milliseconds. Other threads hold its id, never the pointer.
 *
 * Before on_request sees it, a request has passed: Host (DNS rebinding), Origin (foreign pages), body size, no compression,
 * and the bearer key when one is set; all that before its body is kept. OPTIONS of a permitted origin is answered here. */
#ifndef NET_HTTPD_H
#define NET_HTTPD_H

#include <stddef.h>
#include <stdint.h>

#include "net/addr.h"
#include "net/loop.h"

struct httpd;
struct http_req;

enum http_problem {
    HTTP_BAD_REQUEST, /* 400 malformed, or framed so that others could read it differently; absolute URI, unprintable path */
    HTTP_BAD_HOST,    /* 403 missing, double or foreign Host */
    HTTP_BAD_ORIGIN,  /* 403 a page of another site, or two Origins */
    HTTP_NO_KEY,      /* 401 a key is needed and none was sent */
    HTTP_BAD_KEY,     /* 401 */
    HTTP_TOO_LARGE,   /* 413 body over body_max */
    HTTP_COMPRESSED,  /* 415 Content-Encoding */
    HTTP_TOO_MANY,    /* 503 requests at once over requests_max, or bodies over buffered_max */
};
int http_problem_status(enum http_problem p);
const char *http_problem_text(enum http_problem p); /* a sentence for the error object */

struct httpd_opts {
    const char *listen;        /* HOST:PORT */
    const char *key;           /* bearer key that every request must carry; NULL: none. Copied, wiped */
    size_t body_max;           /* 0: 8 MiB */
    uint32_t requests_max;     /* unanswered at once; 0: 256 */
    uint32_t connections_max;  /* open at once, others are closed; 0: requests_max + 64 */
    size_t buffered_max;       /* bytes of request bodies at once; 0: 64 MiB */
    uint32_t head_ms, body_ms; /* how long a head and a body may take; 0: 10 s and 60 s */
    uint32_t stall_ms;         /* a client that takes nothing for so long is dropped; 0: 30000 */
    int any_host;              /* 1: no Host check (a public page); Origin is then checked for anything but GET and HEAD */
    void (*on_request)(void *arg, struct http_req *r);
    void (*on_problem)(void *arg, struct http_req *r, enum http_problem p); /* must answer r, in the dialect of its path */
    void *arg;
};
int httpd_open(struct httpd **out, struct loop *l, const struct httpd_opts *o, struct why *why);
/* Stops listening and drops all connections; on_gone comes for what was unanswered. NULL is fine. */
void httpd_close(struct httpd *h);
void httpd_pause(struct httpd *h); /* stops listening; what runs goes on */
void httpd_addr(const struct httpd *h, char out[ADDR_TEXT_BYTES]);
uint32_t httpd_active(const struct httpd *h); /* unanswered requests */

uint64_t http_req_id(const struct http_req *r);                          /* never used twice in a process */
struct http_req *http_req_find(struct httpd *h, uint64_t id);            /* NULL once it is answered or gone */
const char *http_req_method(const struct http_req *r);                   /* "GET"; "?" for methods HTTP does not know */
const char *http_req_path(const struct http_req *r);                     /* without query, not decoded */
const char *http_req_query(const struct http_req *r);                    /* "" when absent, not decoded */
const char *http_req_header(const struct http_req *r, const char *name); /* NULL when absent */
const uint8_t *http_req_body(const struct http_req *r, size_t *n);       /* lives as long as r */
const struct addr *http_req_peer(const struct http_req *r);
void *http_req_arg(const struct http_req *r);

/* gone: the client left; r is dead when it returns. writable: less than 64 KiB waits again, after an ERR_BUSY. */
void http_req_watch(struct http_req *r, void (*gone)(void *arg), void (*writable)(void *arg), void *arg);
/* Before the answer. Name and value must be free of control characters (else ERR_FORMAT). */
int http_req_add_header(struct http_req *r, const char *name, const char *value);

/* The whole answer; r is dead afterwards. HEAD is handled. */
void http_reply(struct http_req *r, int status, const char *content_type, const void *body, size_t n);
/* A chunked answer: headers go out at once. */
void http_stream_begin(struct http_req *r, int status, const char *content_type);
/* 0; ERR_BUSY: more than 64 KiB waits for the client, nothing taken, writable will follow. */
int http_stream_write(struct http_req *r, const void *p, size_t n);
void http_stream_end(struct http_req *r); /* r is dead afterwards */
/* Breaks the connection (RST), so that a broken answer does not look whole. r is dead afterwards, gone is not called. */
void http_abort(struct http_req *r);

#endif
