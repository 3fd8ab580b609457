/* tests/e2e/e2e_blind_lattice.c - `lull gateway --tier blind --mode lattice` as real processes: a coordinator, three nodes, two of them of
 * the operator that is listed, and a gateway that knows one prepared folder. A folder without a hint and missing operators are refused;
 * answers come whole, by one worker, with a receipt that says so; one session serves question after question; when a worker is killed in
 * the middle, or computes with other weights, another one goes on and the receipt names who it was; nobody else ever held the prompt; and
 * with a direct way the coordinator passes nothing on. */
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/secret.h"
#include "blind/blind_manifest.h"
#include "blind/prepared.h"
#include "cli/world.h"
#include "gateway/blind_net.h"
#include "model/linear.h"
#include "model/model.h"
#include "seal/record.h"
#include "tests/e2e/blind_ask.h"
#include "tests/e2e/reports.h"
#include "tests/e2e/tap.h"

enum { NODES = 3, LISTED = 2, WAIT_MS = 30000, LOOK = 1 << 20 };
#define MODEL "lull-toy:q8_0"

static struct world w;
static const char *lull, *model_path;
static char prepared[WORLD_PATH + 32], ca[WORLD_PATH + 32], operator_of_0[OPERATOR_TEXT_BYTES];
static int searchable = 1;

/* ---- commands ---- */

/* What a command says, at most n - 1 bytes of it; its exit status. */
static int command(char *said, size_t n, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static int command(char *said, size_t n, const char *fmt, ...) {
    char line[2048], more[512];
    va_list ap;
    va_start(ap, fmt);
    int len = snprintf(line, sizeof line, "%s ", lull);
    vsnprintf(line + len, sizeof line - (size_t)len, fmt, ap);
    va_end(ap);
    strncat(line, " 2>&1", sizeof line - strlen(line) - 1);
    FILE *p = popen(line, "r");
    if (!p) return -1;
    size_t got = fread(said, 1, n - 1, p);
    said[got] = 0;
    while (fread(more, 1, sizeof more, p) > 0) {}
    int status = pclose(p);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* A gateway that is not to start. */
static int start_gateway(char *said, size_t n, const char *operator_name) {
    return command(
        said, n,
        "gateway --listen 127.0.0.1:0 --coordinator %s --ca %s --data %s/other --tier blind --mode lattice --blind %s %s %s",
        w.coordinator_at, ca, w.dir, prepared, *operator_name ? "--lattice-operator" : "", operator_name);
}

static void what_is_refused(void) {
    char said[2048];
    int status = command(said, sizeof said, "blind prepare %s --out %s --name %s", model_path, prepared, MODEL);
    tap_ok(status == 0, "the folder is prepared without a hint%s%s", status ? ": " : "", status ? said : "");
    status = start_gateway(said, sizeof said, "");
    tap_ok(status == 2 && strstr(said, "--lattice-operator OPERATOR"), "without operators the gateway does not start");
    status = start_gateway(said, sizeof said, operator_of_0);
    tap_ok(status != 0 && strstr(said, "not prepared for mode lattice"), "nor without a hint: %.120s",
           strstr(said, "lull gateway:") ? strstr(said, "lull gateway:") : said);
    status = command(said, sizeof said, "blind prepare %s --out %s --name %s --mode lattice", model_path, prepared, MODEL);
    tap_ok(status == 0, "the same folder gets its hint%s%s", status ? ": " : "", status ? said : "");
}

/* ---- questions ---- */

/* 1: a whole answer with a receipt of mode lattice, of which *receipt is the caller's. */
static int answered(struct pieces *p, const char *prompt, double temperature, int tokens, json_t **receipt) {
    struct why why = {{0}};
    json_t *question = blind_question(MODEL, prompt, temperature, tokens);
    int r = blind_ask(&w, p, "lattice", question, &why);
    json_decref(question);
    if (r != 0) tap_note("%s", why_text(&why, r));
    json_t *j = *receipt = r == 0 ? blind_receipt(&w, p) : NULL;
    buf_release(&p->text);
    return j && p->count > 1 && strcmp(json_string_value(json_object_get(j, "mode")), "lattice") == 0 &&
           strcmp(json_string_value(json_object_get(j, "notice")), "experimental construction, not yet reviewed") == 0 &&
           json_integer_value(json_object_get(j, "verified")) > 0;
}
static int64_t number(const json_t *j, const char *name) { return json_integer_value(json_object_get(j, name)); }

/* The receipt, saved as a user would: 0 from `lull verify`, and 10 when a number of it was changed. */
static void a_receipt_is_verified(const struct pieces *p) {
    char path[WORLD_PATH + 32], url[128], said[1024];
    struct buf b;
    snprintf(path, sizeof path, "%s/answer.receipt", w.dir);
    snprintf(url, sizeof url, "/lull/receipts/%.80s", p->receipt);
    if (!tap_ok(world_get(&w, url, &b) == 0 && b.len > 0, "the receipt can be had")) return;
    int r = file_write(path, b.data, b.len, 0600, NULL);
    int status = command(said, sizeof said, "verify %s", path);
    tap_ok(r == 0 && status == 0 && strstr(said, "mode lattice") && strstr(said, "nobody has signed it"),
           "lull verify finds it consistent");
    char *at = memmem(b.data, b.len, "\"prompt_columns\":64", 19);
    if (at) at[18] = '5';
    r = file_write(path, b.data, b.len, 0600, NULL);
    status = command(said, sizeof said, "verify %s", path);
    tap_ok(at && r == 0 && status == 10 && strstr(said, "wrong: prompt_columns"), "and wrong once it was changed");
    unlink(path);
    buf_release(&b);
}

static char word[17]; /* stands in no text of ours */
static uint64_t in_coordinator, in_gateway, in_workers;
static void search_at(uint32_t count) {
    if (count != 6 || !searchable) return;
    in_coordinator = memory_hits(&w.coordinator, word, 16);
    in_gateway = memory_hits(&w.gateway, word, 16);
    for (int i = 0; i < NODES; i++) in_workers += memory_hits(&w.nodes[i], word, 16);
}

static void the_first_answer(void) {
    struct pieces p = {.at = search_at};
    json_t *j;
    uint8_t r[8];
    char prompt[128];
    int node = 1;
    random_bytes(r, sizeof r);
    hex_encode(word, r, sizeof r);
    snprintf(prompt, sizeof prompt, "My secret is %s. Tell me a story about a mouse.", word);
    int whole = answered(&p, prompt, 0.8, 60, &j);
    tap_ok(whole, "a question is answered (%u pieces)", p.count);
    tap_ok(j && number(j, "products") == number(j, "verified") && number(j, "sessions") == 1 &&
               blind_parties(&w, j, "workers", "worker", &node) == 1 && node != 1 && number(j, "incident_count") == 0 &&
               strncmp(json_string_value(json_object_get(j, "replay")), "not exact", 9) == 0 &&
               strcmp(json_string_value(json_object_get(j, "params")), "d6") == 0 &&
               number(json_object_get(j, "visible_to_workers"), "prompt_columns") == 64,
           "the receipt names one worker of the listed operator, what was checked, and that answers do not replay");
    json_decref(j);
    a_receipt_is_verified(&p);
    if (searchable)
        tap_ok(in_gateway > 0 && in_coordinator == 0 && in_workers == 0, "of all processes the gateway alone holds the prompt");
    tap_ok(log_lines(&w, "gateway.log", word) == 0 && log_lines(&w, "coordinator.log", word) == 0, "logs do not have it");
}

/* The status, once no more masks are made ahead. */
static json_t *status_when_idle(void) {
    int64_t before = -1;
    for (uint64_t until = clock_mono_ms() + WAIT_MS;; poll(NULL, 0, 100)) {
        json_t *j = blind_get(&w, "/lull/status");
        int64_t held = number(json_array_get(json_object_get(j, "blind"), 0), "masks_bytes");
        if ((held == before && held > 0) || clock_mono_ms() > until) return j;
        before = held;
        json_decref(j);
    }
}

/* Masks are made between questions, and used by the next one: its session is the one that there was. */
static void the_next_answer(void) {
    struct pieces p = {.count = 0};
    json_t *j;
    json_t *status = status_when_idle();
    const json_t *blind = json_array_get(json_object_get(status, "blind"), 0);
    tap_ok(number(blind, "workers") == LISTED && number(blind, "masks_bytes") > 0 &&
               strcmp(json_string_value(json_object_get(blind, "mode")), "lattice") == 0,
           "the status says mode, workers, and %.1f MiB of masks ahead", (double)number(blind, "masks_bytes") / (1 << 20));
    json_decref(status);
    tap_ok(answered(&p, "What is a river?", 0, 40, &j) && number(j, "sessions") == 0,
           "the next question goes on in the same session");
    json_decref(j);
}

static void the_other_mode_and_chat(void) {
    char said[2048];
    struct pieces p = {.count = 0};
    struct why why = {{0}};
    json_t *question = blind_question(MODEL, "Hello", 0, 8);
    int r = blind_ask(&w, &p, "pair", question, &why);
    tap_ok(r == ERR_UNSUPPORTED && strstr(why.text, "mode lattice") && p.count == 0, "who asks for mode pair gets no answer: %s",
           why.text);
    buf_release(&p.text);
    r = blind_ask(&w, &p, "triple", question, &why);
    tap_ok(r == ERR_UNSUPPORTED && strstr(why.text, "400"), "nor who asks for a mode that there is not");
    buf_release(&p.text);
    json_decref(question);
    int status = command(said, sizeof said,
                         "chat --gateway %s --tier blind --mode lattice --temp 0 --max-tokens 12 \"What is a river?\"",
                         w.gateway_at);
    tap_ok(status == 0 && strstr(said, "experimental construction, not yet reviewed") && strlen(said) > 70,
           "lull chat --mode lattice: %s", said);
    status = command(said, sizeof said, "chat --gateway %s --tier blind --mode pair Hello", w.gateway_at);
    tap_ok(status != 0 && strstr(said, "mode lattice"), "lull chat --mode pair is refused");
    status = command(said, sizeof said, "chat --gateway %s --mode lattice Hello", w.gateway_at);
    tap_ok(status == 2 && strstr(said, "--tier blind"), "a mode without the tier is a mistake");
}

/* ---- workers that fail ---- */

static int victim;
static void kill_at(uint32_t count) {
    if (count == 8) proc_stop(&w.nodes[victim], SIGKILL, 5000);
}

static int wait_workers(int64_t wanted) {
    for (uint64_t until = clock_mono_ms() + WAIT_MS; clock_mono_ms() < until; poll(NULL, 0, 50)) {
        json_t *j = blind_get(&w, "/lull/status");
        int64_t n = number(json_array_get(json_object_get(j, "blind"), 0), "workers");
        json_decref(j);
        if (n == wanted) return 1;
    }
    return 0;
}

static int serving_now(void) {
    struct pieces p = {.count = 0};
    json_t *j;
    int node = -1;
    if (answered(&p, "Hello", 0, 4, &j)) (void)blind_parties(&w, j, "workers", "worker", &node);
    json_decref(j);
    return node;
}

static void one_is_killed(void) {
    struct pieces p = {.at = kill_at};
    struct why why = {{0}};
    json_t *j;
    int lost = -1, last = -1;
    victim = serving_now();
    if (!tap_ok(victim == 0 || victim == 2, "node %d serves", victim)) return;
    int whole = answered(&p, "Tell me a story about a boat.", 0.9, 120, &j);
    tap_ok(whole && p.count > 20 && blind_parties(&w, j, "workers", "worker", &last) == 2 && last == 2 - victim &&
               blind_parties(&w, j, "incidents", "worker", &lost) >= 1 && lost == victim,
           "it is killed in the middle: the other one goes on, the receipt names both (%u pieces)", p.count);
    json_decref(j);
    tap_ok(world_start_node(&w, victim, &why) == 0 && wait_workers(LISTED), "it comes back %s", why.text);
}

/* Changes a bit of the weights in a worker's memory: wherever these bytes stand in what it can write to. Returns in how many places. */
static int damage(const struct proc *p, const uint8_t *bytes, size_t n) {
    char line[512], perms[8];
    unsigned long long from, to;
    int places = 0, copy = dup(p->maps_fd);
    uint8_t *piece = malloc(LOOK);
    FILE *maps = copy < 0 ? NULL : fdopen(copy, "r");
    if (maps) rewind(maps);
    while (maps && piece && fgets(line, sizeof line, maps)) {
        if (sscanf(line, "%llx-%llx %7s", &from, &to, perms) != 3 || strncmp(perms, "rw", 2) != 0) continue;
        for (unsigned long long at = from; at < to; at += LOOK - n) {
            ssize_t got = pread(p->mem_fd, piece, to - at < LOOK ? (size_t)(to - at) : LOOK, (off_t)at);
            if (got < (ssize_t)n) break;
            const uint8_t *found = memmem(piece, (size_t)got, bytes, n);
            if (!found) continue;
            uint8_t other = *found ^ 1;
            places += pwrite(p->mem_fd, &other, 1, (off_t)(at + (size_t)(found - piece))) == 1;
        }
    }
    if (maps) fclose(maps);
    free(piece);
    return places;
}

/* 1: that node alone is accused, of a wrong product. Lost connections beside it accuse nobody. */
static int is_banned(const json_t *receipt, int node) {
    const json_t *x;
    size_t i;
    int accused = 0, right = 0;
    json_array_foreach(json_object_get(receipt, "incidents"), i, x) {
        if (!json_is_true(json_object_get(x, "banned"))) continue;
        accused++;
        right += strcmp(json_string_value(json_object_get(x, "what")), "a wrong product") == 0 &&
                 strcmp(json_string_value(json_object_get(x, "identity")), w.identity[node]) == 0;
    }
    return accused == 1 && right == 1;
}

static void one_computes_with_other_weights(void) {
    enum { BYTES = 64, AT = 1 << 14 };
    struct pieces p = {.count = 0};
    struct model_opts mo = {.threads = 1, .arith = ARITH_ROW8};
    struct model *m = NULL;
    json_t *j = NULL;
    int liar = serving_now(), last = -1;
    if (!searchable) {
        tap_skip("other weights", "the workers' memory cannot be reached");
        return;
    }
    if (model_open(&m, model_path, &mo, NULL) != 0) return;
    int places = damage(&w.nodes[liar], model_linear_weights(m, 0)->data + AT, BYTES);
    model_close(m);
    tap_ok(places > 0, "one weight of the first layer changes in the memory of node %d, which serves", liar);
    tap_ok(answered(&p, "Tell me a story about a fox.", 0.9, 60, &j) && blind_parties(&w, j, "workers", "worker", &last) >= 1 &&
               last == 2 - liar && number(j, "products") > number(j, "verified"),
           "the answer is made by the other one");
    tap_ok(is_banned(j, liar), "the receipt names the liar: a wrong product, banned");
    json_decref(j);
    tap_ok(serving_now() == 2 - liar, "it is not asked again");
}

static void the_direct_way(void) {
    struct why why = {{0}};
    struct pieces p = {.count = 0};
    json_t *j;
    tap_ok(WIFEXITED(proc_stop(&w.gateway, SIGTERM, 5000)), "the gateway stops in good order");
    for (int i = 0; i < 8; i++)
        if (!w.o.gateway_extra[i]) {
            w.o.gateway_extra[i] = "--lattice-direct";
            break;
        }
    int before = log_lines(&w, "coordinator.log", "blind began");
    int r = world_start_gateway(&w, &why);
    if (!tap_ok(r == 0 && wait_workers(LISTED), "one that connects to workers itself is up %s", why.text)) return;
    tap_ok(before > 0 && answered(&p, "What is a river?", 0, 40, &j) && log_lines(&w, "coordinator.log", "blind began") == before,
           "it is answered, and the coordinator passed nothing on");
    json_decref(j);
}

static void nobody_is_left(void) {
    struct pieces p = {.count = 0};
    struct why why = {{0}};
    json_t *question = blind_question(MODEL, "What is a river?", 0, 40);
    proc_stop(&w.nodes[0], SIGKILL, 5000);
    proc_stop(&w.nodes[2], SIGKILL, 5000);
    int r = blind_ask(&w, &p, "lattice", question, &why);
    tap_ok(r == ERR_UNSUPPORTED && strstr(why.text, "no worker is left:") && strstr(why.text, "status 503") && p.count == 0,
           "with nobody left there is an error and no answer: %s", why.text);
    buf_release(&p.text);
    json_decref(question);
}

/* ---- set-up ---- */

/* Node 0's operator, as its record says. */
static int find_operator(struct why *why) {
    struct blind_net_opts no = {.coordinator = w.coordinator_at, .ca = ca};
    struct blind_net *net = NULL;
    struct prepared *folder = NULL;
    struct record *r = calloc(NODES, sizeof *r);
    char said[1024], dir[WORLD_PATH + 32], hex[65];
    snprintf(dir, sizeof dir, "%s/for-names", w.dir);
    int e = command(said, sizeof said, "blind prepare %s --out %s --name %s", model_path, dir, MODEL);
    e = e != 0 || !r ? why_set(why, ERR_IO, "%s", said) : prepared_open(&folder, dir, NULL, why);
    if (e == 0) e = blind_net_open(&net, &no, why);
    size_t n = e == 0 ? blind_net_wait(net, prepared_digest(folder), r, NODES, WAIT_MS) : 0;
    for (size_t i = 0; i < n; i++) {
        hex_encode(hex, r[i].keys.identity, 32);
        if (strcmp(hex, w.identity[0]) == 0) operator_text(operator_of_0, r[i].keys.operator_id);
    }
    blind_net_close(net);
    prepared_close(folder);
    free(r);
    return e == 0 && n == NODES && operator_of_0[0] ? 0 : e != 0 ? e : why_set(why, ERR_TIME, "%zu workers of %d", n, NODES);
}

static int start(int how, struct why *why) {
    struct world_opts o = {.lull = lull,
                           .model = model_path,
                           .nodes = NODES,
                           .operators = 2,
                           .how = how,
                           .nodes_how = how,
                           .node_extra = {"--blind", model_path, "--blind-listen", "127.0.0.1:0"}};
    int r = world_start(&w, &o, why);
    if (r != 0) return r;
    snprintf(prepared, sizeof prepared, "%s/prepared", w.dir);
    snprintf(ca, sizeof ca, "%s/coordinator/tls.crt", w.dir);
    return find_operator(why);
}

static int start_lattice(struct why *why) {
    static char dir[WORLD_PATH + 64];
    snprintf(dir, sizeof dir, "--blind=%s", prepared);
    const char *const extra[8] = {"--tier=blind", "--mode=lattice", dir, "--lattice-operator", operator_of_0};
    memcpy(w.o.gateway_extra, extra, sizeof extra);
    proc_stop(&w.gateway, SIGTERM, 5000);
    int r = world_start_gateway(&w, why);
    return r == 0 && !wait_workers(LISTED) ? why_set(why, ERR_TIME, "the workers are not listed") : r;
}

int main(void) {
    struct why why = {{0}};
    char path[WORLD_PATH];
    const char *bin = getenv("LULL_BIN"), *san = getenv("LULL_SAN");
    if (secret_setup() != 0 || world_shipped_model(path) != 0) return 99;
    signal(SIGPIPE, SIG_IGN);
    lull = bin ? bin : "build/lull";
    model_path = path;
    searchable = !san || !*san; /* a sanitizer's shadow memory is too large to be searched */
    int r = start(searchable ? PROC_SEARCHABLE : PROC_PLAIN, &why);
    if (r == ERR_PERM) {
        tap_note("tracing is barred, so memory is not searched");
        searchable = 0;
        r = start(PROC_PLAIN, &why);
    }
    if (tap_ok(r == 0, "coordinator, three workers of two operators: %s", r == 0 ? "up" : why_text(&why, r))) {
        what_is_refused();
        r = start_lattice(&why);
        if (tap_ok(r == 0, "a gateway of mode lattice: %s", r == 0 ? "up" : why_text(&why, r))) {
            the_first_answer();
            the_next_answer();
            the_other_mode_and_chat();
            one_is_killed();
            one_computes_with_other_weights();
            the_direct_way();
            nobody_is_left();
            tap_ok(WIFEXITED(proc_stop(&w.gateway, SIGTERM, 5000)), "the gateway stops in good order");
        }
    }
    tap_ok(reports_then_stop(&w) == 0, "no process has anything to report at its end");
    return tap_done();
}
