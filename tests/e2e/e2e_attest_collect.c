/* tests/e2e/e2e_attest_collect.c - `lull attest collect`, and what `lull attest verify` makes of it: a machine without anything, and a software TPM,
 * which the program that anybody installs refuses as one, and the test build (tests/testbuild) judges like a real one. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/hash.h"
#include "base/secret.h"
#include "tests/e2e/tap.h"
#include "tests/swtpm.h"

#define NONCE "0707070707070707070707070707070707070707070707070707070707070707"
#define OTHER "0807070707070707070707070707070707070707070707070707070707070707"
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
static char dir[64], lull[512], test_build[560], out[1 << 16];

/* The exit status; what it printed is in out. */
static int run(const char *cmd) {
    FILE *p = popen(cmd, "r");
    size_t n = p ? fread(out, 1, sizeof out - 1, p) : 0;
    out[n] = 0;
    int s = p ? pclose(p) : -1;
    return WIFEXITED(s) ? WEXITSTATUS(s) : -1;
}

static int is_there(const char *name) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return access(path, F_OK) == 0;
}

/* ---- verdicts ---- */

static int failed(const json_t *j, const char *factor) {
    size_t i;
    json_t *f;
    json_array_foreach(json_object_get(j, "factors"), i, f) {
        const char *name = json_string_value(json_object_get(f, "name"));
        if (name && strcmp(name, factor) == 0 && json_is_false(json_object_get(f, "ok"))) return 1;
    }
    return 0;
}

/* factor NULL: nothing has failed. */
static void judged(const char *program, const char *options, int status, const char *factor, const char *class) {
    char cmd[2000];
    snprintf(cmd, sizeof cmd, "cd %s && %s attest verify e --json %s 2>/dev/null", dir, program, options);
    int s = run(cmd);
    json_t *j = json_loads(out, 0, NULL);
    const char *shown = json_string_value(json_object_get(j, "class"));
    int good = s == status && shown && strcmp(shown, class) == 0 && (!factor || failed(j, factor));
    size_t n = strlen(options);
    if (!tap_ok(good, "%s, ...%s: exit %d, class %s, %s", program == lull ? "as installed" : "test build",
                options + (n > 24 ? n - 24 : 0), status, class, factor ? factor : "all is good"))
        tap_note("exit %d: %.600s", s, out);
    json_decref(j);
}

/* ---- nothing to show ---- */

static void without_a_chip(void) {
    char cmd[1000];
    if (access("/dev/tpmrm0", F_OK) == 0) {
        tap_skip("a machine without a TPM", "this one has one");
    } else {
        snprintf(cmd, sizeof cmd, "cd %s && %s attest collect --out e", dir, lull);
        tap_ok(run(cmd) == 0 && strstr(out, "class T0: nothing") && !is_there("e.keys"),
               "without a chip it says class T0, and binds to no keys");
        judged(lull, "", 20, "class", "T0");
    }
    snprintf(cmd, sizeof cmd, "cd %s && %s attest collect --out none --tpm device:/dev/no-such-chip 2>/dev/null", dir, lull);
    tap_ok(run(cmd) == 1 && !is_there("none") && !is_there("none.keys"),
           "a chip that was named and is not there: an error, and no file");
    snprintf(cmd, sizeof cmd, "cd %s && %s attest collect --out none --enclave 2>&1", dir, lull);
    tap_ok(run(cmd) == 1 && strstr(out, "Apple") && !is_there("none"), "there is no Secure Enclave here, which it says");
    snprintf(cmd, sizeof cmd, "%s node --coordinator 127.0.0.1:1 --data %s/node --enclave 2>&1", lull, dir);
    tap_ok(run(cmd) == 1 && strstr(out, "--enclave: a Secure Enclave is in machines of Apple's only"),
           "nor does a node start with a key in memory instead of one");
    snprintf(cmd, sizeof cmd, "cd %s && %s attest collect --out none --nonce 0707 2>/dev/null", dir, lull);
    tap_ok(run(cmd) == 2 && !is_there("none"), "a nonce of another length is the user's mistake");
}

/* ---- a software TPM ---- */

static int write_policy(const char *name, const char *value_of_0) {
    char text[600];
    snprintf(
        text, sizeof text,
        "{\"version\":1,\"classes\":[\"T1\"],\"tpm\":{\"pcr_bank\":\"sha256\",\"pcrs\":[0,1,2,3,4,5,6,7,8,9],\"pcr_values\":{"
        "\"0\":[\"%s\"]}}}",
        value_of_0);
    return swtpm_write_text(dir, name, text);
}

/* What collect printed after --activated. */
static void pair_of(char *to, size_t cap) {
    const char *at = strstr(out, "--activated ");
    snprintf(to, cap, "%.*s", at ? (int)strcspn(at + 12, ", \n") : 0, at ? at + 12 : "");
}

/* ---- a release of a log ---- */

/* A verifier key, NAME+ID+BASE64(type, key): the key in hexadecimal digits. */
static int raw_key(char hex[65], const char *text) {
    uint8_t bytes[64];
    size_t n = 0;
    const char *first = strchr(text, '+'), *second = first ? strchr(first + 1, '+') : NULL;
    if (!second || base64_read(bytes, sizeof bytes, &n, second + 1, strcspn(second + 1, "\n"), BASE64_PLAIN) != 0 || n != 33)
        return ERR_FORMAT;
    hex_encode(hex, bytes + 1, 32);
    return 0;
}

/* A log with one release in force, one witness, and a policy that names both. */
static int make_log(void) {
    static const char steps[] =
        "{ cd %s && %s log init log --origin log.example/lull > key && %s log witness --data w --new witness.example/w > wkey && "
        "printf '{\"v\":1,\"type\":\"release\",\"name\":\"lull\",\"version\":\"%s\",\"binary\":\"" ZEROS
        "\",\"measurements\":[]}' > release.json && "
        "%s log append log release.json && %s log append log --state 24 --in-force 0 && "
        "%s log witness log --data w --key \"$(cat key)\" > line && %s log append log --cosign line --witness \"$(cat wkey)\" && "
        "%s log prove log 0 --out proof; } >/dev/null 2>&1 && cat key wkey";
    char cmd[6000], keys[2][65], text[1000];
    snprintf(cmd, sizeof cmd, steps, dir, lull, lull, LULL_VERSION, lull, lull, lull, lull, lull);
    if (run(cmd) != 0 || raw_key(keys[0], out) != 0 || !strchr(out, '\n') || raw_key(keys[1], strchr(out, '\n') + 1) != 0)
        return ERR_IO;
    snprintf(cmd, sizeof cmd, "cd %s && %s attest policy digest logged >/dev/null", dir, lull);
    snprintf(text, sizeof text,
             "{\"version\":1,\"classes\":[\"T1\"],\"log\":{\"origin\":\"log.example/"
             "lull\",\"key\":\"%s\",\"witnesses\":[\"%s\"],\"k\":1,"
             "\"release\":\"required\"}}",
             keys[0], keys[1]);
    return swtpm_write_text(dir, "logged", text) == 0 && run(cmd) == 0 ? 0 : ERR_IO;
}

/* The chip's list of programs is not there (the kernel's is of another chip), so what must hold is that nothing passes without it. */
static void with_a_release(const char *pair) {
    char options[1000];
    if (!tap_ok(make_log() == 0, "a log with a release in force, and a policy that requires one")) return;
    snprintf(options, sizeof options, "--keys e.keys --nonce " NONCE " --activated %s --policy logged", pair);
    judged(test_build, options, 20, "release", "none");
    snprintf(options, sizeof options, "--keys e.keys --nonce " NONCE " --activated %s --policy logged --release proof", pair);
    judged(test_build, options, 20, "release_measurement", "none");
    json_t *j = json_loads(out, 0, NULL);
    tap_ok(j && !failed(j, "release_engine") && !failed(j, "in_force") && strstr(out, "\"release_engine\""),
           "the engine is the release's, which is in force");
    json_decref(j);
    snprintf(options, sizeof options, "--keys e.keys --nonce " NONCE " --activated %s --policy good --release proof", pair);
    judged(test_build, options, 20, "origin", "none"); /* a policy without a log */
    snprintf(options, sizeof options,
             "--keys e.keys --nonce " NONCE " --activated %s --policy logged --release proof --at 2030-01-01T00:00:00Z", pair);
    judged(test_build, options, 10, "cosigned_age", "none"); /* and the keys are over, which is graver */
}

static void with_a_chip(const struct swtpm *chip) {
    char cmd[1000], pair[256], options[1000];
    for (int cbor = 0; cbor < 2; cbor++) { /* the second one is judged */
        snprintf(cmd, sizeof cmd, "cd %s && %s attest collect --out e --tpm %s --nonce " NONCE "%s 2>&1", dir, lull, chip->tcti,
                 cbor ? "" : " --cbor");
        if (!tap_ok(run(cmd) == 0 && strstr(out, "class T1 at best") && is_there("e.keys"), "a TPM's evidence, as %s",
                    cbor ? "CBOR" : "JSON"))
            tap_note("%.600s", out);
        pair_of(pair, sizeof pair);
        tap_ok(strlen(pair) == 64 + 1 + 68, "the chip has answered a challenge of this machine's own");
        judged(lull, "--keys e.keys --nonce " NONCE, 10, "software_tpm", "none"); /* nor is its CA known */
    }
    snprintf(cmd, sizeof cmd, "cd %s && %s attest show e --json", dir, lull);
    tap_ok(run(cmd) == 0 && strstr(out, "\"tpm\"") && strstr(out, "tpm-quote"), "lull attest show reads it");
    tap_ok(write_policy("good", ZEROS) == 0 && write_policy("other", NONCE) == 0, "two policies");
    snprintf(options, sizeof options, "--keys e.keys --nonce " NONCE " --activated %s --policy good", pair);
    judged(test_build, options, 0, NULL, "T1");
    judged(lull, options, 10, "software_tpm", "none"); /* nor is its CA known */
    snprintf(options, sizeof options, "--keys e.keys --nonce " NONCE " --activated %s --policy other", pair);
    judged(test_build, options, 20, "pcr_values", "none");
    judged(test_build, "--keys e.keys --nonce " NONCE " --policy good", 20, "ak_not_activated", "none");
    snprintf(options, sizeof options, "--keys e.keys --nonce " OTHER " --activated %s --policy good", pair);
    judged(test_build, options, 10, "nonce", "none");
    with_a_release(pair);
    snprintf(cmd, sizeof cmd, "cd %s && cp e.keys old && %s attest collect --out e --tpm %s --nonce " NONCE " >/dev/null 2>&1",
             dir, lull, chip->tcti);
    tap_ok(run(cmd) == 0, "collected anew, with another seal key");
    judged(test_build, "--keys old --nonce " NONCE " --policy good", 10, "seal_key_statement", "none");
}

int main(void) {
    struct swtpm chip;
    char cmd[128];
    const char *bin = getenv("LULL_BIN");
    char *here = realpath(bin ? bin : "build/lull", NULL);
    if (secret_setup() != 0 || !here) return 99;
    snprintf(lull, sizeof lull, "%.500s", here);
    snprintf(test_build, sizeof test_build, "%s-test-tpm", lull);
    free(here);
    snprintf(dir, sizeof dir, "/tmp/lull-collect-XXXXXX");
    if (!mkdtemp(dir)) return 99;
    without_a_chip();
#ifdef LULL_TPM
    int r = swtpm_start(&chip);
    if (r == ERR_NOTFOUND) {
        tap_skip("a TPM's evidence", "swtpm is not installed");
    } else if (tap_ok(r == 0, "a software TPM")) {
        setenv("LULL_TEST_TPM_CA", chip.dir, 1);
        usleep(500000); /* it says nothing when it is ready */
        with_a_chip(&chip);
        swtpm_stop(&chip);
    }
#else
    (void)chip, (void)with_a_chip;
    tap_skip("a TPM's evidence", "built without tss2");
#endif
    snprintf(cmd, sizeof cmd, "rm -r %s", dir);
    tap_ok(system(cmd) == 0, "cleaned up");
    return tap_done();
}
