/* cli/world.c - see world.h. */
#include "cli/world.h"
#include "base/clock.h"
#include "base/json.h"
#include "net/httpc.h"

#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READY_MS = 60000, ARGS_MAX = 40 };

struct args {
    char *list[ARGS_MAX];
    int count;
};

static void arg(struct args *a, const char *text) {
    if (a->count < ARGS_MAX - 1) a->list[a->count++] = (char *)(uintptr_t)text; /* exec does not write to it */
}

static void option(struct args *a, const char *name, const char *value) {
    arg(a, name);
    arg(a, value);
}

static const char *within(const struct world *w, char out[WORLD_PATH], const char *name) {
    snprintf(out, WORLD_PATH, "%.200s/%s", w->dir, name);
    return out;
}

int world_start_coordinator(struct world *w, struct why *why) {
    char data[WORLD_PATH], log[WORLD_PATH];
    struct args a = {.count = 0};
    arg(&a, w->o.lull);
    arg(&a, "coordinator");
    option(&a, "--listen", w->coordinator_at[0] ? w->coordinator_at : "127.0.0.1:0");
    option(&a, "--status", w->status_at[0] ? w->status_at : "127.0.0.1:0");
    option(&a, "--data", within(w, data, "coordinator"));
    for (int i = 0; i < 8 && w->o.coordinator_extra[i]; i++) arg(&a, w->o.coordinator_extra[i]);
    int r = proc_start(&w->coordinator, a.list, within(w, log, "coordinator.log"), w->o.how, READY_MS, why);
    if (r == 0) sscanf(w->coordinator.ready, "%63s %63s", w->coordinator_at, w->status_at);
    return r;
}

/* The coordinator as a node (or, -1, the gateway) is to dial it. */
static int dial_address(struct world *w, int node, char out[64]) {
    if (w->o.dial_at) return w->o.dial_at(w->o.arg, w->coordinator_at, node, out);
    snprintf(out, 64, "%s", w->coordinator_at);
    return 0;
}

int world_start_node(struct world *w, int i, struct why *why) {
    char data[WORLD_PATH], log[WORLD_PATH], ca[WORLD_PATH], op[WORLD_PATH], name[64], at[64];
    struct args a = {.count = 0};
    if (dial_address(w, i, at) != 0) return why_set(why, ERR_IO, "no relay for node %d", i);
    arg(&a, w->o.lull);
    arg(&a, "node");
    option(&a, "--coordinator", at);
    option(&a, "--ca", within(w, ca, "coordinator/tls.crt"));
    option(&a, "--model", w->o.model);
    option(&a, "--threads", w->o.threads ? w->o.threads : "1");
    if (w->o.slots) option(&a, "--slots", w->o.slots);
    if (w->o.drain_ms) option(&a, "--drain-ms", w->o.drain_ms);
    snprintf(name, sizeof name, "operator%d.key", i % (w->o.operators ? w->o.operators : 1));
    option(&a, "--operator-key", within(w, op, name));
    snprintf(name, sizeof name, "node%d", i);
    option(&a, "--data", within(w, data, name));
    snprintf(name, sizeof name, "node%d.log", i);
    for (int k = 0; k < 8 && w->o.node_extra[k]; k++) arg(&a, w->o.node_extra[k]);
    int r = proc_start(&w->nodes[i], a.list, within(w, log, name), w->o.nodes_how, READY_MS, why);
    if (r == 0) sscanf(w->nodes[i].ready, "%*s %64s", w->identity[i]);
    return r;
}

int world_start_gateway(struct world *w, struct why *why) {
    char data[WORLD_PATH], log[WORLD_PATH], ca[WORLD_PATH], at[64];
    struct args a = {.count = 0};
    if (dial_address(w, -1, at) != 0) return why_set(why, ERR_IO, "no relay for the gateway");
    arg(&a, w->o.lull);
    arg(&a, "gateway");
    option(&a, "--listen", w->gateway_at[0] ? w->gateway_at : "127.0.0.1:0");
    option(&a, "--coordinator", at);
    option(&a, "--ca", within(w, ca, "coordinator/tls.crt"));
    option(&a, "--data", within(w, data, "gateway"));
    for (int i = 0; i < 8 && w->o.gateway_extra[i]; i++) arg(&a, w->o.gateway_extra[i]);
    int r = proc_start(&w->gateway, a.list, within(w, log, "gateway.log"), w->o.how, READY_MS, why);
    if (r == 0) sscanf(w->gateway.ready, "%63s", w->gateway_at);
    return r;
}

static int collect(void *to, const uint8_t *p, size_t n) { return buf_add(to, p, n); }

int world_get(struct world *w, const char *path, struct buf *b) {
    char url[256];
    snprintf(url, sizeof url, "http://%s%s", w->gateway_at, path);
    buf_init(b, 32 << 20);
    struct httpc_call call = {.url = url, .method = "GET", .on_data = collect, .arg = b, .silence_ms = 5000};
    struct httpc_reply reply = {0};
    int r = httpc_run(&call, &reply, NULL);
    if (r == 0 && reply.status != 200) r = ERR_NOTFOUND;
    if (r != 0) buf_release(b);
    return r;
}

static json_t *gateway_status(struct world *w) {
    struct buf b;
    json_t *j = NULL;
    if (world_get(w, "/lull/status", &b) != 0) return NULL;
    json_parse(&j, b.data, b.len, NULL);
    buf_release(&b);
    return j;
}

int world_wait_nodes(struct world *w, int nodes, uint32_t ms, struct why *why) {
    int64_t seen = -1;
    for (uint64_t until = clock_mono_ms() + ms; clock_mono_ms() < until; poll(NULL, 0, 20)) {
        json_t *j = gateway_status(w);
        json_get_int(j, "nodes", 0, 1 << 20, &seen);
        json_decref(j);
        if (seen == nodes) return 0;
    }
    return why_set(why, ERR_TIME, "the gateway sees %lld of %d nodes after %u ms", (long long)seen, nodes, ms);
}

int world_serving(struct world *w) {
    json_t *j = gateway_status(w);
    const char *node = json_string_value(json_object_get(json_array_get(json_object_get(j, "requests"), 0), "node"));
    int at = -1;
    for (int i = 0; node && i < w->o.nodes; i++)
        if (w->identity[i][0] && strcmp(w->identity[i], node) == 0) at = i;
    json_decref(j);
    return at;
}

int world_start(struct world *w, const struct world_opts *o, struct why *why) {
    *w = (struct world){.o = *o};
    const char *tmp = getenv("TMPDIR");
    snprintf(w->dir, sizeof w->dir, "%.200s/lull-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp(w->dir)) return why_set(why, ERR_IO, "%s: cannot be made", w->dir);
    int r = world_start_coordinator(w, why);
    for (int i = 0; r == 0 && i < o->nodes; i++) r = world_start_node(w, i, why);
    if (r == 0) r = world_start_gateway(w, why);
    if (r == 0) r = world_wait_nodes(w, o->nodes, READY_MS, why);
    if (r != 0) world_stop(w);
    return r;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at) {
    (void)st, (void)kind, (void)at;
    return remove(path);
}

void world_halt(struct world *w, uint32_t ms) {
    proc_signal(&w->gateway, SIGTERM); /* all at once, then wait for each */
    for (int i = 0; i < WORLD_NODES_MAX; i++) proc_signal(&w->nodes[i], SIGTERM);
    proc_stop(&w->gateway, SIGTERM, ms);
    for (int i = 0; i < WORLD_NODES_MAX; i++) proc_stop(&w->nodes[i], SIGTERM, ms);
    proc_stop(&w->coordinator, SIGTERM, ms);
}

void world_stop(struct world *w) {
    world_halt(w, 3000);
    if (w->dir[0]) nftw(w->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    *w = (struct world){0};
}

int world_own_program(char out[WORLD_PATH]) {
    ssize_t n = readlink("/proc/self/exe", out, WORLD_PATH - 1);
    if (n <= 0) return ERR_NOTFOUND;
    out[n] = 0;
    return 0;
}

int world_shipped_model(char out[WORLD_PATH]) {
    static const char file[] = "lull-toy-q8_0.gguf";
    char exe[WORLD_PATH];
    if (world_own_program(exe) != 0) exe[0] = 0;
    char *slash = strrchr(exe, '/');
    if (slash) *slash = 0;
    const char *const tries[] = {"models", "%s/../models", "%s/../../models", "%s/../share/lull", "%s/../../../models"};
    for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++) {
        const char *rest = strncmp(tries[i], "%s", 2) == 0 ? tries[i] + 2 : tries[i];
        snprintf(out, WORLD_PATH, "%.240s%s/%s", rest == tries[i] ? "" : exe, rest, file);
        if (access(out, R_OK) == 0) return 0;
    }
    return ERR_NOTFOUND;
}
