/* net/httpd_parts.h - what httpd.c (connections, checks) and http_req.c (answers) share. Not for others. */
#ifndef NET_HTTPD_PARTS_H
#define NET_HTTPD_PARTS_H

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include "net/httpd.h"
#include "net/listen.h"

enum { HTTP_PATH_MAX = 2048, HTTP_WAITING_MAX = 65536 };

struct httpd {
    struct loop *loop;
    struct evhttp *http;
    struct listener *listener;
    struct httpd_opts o;
    char *key; /* our copy, or NULL */
    char own_name[256];
    struct http_req *requests;
    uint32_t active;
};

struct http_req {
    struct httpd *d;
    struct http_req *prev, *next; /* d->requests */
    uint64_t id;
    struct evhttp_request *req;
    struct evhttp_connection *con;
    struct bufferevent *bev;
    struct addr peer;
    char path[HTTP_PATH_MAX];
    const char *query;
    const uint8_t *body;
    size_t body_len;
    void (*gone)(void *arg);
    void (*writable)(void *arg);
    void *arg;
    unsigned streaming : 1, starved : 1, aborting : 1, over : 1;
    struct later abort_later, free_later;
};

/* http_req.c */
struct http_req *http_req_new(struct httpd *d, struct evhttp_request *req);
/* Out of the list; the memory goes once the running callback has returned. */
void http_req_over(struct http_req *r);
const char *http_req_origin(const struct http_req *r);

#endif
