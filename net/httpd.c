/* net/httpd.c - the server: evhttp's connections, and the checks before a request reaches its owner. See httpd.h.
 *
 * evhttp switches reading off while a request is handled, so a client's leaving would go unseen; switching it on lets a
 * pipelined byte into evhttp's parser in a state for which it ends the process. watch_connection does it the safe way:
 * reading on, nobody parsing, and a bound on what a flooding client can push meanwhile. */
#include "net/httpd_parts.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/http_check.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/time.h>
#include <unistd.h>

enum {
    HEADER_BYTES_MAX = 65536,
    BODY_MAX = 8 << 20,
    EVHTTP_BODY_MAX = 16 << 20, /* beyond it evhttp answers by itself, in HTML: ours speaks the dialect */
    IDLE_S = 120,               /* between requests of a connection, and between the bytes of one */
    READ_AHEAD = 65536,         /* what a client may pipeline while it waits */
    HEADERS_MAX = 128,
};

static const struct {
    int status;
    const char *text;
} problems[] = {
    [HTTP_BAD_REQUEST] = {400, "the request line or a header is not usable"},
    [HTTP_BAD_HOST] = {403, "the Host header does not name this machine"},
    [HTTP_BAD_ORIGIN] = {403, "this Origin may not use the API"},
    [HTTP_NO_KEY] = {401, "an API key is needed: Authorization: Bearer KEY"},
    [HTTP_BAD_KEY] = {401, "the API key is not valid"},
    [HTTP_TOO_LARGE] = {413, "the request body is too large"},
    [HTTP_COMPRESSED] = {415, "compressed request bodies are not supported"},
    [HTTP_TOO_MANY] = {503, "too many requests at once"},
};
int http_problem_status(enum http_problem p) { return problems[p].status; }
const char *http_problem_text(enum http_problem p) { return problems[p].text; }

/* ---- a request's life on its connection ---- */
/* The client has left, or evhttp_free is ending the connection. */
static void on_gone(struct evhttp_connection *con, void *arg) {
    struct http_req *r = arg;
    (void)con;
    /* evhttp has let go of the request only if it has no connection any more; else it frees it itself, right after this. */
    if (evhttp_request_get_connection(r->req) == NULL) evhttp_request_free(r->req);
    r->req = NULL;
    int tell = !r->aborting && !r->over;
    void (*gone)(void *) = r->gone;
    void *owner = r->arg;
    http_req_over(r);
    if (tell && gone) gone(owner);
}

/* The answer is out: the connection is evhttp's own again. */
static void on_complete(struct evhttp_request *req, void *arg) {
    struct evhttp_connection *con = evhttp_request_get_connection(req);
    (void)arg;
    if (!con) return;
    struct bufferevent *bev = evhttp_connection_get_bufferevent(con);
    struct timeval idle = {.tv_sec = IDLE_S};
    bufferevent_setwatermark(bev, EV_READ, 0, 0);
    bufferevent_set_timeouts(bev, &idle, &idle);
}

static void watch_connection(struct http_req *r) {
    bufferevent_data_cb rd, wr;
    bufferevent_event_cb ev;
    void *arg;
    uint32_t ms = r->d->o.stall_ms ? r->d->o.stall_ms : 30000;
    struct timeval stall = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
    bufferevent_getcb(r->bev, &rd, &wr, &ev, &arg);
    bufferevent_setcb(r->bev, NULL, wr, ev, arg);
    bufferevent_setwatermark(r->bev, EV_READ, 0, READ_AHEAD);
    bufferevent_set_timeouts(r->bev, NULL, &stall); /* only a client that takes nothing; waiting for us is no fault of its */
    bufferevent_enable(r->bev, EV_READ);
    evhttp_connection_set_closecb(r->con, on_gone, r);
    evhttp_request_set_on_complete_cb(r->req, on_complete, NULL);
    addr_nodelay(bufferevent_getfd(r->bev));
}

/* ---- checks ---- */
/* Exactly one Host; *host is its value. Too many headers count as a bad request. */
static int find_host(const struct http_req *r, const char **host) {
    const struct evkeyval *kv;
    size_t hosts = 0, all = 0;
    for (kv = evhttp_request_get_input_headers(r->req)->tqh_first; kv; kv = kv->next.tqe_next) {
        if (++all > HEADERS_MAX) return 0;
        if (strcasecmp(kv->key, "Host") != 0) continue;
        *host = kv->value;
        hosts++;
    }
    return hosts == 1;
}

/* A name or length that a proxy in front of us may read in another way than evhttp does lets one request hide in the body of
 * another (RFC 9112, 11.2): such a request is refused, and its connection ends with the answer. */
static int framing_is_plain(const struct http_req *r) {
    static const char token[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    const struct evkeyval *kv;
    size_t lengths = 0, codings = 0;
    for (kv = evhttp_request_get_input_headers(r->req)->tqh_first; kv; kv = kv->next.tqe_next) {
        if (kv->key[strspn(kv->key, token)]) return 0;
        if (strcasecmp(kv->key, "Content-Length") == 0) {
            lengths++;
            if (!kv->value[0] || kv->value[strspn(kv->value, "0123456789")]) return 0;
        } else if (strcasecmp(kv->key, "Transfer-Encoding") == 0) {
            codings++;
            if (strcasecmp(kv->value, "chunked") != 0) return 0;
        }
    }
    return lengths + codings <= 1;
}

static int is_method(const struct http_req *r, const char *name) { return strcmp(http_req_method(r), name) == 0; }

/* The first thing wrong with r, or -1. */
static int find_problem(struct http_req *r) {
    const struct httpd *d = r->d;
    const char *host = NULL, *origin = http_req_header(r, "Origin"), *auth = http_req_header(r, "Authorization"),
               *encoding = http_req_header(r, "Content-Encoding");
    const char *target = evhttp_request_get_uri(r->req);
    int own_host = find_host(r, &host) && (d->o.any_host || http_host_allowed(host, d->own_name));
    int reads_only = is_method(r, "GET") || is_method(r, "HEAD");
    if (!framing_is_plain(r)) {
        (void)http_req_add_header(r, "Connection", "close");
        return HTTP_BAD_REQUEST;
    }
    if (!own_host) return HTTP_BAD_HOST;
    if (origin && !http_origin_allowed(origin) && !(d->o.any_host && reads_only)) return HTTP_BAD_ORIGIN;
    if (!target || !http_target_split(target, r->path, sizeof r->path, &r->query)) return HTTP_BAD_REQUEST;
    if (is_method(r, "OPTIONS") && origin) return -1; /* a preflight carries no key */
    if (d->key && !auth) return HTTP_NO_KEY;
    if (d->key && !http_bearer_matches(auth, d->key)) return HTTP_BAD_KEY;
    if (encoding && http_encoding_compressed(encoding)) return HTTP_COMPRESSED;
    if (r->body_len > d->o.body_max) return HTTP_TOO_LARGE;
    if (d->active > d->o.requests_max) return HTTP_TOO_MANY;
    return -1;
}

/* ---- cross-origin answers (WHATWG Fetch, CORS protocol) ---- */
static void add_cors(struct http_req *r) {
    const char *origin = http_req_origin(r);
    if (!origin) return;
    (void)http_req_add_header(r, "Access-Control-Allow-Origin", origin);
    (void)http_req_add_header(r, "Vary", "Origin");
    (void)http_req_add_header(r, "Access-Control-Expose-Headers",
                              "lull-receipt, lull-tier, lull-node-class, x-request-id, retry-after");
}

static void answer_preflight(struct http_req *r) {
    (void)http_req_add_header(r, "Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS");
    (void)http_req_add_header(
        r, "Access-Control-Allow-Headers",
        "Authorization, Content-Type, User-Agent, Accept, X-Requested-With, Idempotency-Key, OpenAI-Beta, "
        "OpenAI-Organization, OpenAI-Project, X-Stainless-Lang, X-Stainless-Package-Version, X-Stainless-OS, "
        "X-Stainless-Arch, X-Stainless-Runtime, X-Stainless-Runtime-Version, X-Stainless-Async, "
        "X-Stainless-Helper-Method, X-Stainless-Poll-Helper, X-Stainless-Custom-Poll-Interval, "
        "X-Stainless-Retry-Count, X-Stainless-Timeout, X-Api-Key, Anthropic-Version, Anthropic-Beta, "
        "Lull-Min-Tier");
    (void)http_req_add_header(r, "Access-Control-Max-Age", "43200");
    http_reply(r, 204, NULL, NULL, 0);
}

static void on_http(struct evhttp_request *req, void *arg) {
    struct httpd *d = arg;
    struct http_req *r = http_req_new(d, req);
    if (!r) {
        evhttp_send_error(req, 503, NULL);
        return;
    }
    watch_connection(r);
    int p = find_problem(r);
    if (p != HTTP_BAD_HOST && p != HTTP_BAD_ORIGIN && p != HTTP_BAD_REQUEST) add_cors(r);
    if (p >= 0)
        d->o.on_problem(d->o.arg, r, (enum http_problem)p);
    else if (is_method(r, "OPTIONS") && http_req_origin(r))
        answer_preflight(r);
    else
        d->o.on_request(d->o.arg, r);
}

/* ---- birth and death ---- */
static int setup(struct httpd *d, struct why *why) {
    d->http = evhttp_new(loop_base(d->loop));
    if (!d->http) return ERR_NOMEM;
    evhttp_set_allowed_methods(d->http, 0xffff); /* all reach us: a 405 in the dialect, not evhttp's 501 in HTML */
    evhttp_set_max_headers_size(d->http, HEADER_BYTES_MAX);
    evhttp_set_max_body_size(d->http, EVHTTP_BODY_MAX);
    evhttp_set_timeout(d->http, IDLE_S);
    evhttp_set_gencb(d->http, on_http, d);
    int r = listener_open(&d->listener, d->loop, d->o.listen, NULL, NULL, why);
    if (r == 0 && !evhttp_bind_listener(d->http, listener_event(d->listener))) r = ERR_NOMEM;
    return r;
}

int httpd_open(struct httpd **out, struct loop *l, const struct httpd_opts *o, struct why *why) {
    struct httpd *d = mem_zalloc(1, sizeof *d);
    if (!d) return ERR_NOMEM;
    d->loop = l;
    d->o = *o;
    if (!d->o.body_max) d->o.body_max = BODY_MAX;
    if (!d->o.requests_max) d->o.requests_max = 256;
    if (gethostname(d->own_name, sizeof d->own_name - 1) != 0) d->own_name[0] = 0;
    int r = 0;
    if (o->key && !(d->key = strdup(o->key))) r = ERR_NOMEM;
    if (r == 0) r = setup(d, why);
    if (r != 0) {
        if (d->listener) listener_close(d->listener), d->listener = NULL; /* evhttp does not have it yet */
        httpd_close(d);
        return r;
    }
    *out = d;
    return 0;
}

void httpd_pause(struct httpd *d) { listener_pause(d->listener, 1); }

void httpd_close(struct httpd *d) {
    if (!d) return;
    if (d->listener) listener_close_shell(d->listener);
    if (d->http) evhttp_free(d->http); /* its connections' close callbacks come from here */
    while (d->requests) http_req_over(d->requests);
    if (d->key) mem_wipe(d->key, strlen(d->key));
    free(d->key);
    free(d);
}

void httpd_addr(const struct httpd *d, char out[ADDR_TEXT_BYTES]) { listener_addr(d->listener, out); }
uint32_t httpd_active(const struct httpd *d) { return d->active; }
