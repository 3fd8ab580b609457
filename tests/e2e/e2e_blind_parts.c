/* tests/e2e/e2e_blind_parts.c - workers that hold parts of the model (--blind-layers) as real processes: two of an operator serve A together,
 * two of another B. The answers are those of `lull run --arith row8`, and when one of them is killed in the middle, a node that holds
 * everything takes its place. */
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "tests/e2e/blind_ask.h"
#include "tests/e2e/blind_world.h"
#include "tests/e2e/reports.h"
#include "tests/e2e/tap.h"

enum { NODES = 5, WHOLE = 4, WAIT_MS = 30000, TOKENS = 40, KILLED_AT = 8 };
static struct blind_world b;
static char folder[WORLD_PATH + 32];
static struct why started;

/* Nodes 0 and 2 are A's operator's, 1 and 3 B's; WHOLE, A's too, is not up yet. */
static const char *const layers[WHOLE] = {"0-2", "0-3", "3-5", "4-5"};

static int start_with_layers(int node, struct why *why) {
    const char *const extra[8] = {"--blind", b.model, node == WHOLE ? NULL : "--blind-layers",
                                  node == WHOLE ? NULL : layers[node]};
    memcpy(b.w.o.node_extra, extra, sizeof extra);
    return world_start_node(&b.w, node, why);
}

static int start(struct why *why) {
    struct world_opts o = {.lull = b.program,
                           .model = b.model,
                           .nodes = NODES,
                           .operators = 2,
                           .nodes_how = PROC_PLAIN,
                           .node_extra = {"--blind", b.model}};
    int r = world_start(&b.w, &o, why);
    if (r != 0) return r;
    if (!blind_operator(&b.w, 0, b.operator_a) || !blind_operator(&b.w, 1, b.operator_b)) return ERR_NOTFOUND;
    for (int i = 0; i < NODES; i++) proc_stop(&b.w.nodes[i], SIGTERM, 5000);
    for (int i = 0; i < WHOLE && r == 0; i++) r = start_with_layers(i, why);
    snprintf(folder, sizeof folder, "%s/prepared", b.w.dir);
    if (r == 0 && !blind_prepare(&b, folder, "", "C1-row8-f16")) r = why_set(why, ERR_IO, "the folder cannot be prepared");
    if (r == 0) r = blind_start_gateway(&b, folder, why);
    return r == 0 && !blind_workers_are(&b, 2, 2, WAIT_MS) ? why_set(why, ERR_TIME, "the workers are not listed") : r;
}

/* The answer as the local engine has it; its receipt is the caller's. */
static json_t *answered(const char *prompt, void (*at)(uint32_t count)) {
    char local[8192];
    struct pieces p = {.at = at};
    struct why why = {{0}};
    json_t *question = blind_question(BLIND_MODEL, prompt, 0, TOKENS);
    int r = blind_local(&b, "row8", prompt, TOKENS, local, sizeof local) == 0 ? blind_ask(&b.w, &p, "pair", question, &why)
                                                                              : ERR_IO;
    tap_ok(r == 0 && p.text.len > 10 && p.text.len == strlen(local) && memcmp(p.text.data, local, p.text.len) == 0,
           "\"%s\": %u pieces, as the local engine has them %s", prompt, p.count, why.text);
    json_t *receipt = r == 0 ? blind_receipt(&b.w, &p) : NULL;
    json_decref(question);
    buf_release(&p.text);
    return receipt;
}

static void parts_serve_together(void) {
    json_t *j = answered("What is a river?", NULL);
    int last;
    tap_ok(j && blind_parties(&b.w, j, "workers", "A", &last) == 2 && blind_parties(&b.w, j, "workers", "B", &last) == 2,
           "its receipt names two workers for A and two for B");
    tap_ok(json_integer_value(json_object_get(j, "incident_count")) == 0 &&
               json_integer_value(json_object_get(j, "verified")) >= (int64_t)25 * TOKENS,
           "every product is verified, and nothing went wrong");
    json_decref(j);
}

static void kill_one(uint32_t count) {
    if (count != KILLED_AT) return;
    proc_stop(&b.w.nodes[2], SIGKILL, 1000);
    (void)start_with_layers(WHOLE, &started);
}

static void a_whole_one_takes_a_parts_place(void) {
    json_t *j = answered("Tell me a story about a fox.", kill_one);
    int gone = -1, last = -1;
    tap_ok(started.text[0] == 0, "in the middle node 2 was killed, and node %d started %s", WHOLE, started.text);
    tap_ok(j && blind_parties(&b.w, j, "incidents", "A", &gone) >= 1 && gone == 2 &&
               blind_parties(&b.w, j, "workers", "A", &last) == 3 && last == WHOLE,
           "the receipt says who was lost, and who came");
    json_decref(j);
}

int main(void) {
    struct why why = {{0}};
    const char *lull = getenv("LULL_BIN");
    b.program = lull ? lull : "build/lull";
    if (secret_setup() != 0 || world_shipped_model(b.model) != 0) return 99;
    signal(SIGPIPE, SIG_IGN);
    int r = start(&why);
    if (tap_ok(r == 0, "coordinator, four workers with parts of the layers, a gateway: %s", r == 0 ? "up" : why_text(&why, r))) {
        parts_serve_together();
        a_whole_one_takes_a_parts_place();
    }
    tap_ok(reports_then_stop(&b.w) == 0, "no process has anything to report at its end");
    return tap_done();
}
