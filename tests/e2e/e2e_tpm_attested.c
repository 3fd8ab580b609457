/* tests/e2e/e2e_tpm_attested.c - tier attested from end to end with a TPM: the node makes its keys in the chip, the gateway asks for evidence,
 * challenges the chip, and seals under a policy that names what booted. Then a register is extended: the key opens nothing any more, and
 * who asks anew sees another boot. The chip is a software one, which only the test build takes (tests/testbuild); that the program
 * anybody installs refuses the same node is e2e_attested's. Between, the node finds a nonce that a real log and two witnesses made, and makes
 * its evidence ahead. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/secret.h"
#include "cli/world.h"
#include "evidence/tlog_note.h"
#include "tests/e2e/children.h"
#include "tests/e2e/rawhttp.h"
#include "tests/e2e/reports.h"
#include "tests/e2e/tap.h"
#include "tests/swtpm.h"

#ifdef LULL_TPM
#include "tpm/chip.h"

#define MODEL    "lull-toy:q8_0"
#define BODY     "{\"model\":\"" MODEL "\",\"max_tokens\":4,\"messages\":[{\"role\":\"user\",\"content\":\"What is 23 + 45?\"}]}"
#define ZEROS    "0000000000000000000000000000000000000000000000000000000000000000"
#define ZEROS_62 "00000000000000000000000000000000000000000000000000000000000000"
static struct world w;
static struct swtpm chip;
static char policy[128], log_section[640]; /* of the policy; "": it names no log */

/* As a chip has it to which no firmware has told anything: registers 0 to 9 are zero. */
static int write_policy(const char *value_of_1) {
    char text[1200];
    snprintf(
        text, sizeof text,
        "{\"version\":1,%s\"classes\":[\"T1\"],\"tpm\":{\"pcr_bank\":\"sha256\",\"pcrs\":[0,1,2,3,4,5,6,7,8,9],\"pcr_values\":{"
        "\"0\":[\"" ZEROS "\"],\"4\":[\"" ZEROS "\"],\"8\":[\"" ZEROS "\"],\"9\":[\"" ZEROS "\"],\"1\":[\"%s\"]}}}",
        log_section, value_of_1);
    return swtpm_write_text(chip.dir, "policy.json", text);
}

static int has(const struct raw_reply *r, const char *what) { return r->body && strstr(r->body, what) != NULL; }
static struct raw_reply ask(void) {
    return raw_request(w.gateway_at, "POST", "/v1/chat/completions", "lull-min-tier: attested\r\n", BODY);
}
static int times_logged(const struct proc *p, const char *event) {
    struct buf b;
    int count = 0;
    if (file_read(&b, p->log, 1 << 20, NULL) == 0 && buf_add(&b, "", 1) == 0)
        for (const char *at = (const char *)b.data; (at = strstr(at, event)) != NULL; at++) count++;
    buf_release(&b);
    return count;
}

static void answered_as(const char *class, const char *what) {
    char tier[32], shown[32];
    struct raw_reply r = ask();
    raw_header(&r, "lull-tier", tier, sizeof tier);
    raw_header(&r, "lull-evidence-class", shown, sizeof shown);
    if (!tap_ok(r.status == 200 && strcmp(tier, "attested") == 0 && strcmp(shown, class) == 0,
                "%s: answered under tier attested, class %s", what, class))
        tap_note("status %d, tier %s, class %s: %.300s", r.status, tier, shown, r.body ? r.body : "");
    free(r.body);
}
/* The refusal names the factor, within some seconds: the gateway may still hold what it knew. */
static void refused_for(const char *factor, const char *what) {
    struct raw_reply r = ask();
    for (int i = 0; i < 25 && !(r.status == 503 && has(&r, factor)); i++) {
        free(r.body);
        usleep(200000);
        r = ask();
    }
    if (!tap_ok(r.status == 503 && has(&r, factor), "%s: refused, %s", what, factor))
        tap_note("status %d: %.300s", r.status, r.body ? r.body : "");
    free(r.body);
}

/* The receipt of an answer, as `lull verify` reads it. */
static void noted_in_the_receipt(void) {
    char id[64], path[96], cmd[512];
    struct buf b;
    struct raw_reply r = ask();
    raw_header(&r, "lull-receipt", id, sizeof id);
    free(r.body);
    snprintf(path, sizeof path, "/lull/receipts/%s", id);
    int e = world_get(&w, path, &b);
    snprintf(path, sizeof path, "%s/answer", chip.dir);
    FILE *f = e == 0 ? fopen(path, "wb") : NULL;
    if (f && fwrite(b.data, 1, b.len, f) != b.len) e = ERR_IO;
    if (!f || fclose(f) != 0) e = ERR_IO;
    snprintf(cmd, sizeof cmd, "%s verify %s --json 2>/dev/null | grep '\"verdict\":\"valid\"' | grep -q '\"class\":\"T1\"'",
             w.o.lull, path);
    tap_ok(e == 0 && system(cmd) == 0, "the receipt is valid, and notes what the node had shown");
    if (e == 0) buf_release(&b);
}

static void challenged_once(void) {
    answered_as("T1", "a node whose chip has answered the challenge");
    answered_as("T1", "again");
    tap_ok(times_logged(&w.nodes[0], "activation answered") == 1, "the chip was challenged once");
    tap_ok(times_logged(&w.gateway, "evidence verified") == 1, "and its evidence asked for once");
    noted_in_the_receipt();
    struct buf b;
    int r = world_get(&w, "/lull/status", &b);
    if (r == 0) r = buf_add(&b, "", 1);
    tap_ok(r == 0 && strstr((const char *)b.data, "\"class\":\"T1\"") && strstr((const char *)b.data, "\"who_could_read\":\""),
           "the status page shows the class, and who could still read");
    if (r == 0) buf_release(&b);
}

/* A gateway with nothing remembered, under a policy. */
static int new_gateway(const char *value_of_1) {
    struct why why = {{0}};
    proc_stop(&w.gateway, SIGTERM, 10000);
    int r = write_policy(value_of_1);
    if (r == 0) r = world_start_gateway(&w, &why);
    if (r == 0) r = world_wait_nodes(&w, 1, 10000, &why);
    return tap_ok(r == 0, "a new gateway: %s", r == 0 ? "up" : why_text(&why, r));
}

/* ---- a log, two witnesses, and the nonce that they make ---- */

/* First line of what the command prints; the exit status. $L is the program, $D a folder. */
static int sh(const char *command, char *line, size_t cap) {
    char whole[1500];
    snprintf(whole, sizeof whole, "export D=%s L=%s; { %s; } 2>/dev/null", chip.dir, w.o.lull, command);
    FILE *p = popen(whole, "r");
    line[0] = 0;
    if (p && !fgets(line, (int)cap, p)) line[0] = 0;
    line[strcspn(line, "\n")] = 0;
    return p ? pclose(p) : -1;
}

static int key_hex(const char *vkey, char hex[65]) {
    struct tlog_key k;
    int r = tlog_vkey_read(&k, vkey);
    if (r == 0) hex_encode(hex, k.key, 32);
    return r;
}

/* The file that the node looks for. */
static int make_nonce(void) {
    char key[256], witness[2][256], hex[3][65] = {"", "", ""}, line[512], command[1200];
    int bad = sh("$L log init $D/tlog --origin log.example/lull", key, sizeof key);
    bad |= sh("printf '{\"v\":1,\"type\":\"policy\",\"name\":\"strict\",\"digest\":\"%064d\"}' 2 | $L log append $D/tlog -", line,
              sizeof line);
    for (int i = 0; i < 2; i++) {
        snprintf(command, sizeof command, "$L log witness --data $D/w%d --new witness.example/w%d", i, i);
        bad |= sh(command, witness[i], sizeof witness[i]);
        snprintf(
            command, sizeof command,
            "$L log witness $D/tlog --data $D/w%d --key '%s' > $D/line && $L log append $D/tlog --cosign $D/line --witness '%s'",
            i, key, witness[i]);
        bad |= sh(command, line, sizeof line);
        bad |= key_hex(witness[i], hex[i]);
    }
    bad |= key_hex(key, hex[2]);
    snprintf(log_section, sizeof log_section,
             "\"log\":{\"origin\":\"log.example/lull\",\"key\":\"%s\",\"witnesses\":[\"%s\",\"%s\"],\"k\":2},", hex[2], hex[0],
             hex[1]);
    snprintf(command, sizeof command, "$L log nonce $D/tlog --key '%s' --witness '%s' --witness '%s' --out %s/node0/nonce", key,
             witness[0], witness[1], w.dir);
    bad |= sh(command, line, sizeof line);
    return !bad && strstr(line, "\"witnesses\":2") != NULL;
}

static void made_ahead(void) {
    if (!tap_ok(make_nonce(), "a log, two witnesses, and a nonce that they made")) return;
    for (int i = 0; i < 100 && !times_logged(&w.nodes[0], "evidence made_ahead"); i++) usleep(200000);
    tap_ok(times_logged(&w.nodes[0], "evidence made_ahead") == 1, "the node makes its evidence ahead");
    int before = times_logged(&w.gateway, "ahead=0"); /* by gateways before: they share the file */
    if (!new_gateway(ZEROS)) return;
    answered_as("T1", "a gateway whose policy names the log");
    tap_ok(times_logged(&w.gateway, "ahead=1") == 1 && times_logged(&w.gateway, "ahead=0") == before,
           "it has taken what was made ahead, and asked for nothing else");
    noted_in_the_receipt();
    log_section[0] = 0;
}

/* ---- another boot ---- */

static int extend(uint32_t pcr) {
    struct why why = {{0}};
    struct chip *c = NULL;
    uint8_t digest[CHIP_DIGEST] = {7};
    int r = chip_open(&c, chip.tcti, &why);
    if (r == 0) r = chip_extend(c, pcr, digest, &why);
    chip_close(c);
    return tap_ok(r == 0, "register %u is extended: %s", pcr, r == 0 ? "yes" : why_text(&why, r));
}

static void another_boot(void) {
    if (!extend(1)) return;
    struct raw_reply r = raw_request(w.gateway_at, "POST", "/v1/chat/completions", "", BODY);
    tap_ok(r.status != 200, "what is sealed to the key that was made before opens nothing any more (status %d)", r.status);
    free(r.body);
    tap_ok(times_logged(&w.nodes[0], "seal_key_refused") > 0, "the node says why");
    if (new_gateway(ZEROS)) refused_for("pcr_values", "who asks now sees another boot");
}

/* ---- the end ---- */

static void loses_its_chip(void) {
    pid_t child = child_named(w.nodes[0].pid, "lull-tpm");
    if (!tap_ok(child > 0, "a process of its own talks to the TPM")) return;
    kill(child, SIGKILL);
    int status = ended_with(&w.nodes[0], 10000);
    tap_ok(status == 1, "without it the node leaves and ends with status 1 (%d)", status);
    tap_ok(times_logged(&w.nodes[0], "helper_ended process=\"lull-tpm\"") == 1, "and says why");
}

int main(void) {
    struct why why = {{0}};
    char path[WORLD_PATH], program[WORLD_PATH];
    const char *lull = getenv("LULL_BIN");
    if (secret_setup() != 0 || world_shipped_model(path) != 0) return 99;
    snprintf(program, sizeof program, "%s-test-tpm", lull ? lull : "build/lull");
    signal(SIGPIPE, SIG_IGN);
    int r = swtpm_start(&chip);
    if (r == ERR_NOTFOUND) {
        tap_skip("tier attested with a TPM", "swtpm is not installed");
        return tap_done();
    }
    setenv("LULL_TEST_TPM_CA", chip.dir, 1);
    snprintf(policy, sizeof policy, "%s/policy.json", chip.dir);
    if (r == 0) r = write_policy(ZEROS);
    if (tap_ok(r == 0, "a software TPM")) {
        usleep(500000); /* it says nothing when it is ready; a node does not wait for a chip */
        struct world_opts o = {.lull = program,
                               .model = path,
                               .nodes = 1,
                               .operators = 1,
                               .node_extra = {"--tpm", chip.tcti},
                               .gateway_extra = {"--policy", policy}};
        r = world_start(&w, &o, &why);
        if (tap_ok(r == 0, "coordinator, a node with the TPM, gateway: %s", r == 0 ? "up" : why_text(&why, r))) {
            challenged_once();
            if (new_gateway("01" ZEROS_62)) refused_for("pcr_values", "a policy that names another boot");
            if (new_gateway(ZEROS)) answered_as("T1", "the right policy again");
            made_ahead();
            another_boot();
            loses_its_chip();
        }
    }
    tap_ok(reports_then_stop(&w) == 0, "no process has anything to report at its end");
    swtpm_stop(&chip);
    return tap_done();
}
#else
int main(void) {
    tap_skip("tier attested with a TPM", "built without tss2");
    return tap_done();
}
#endif
