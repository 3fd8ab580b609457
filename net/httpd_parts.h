/* net/httpd_parts.h - what httpd.c (checks), http_conn.c (connections) and http_req.c (answers) share. Not for others. */
#ifndef NET_HTTPD_PARTS_H
#define NET_HTTPD_PARTS_H

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "base/mem.h"
#include "net/http_head.h"
#include "net/httpd.h"
#include "net/listen.h"

enum { HTTP_PATH_MAX = 2048, HTTP_WAITING_MAX = 65536 };

struct http_conn;
struct httpd {
    struct loop *loop;
    struct listener *listener;
    struct httpd_opts o;
    char *key; /* our copy, or NULL */
    char own_name[256];
    int on_loopback;
    struct http_conn *conns;
    uint32_t conn_count;
    size_t buffered; /* bytes of bodies, of all connections */
    struct http_req *requests;
    uint32_t active;
};

enum http_conn_state {
    CONN_HEAD,   /* a head is awaited */
    CONN_BODY,   /* and its body */
    CONN_OWNED,  /* the request is its owner's */
    CONN_ANSWER, /* the whole answer waits for the client */
    CONN_LINGER  /* all was said: what still comes is dropped, so that the answer is not lost with it */
};
struct http_conn {
    struct httpd *d;
    struct http_conn *prev, *next; /* d->conns */
    struct bufferevent *bev;
    struct addr peer;
    enum http_conn_state state;
    struct timer *timer; /* for head, body, the next request, and lingering */
    int close;           /* after this answer */
    size_t looked;       /* of the head */
    char *head_text;     /* what head points into, head_n bytes */
    size_t head_n;
    struct http_head head;
    struct http_chunks chunks;
    struct buf body;
    struct http_req *req; /* CONN_OWNED */
};

struct http_req {
    struct httpd *d;
    struct http_req *prev, *next; /* d->requests */
    uint64_t id;
    struct http_conn *conn; /* NULL once the client is gone */
    char path[HTTP_PATH_MAX];
    const char *query;
    struct buf fields; /* of the answer */
    void (*gone)(void *arg);
    void (*writable)(void *arg);
    void *arg;
    unsigned listed : 1, streaming : 1, starved : 1, aborting : 1, over : 1;
    struct later abort_later, free_later;
};

/* ---- httpd.c ---- */
/* The first thing wrong with a request whose head is here, or -1. Fills r's path and query. */
int httpd_find_problem(struct http_req *r);
/* The whole request is here; problem -1: none. */
void httpd_dispatch(struct http_req *r, int problem);

/* ---- http_conn.c ---- */
void http_conn_accept(void *arg, int fd, const struct addr *peer); /* a listener_fn; arg: struct httpd */
/* The owner has handed the last byte of its answer over. */
void http_conn_answered(struct http_conn *c);
/* Ends it at once; a live request's owner is told. reset: with RST. */
void http_conn_free(struct http_conn *c, int reset);

/* ---- http_req.c ---- */
struct http_req *http_req_new(struct httpd *d, struct http_conn *c);
void http_req_list(struct http_req *r); /* it is its owner's from now on */
/* The client has left: the owner, if there still is one, is told. */
void http_req_gone(struct http_req *r);
/* The client has taken everything. */
void http_req_drained(struct http_req *r);
/* Out of the list; the memory goes once the running callback has returned. */
void http_req_over(struct http_req *r);

#endif
