/* net/http_req.c - one request: what it says, and its answer, whole or in pieces. See httpd.h. */
#include "net/httpd_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FIELDS_BYTES_MAX = 16384 };

static void on_abort(void *arg);

static void on_free(void *arg) {
    struct http_req *r = arg;
    buf_release(&r->fields);
    free(r);
}

struct http_req *http_req_new(struct httpd *d, struct http_conn *c) {
    static uint64_t last_id;
    struct http_req *r = mem_zalloc(1, sizeof *r);
    if (!r) return NULL;
    *r = (struct http_req){.d = d, .id = ++last_id, .conn = c, .query = ""};
    r->abort_later = (struct later){.fn = on_abort, .arg = r};
    r->free_later = (struct later){.fn = on_free, .arg = r};
    buf_init(&r->fields, FIELDS_BYTES_MAX);
    return r;
}

static void unlist(struct http_req *r) {
    if (r->over) return;
    r->over = 1;
    if (!r->listed) return;
    if (r->next) r->next->prev = r->prev;
    if (r->prev)
        r->prev->next = r->next;
    else
        r->d->requests = r->next;
    r->d->active--;
}

void http_req_list(struct http_req *r) {
    r->listed = 1;
    r->next = r->d->requests;
    if (r->next) r->next->prev = r;
    r->d->requests = r;
    r->d->active++;
}

void http_req_over(struct http_req *r) {
    unlist(r);
    if (!r->aborting) loop_later(r->d->loop, &r->free_later); /* else on_abort is still to come, and frees */
}

void http_req_gone(struct http_req *r) {
    int tell = !r->aborting && !r->over;
    void (*gone)(void *) = r->gone;
    void *owner = r->arg;
    r->conn = NULL;
    http_req_over(r);
    if (tell && gone) gone(owner);
}

void http_req_drained(struct http_req *r) {
    if (!r->starved || r->aborting || r->over) return;
    r->starved = 0;
    if (r->writable) r->writable(r->arg);
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
const struct addr *http_req_peer(const struct http_req *r) { return &r->conn->peer; }
void *http_req_arg(const struct http_req *r) { return r->arg; }

const char *http_req_method(const struct http_req *r) {
    static const char *const known[] = {"GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PATCH"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(r->conn->head.method, known[i]) == 0) return known[i];
    return "?";
}

const char *http_req_header(const struct http_req *r, const char *name) { return http_head_get(&r->conn->head, name, NULL); }

const uint8_t *http_req_body(const struct http_req *r, size_t *n) {
    *n = r->conn->body.len;
    return *n ? r->conn->body.data : (const uint8_t *)"";
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
    return buf_addf(&r->fields, "%s: %s\r\n", name, value) == 0 ? 0 : ERR_FORMAT;
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

static struct evbuffer *output(const struct http_req *r) { return bufferevent_get_output(r->conn->bev); }

/* Status line and fields. */
static int put_head(struct http_req *r, int status) {
    char date[40];
    time_t now = time(NULL);
    struct tm tm;
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &tm));
    int n = evbuffer_add_printf(output(r), "HTTP/1.1 %d %s\r\nDate: %s\r\n%s", status, reason(status), date,
                                r->conn->close ? "Connection: close\r\n" : "");
    if (n < 0 || evbuffer_add(output(r), r->fields.data, r->fields.len) != 0) return ERR_NOMEM;
    return evbuffer_add(output(r), "\r\n", 2) == 0 ? 0 : ERR_NOMEM;
}

/* All is handed over, or there was no memory for it: then a reset is the honest end. */
static void hand_over(struct http_req *r, int err) {
    struct http_conn *c = r->conn;
    if (err != 0) {
        http_abort(r);
        return;
    }
    http_req_over(r);
    r->conn = NULL;
    http_conn_answered(c);
}

void http_reply(struct http_req *r, int status, const char *content_type, const void *body, size_t n) {
    char length[24];
    int has_body = n > 0 && status != 204 && strcmp(http_req_method(r), "HEAD") != 0;
    if (content_type) (void)http_req_add_header(r, "Content-Type", content_type);
    snprintf(length, sizeof length, "%zu", n);
    if (status != 204) (void)http_req_add_header(r, "Content-Length", length);
    int e = put_head(r, status);
    if (e == 0 && has_body && evbuffer_add(output(r), body, n) != 0) e = ERR_NOMEM;
    hand_over(r, e);
}

void http_stream_begin(struct http_req *r, int status, const char *content_type) {
    (void)http_req_add_header(r, "Content-Type", content_type);
    (void)http_req_add_header(r, "Cache-Control", "no-cache");
    if (r->conn->head.minor == 0)
        r->conn->close = 1; /* its end is the answer's */
    else
        (void)http_req_add_header(r, "Transfer-Encoding", "chunked");
    r->streaming = 1;
    if (put_head(r, status) != 0) http_abort(r);
}

int http_stream_write(struct http_req *r, const void *p, size_t n) {
    if (n == 0) return 0; /* an empty chunk would be the end */
    if (r->aborting || r->over) return ERR_LOST;
    if (!r->streaming) return ERR_WRONG_STATE;
    if (evbuffer_get_length(output(r)) > HTTP_WAITING_MAX) {
        r->starved = 1;
        return ERR_BUSY;
    }
    int chunked = r->conn->head.minor != 0;
    if (chunked && evbuffer_add_printf(output(r), "%zx\r\n", n) < 0) return ERR_NOMEM;
    if (evbuffer_add(output(r), p, n) != 0) return ERR_NOMEM;
    return !chunked || evbuffer_add(output(r), "\r\n", 2) == 0 ? 0 : ERR_NOMEM;
}

void http_stream_end(struct http_req *r) {
    if (r->aborting || r->over) return;
    int chunked = r->conn->head.minor != 0;
    hand_over(r, !chunked || evbuffer_add(output(r), "0\r\n\r\n", 5) == 0 ? 0 : ERR_NOMEM);
}

static void on_abort(void *arg) {
    struct http_req *r = arg;
    struct http_conn *c = r->conn; /* NULL: the client left in between */
    if (c) {
        c->req = NULL;
        http_conn_free(c, 1);
    }
    on_free(r);
}

/* Not at once: we may be inside one of this connection's own callbacks. */
void http_abort(struct http_req *r) {
    if (r->aborting || r->over) return;
    r->aborting = 1;
    unlist(r);
    loop_later(r->d->loop, &r->abort_later);
}
