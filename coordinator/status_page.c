/* coordinator/status_page.c - the public numbers, as a page without scripts and as /status.json. Nothing about gateways: no
 * address, no count per client, no request. Names come from nodes and are escaped. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "coordinator/coord.h"
#include "net/httpd.h"

#include <string.h>

enum { PAGE_MAX = 8 << 20, NODES_SHOWN = 512 };

static void html_text(struct buf *b, const char *s) {
    for (; *s; s++) {
        const char *as = *s == '<'    ? "&lt;"
                         : *s == '>'  ? "&gt;"
                         : *s == '&'  ? "&amp;"
                         : *s == '"'  ? "&quot;"
                         : *s == '\'' ? "&#39;"
                                      : NULL;
        if (as)
            (void)buf_add(b, as, strlen(as));
        else
            (void)buf_add(b, (unsigned char)*s < 0x20 || *s == 0x7f ? "?" : s, 1);
    }
}

static const char *state_of(const struct dir_node *n) {
    if (n->draining) return reason_name(REASON_DRAINING);
    const char *name = reason_name(n->reason);
    return name ? name : "unknown";
}

/* The newest record's models: while two keys overlap, both records name the same ones. */
static const struct dir_record *newest(const struct dir_node *n) {
    const struct dir_record *a = n->record[0], *b = n->record[1];
    return !a || (b && b->not_after > a->not_after) ? b : a;
}

struct numbers {
    struct store_totals totals;
    uint64_t slots, running;
    size_t shown;
};

static void count(const struct coord *c, struct numbers *x) {
    *x = (struct numbers){.shown = c->dir.count < NODES_SHOWN ? c->dir.count : NODES_SHOWN};
    store_totals(c->store, &x->totals);
    if (x->totals.day != clock_unix_ms() / 86400000) { /* no job has ended since midnight */
        x->totals.today = (struct store_tally){0};
        x->totals.operator_count = 0;
    }
    for (size_t i = 0; i < c->dir.count; i++) {
        x->slots += c->dir.nodes[i]->slots;
        x->running += c->dir.nodes[i]->running;
    }
}

/* ---- JSON ---- */
static json_t *id_json(const uint8_t *id, size_t n) {
    char hex[65];
    hex_encode(hex, id, n);
    return json_string(hex);
}

static json_t *tally_json(const struct store_tally *t) {
    return json_pack("{sI sI sI sI}", "jobs", (json_int_t)t->jobs, "done", (json_int_t)t->done, "prompt_tokens",
                     (json_int_t)t->prompt_tokens, "output_tokens", (json_int_t)t->output_tokens);
}

static json_t *node_json(const struct dir_node *n, uint64_t now_ms) {
    json_t *models = json_array();
    const struct dir_record *r = newest(n);
    for (size_t i = 0; r && i < r->model_count; i++)
        json_array_append_new(
            models, json_pack("{ss so}", "name", r->models[i].name, "manifest", id_json(r->models[i].manifest_hash, 32)));
    return json_pack("{so so ss sI sI sI sI sI so}", "identity", id_json(n->identity, 32), "operator",
                     id_json(n->operator_id, 16), "state", state_of(n), "slots", (json_int_t)n->slots, "free",
                     (json_int_t)dir_free(n), "running", (json_int_t)n->running, "load_permille", (json_int_t)n->load_permille,
                     "here_ms", (json_int_t)(now_ms - n->since_ms), "models", models);
}

static void send_json(struct coord *c, struct http_req *r) {
    struct numbers x;
    count(c, &x);
    json_t *nodes = json_array(), *operators = json_array();
    uint64_t now = clock_mono_ms();
    for (size_t i = 0; i < x.shown; i++) json_array_append_new(nodes, node_json(c->dir.nodes[i], now));
    for (size_t i = 0; i < x.totals.operator_count; i++) {
        json_t *o = tally_json(&x.totals.operators[i].tally);
        json_object_set_new(o, "operator", id_json(x.totals.operators[i].id, 16));
        json_array_append_new(operators, o);
    }
    json_t *all = json_pack("{ss sI so sI sI sI sI sI sI sI so so so so}", "version", LULL_VERSION, "time_ms",
                            (json_int_t)clock_unix_ms(), "coordinator_key", id_json(c->public_key, 32), "up_ms",
                            (json_int_t)(clock_unix_ms() - c->started_ms), "nodes_here", (json_int_t)c->dir.count, "nodes_known",
                            (json_int_t)x.totals.nodes_known, "operators_known", (json_int_t)x.totals.operators_known, "slots",
                            (json_int_t)x.slots, "running", (json_int_t)x.running, "waiting", (json_int_t)c->queue.count, "today",
                            tally_json(&x.totals.today), "ever", tally_json(&x.totals.ever), "nodes", nodes, "operators_today",
                            operators);
    struct buf b;
    if (all && json_print(&b, all, PAGE_MAX) == 0) {
        http_reply(r, 200, "application/json", b.data, b.len);
        buf_release(&b);
    } else
        http_reply(r, 500, "text/plain", "internal error\n", 15);
    json_decref(all);
}

/* ---- HTML ---- */
static void html_tally(struct buf *b, const char *what, const struct store_tally *t) {
    (void)buf_addf(b, "<tr><td>%s<td>%llu<td>%llu<td>%llu<td>%llu\n", what, (unsigned long long)t->jobs,
                   (unsigned long long)t->done, (unsigned long long)t->prompt_tokens, (unsigned long long)t->output_tokens);
}

static void html_node(struct buf *b, const struct dir_node *n) {
    char id[17], op[33];
    const struct dir_record *r = newest(n);
    hex_encode(id, n->identity, 8);
    hex_encode(op, n->operator_id, 16);
    (void)buf_addf(b, "<tr><td><code>%s</code><td><code>%s</code><td>%s<td>%u of %u<td>%u.%u %%<td>", id, op, state_of(n),
                   n->running, (unsigned)n->slots, n->load_permille / 10u, n->load_permille % 10u);
    for (size_t i = 0; r && i < r->model_count; i++) {
        if (i) (void)buf_add(b, ", ", 2);
        html_text(b, r->models[i].name);
    }
    (void)buf_add(b, "\n", 1);
}

static void html_page(struct coord *c, struct buf *b) {
    struct numbers x;
    count(c, &x);
    (void)buf_addf(b,
                   "<!doctype html><html lang=en><meta charset=utf-8><title>lull coordinator</title>\n"
                   "<style>body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:70em;padding:0 1em;color:#222}"
                   "table{border-collapse:collapse;margin:1em 0}td,th{text-align:left;padding:.2em .9em .2em 0;"
                   "border-bottom:1px solid #ddd}</style>\n<h1>lull coordinator</h1>\n"
                   "<p>%zu nodes are here, %llu of %llu slots are at work, %zu requests wait. %llu nodes of %llu operators have "
                   "been seen.\n",
                   c->dir.count, (unsigned long long)x.running, (unsigned long long)x.slots, (size_t)c->queue.count,
                   (unsigned long long)x.totals.nodes_known, (unsigned long long)x.totals.operators_known);
    (void)buf_addf(b, "<h2>Work</h2><table><tr><th><th>jobs<th>whole<th>prompt tokens<th>answer tokens\n");
    html_tally(b, "today (UTC)", &x.totals.today);
    html_tally(b, "ever", &x.totals.ever);
    (void)buf_addf(
        b, "</table><p>Tokens are by the nodes' signed statements.\n<h2>Nodes</h2><table><tr><th>node<th>operator<th>state"
           "<th>at work<th>load<th>models\n");
    for (size_t i = 0; i < x.shown; i++) html_node(b, c->dir.nodes[i]);
    (void)buf_addf(
        b, "</table>\n<h2>Operators today</h2><table><tr><th>operator<th>jobs<th>whole<th>prompt tokens<th>answer tokens\n");
    for (size_t i = 0; i < x.totals.operator_count; i++) {
        char op[48] = "<code>";
        hex_encode(op + 6, x.totals.operators[i].id, 16);
        html_tally(b, op, &x.totals.operators[i].tally);
    }
    (void)buf_addf(b, "</table>\n<p><a href=\"/status.json\">the same as JSON</a></html>\n");
}

static void send_page(struct coord *c, struct http_req *r) {
    struct buf b;
    buf_init(&b, PAGE_MAX);
    html_page(c, &b);
    (void)http_req_add_header(r, "content-security-policy", "default-src 'none'; style-src 'unsafe-inline'");
    http_reply(r, 200, "text/html; charset=utf-8", b.data, b.len);
    buf_release(&b);
}

static void on_request(void *arg, struct http_req *r) {
    struct coord *c = arg;
    const char *method = http_req_method(r), *path = http_req_path(r);
    (void)http_req_add_header(r, "cache-control", "no-store");
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        http_reply(r, 405, "text/plain", "only GET\n", 9);
    else if (strcmp(path, "/status.json") == 0)
        send_json(c, r);
    else if (strcmp(path, "/") == 0)
        send_page(c, r);
    else
        http_reply(r, 404, "text/plain", "no such page\n", 13);
}

static void on_problem(void *arg, struct http_req *r, enum http_problem p) {
    (void)arg;
    const char *text = http_problem_text(p);
    http_reply(r, http_problem_status(p), "text/plain", text, strlen(text));
}

int status_open(struct coord *c, struct why *why) {
    const struct httpd_opts o = {.listen = c->o.status,
                                 .body_max = 4096,
                                 .requests_max = 32,
                                 .on_request = on_request,
                                 .on_problem = on_problem,
                                 .arg = c};
    return httpd_open(&c->status, c->loop, &o, why);
}
