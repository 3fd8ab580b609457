/* net/http_req.c - one request: what it says, and its answer, whole or in pieces. See httpd.h. */
#include "base/mem.h"
#include "net/httpd_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static void on_abort(void *arg);

static void on_free(void *arg) { free(arg); }

struct http_req *http_req_new(struct httpd *d, struct evhttp_request *req) {
    static uint64_t last_id;
    struct http_req *r = mem_zalloc(1, sizeof *r);
    if (!r) return NULL;
    *r = (struct http_req){.d = d, .id = ++last_id, .req = req, .con = evhttp_request_get_connection(req), .query = ""};
    r->bev = evhttp_connection_get_bufferevent(r->con);
    r->abort_later = (struct later){.fn = on_abort, .arg = r};
    r->free_later = (struct later){.fn = on_free, .arg = r};
    struct evbuffer *in = evhttp_request_get_input_buffer(req);
    r->body_len = evbuffer_get_length(in);
    r->body = r->body_len ? evbuffer_pullup(in, -1) : (const uint8_t *)"";
    if (!r->body) r->body_len = 0;
    r->peer.len = sizeof r->peer.sa;
    if (getpeername(bufferevent_getfd(r->bev), (struct sockaddr *)&r->peer.sa, &r->peer.len) != 0)
        r->peer.sa.ss_family = AF_UNSPEC;
    r->next = d->requests;
    if (r->next) r->next->prev = r;
    d->requests = r;
    d->active++;
    return r;
}

static void unlist(struct http_req *r) {
    if (r->over) return;
    r->over = 1;
    if (r->next) r->next->prev = r->prev;
    if (r->prev)
        r->prev->next = r->next;
    else
        r->d->requests = r->next;
    r->d->active--;
}

void http_req_over(struct http_req *r) {
    unlist(r);
    if (!r->aborting) loop_later(r->d->loop, &r->free_later); /* else on_abort is still to come, and frees */
}

struct http_req *http_req_find(struct httpd *d, uint64_t id) {
    struct http_req *r = d->requests;
    while (r && r->id != id) r = r->next;
    return r;
}

/* ---- the request ---- */
uint64_t http_req_id(const struct http_req *r) { return r->id; }
const char *http_req_path(const struct http_req *r) { return r->path; }
const char *http_req_query(const struct http_req *r) { return r->query; }
const struct addr *http_req_peer(const struct http_req *r) { return &r->peer; }
void *http_req_arg(const struct http_req *r) { return r->arg; }

const char *http_req_method(const struct http_req *r) {
    switch (evhttp_request_get_command(r->req)) {
    case EVHTTP_REQ_GET: return "GET";
    case EVHTTP_REQ_POST: return "POST";
    case EVHTTP_REQ_HEAD: return "HEAD";
    case EVHTTP_REQ_PUT: return "PUT";
    case EVHTTP_REQ_DELETE: return "DELETE";
    case EVHTTP_REQ_OPTIONS: return "OPTIONS";
    case EVHTTP_REQ_TRACE: return "TRACE";
    case EVHTTP_REQ_CONNECT: return "CONNECT";
    case EVHTTP_REQ_PATCH: return "PATCH";
    default: return "?";
    }
}

const char *http_req_header(const struct http_req *r, const char *name) {
    return evhttp_find_header(evhttp_request_get_input_headers(r->req), name);
}

const char *http_req_origin(const struct http_req *r) { return http_req_header(r, "Origin"); }

const uint8_t *http_req_body(const struct http_req *r, size_t *n) {
    *n = r->body_len;
    return r->body;
}

void http_req_watch(struct http_req *r, void (*gone)(void *arg), void (*writable)(void *arg), void *arg) {
    r->gone = gone;
    r->writable = writable;
    r->arg = arg;
}

/* ---- the answer ---- */
int http_req_add_header(struct http_req *r, const char *name, const char *value) {
    for (const char *p = value; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f) return ERR_FORMAT;
    return evhttp_add_header(evhttp_request_get_output_headers(r->req), name, value) == 0 ? 0 : ERR_FORMAT;
}

static const char *reason(int status) {
    static const struct {
        int status;
        const char *text;
    } known[] = {{200, "OK"},
                 {204, "No Content"},
                 {400, "Bad Request"},
                 {401, "Unauthorized"},
                 {402, "Payment Required"},
                 {403, "Forbidden"},
                 {404, "Not Found"},
                 {405, "Method Not Allowed"},
                 {408, "Request Timeout"},
                 {409, "Conflict"},
                 {413, "Content Too Large"},
                 {415, "Unsupported Media Type"},
                 {422, "Unprocessable Content"},
                 {429, "Too Many Requests"},
                 {499, "Client Closed Request"},
                 {500, "Internal Server Error"},
                 {501, "Not Implemented"},
                 {502, "Bad Gateway"},
                 {503, "Service Unavailable"},
                 {504, "Gateway Timeout"}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].status == status) return known[i].text;
    return status < 400 ? "OK" : "Error";
}

void http_reply(struct http_req *r, int status, const char *content_type, const void *body, size_t n) {
    char length[24];
    int is_head = evhttp_request_get_command(r->req) == EVHTTP_REQ_HEAD;
    if (content_type) (void)http_req_add_header(r, "Content-Type", content_type);
    struct evbuffer *b = is_head || n == 0 ? NULL : evbuffer_new();
    if (b && evbuffer_add(b, body, n) != 0) status = 500;
    if (status != 204) {
        /* By hand: for HEAD evhttp would count the body that is not sent. */
        snprintf(length, sizeof length, "%zu", is_head ? n : b ? evbuffer_get_length(b) : 0);
        (void)http_req_add_header(r, "Content-Length", length);
    }
    evhttp_connection_set_closecb(r->con, NULL, NULL);
    struct evhttp_request *req = r->req;
    http_req_over(r);
    evhttp_send_reply(req, status, reason(status), b);
    if (b) evbuffer_free(b);
}

void http_stream_begin(struct http_req *r, int status, const char *content_type) {
    (void)http_req_add_header(r, "Content-Type", content_type);
    (void)http_req_add_header(r, "Cache-Control", "no-cache");
    r->streaming = 1;
    evhttp_send_reply_start(r->req, status, reason(status));
}

/* evhttp has written everything: its one callback slot belongs to the newest chunk. */
static void on_drained(struct evhttp_connection *con, void *arg) {
    struct http_req *r = arg;
    (void)con;
    if (!r->starved || r->aborting || r->over) return;
    r->starved = 0;
    if (r->writable) r->writable(r->arg);
}

int http_stream_write(struct http_req *r, const void *p, size_t n) {
    if (n == 0) return 0; /* an empty chunk would be the end */
    if (r->aborting || r->over) return ERR_LOST;
    if (!r->streaming) return ERR_WRONG_STATE;
    if (evbuffer_get_length(bufferevent_get_output(r->bev)) > HTTP_WAITING_MAX) {
        r->starved = 1;
        return ERR_BUSY;
    }
    struct evbuffer *b = evbuffer_new();
    if (!b) return ERR_NOMEM;
    int e = evbuffer_add(b, p, n) == 0 ? 0 : ERR_NOMEM;
    if (e == 0) evhttp_send_reply_chunk_with_cb(r->req, b, on_drained, r);
    evbuffer_free(b);
    return e;
}

void http_stream_end(struct http_req *r) {
    evhttp_connection_set_closecb(r->con, NULL, NULL);
    struct evhttp_request *req = r->req;
    http_req_over(r);
    evhttp_send_reply_end(req); /* may complete, and free req, at once */
}

static void on_abort(void *arg) {
    struct http_req *r = arg;
    if (r->req) { /* else the client left in between */
        /* Disconnecting a connected socket sends RST. evhttp's own way would send FIN first, and a client that reads until the
         * end would take the answer for whole. */
        struct sockaddr none = {.sa_family = AF_UNSPEC};
        (void)connect(bufferevent_getfd(r->bev), &none, sizeof none);
        evhttp_connection_set_closecb(r->con, NULL, NULL);
        evhttp_connection_free(r->con); /* frees the request too */
    }
    free(r);
}

/* Not at once: we may be inside one of this connection's own callbacks. */
void http_abort(struct http_req *r) {
    if (r->aborting || r->over) return;
    r->aborting = 1;
    unlist(r);
    loop_later(r->d->loop, &r->abort_later);
}
