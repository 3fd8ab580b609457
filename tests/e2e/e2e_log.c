/* A transparency log with the real commands and processes: kept in a folder, served over HTTP, witnessed by two, proved and checked;
 * then a log that was rolled back, one with two histories, a state out of date, a clock behind, and an append that is cut off. */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "cli/proc.h"
#include "tests/e2e/rawhttp.h"
#include "tests/e2e/tap.h"

static char dir[64], out[1 << 20], key[256], witness[2][256], url[128];
static const char *bin;

/* Runs a shell command in which $L is the program and $D the folder; output in out. Returns the exit status. */
static int sh(const char *command) {
    char whole[2400];
    snprintf(whole, sizeof whole, "export HOME=%s D=%s L=%s; { %s; } 2>&1", dir, dir, bin, command);
    FILE *p = popen(whole, "r");
    size_t n = p ? fread(out, 1, sizeof out - 1, p) : 0;
    out[n] = 0;
    int status = p ? pclose(p) : -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* text "": any output. */
static int does(const char *what, const char *command, int status, const char *text) {
    int got = sh(command), good = got == status && strstr(out, text);
    return tap_ok(good, "%s: exit %d%s%.300s", what, got, good ? "" : ": ", good ? "" : out);
}

static void take_line(char *to, size_t cap) { snprintf(to, cap, "%.*s", (int)strcspn(out, "\n"), out); }

/* Each witness signs what is at `log`, and its line goes under the checkpoint in $D/log. */
static void both_sign(const char *log) {
    char command[1200];
    for (int i = 0; i < 2; i++) {
        snprintf(command, sizeof command,
                 "$L log witness %s --data $D/w%d --key '%s' > $D/line && $L log append $D/log --cosign $D/line --witness '%s'",
                 log, i, key, witness[i]);
        does("a witness signs, and its line is put under the checkpoint", command, 0, "\"entries\":[]");
    }
}

/* verify with both witnesses and --kept; more: further options. */
static int verified(const char *what, const char *proof, const char *more, int status, const char *text) {
    char command[1200];
    snprintf(command, sizeof command, "$L log verify $D/%s --key '%s' --witness '%s' --witness '%s' --kept $D/kept %s", proof,
             key, witness[0], witness[1], more);
    return does(what, command, status, text);
}

static void make(void) {
    char command[600];
    does("a log is made", "$L log init $D/log --origin log.example/lull", 0, "log.example/lull+");
    take_line(key, sizeof key);
    does("it is not made twice", "$L log init $D/log --origin log.example/lull", 1, "is there already");
    for (int i = 0; i < 2; i++) {
        snprintf(command, sizeof command, "$L log witness --data $D/w%d --new witness.example/w%d", i, i);
        does("a witness has a key", command, 0, "witness.example/w");
        take_line(witness[i], sizeof witness[i]);
    }
    does("the key is its owner's alone", "stat -c %a $D/log/log.key", 0, "600");
    sh("printf '{\"v\":1,\"type\":\"model\",\"name\":\"toy:latest\",\"manifest\":\"%064d\"}' 1 > $D/model.json;"
       "printf '{\"v\":1,\"type\":\"policy\",\"name\":\"strict\",\"digest\":\"%064d\"}' 2 > $D/policy.json");
    does("two entries are appended", "$L log append $D/log $D/model.json $D/policy.json", 0, "\"size\":2");
    does("a state puts the first of them in force", "$L log append $D/log --state 24 --in-force 0", 0, "\"type\":\"state\"");
    does("what is no leaf is not appended", "echo '{\"v\":1,\"type\":\"thing\"}' | $L log append $D/log -", 1,
         "\"type\" is release");
}

/* ---- over HTTP ---- */

static void serve_it(struct proc *p) {
    char log[100], where[100];
    snprintf(where, sizeof where, "%s/log", dir);
    snprintf(log, sizeof log, "%s/serve.log", dir);
    char *argv[] = {
        (char *)(uintptr_t)bin, (char[]){"log"}, (char[]){"serve"}, where, (char[]){"--listen"}, (char[]){"127.0.0.1:0"}, NULL};
    struct why why = {{0}};
    int r = proc_start(p, argv, log, PROC_PLAIN, 10000, &why);
    tap_ok(r == 0, "lull log serve is ready %s%s", p->ready, why.text);
    snprintf(url, sizeof url, "http://%.100s", p->ready);
}

static void status_of(const char *at, const char *method, const char *path, int status) {
    struct raw_reply r = raw_request(at, method, path, "", NULL);
    tap_ok(r.status == status, "%s %s: %d", method, path, r.status);
    free(r.body);
}

static void what_is_served(const char *at) {
    status_of(at, "GET", "/checkpoint", 200);
    status_of(at, "GET", "/tile/0/000.p/3", 200);
    status_of(at, "GET", "/tile/entries/000.p/3", 200);
    status_of(at, "GET", "/tile/0/000", 404);
    status_of(at, "GET", "/../log.key", 404);
    status_of(at, "GET", "/tile/../../log.key", 404);
    status_of(at, "GET", "/tile/%2e%2e/log.key", 404);
    status_of(at, "GET", "/", 404);
    status_of(at, "POST", "/checkpoint", 405);
}

static void over_http(void) {
    char command[800];
    both_sign(url);
    snprintf(command, sizeof command,
             "$L log prove %s 0 --out $D/p0 && $L log prove %s 1 --out $D/p1 && $L log prove %s 2 --out $D/p2", url, url, url);
    does("proofs are made out of what is served", command, 0, "");
    verified("what is in force is taken", "p0", "--json", 0, "\"verdict\":\"ok\"");
    tap_ok(strstr(out, "\"name\":\"toy:latest\"") != NULL, "and named");
    does("the tree is kept", "sed -n 3p $D/kept", 0, "3\n");
    verified("what no state lists is refused", "p1", "", 20, "in_force");
    verified("the state itself is taken", "p2", "", 0, "ok");
    does("no such entry", "$L log prove $D/log 3", 2, "has 3 entries");
}

/* ---- growth ---- */

static void grow(void) {
    does("three hundred entries more",
         "for i in $(seq 43); do for k in 1 2 3 4 5 6 7; do printf "
         "'{\"v\":1,\"type\":\"policy\",\"name\":\"p\",\"digest\":\"%064d\"}' $i$k > "
         "$D/e$k; done; $L log append $D/log $D/e1 $D/e2 $D/e3 $D/e4 $D/e5 $D/e6 $D/e7 || exit 1; done >/dev/null; tail -n +2 "
         "$D/log/public/checkpoint | head -1",
         0, "304\n");
    does("the full tile is there", "stat -c %s $D/log/public/tile/0/000 $D/log/public/tile/1/000.p/1", 0, "8192\n32\n");
    both_sign("$D/log");
    does("a proof from another size", "$L log prove $D/log 0 --out $D/q0 && $L log prove $D/log 0 --from 3 --out $D/q3", 0, "");
    verified("a tree that has grown without a proof is refused", "q0", "", 20, "consistency");
    verified("with it the tree is taken", "q3", "", 0, "ok");
    verified("the smaller tree is refused from then on", "p0", "", 20, "log_rollback");
    does("what was kept is not rolled back", "sed -n 3p $D/kept", 0, "304\n");
}

/* ---- clocks and dates ---- */

static void dates(void) {
    char at[64];
    verified("a clock behind the newest cosignature is refused", "q3", "--at 2020-01-01T00:00:00Z", 10, "clock");
    snprintf(at, sizeof at, "--at %llu", (unsigned long long)clock_unix_s() + 24 * 3600 + 60);
    verified("a day later the signatures are too old", "q3", at, 20, "cosigned_age");
    does("a proof that is cut", "head -c 900 $D/q3 > $D/cut", 0, "");
    verified("is unsupported", "cut", "", 30, "proof_form");
    verified("a proof that is not there is no verdict", "none", "", 2, "none");
    does("a kept file that cannot be read is no first time", "cp $D/kept $D/kept.good; echo x > $D/kept", 0, "");
    verified("but an error", "q3", "", 2, "not what this command keeps");
    does("(it is put back)", "mv $D/kept.good $D/kept", 0, "");
}

static void revocation(void) {
    does("the model is revoked", "$L log append $D/log --state 1 --revoke 0", 0, "\"index\":304");
    both_sign("$D/log");
    does("a proof with the newest state", "$L log prove $D/log 0 --from 304 --out $D/r", 0, "");
    verified("what is revoked is refused", "r", "", 20, "revoked");
    does("the tree is kept all the same", "sed -n 3p $D/kept", 0, "305\n");
}

/* ---- logs that lie ---- */

static void lies(void) {
    char command[600];
    does("a copy of the log before it grew on",
         "cp -r $D/log $D/old && cp -r $D/log $D/fork && $L log append $D/log $D/model.json", 0, "306");
    both_sign("$D/log");
    for (int i = 0; i < 2; i++) {
        snprintf(command, sizeof command, "$L log witness $D/old --data $D/w%d --key '%s'", i, key);
        does("a witness does not sign an old checkpoint anew", command, 10, "306 were signed before");
    }
    does("the copy gets another history", "$L log append $D/fork $D/policy.json && $L log append $D/fork $D/model.json", 0,
         "307");
    snprintf(command, sizeof command, "$L log witness $D/fork --data $D/w0 --key '%s'", key);
    does("and no signature", command, 10, "two histories");
    does("a tile is damaged", "printf X | dd of=$D/fork/public/tile/0/001.p/51 bs=1 seek=9 conv=notrunc 2>/dev/null; true", 0,
         "");
    does("nothing is appended to it", "$L log append $D/fork $D/model.json", 1, "do not belong to its checkpoint");
    does("nor proved from it", "$L log prove $D/fork 300", 1, "belong to its checkpoint");
    snprintf(command, sizeof command, "$L log witness $D/fork --data $D/w1 --key '%s'", key);
    does("nor signed", command, 10, "do not belong to its checkpoint");
    snprintf(command, sizeof command, "$L log append $D/log --cosign $D/line --witness '%s'", witness[0]);
    does("a witness's line does not go under another witness's name", command, 1, "not a signature of these witnesses");
}

/* Killed at many moments, the log is always one that opens, and the tree that was there before or the one that was meant. */
static void cut_off(void) {
    int opened = 1, rounds = 0;
    for (int us = 200; us < 30000; us = us * 3 / 2, rounds++) {
        char command[300];
        snprintf(command, sizeof command,
                 "$L log append $D/log $D/e1 $D/e2 $D/e3 >/dev/null & p=$!; sleep 0.%06d; kill -9 $p 2>/dev/null; wait $p; true",
                 us);
        sh(command);
        opened = opened && sh("$L log append $D/log $D/e4") == 0;
    }
    tap_ok(opened, "an append that was killed at %d moments leaves a log that goes on: %.200s", rounds, opened ? "" : out);
    does("every entry of it has its proof",
         "n=$(sed -n 2p $D/log/public/checkpoint); for i in 0 255 256 $((n-1)); do $L log prove $D/log $i --from 306 >/dev/null "
         "|| exit 1; done",
         0, "");
    both_sign("$D/log");
}

int main(void) {
    struct proc server = {.pid = 0};
    bin = getenv("LULL_BIN") ? getenv("LULL_BIN") : "build/lull";
    snprintf(dir, sizeof dir, "/tmp/lull-log-XXXXXX");
    if (!mkdtemp(dir)) return 99;
    make();
    serve_it(&server);
    what_is_served(server.ready);
    over_http();
    grow();
    dates();
    revocation();
    lies();
    cut_off();
    int status = proc_stop(&server, SIGTERM, 20000);
    tap_ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "lull log serve ends when it is told to (status 0x%x)",
           (unsigned)status);
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    if (system(command) != 0) return 99;
    return tap_done();
}
