/* net/httpd.c - the server: what a request must be like before its owner sees it, and birth and death. See httpd.h.
 *
 * Everything that the head alone tells is judged before a byte of the body is kept. */
#include "net/httpd_parts.h"
#include "net/http_check.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BODY_MAX = 8 << 20, BUFFERED_MAX = 64 << 20, STALL_MS = 30000 };

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

/* ---- checks ---- */
static int is_method(const struct http_req *r, const char *name) { return strcmp(http_req_method(r), name) == 0; }

static int origin_ok(const struct http_req *r) {
    size_t count;
    const char *origin = http_head_get(&r->conn->head, "Origin", &count);
    if (!origin) return 1;
    if (count > 1) return 0;
    return http_origin_allowed(origin) || (r->d->o.any_host && (is_method(r, "GET") || is_method(r, "HEAD")));
}

int httpd_find_problem(struct http_req *r) {
    const struct httpd *d = r->d;
    const struct http_head *h = &r->conn->head;
    size_t hosts, keys;
    const char *host = http_head_get(h, "Host", &hosts), *auth = http_head_get(h, "Authorization", &keys),
               *encoding = http_req_header(r, "Content-Encoding");
    if (hosts != 1 || (!d->o.any_host && !http_host_allowed(host, d->own_name, d->on_loopback))) return HTTP_BAD_HOST;
    if (!origin_ok(r)) return HTTP_BAD_ORIGIN;
    if (!http_target_split(h->target, r->path, sizeof r->path, &r->query)) return HTTP_BAD_REQUEST;
    if (is_method(r, "OPTIONS") && http_req_header(r, "Origin")) return -1; /* a preflight carries no key */
    if (d->key && !auth) return HTTP_NO_KEY;
    if (d->key && (keys > 1 || !http_bearer_matches(auth, d->key))) return HTTP_BAD_KEY;
    if (encoding && http_encoding_compressed(encoding)) return HTTP_COMPRESSED;
    if (h->length > d->o.body_max) return HTTP_TOO_LARGE;
    return d->active >= d->o.requests_max ? HTTP_TOO_MANY : -1;
}

/* ---- cross-origin answers (WHATWG Fetch, CORS protocol) ---- */
static void add_cors(struct http_req *r) {
    const char *origin = http_req_header(r, "Origin");
    if (!origin) return;
    (void)http_req_add_header(r, "Access-Control-Allow-Origin", origin);
    (void)http_req_add_header(r, "Vary", "Origin");
    (void)http_req_add_header(
        r, "Access-Control-Expose-Headers",
        "lull-receipt, lull-tier, lull-blind-mode, lull-notice, lull-node-class, lull-evidence-class, x-request-id, retry-after");
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
        "Lull-Min-Tier, Lull-Blind-Mode");
    (void)http_req_add_header(r, "Access-Control-Max-Age", "43200");
    http_reply(r, 204, NULL, NULL, 0);
}

void httpd_dispatch(struct http_req *r, int p) {
    struct httpd *d = r->d;
    if (p < 0 && d->active >= d->o.requests_max) p = HTTP_TOO_MANY; /* its body took a while */
    http_req_list(r);
    if (p != HTTP_BAD_HOST && p != HTTP_BAD_ORIGIN && p != HTTP_BAD_REQUEST) add_cors(r);
    if (p >= 0)
        d->o.on_problem(d->o.arg, r, (enum http_problem)p);
    else if (is_method(r, "OPTIONS") && http_req_header(r, "Origin"))
        answer_preflight(r);
    else
        d->o.on_request(d->o.arg, r);
}

/* ---- birth and death ---- */
/* Nobody but this machine can reach the address. */
static int is_loopback(const char *where) {
    char host[ADDR_HOST_BYTES];
    uint16_t port;
    struct addr a;
    return addr_split(where, 0, host, &port) == 0 &&
           (strcmp(host, "localhost") == 0 || (addr_numeric(&a, host, port) == 0 && addr_is_loopback(&a)));
}

int httpd_open(struct httpd **out, struct loop *l, const struct httpd_opts *o, struct why *why) {
    struct httpd *d = mem_zalloc(1, sizeof *d);
    if (!d) return ERR_NOMEM;
    d->loop = l;
    d->o = *o;
    if (!d->o.body_max) d->o.body_max = BODY_MAX;
    if (!d->o.buffered_max) d->o.buffered_max = BUFFERED_MAX;
    if (!d->o.requests_max) d->o.requests_max = 256;
    if (!d->o.connections_max) d->o.connections_max = d->o.requests_max + 64;
    if (!d->o.stall_ms) d->o.stall_ms = STALL_MS;
    if (gethostname(d->own_name, sizeof d->own_name - 1) != 0) d->own_name[0] = 0;
    d->on_loopback = is_loopback(o->listen);
    int r = 0;
    if (o->key && !(d->key = strdup(o->key))) r = ERR_NOMEM;
    if (r == 0) r = listener_open(&d->listener, l, o->listen, http_conn_accept, d, why);
    if (r == 0)
        *out = d;
    else
        httpd_close(d);
    return r;
}

void httpd_pause(struct httpd *d) { listener_pause(d->listener, 1); }

void httpd_close(struct httpd *d) {
    if (!d) return;
    listener_close(d->listener);
    while (d->conns) http_conn_free(d->conns, 0);
    if (d->key) mem_wipe(d->key, strlen(d->key));
    free(d->key);
    free(d);
}

void httpd_addr(const struct httpd *d, char out[ADDR_TEXT_BYTES]) { listener_addr(d->listener, out); }
uint32_t httpd_active(const struct httpd *d) { return d->active; }
