/* tests/e2e/e2e_tpm.c - a node whose seal key is in a TPM, a software one that the test makes: requests are sealed to a key of P-256, opened
 * by the chip, and answered as by any other node; without the chip nothing opens. */
#include <jansson.h>
#include <string.h>

#include "base/file.h"
#include "base/secret.h"
#include "cli/world.h"
#include "tests/e2e/answers.h"
#include "tests/e2e/reports.h"
#include "tests/e2e/tap.h"
#include "tests/swtpm.h"

#define MODEL "lull-toy:q8_0"
static struct world w;
static struct swtpm chip;

static int ask(struct answer *a, struct why *why) {
    struct question q = {.model = MODEL, .prompt = "What is 23 + 45?", .max_tokens = 40};
    return answer_get(a, &w, &q, why);
}

static int node_logged(int i, const char *event) {
    struct buf b;
    int found = file_read(&b, w.nodes[i].log, 1 << 20, NULL) == 0 && buf_add(&b, "", 1) == 0 &&
                strstr((const char *)b.data, event) != NULL;
    buf_release(&b);
    return found;
}

/* The same question at a node with a chip and at one without: the same tokens. */
static void answers(void) {
    struct answer with, without;
    struct why why = {{0}};
    int r = ask(&with, &why);
    tap_ok(r == 0 && with.id_count > 0, "what was sealed to the chip's key is answered: %s", r == 0 ? "yes" : why_text(&why, r));
    tap_ok(node_logged(0, "seal_key_made"), "the node has made its key in the chip");
    proc_stop(&w.nodes[0], SIGTERM, 10000);
    w.o.node_extra[0] = NULL;
    int again = world_start_node(&w, 0, &why);
    if (again == 0) again = world_wait_nodes(&w, 1, 10000, &why);
    if (again == 0) again = ask(&without, &why);
    tap_ok(again == 0, "a node with a key in memory answers too: %s", again == 0 ? "yes" : why_text(&why, again));
    tap_ok(r == 0 && again == 0 && answer_equal(&with, &without), "both give the same tokens");
    answer_release(&with);
    answer_release(&without);
}

static void a_chip_that_is_gone(void) {
    struct answer a;
    struct why why = {{0}};
    proc_stop(&w.nodes[0], SIGTERM, 10000);
    w.o.node_extra[0] = "--tpm", w.o.node_extra[1] = chip.tcti;
    int r = world_start_node(&w, 0, &why);
    if (r == 0) r = world_wait_nodes(&w, 1, 10000, &why);
    tap_ok(r == 0, "the node starts with its chip again: %s", r == 0 ? "yes" : why_text(&why, r));
    kill(chip.pid, SIGKILL);
    r = ask(&a, &why);
    tap_ok(r != 0, "without the chip nothing opens");
    answer_release(&a);
    tap_ok(proc_running(&w.nodes[0]), "and the node lives");
}

static void no_chip(const char *lull, const char *model) {
    char cmd[1024];
    snprintf(cmd, sizeof cmd,
             "%s node --coordinator 127.0.0.1:1 --model %s --data %s/none --tpm device:/dev/no-such-chip 2>&1 | grep -q 'no TPM "
             "can be reached'",
             lull, model, w.dir);
    tap_ok(system(cmd) == 0,
           "a chip that is not there is said plainly, and the node does not start with a key in memory instead");
}

int main(void) {
    struct why why = {{0}};
    char path[WORLD_PATH];
    const char *lull = getenv("LULL_BIN");
    if (secret_setup() != 0 || world_shipped_model(path) != 0) return 99;
    signal(SIGPIPE, SIG_IGN);
    int r = swtpm_start(&chip);
    if (r == ERR_NOTFOUND) {
        tap_skip("a node with a TPM", "swtpm is not installed");
        return tap_done();
    }
    if (tap_ok(r == 0, "a software TPM")) {
        usleep(500000); /* it says nothing when it is ready; a node does not wait for a chip */
        struct world_opts o = {
            .lull = lull ? lull : "build/lull", .model = path, .nodes = 1, .operators = 1, .node_extra = {"--tpm", chip.tcti}};
        r = world_start(&w, &o, &why);
        if (tap_ok(r == 0, "coordinator, a node with the TPM, gateway: %s", r == 0 ? "up" : why_text(&why, r))) {
            answers();
            a_chip_that_is_gone();
            no_chip(o.lull, path);
        }
    }
    tap_ok(reports_then_stop(&w) == 0, "no process has anything to report at its end");
    swtpm_stop(&chip);
    return tap_done();
}
