/* tests/e2e/e2e_blind_fold.c - folded layers as real processes: `lull blind prepare --fold`, workers with --blind-fold, a gateway. The
 * answers are those of `lull run --arith row8-fold`; a folder that was prepared without --fold finds nobody among these workers. */
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secret.h"
#include "cli/world.h"
#include "tests/e2e/blind_ask.h"
#include "tests/e2e/reports.h"
#include "tests/e2e/tap.h"

enum { NODES = 2, NODE_B = 1, WAIT_MS = 30000, TOKENS = 40 };
#define MODEL "lull-toy:q8_0"

static struct world w;
static const char *program;
static char model[WORLD_PATH], folded[WORLD_PATH + 32], plain[WORLD_PATH + 32], operator_a[40], operator_b[40];

/* What a command of the program prints; -1: it failed. */
static int run(char *out, size_t cap, const char *arguments) {
    char command[4 * WORLD_PATH];
    snprintf(command, sizeof command, "%s %s 2>/dev/null", program, arguments);
    FILE *f = popen(command, "re");
    if (!f) return -1;
    size_t n = fread(out, 1, cap - 1, f);
    out[n] = 0;
    return pclose(f) == 0 ? 0 : -1;
}

static int prepare(const char *dir, const char *fold, const char *profile) {
    char arguments[3 * WORLD_PATH], said[1024];
    snprintf(arguments, sizeof arguments, "blind prepare %s --out %s --name %s %s", model, dir, MODEL, fold);
    return run(said, sizeof said, arguments) == 0 && strstr(said, profile) != NULL;
}

static int workers_are(int64_t a, int64_t b, uint32_t ms) {
    for (uint64_t until = clock_mono_ms() + ms; clock_mono_ms() < until; poll(NULL, 0, 50)) {
        json_t *j = blind_get(&w, "/lull/status");
        const json_t *blind = json_array_get(json_object_get(j, "blind"), 0);
        int all = json_integer_value(json_object_get(blind, "workers_a")) == a &&
                  json_integer_value(json_object_get(blind, "workers_b")) == b;
        json_decref(j);
        if (all) return 1;
    }
    return 0;
}

static int start_gateway(const char *dir, struct why *why) {
    const char *const extra[8] = {"--tier", "blind", "--blind", dir, "--pair-a", operator_a, "--pair-b", operator_b};
    memcpy(w.o.gateway_extra, extra, sizeof extra);
    proc_stop(&w.gateway, SIGTERM, 5000);
    return world_start_gateway(&w, why);
}

static void answers_are_the_local_ones(const char *prompt) {
    char arguments[2 * WORLD_PATH], local[8192];
    struct pieces p = {.count = 0};
    struct why why = {{0}};
    json_t *question = blind_question(MODEL, prompt, 0, TOKENS), *receipt = NULL;
    snprintf(arguments, sizeof arguments, "run %s --arith row8-fold --temp 0 --max-tokens %d \"%s\"", model, TOKENS, prompt);
    int r = run(local, sizeof local, arguments) == 0 ? blind_ask(&w, &p, "pair", question, &why) : ERR_IO;
    while (*local && local[strlen(local) - 1] == '\n') local[strlen(local) - 1] = 0;
    tap_ok(r == 0 && p.text.len > 10 && p.text.len == strlen(local) && memcmp(p.text.data, local, p.text.len) == 0,
           "\"%s\": %u pieces, as the local engine has them %s", prompt, p.count, why.text);
    receipt = r == 0 ? blind_receipt(&w, &p) : NULL;
    const char *profile = json_string_value(json_object_get(receipt, "profile"));
    int64_t products = json_integer_value(json_object_get(receipt, "products"));
    tap_ok(profile && strcmp(profile, "C1-row8-fold-f16") == 0 && products > 25 * TOKENS / 2 &&
               json_integer_value(json_object_get(receipt, "incident_count")) == 0,
           "its receipt says %s, %lld products, no incident", profile ? profile : "nothing", (long long)products);
    json_decref(receipt);
    json_decref(question);
    buf_release(&p.text);
}

static void another_arithmetic_finds_nobody(void) {
    struct pieces p = {.count = 0};
    struct why why = {{0}};
    json_t *question = blind_question(MODEL, "Hi!", 0, 4);
    int r = start_gateway(plain, &why);
    tap_ok(r == 0 && workers_are(0, 0, 2000), "a gateway whose folder was prepared without --fold sees no worker %s", why.text);
    if (r == 0) r = blind_ask(&w, &p, "pair", question, &why);
    tap_ok(r != 0 && p.count == 0 && why.text[0], "and answers nothing: %s", why.text);
    json_decref(question);
    buf_release(&p.text);
}

static int start(struct why *why) {
    struct world_opts o = {
        .lull = program, .model = model, .nodes = NODES, .operators = 2, .node_extra = {"--blind", model, "--blind-fold"}};
    int r = world_start(&w, &o, why);
    if (r != 0) return r;
    snprintf(folded, sizeof folded, "%s/folded", w.dir);
    snprintf(plain, sizeof plain, "%s/plain", w.dir);
    if (!blind_operator(&w, 0, operator_a) || !blind_operator(&w, NODE_B, operator_b)) return ERR_NOTFOUND;
    if (!prepare(folded, "--fold", "C1-row8-fold-f16") || !prepare(plain, "", "C1-row8-f16"))
        return why_set(why, ERR_IO, "the folders cannot be prepared");
    r = start_gateway(folded, why);
    return r == 0 && !workers_are(1, 1, WAIT_MS) ? why_set(why, ERR_TIME, "the workers are not listed") : r;
}

int main(void) {
    struct why why = {{0}};
    const char *lull = getenv("LULL_BIN");
    program = lull ? lull : "build/lull";
    if (secret_setup() != 0 || world_shipped_model(model) != 0) return 99;
    signal(SIGPIPE, SIG_IGN);
    int r = start(&why);
    if (tap_ok(r == 0, "coordinator, two folded workers, a gateway: %s", r == 0 ? "up" : why_text(&why, r))) {
        answers_are_the_local_ones("What is a river?");
        answers_are_the_local_ones("Tell me a story about a fox.");
        another_arithmetic_finds_nobody();
        tap_ok(WIFEXITED(proc_stop(&w.gateway, SIGTERM, 5000)), "the gateway stops in good order");
    }
    tap_ok(reports_then_stop(&w) == 0, "no process has anything to report at its end");
    return tap_done();
}
