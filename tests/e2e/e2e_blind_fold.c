/* tests/e2e/e2e_blind_fold.c - folded layers as real processes: `lull blind prepare --fold`, workers with --blind-fold, a gateway. The
 * answers are those of `lull run --arith row8-fold`; a folder that was prepared without --fold finds nobody among these workers. */
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/secret.h"
#include "tests/e2e/blind_ask.h"
#include "tests/e2e/blind_world.h"
#include "tests/e2e/reports.h"
#include "tests/e2e/tap.h"

enum { NODES = 2, NODE_B = 1, WAIT_MS = 30000, TOKENS = 40 };

static struct blind_world b;
static char folded[WORLD_PATH + 32], plain[WORLD_PATH + 32];

static void answers_are_the_local_ones(const char *prompt) {
    char local[8192];
    struct pieces p = {.count = 0};
    struct why why = {{0}};
    json_t *question = blind_question(BLIND_MODEL, prompt, 0, TOKENS), *receipt = NULL;
    int r = blind_local(&b, "row8-fold", prompt, TOKENS, local, sizeof local) == 0 ? blind_ask(&b.w, &p, "pair", question, &why)
                                                                                   : ERR_IO;
    tap_ok(r == 0 && p.text.len > 10 && p.text.len == strlen(local) && memcmp(p.text.data, local, p.text.len) == 0,
           "\"%s\": %u pieces, as the local engine has them %s", prompt, p.count, why.text);
    receipt = r == 0 ? blind_receipt(&b.w, &p) : NULL;
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
    json_t *question = blind_question(BLIND_MODEL, "Hi!", 0, 4);
    int r = blind_start_gateway(&b, plain, &why);
    tap_ok(r == 0 && blind_workers_are(&b, 0, 0, 2000), "a gateway whose folder was prepared without --fold sees no worker %s",
           why.text);
    if (r == 0) r = blind_ask(&b.w, &p, "pair", question, &why);
    tap_ok(r != 0 && p.count == 0 && why.text[0], "and answers nothing: %s", why.text);
    json_decref(question);
    buf_release(&p.text);
}

static int start(struct why *why) {
    struct world_opts o = {
        .lull = b.program, .model = b.model, .nodes = NODES, .operators = 2, .node_extra = {"--blind", b.model, "--blind-fold"}};
    int r = world_start(&b.w, &o, why);
    if (r != 0) return r;
    snprintf(folded, sizeof folded, "%s/folded", b.w.dir);
    snprintf(plain, sizeof plain, "%s/plain", b.w.dir);
    if (!blind_operator(&b.w, 0, b.operator_a) || !blind_operator(&b.w, NODE_B, b.operator_b)) return ERR_NOTFOUND;
    if (!blind_prepare(&b, folded, "--fold", "C1-row8-fold-f16") || !blind_prepare(&b, plain, "", "C1-row8-f16"))
        return why_set(why, ERR_IO, "the folders cannot be prepared");
    r = blind_start_gateway(&b, folded, why);
    return r == 0 && !blind_workers_are(&b, 1, 1, WAIT_MS) ? why_set(why, ERR_TIME, "the workers are not listed") : r;
}

int main(void) {
    struct why why = {{0}};
    const char *lull = getenv("LULL_BIN");
    b.program = lull ? lull : "build/lull";
    if (secret_setup() != 0 || world_shipped_model(b.model) != 0) return 99;
    signal(SIGPIPE, SIG_IGN);
    int r = start(&why);
    if (tap_ok(r == 0, "coordinator, two folded workers, a gateway: %s", r == 0 ? "up" : why_text(&why, r))) {
        answers_are_the_local_ones("What is a river?");
        answers_are_the_local_ones("Tell me a story about a fox.");
        another_arithmetic_finds_nobody();
        tap_ok(WIFEXITED(proc_stop(&b.w.gateway, SIGTERM, 5000)), "the gateway stops in good order");
    }
    tap_ok(reports_then_stop(&b.w) == 0, "no process has anything to report at its end");
    return tap_done();
}
