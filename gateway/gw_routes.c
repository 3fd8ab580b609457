/* gateway/gw_routes.c - the table of endpoints, and refusals in the dialect of the path. */
#include "base/err.h"
#include "gateway/gw_out.h"
#include "gateway/gw_request.h"

#include <string.h>

static void chat_completions(struct gateway *g, struct http_req *r, const char *rest) {
    (void)rest, gw_request_start(g, r, API_V1_CHAT);
}
static void ollama_chat(struct gateway *g, struct http_req *r, const char *rest) { (void)rest, gw_request_start(g, r, API_CHAT); }
static void ollama_generate(struct gateway *g, struct http_req *r, const char *rest) {
    (void)rest, gw_request_start(g, r, API_GENERATE);
}
static void models(struct gateway *g, struct http_req *r, const char *rest) { (void)rest, gw_show_models(g, r); }
static void tags(struct gateway *g, struct http_req *r, const char *rest) { (void)rest, gw_show_tags(g, r); }
static void version(struct gateway *g, struct http_req *r, const char *rest) { (void)rest, gw_show_version(g, r); }
static void health(struct gateway *g, struct http_req *r, const char *rest) { (void)rest, gw_show_health(g, r); }
static void status(struct gateway *g, struct http_req *r, const char *rest) { (void)rest, gw_show_status(g, r); }
static void root(struct gateway *g, struct http_req *r, const char *rest) { (void)rest, gw_show_root(g, r); }

static const struct route {
    const char *path;   /* ending in '/' (but "/" itself): anything below it, given as rest */
    const char *method; /* "GET" stands for HEAD too */
    void (*run)(struct gateway *g, struct http_req *r, const char *rest);
} routes[] = {
    {"/v1/chat/completions", "POST", chat_completions},
    {"/v1/models", "GET", models},
    {"/v1/models/", "GET", gw_show_model},
    {"/api/chat", "POST", ollama_chat},
    {"/api/generate", "POST", ollama_generate},
    {"/api/tags", "GET", tags},
    {"/api/version", "GET", version},
    {"/health", "GET", health},
    {"/lull/status", "GET", status},
    {"/lull/receipts/", "GET", gw_show_receipt},
    {"/", "GET", root},
};

enum api_dialect gw_dialect_of(const char *path) {
    return strncmp(path, "/api/", 5) == 0 || strcmp(path, "/api") == 0 ? API_OLLAMA : API_OPENAI;
}

/* NULL when the path is not under the route; else what follows it. */
static const char *rest_of(const struct route *t, const char *path) {
    size_t n = strlen(t->path);
    int below = n > 1 && t->path[n - 1] == '/';
    if (below) return strncmp(path, t->path, n) == 0 && path[n] ? path + n : NULL;
    return strcmp(path, t->path) == 0 ? path + n : NULL;
}

static int method_fits(const char *allowed, const char *method) {
    return strcmp(allowed, method) == 0 || (strcmp(allowed, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

static void refuse(struct http_req *r, enum api_code code, const char *text) {
    struct api_error e;
    api_error_set(&e, code, NULL, text ? "%s" : NULL, text);
    gw_reply_error(r, &e, gw_dialect_of(http_req_path(r)), 0);
}

void gw_on_request(void *arg, struct http_req *r) {
    struct gateway *g = arg;
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        const char *rest = rest_of(&routes[i], http_req_path(r));
        if (!rest) continue;
        if (method_fits(routes[i].method, http_req_method(r))) {
            routes[i].run(g, r, rest);
            return;
        }
        (void)http_req_add_header(r, "allow", strcmp(routes[i].method, "GET") == 0 ? "GET, HEAD" : routes[i].method);
        refuse(r, API_METHOD, NULL);
        return;
    }
    refuse(r, API_NO_ROUTE, NULL);
}

void gw_on_problem(void *arg, struct http_req *r, enum http_problem p) {
    static const enum api_code codes[] = {
        [HTTP_BAD_REQUEST] = API_BAD_REQUEST,
        [HTTP_BAD_HOST] = API_FORBIDDEN,
        [HTTP_BAD_ORIGIN] = API_FORBIDDEN,
        [HTTP_NO_KEY] = API_KEY,
        [HTTP_BAD_KEY] = API_KEY,
        [HTTP_TOO_LARGE] = API_TOO_LARGE,
        [HTTP_COMPRESSED] = API_MEDIA,
        [HTTP_TOO_MANY] = API_BUSY,
    };
    (void)arg;
    refuse(r, codes[p], http_problem_text(p));
}
