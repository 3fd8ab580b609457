/* tests/e2e/e2e_attested.c - tier attested end to end, as a release build has it: a node with a software TPM shows evidence that is its own and
 * fresh, and is refused as what it is; a node without a TPM has none. Nothing is sealed to either under that tier, and both answer under
 * tier sealed. That evidence which passes is sealed to needs a manufacturer: tests/unit/gateway/test_gw_attested.c plays one. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/secret.h"
#include "cli/world.h"
#include "tests/e2e/rawhttp.h"
#include "tests/e2e/reports.h"
#include "tests/e2e/tap.h"
#include "tests/swtpm.h"

#define MODEL "lull-toy:q8_0"
#define BODY  "{\"model\":\"" MODEL "\",\"max_tokens\":4,\"messages\":[{\"role\":\"user\",\"content\":\"What is 23 + 45?\"}]}"
static struct world w;
static struct swtpm chip;

static int has(const struct raw_reply *r, const char *what) { return r->body && strstr(r->body, what) != NULL; }

static struct raw_reply ask_attested(void) {
    return raw_request(w.gateway_at, "POST", "/v1/chat/completions", "lull-min-tier: attested\r\n", BODY);
}

/* The gateway may still know the node by the key that it had before: some seconds, it fetches the directory every two. */
static void refused_for(const char *factor, const char *what) {
    struct raw_reply r = ask_attested();
    for (int i = 0; i < 25 && r.status == 503 && !has(&r, factor); i++) {
        free(r.body);
        usleep(200000);
        r = ask_attested();
    }
    if (!tap_ok(r.status == 503 && has(&r, "\"no_node\"") && has(&r, factor), "%s is refused, and the app hears of %s", what,
                factor))
        tap_note("status %d: %.300s", r.status, r.body ? r.body : "");
    free(r.body);
}

static void answered_sealed(const char *what) {
    char tier[32], class[32];
    struct raw_reply r = raw_request(w.gateway_at, "POST", "/v1/chat/completions", "", BODY);
    raw_header(&r, "lull-tier", tier, sizeof tier);
    raw_header(&r, "lull-evidence-class", class, sizeof class);
    tap_ok(r.status == 200 && strcmp(tier, "sealed") == 0 && !class[0], "%s answers under tier sealed, which says so", what);
    free(r.body);
}

static void shown_in_status(const char *factor) {
    struct buf b;
    int r = world_get(&w, "/lull/status", &b);
    if (r == 0) r = buf_add(&b, "", 1);
    tap_ok(r == 0 && strstr((const char *)b.data, "\"refused\":\"") && strstr((const char *)b.data, factor),
           "the status page shows the refusal: %s", factor);
    if (r == 0) buf_release(&b);
}

static int logged(const struct proc *p, const char *event) {
    struct buf b;
    int found = file_read(&b, p->log, 1 << 20, NULL) == 0 && buf_add(&b, "", 1) == 0 &&
                strstr((const char *)b.data, event) != NULL;
    buf_release(&b);
    return found;
}

static void without_a_chip(void) {
    struct why why = {{0}};
    proc_stop(&w.nodes[0], SIGTERM, 10000);
    w.o.node_extra[0] = NULL;
    int r = world_start_node(&w, 0, &why);
    if (r == 0) r = world_wait_nodes(&w, 1, 10000, &why);
    if (!tap_ok(r == 0, "the node starts without its TPM: %s", r == 0 ? "yes" : why_text(&why, r))) return;
    refused_for("no_evidence", "a node without a TPM");
    answered_sealed("it");
}

static void no_policy(const char *lull) {
    char cmd[512];
    snprintf(cmd, sizeof cmd, "%s gateway --coordinator 127.0.0.1:1 --tier attested 2>&1 | grep -q 'give --policy FILE'", lull);
    tap_ok(system(cmd) == 0, "no gateway starts with tier attested and without a policy");
    snprintf(cmd, sizeof cmd, "%s gateway --coordinator 127.0.0.1:1 --policy %s/bad.json 2>&1 | grep -q 'accept_software'", lull,
             chip.dir);
    if (swtpm_write_text(chip.dir, "bad.json", "{\"version\":1,\"tpm\":{\"accept_software\":true}}") != 0) return;
    tap_ok(system(cmd) == 0, "nor with a policy that asks to take software TPMs");
}

int main(void) {
    struct why why = {{0}};
    char path[WORLD_PATH], policy[128];
    const char *lull = getenv("LULL_BIN");
    if (secret_setup() != 0 || world_shipped_model(path) != 0) return 99;
    signal(SIGPIPE, SIG_IGN);
    int r = swtpm_start(&chip);
    if (r == ERR_NOTFOUND) {
        tap_skip("a node with a TPM and tier attested", "swtpm is not installed");
        return tap_done();
    }
    snprintf(policy, sizeof policy, "%s/policy.json", chip.dir);
    if (r == 0) r = swtpm_write_text(chip.dir, "policy.json", "{\"version\":1}");
    if (tap_ok(r == 0, "a software TPM")) {
        usleep(500000); /* it says nothing when it is ready; a node does not wait for a chip */
        struct world_opts o = {.lull = lull ? lull : "build/lull",
                               .model = path,
                               .nodes = 1,
                               .operators = 1,
                               .node_extra = {"--tpm", chip.tcti},
                               .gateway_extra = {"--policy", policy}};
        r = world_start(&w, &o, &why);
        if (tap_ok(r == 0, "coordinator, a node with the TPM, gateway: %s", r == 0 ? "up" : why_text(&why, r))) {
            answered_sealed("a node with a software TPM");
            tap_ok(!logged(&w.coordinator, "evidence"), "and nobody asked for evidence meanwhile");
            refused_for("software_tpm", "a node with a software TPM");
            shown_in_status("software_tpm");
            without_a_chip();
            no_policy(o.lull);
        }
    }
    tap_ok(reports_then_stop(&w) == 0, "no process has anything to report at its end");
    swtpm_stop(&chip);
    return tap_done();
}
