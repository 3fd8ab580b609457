/* tests/e2e/e2e_helpers.c - a node whose helper process is killed leaves the network and ends with a failure; nobody's answer is lost. The
 * TPM's process has its test in e2e_tpm_attested.c. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/secret.h"
#include "cli/world.h"
#include "tests/e2e/blind_ask.h"
#include "tests/e2e/children.h"
#include "tests/e2e/rawhttp.h"
#include "tests/e2e/reports.h"
#include "tests/e2e/tap.h"

#define BODY "{\"model\":\"lull-toy:q8_0\",\"max_tokens\":8,\"messages\":[{\"role\":\"user\",\"content\":\"What is 2 plus 3?\"}]}"
enum { LEAVES_MS = 10000 };
static struct world w;

static void answered(const char *when) {
    struct raw_reply r = raw_request(w.gateway_at, "POST", "/v1/chat/completions", "", BODY);
    tap_ok(r.status == 200, "%s: answered (status %d)", when, r.status);
    free(r.body);
}

/* Node 0 loses this helper; node 1 serves on. */
static void loses(const char *helper) {
    char line[96];
    struct why why = {{0}};
    pid_t child = child_named(w.nodes[0].pid, helper);
    if (!tap_ok(child > 0, "%s runs beside the node", helper)) return;
    kill(child, SIGKILL);
    int status = ended_with(&w.nodes[0], LEAVES_MS);
    tap_ok(status == 1, "without %s the node leaves and ends with status 1 (%d)", helper, status);
    snprintf(line, sizeof line, "helper_ended process=\"%s\"", helper);
    tap_ok(log_lines(&w, "node0.log", line) == 1, "and says why");
    answered("one node less");
    tap_ok(world_start_node(&w, 0, &why) == 0 && world_wait_nodes(&w, 2, 5000, &why) == 0, "it is started again: %s",
           why_text(&why, 0));
}

int main(void) {
    struct why why = {{0}};
    char path[WORLD_PATH];
    const char *lull = getenv("LULL_BIN");
    if (secret_setup() != 0 || world_shipped_model(path) != 0) return 99;
    signal(SIGPIPE, SIG_IGN);
    struct world_opts o = {.lull = lull ? lull : "build/lull", .model = path, .nodes = 2, .operators = 2};
    int r = world_start(&w, &o, &why);
    if (tap_ok(r == 0, "coordinator, two nodes, gateway: %s", r == 0 ? "up" : why_text(&why, r))) {
        loses("lull-signer");
        loses("lull-dialler");
        answered("all are back");
    }
    tap_ok(reports_then_stop(&w) == 0, "no process has anything to report at its end");
    return tap_done();
}
