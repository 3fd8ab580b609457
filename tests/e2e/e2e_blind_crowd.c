/* tests/e2e/e2e_blind_crowd.c - strangers who want all places for worker sessions, as real processes: ten of them, each with an address of its
 * own, open sessions to two workers until neither takes more, say hello at every one, and ask for nothing. A gateway that comes after them is
 * answered at once, and keeps its sessions while they try to get theirs back. */
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "blind/message.h"
#include "blind/prepare_model.h"
#include "blind/prepared.h"
#include "cli/world.h"
#include "gateway/blind_net.h"
#include "tests/e2e/blind_ask.h"
#include "tests/e2e/cut.h"
#include "tests/e2e/reports.h"
#include "tests/e2e/tap.h"

enum {
    NODES = 2,
    STRANGERS = 10,
    SEATS = 32,
    TRIES = 12,
    ROUNDS = 5,
    LINKS = 2 * STRANGERS * NODES * TRIES,
    WAIT_MS = 30000,
    TOKENS = 40
};
#define MODEL "lull-toy:q8_0"

static struct world w;
static char prepared[WORLD_PATH + 32], ca[WORLD_PATH + 32], operator_a[40], operator_b[40];
static struct prepared *folder;
static struct record workers[NODES];
static struct stranger {
    struct cut way; /* from an address of its own */
    struct blind_net *net;
} strangers[STRANGERS];
static struct blind_link links[LINKS];
static unsigned link_count, tries_again;

/* ---- what strangers do ---- */

/* A session with a seat: 1, and it is kept. */
static int take_seat(struct stranger *k, int node) {
    struct blind_message m = {.type = BLIND_HELLO, .hello = {.role = BLIND_ROLE_A}};
    uint8_t bytes[256];
    const uint8_t *p;
    size_t n;
    struct blind_link link;
    if (link_count == LINKS || blind_dial(&link, blind_net_dialer(k->net), &workers[node].keys) != 0) return 0;
    memcpy(m.hello.manifest_hash, prepared_digest(folder), 32);
    struct writer out = writer_over(bytes, sizeof bytes);
    blind_message_write(&out, &m);
    if (link.ops->send(link.state, bytes, out.len) == 0 && link.ops->receive(link.state, &p, &n, WAIT_MS) == 0 &&
        blind_message_read(p, n, 0, &m) == 0 && m.type == BLIND_READY) {
        links[link_count++] = link;
        return 1;
    }
    link.ops->close(link.state);
    return 0;
}

static unsigned links_lost(void) {
    const uint8_t *p;
    size_t n;
    unsigned lost = 0;
    for (unsigned i = 0; i < link_count; i++) lost += links[i].ops->receive(links[i].state, &p, &n, 0) != ERR_MORE;
    return lost;
}

static int64_t sessions_now(void) {
    return log_lines(&w, "coordinator.log", "blind began") - log_lines(&w, "coordinator.log", "blind ended");
}

/* The most that one of them got at one worker. */
static unsigned all_come(void) {
    unsigned most = 0;
    for (int i = 0; i < STRANGERS; i++)
        for (int node = 0; node < NODES; node++) {
            unsigned got = 0;
            for (int k = 0; k < TRIES && take_seat(&strangers[i], node); k++) got++;
            if (got > most) most = got;
        }
    return most;
}

/* A seat that was given up a moment ago may not be free yet for who asks: then they come again. */
static void all_is_taken(void) {
    unsigned most = all_come();
    for (int round = 0; round < ROUNDS && sessions_now() < NODES * SEATS; round++) (void)all_come();
    tap_ok(sessions_now() == NODES * SEATS && most == 8,
           "strangers from %d addresses take all %lld places at two workers, at most %u of one at one of them", STRANGERS,
           (long long)sessions_now(), most);
}

/* ---- who comes after them ---- */

static void they_try_again(uint32_t count) {
    if (count % 10 != 5) return;
    for (int i = 0; i < STRANGERS; i++)
        for (int node = 0; node < NODES; node++) tries_again += (unsigned)take_seat(&strangers[i], node);
}

static void a_gateway_is_answered(void) {
    struct pieces p = {.at = they_try_again};
    struct why why = {{0}};
    int node;
    unsigned before = links_lost();
    json_t *question = blind_question(MODEL, "Tell me a story about a fox.", 0, TOKENS);
    uint64_t begun = clock_mono_ms();
    int r = blind_ask(&w, &p, "pair", question, &why);
    uint64_t took = clock_mono_ms() - begun;
    json_t *j = r == 0 ? blind_receipt(&w, &p) : NULL;
    tap_ok(r == 0 && p.count > TOKENS / 2, "a gateway that comes after them is answered (%u pieces, %llu ms) %s", p.count,
           (unsigned long long)took, why.text);
    tap_ok(j && json_integer_value(json_object_get(j, "sessions")) == 1 && blind_parties(&w, j, "workers", "A", &node) == 1 &&
               blind_parties(&w, j, "workers", "B", &node) == 1,
           "in one session with either worker, though they tried to get their places back all the while (%u of them)",
           tries_again);
    tap_ok(links_lost() >= before + 2 && sessions_now() <= NODES * SEATS, "they have lost %u places", links_lost());
    json_decref(j);
    json_decref(question);
    buf_release(&p.text);
}

/* ---- set-up ---- */

static int start(const char *lull, const char *model, struct why *why) {
    struct world_opts o = {.lull = lull, .model = model, .nodes = NODES, .operators = NODES, .node_extra = {"--blind", model}};
    struct prepare_model_opts po = {.name = MODEL};
    int r = world_start(&w, &o, why);
    if (r != 0) return r;
    snprintf(prepared, sizeof prepared, "%s/prepared", w.dir);
    snprintf(ca, sizeof ca, "%s/coordinator/tls.crt", w.dir);
    r = prepare_model_dir(prepared, model, &po, why);
    if (r == 0) r = prepared_open(&folder, prepared, NULL, why);
    if (r == 0 && (!blind_operator(&w, 0, operator_a) || !blind_operator(&w, 1, operator_b))) r = ERR_NOTFOUND;
    for (int i = 0; i < STRANGERS && r == 0; i++) {
        struct blind_net_opts no = {.coordinator = strangers[i].way.at, .ca = ca};
        char from[32];
        snprintf(from, sizeof from, "127.0.0.%d", 10 + i);
        r = cut_start_from(&strangers[i].way, w.coordinator_at, from) == 0 ? blind_net_open(&strangers[i].net, &no, why) : ERR_IO;
        if (r == 0 && blind_net_wait(strangers[i].net, prepared_digest(folder), workers, NODES, WAIT_MS) != NODES) r = ERR_TIME;
    }
    static char dir[WORLD_PATH + 64];
    snprintf(dir, sizeof dir, "--blind=%s", prepared);
    const char *const extra[8] = {"--tier=blind", dir, "--pair-a", operator_a, "--pair-b", operator_b};
    memcpy(w.o.gateway_extra, extra, sizeof extra);
    proc_stop(&w.gateway, SIGTERM, 5000);
    return r == 0 ? world_start_gateway(&w, why) : r;
}

int main(void) {
    struct why why = {{0}};
    char path[WORLD_PATH];
    const char *lull = getenv("LULL_BIN");
    if (secret_setup() != 0 || world_shipped_model(path) != 0) return 99;
    signal(SIGPIPE, SIG_IGN);
    (void)log_setup("error", NULL);
    int r = start(lull ? lull : "build/lull", path, &why);
    if (tap_ok(r == 0, "coordinator, two workers, ten strangers, a gateway: %s", r == 0 ? "up" : why_text(&why, r))) {
        all_is_taken();
        a_gateway_is_answered();
        tap_ok(WIFEXITED(proc_stop(&w.gateway, SIGTERM, 5000)), "the gateway stops in good order");
    }
    for (unsigned i = 0; i < link_count; i++) links[i].ops->close(links[i].state);
    for (int i = 0; i < STRANGERS; i++) blind_net_close(strangers[i].net);
    prepared_close(folder);
    tap_ok(reports_then_stop(&w) == 0, "no process has anything to report at its end");
    for (int i = 0; i < STRANGERS; i++) cut_stop(&strangers[i].way);
    return tap_done();
}
