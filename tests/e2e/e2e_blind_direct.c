/* tests/e2e/e2e_blind_direct.c - `lull gateway --pair-direct` as real processes: workers that listen for clients themselves, a coordinator that
 * only introduces. Relays stand in all ways and count: the coordinator moves no byte of a session. Somebody else at a worker's address is
 * refused, with the worker's name, whether his certificate or only his key is wrong. A direct way that breaks in the middle of an answer is
 * taken again; one that stays broken moves the work to another worker, and never to the coordinator. */
#include <arpa/inet.h>
#include <jansson.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/secret.h"
#include "blind/prepare_model.h"
#include "blind/prepared.h"
#include "cli/world.h"
#include "tests/e2e/blind_ask.h"
#include "tests/e2e/cut.h"
#include "tests/e2e/reports.h"
#include "tests/e2e/tap.h"

/* Nodes 0 and 2 are of the operator listed for A, node 1 is of that for B. */
enum { NODES = 3, NODE_B = 1, WAIT_MS = 30000, TOKENS = 60 };
#define MODEL "lull-toy:q8_0"
#define STORY "Tell me a story about a fox."

static struct world w;
static struct cut to_coordinator, to_node[NODES]; /* everybody's way to the coordinator; the direct ways */
static char listens[NODES][64], prepared[WORLD_PATH + 32], operator_a[40], operator_b[40];

/* ---- the network ---- */

/* A port that nobody has now. */
static int free_port(char at[64]) {
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof here;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int r = fd >= 0 && bind(fd, (struct sockaddr *)&here, sizeof here) == 0 &&
                    getsockname(fd, (struct sockaddr *)&here, &len) == 0
                ? 0
                : -1;
    if (fd >= 0) close(fd);
    snprintf(at, 64, "127.0.0.1:%u", ntohs(here.sin_port));
    return r;
}

static int through_relay(void *arg, const char *coordinator, int node, char out[64]) {
    (void)arg, (void)node;
    if (!to_coordinator.pid && cut_start(&to_coordinator, coordinator) != 0) return -1;
    snprintf(out, 64, "%s", to_coordinator.at);
    return 0;
}

/* Node i, which tells that it can be reached at `announced`. */
static int start_node(int i, const char *announced, struct why *why) {
    const char *const extra[8] = {"--blind", w.o.model, "--blind-listen", listens[i], "--blind-announce", announced};
    memcpy(w.o.node_extra, extra, sizeof extra);
    proc_stop(&w.nodes[i], SIGTERM, 5000);
    return world_start_node(&w, i, why);
}

static int wait_workers(int64_t a, int64_t b) {
    for (uint64_t until = clock_mono_ms() + WAIT_MS; clock_mono_ms() < until; poll(NULL, 0, 50)) {
        json_t *j = blind_get(&w, "/lull/status");
        const json_t *blind = json_array_get(json_object_get(j, "blind"), 0);
        int all = json_integer_value(json_object_get(blind, "workers_a")) == a &&
                  json_integer_value(json_object_get(blind, "workers_b")) == b;
        json_decref(j);
        if (all) return 1;
    }
    return 0;
}

/* A fresh gateway: its list of workers is of now. */
static int start_gateway(int direct, int64_t a, int64_t b, struct why *why) {
    static char folder[WORLD_PATH + 64];
    snprintf(folder, sizeof folder, "--blind=%s", prepared);
    const char *const extra[8] = {
        "--tier=blind", folder, "--pair-a", operator_a, "--pair-b", operator_b, direct ? "--pair-direct" : NULL};
    memcpy(w.o.gateway_extra, extra, sizeof extra);
    proc_stop(&w.gateway, SIGTERM, 5000);
    int r = world_start_gateway(&w, why);
    return r == 0 && !wait_workers(a, b) ? why_set(why, ERR_TIME, "the workers are not listed") : r;
}

static int tunnels(void) { return log_lines(&w, "coordinator.log", "blind began"); }

/* ---- questions ---- */

static int ask(struct pieces *p, struct why *why) {
    json_t *question = blind_question(MODEL, STORY, 0, TOKENS);
    *why = (struct why){{0}};
    int r = blind_ask(&w, p, "pair", question, why);
    json_decref(question);
    return r;
}
static int same_text(const struct pieces *a, const struct pieces *b) {
    return a->count > 1 && a->text.len == b->text.len && memcmp(a->text.data, b->text.data, a->text.len) == 0;
}
static int64_t number(const json_t *j, const char *name) { return json_integer_value(json_object_get(j, name)); }
static int anybody_banned(const json_t *receipt) {
    const json_t *x;
    size_t i;
    int n = 0;
    json_array_foreach(json_object_get(receipt, "incidents"), i, x) n += json_is_true(json_object_get(x, "banned"));
    return n;
}

/* ---- the scenes ---- */

/* The answer's session bytes, and what the coordinator moved meanwhile, heartbeats and directory included. */
struct traffic {
    int64_t session;
    uint64_t coordinator, direct;
};
static uint64_t direct_bytes(void) {
    uint64_t sum = 0;
    for (int i = 0; i < NODES; i++) sum += cut_bytes(&to_node[i]);
    return sum;
}
static int measured(struct pieces *p, struct traffic *t, json_t **receipt, struct why *why) {
    uint64_t coordinator = cut_bytes(&to_coordinator), direct = direct_bytes();
    int r = ask(p, why);
    *receipt = r == 0 ? blind_receipt(&w, p) : NULL;
    *t = (struct traffic){.session = number(*receipt, "bytes_up") + number(*receipt, "bytes_down"),
                          .coordinator = cut_bytes(&to_coordinator) - coordinator,
                          .direct = direct_bytes() - direct};
    return r;
}

static void the_coordinator_only_introduces(struct pieces *first) {
    struct pieces p = {.count = 0};
    struct why why;
    struct traffic t;
    json_t *j;
    int r = measured(first, &t, &j, &why), before;
    tap_ok(r == 0 && t.session > 1000000 && (int64_t)t.coordinator >= 2 * t.session && t.direct == 0 && tunnels() >= 2,
           "without --pair-direct the coordinator moves %llu bytes for %lld of sessions, in and out %s",
           (unsigned long long)t.coordinator, (long long)t.session, why.text);
    json_decref(j);
    before = start_gateway(1, 2, 1, &why) == 0 ? tunnels() : -1;
    r = measured(&p, &t, &j, &why);
    tap_ok(r == 0 && same_text(&p, first), "with it the answer is the same (%u pieces) %s", p.count, why.text);
    tap_ok(r == 0 && tunnels() == before && (int64_t)t.direct >= t.session && t.coordinator < 20000,
           "%lld bytes of sessions went over the direct ways (%llu in all); the coordinator passed on none and moved %llu of its "
           "own",
           (long long)t.session, (unsigned long long)t.direct, (unsigned long long)t.coordinator);
    json_decref(j);
    buf_release(&p.text);
}

static int serving; /* the A that is to be cut off */
static int cuts;
static void cut_at(uint32_t count) {
    if (count != 8) return;
    cut_now(&to_node[serving]);
    cut_now(&to_node[NODE_B]);
    cuts++;
}
static void cut_off_at(uint32_t count) {
    if (count == 8) cut_stop(&to_node[serving]);
}

static int serves_a(void) {
    struct pieces p = {.count = 0};
    struct why why;
    int node = -1;
    json_t *j = ask(&p, &why) == 0 ? blind_receipt(&w, &p) : NULL;
    if (j) (void)blind_parties(&w, j, "workers", "A", &node);
    json_decref(j);
    buf_release(&p.text);
    return node;
}

static void a_way_that_breaks_is_taken_again(const struct pieces *first) {
    struct pieces p = {.at = cut_at};
    struct why why;
    int before = tunnels(), last = -1;
    serving = serves_a();
    if (!tap_ok(serving == 0 || serving == 2, "node %d serves A", serving)) return;
    int r = ask(&p, &why);
    json_t *j = r == 0 ? blind_receipt(&w, &p) : NULL;
    tap_ok(cuts == 1 && same_text(&p, first), "both direct ways break in the middle, and the answer is the same %s", why.text);
    tap_ok(j && blind_parties(&w, j, "incidents", "A", &last) == 1 && last == serving && anybody_banned(j) == 0 &&
               number(j, "sessions") >= 1 && tunnels() == before,
           "the receipt names whose connection was lost, nobody is banned, the coordinator was not asked");
    json_decref(j);
    buf_release(&p.text);
}

static void a_way_that_stays_broken(const struct pieces *first) {
    struct pieces p = {.at = cut_off_at};
    struct why why;
    int before = tunnels(), last = -1, lost = -1;
    serving = serves_a();
    int r = ask(&p, &why);
    json_t *j = r == 0 ? blind_receipt(&w, &p) : NULL;
    tap_ok(same_text(&p, first) && j && blind_parties(&w, j, "workers", "A", &last) == 2 && last == 2 - serving &&
               blind_parties(&w, j, "incidents", "A", &lost) >= 1 && lost == serving && anybody_banned(j) == 0,
           "node %d cannot be reached any more: node %d goes on %s", serving, 2 - serving, why.text);
    tap_ok(tunnels() == before && log_lines(&w, "gateway.log", "direct_link_gone") > 0,
           "the coordinator, at which it could be reached still, was not asked");
    json_decref(j);
    buf_release(&p.text);
}

/* Nodes 0 and 2 leave; node 0 comes back and tells an address at which node 1 listens. */
static void somebody_else_at_the_address(void) {
    char named[32], path[WORLD_PATH + 32], copy[WORLD_PATH + 32];
    struct pieces p = {.count = 0};
    struct why why = {{0}};
    int before = tunnels();
    proc_stop(&w.nodes[2], SIGTERM, 5000);
    int r = start_node(0, to_node[NODE_B].at, &why);
    if (r == 0) r = start_gateway(1, 1, 1, &why);
    if (!tap_ok(r == 0, "node 0 tells the address of node 1 as its own %s", why.text)) return;
    snprintf(named, sizeof named, "worker %.8s", w.identity[0]);
    r = ask(&p, &why);
    tap_ok(r == ERR_UNSUPPORTED && p.count == 0 && strstr(why.text, "no worker is left for A") && strstr(why.text, named),
           "nobody answers as node 0 there: %s", why.text);
    snprintf(path, sizeof path, "direct_link_to_another worker=%s", w.identity[0]);
    tap_ok(log_lines(&w, "gateway.log", path) > 0 && tunnels() == before, "the log names whose certificate was looked for");
    buf_release(&p.text);
    /* The same with the right certificate: node 1 has got hold of node 0's TLS key, and still not of the key that sessions are sealed to. */
    proc_stop(&w.nodes[NODE_B], SIGTERM, 5000);
    static const char *const files[] = {"tls.crt", "tls.key"};
    for (size_t i = 0; i < 2 && r != 0; i++) {
        struct buf b;
        snprintf(path, sizeof path, "%s/node0/%s", w.dir, files[i]);
        snprintf(copy, sizeof copy, "%s/node1/%s", w.dir, files[i]);
        if (file_read(&b, path, 1 << 16, &why) != 0 || unlink(copy) != 0) return;
        int e = file_write(copy, b.data, b.len, 0600, &why);
        buf_release(&b);
        if (e != 0) return;
    }
    r = start_node(NODE_B, to_node[NODE_B].at, &why);
    if (r == 0) r = start_gateway(1, 1, 1, &why);
    int wrong = log_lines(&w, "gateway.log", "direct_link_to_another"), cut = log_lines(&w, "node1.log", "blind cut");
    if (r == 0) r = ask(&p, &why);
    tap_ok(r == ERR_UNSUPPORTED && p.count == 0 && strstr(why.text, "no worker is left for A") && strstr(why.text, named) &&
               log_lines(&w, "gateway.log", "direct_link_to_another") == wrong && log_lines(&w, "node1.log", "blind cut") > cut,
           "with node 0's certificate he opens no session that is sealed to node 0: %s", why.text);
    tap_ok(tunnels() == before, "and the coordinator was not asked");
    buf_release(&p.text);
}

/* ---- set-up ---- */

static int start(const char *lull, const char *model, struct why *why) {
    struct world_opts o = {
        .lull = lull, .model = model, .nodes = NODES, .operators = 2, .dial_at = through_relay, .node_extra = {"--blind", model}};
    struct prepare_model_opts po = {.name = MODEL};
    for (int i = 0; i < NODES; i++)
        if (free_port(listens[i]) != 0 || cut_start(&to_node[i], listens[i]) != 0) return ERR_IO;
    int r = world_start(&w, &o, why);
    snprintf(prepared, sizeof prepared, "%s/prepared", w.dir);
    if (r == 0) r = prepare_model_dir(prepared, model, &po, why);
    if (r == 0 && (!blind_operator(&w, 0, operator_a) || !blind_operator(&w, NODE_B, operator_b))) r = ERR_NOTFOUND;
    for (int i = 0; i < NODES && r == 0; i++) r = start_node(i, to_node[i].at, why);
    return r == 0 ? start_gateway(0, 2, 1, why) : r;
}

int main(void) {
    struct why why = {{0}};
    char path[WORLD_PATH];
    const char *lull = getenv("LULL_BIN");
    if (secret_setup() != 0 || world_shipped_model(path) != 0) return 99;
    signal(SIGPIPE, SIG_IGN);
    int r = start(lull ? lull : "build/lull", path, &why);
    if (tap_ok(r == 0, "coordinator, three workers that listen themselves, relays between all: %s",
               r == 0 ? "up" : why_text(&why, r))) {
        struct pieces first = {.count = 0};
        the_coordinator_only_introduces(&first);
        a_way_that_breaks_is_taken_again(&first);
        a_way_that_stays_broken(&first);
        somebody_else_at_the_address();
        buf_release(&first.text);
        tap_ok(WIFEXITED(proc_stop(&w.gateway, SIGTERM, 5000)), "the gateway stops in good order");
    }
    tap_ok(reports_then_stop(&w) == 0, "no process has anything to report at its end");
    cut_stop(&to_coordinator);
    for (int i = 0; i < NODES; i++) cut_stop(&to_node[i]);
    return tap_done();
}
