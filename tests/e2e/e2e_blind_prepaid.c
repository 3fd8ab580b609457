/* tests/e2e/e2e_blind_prepaid.c - columns paid for in advance, as real processes: workers that compute for who has paid (`lull node
 * --blind-clients`), a gateway of mode pair, then one of mode lattice, with tokens for them. Without a token the user hears where to get one;
 * when the columns of a worker are used up in the middle of an answer, another goes on; when those of all are, there is an error that says what
 * to do; when more are paid for, the same processes go on. What was computed is what was paid, column for column. */
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
#include "base/secret.h"
#include "blind/prepare_hint.h"
#include "blind/prepare_model.h"
#include "blind/prepared.h"
#include "cli/world.h"
#include "tests/e2e/blind_ask.h"
#include "tests/e2e/rawhttp.h"
#include "tests/e2e/reports.h"
#include "tests/e2e/tap.h"

/* Nodes 0 and 2 are of the operator listed for A, node 1 is of that for B. */
enum { NODES = 3, NODE_B = 1, WAIT_MS = 30000, PLENTY = 1000000, SHORT_STORY = 60, LONG_STORY = 200 };
#define MODEL   "lull-toy:q8_0"
#define TOKEN_A "the-token-at-a-0123456789"
#define TOKEN_B "the-token-at-b-9876543210"
#define STORY   "Tell me a story about a fox."

static struct world w;
static char home[64], clients[96], prepared[96], token_a[96], token_b[96], operator_a[40], operator_b[40];
static uint64_t prompt_columns, token_columns; /* of one stack each: a prompt of at most 64 tokens; a token after it */

/* ---- the file of prepaid columns ---- */

static int pay(uint64_t for_a, uint64_t for_b) {
    char text[256];
    int n = snprintf(text, sizeof text, "# paid so far\n%s %llu\n%s %llu\n", TOKEN_A, (unsigned long long)for_a, TOKEN_B,
                     (unsigned long long)for_b);
    int fd = open(clients, O_WRONLY | O_CREAT | O_TRUNC, 0600); /* the same file: a node may open no other */
    int r = fd >= 0 && write(fd, text, (size_t)n) == n ? 0 : -1;
    if (fd >= 0) close(fd);
    return r;
}

struct books { /* of a node, as its log has them last */
    uint64_t paid[2], left[2], computed;
};
/* "key=" and a number in a line; 0 without it. */
static uint64_t number_in(const char *line, const char *key) {
    const char *at = strstr(line, key);
    return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}
static struct books books_of(int node) {
    char path[WORLD_PATH + 32], line[2048];
    struct books b = {.computed = 0};
    snprintf(path, sizeof path, "%s/node%d.log", w.dir, node);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) {
        if (strstr(line, "blind computed")) b.computed = number_in(line, "columns=");
        if (!strstr(line, "blind account")) continue;
        int of_b = number_in(line, "line=") == 3; /* the file's */
        b.paid[of_b] = number_in(line, "paid=");
        b.left[of_b] = number_in(line, "left=");
    }
    if (f) fclose(f);
    return b;
}
/* The node has computed what was taken from its accounts, no column more or less. */
static int is_balanced(const struct books *b) {
    return b->left[0] <= b->paid[0] && b->left[1] <= b->paid[1] &&
           b->computed == b->paid[0] - b->left[0] + b->paid[1] - b->left[1];
}
/* SIGHUP, and what the node then says. */
static struct books read_again(int node) {
    char name[32];
    snprintf(name, sizeof name, "node%d.log", node);
    int before = log_lines(&w, name, "blind account");
    proc_signal(&w.nodes[node], SIGHUP);
    for (uint64_t until = clock_mono_ms() + WAIT_MS; clock_mono_ms() < until; poll(NULL, 0, 20))
        if (log_lines(&w, name, "blind account") >= before + 2) break;
    return books_of(node);
}

/* ---- questions ---- */

static int ask(struct pieces *p, const char *prompt, int tokens, struct why *why) {
    json_t *question = blind_question(MODEL, prompt, 0, tokens);
    *why = (struct why){{0}};
    int r = blind_ask(&w, p, "pair", question, why);
    json_decref(question);
    return r;
}
static int same_text(const struct pieces *a, const struct pieces *b) {
    return a->count > 1 && a->text.len == b->text.len && memcmp(a->text.data, b->text.data, a->text.len) == 0;
}
/* How many incidents of the receipt speak of columns used up; -1 if one of them bans. */
static int unpaid_incidents(const json_t *receipt) {
    const json_t *x;
    size_t i;
    int n = 0;
    json_array_foreach(json_object_get(receipt, "incidents"), i, x) {
        if (!strstr(json_string_value(json_object_get(x, "what")), "used up")) continue;
        if (json_is_true(json_object_get(x, "banned"))) return -1;
        n++;
    }
    return n;
}
/* Until the status counts so many; b NULL: of one kind alone. */
static int wait_listed(const char *a, int a_count, const char *b, int b_count) {
    for (uint64_t until = clock_mono_ms() + WAIT_MS; clock_mono_ms() < until; poll(NULL, 0, 50)) {
        json_t *j = blind_get(&w, "/lull/status");
        const json_t *blind = json_array_get(json_object_get(j, "blind"), 0);
        int all = json_integer_value(json_object_get(blind, a)) == a_count &&
                  (!b || json_integer_value(json_object_get(blind, b)) == b_count);
        json_decref(j);
        if (all) return 1;
    }
    return 0;
}

/* ---- the scenes ---- */

static void without_a_token(void) {
    struct pieces p = {.count = 0};
    struct why why;
    int r = ask(&p, STORY, SHORT_STORY, &why);
    tap_ok(r == ERR_UNSUPPORTED && p.count == 0 && strstr(why.text, "status 429") && strstr(why.text, "--pair-a-token FILE") &&
               strstr(why.text, "ask its operator for a token"),
           "who has no token is told how to get one: %s", why.text);
    buf_release(&p.text);
}

/* Both A's have columns for the prompt and some tokens: neither can make the whole answer. */
static void another_goes_on_in_the_middle(struct pieces *p) {
    struct why why;
    int last = -1;
    int r = ask(p, STORY, SHORT_STORY, &why);
    json_t *j = r == 0 ? blind_receipt(&w, p) : NULL;
    tap_ok(r == 0 && p->count > 40, "an answer is made (%u pieces) %s", p->count, why.text);
    tap_ok(j && blind_parties(&w, j, "workers", "A", &last) == 2 && unpaid_incidents(j) >= 1,
           "by two workers, the columns at the first of them being used up in the middle; that bans nobody");
    json_decref(j);
}

/* What an app of either kind gets, status and body. */
static void the_error_in_both_dialects(void) {
    struct raw_reply o = raw_request(w.gateway_at, "POST", "/v1/chat/completions", "content-type: application/json\r\n",
                                     "{\"model\":\"" MODEL "\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}");
    json_t *j = o.body ? json_loads(o.body, 0, NULL) : NULL;
    const json_t *e = json_object_get(j, "error");
    const char *type = json_string_value(json_object_get(e, "type")), *text = json_string_value(json_object_get(e, "message"));
    char retry[32];
    raw_header(&o, "x-should-retry", retry, sizeof retry);
    tap_ok(o.status == 429 && type && strcmp(type, "insufficient_quota") == 0 && strcmp(retry, "false") == 0,
           "an OpenAI client gets status 429 and insufficient_quota, and is not to try again by itself");
    tap_ok(text && strstr(text, "prepaid for A are used up") && strstr(text, "have its operator add columns") &&
               !strstr(text, TOKEN_A),
           "with the reason and what to do: %s", text ? text : "");
    json_decref(j);
    free(o.body);
    o = raw_request(w.gateway_at, "POST", "/api/chat", "content-type: application/json\r\n",
                    "{\"model\":\"" MODEL "\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}");
    j = o.body ? json_loads(o.body, 0, NULL) : NULL;
    text = json_string_value(json_object_get(j, "error"));
    tap_ok(o.status == 429 && text && strstr(text, "prepaid for A are used up"), "an Ollama client the same");
    json_decref(j);
    free(o.body);
}

static void all_are_used_up(void) {
    struct books b0 = read_again(0), b2 = read_again(2); /* the file is as it was */
    tap_ok(is_balanced(&b0) && is_balanced(&b2) && b0.computed > 0 && b2.computed > 0 && b0.left[0] < prompt_columns &&
               b2.left[0] < prompt_columns,
           "each has computed what was paid for, column for column: %llu and %llu; %llu and %llu are left",
           (unsigned long long)b0.computed, (unsigned long long)b2.computed, (unsigned long long)b0.left[0],
           (unsigned long long)b2.left[0]);
    the_error_in_both_dialects();
    b0 = read_again(0), b2 = read_again(2);
    tap_ok(is_balanced(&b0) && is_balanced(&b2), "nothing is overdrawn, and reading the file again gives nothing away");
}

/* At one of the two. The gateway has not been told, nor started again. */
static void more_is_paid_for(const struct pieces *before) {
    struct pieces p = {.count = 0};
    struct why why;
    int last = -1;
    tap_ok(pay(PLENTY, PLENTY) == 0, "more columns are paid for at one of the two");
    struct books b = read_again(0);
    tap_ok(b.paid[0] == PLENTY && b.left[0] == PLENTY - b.computed, "it takes them into its books");
    int r = ask(&p, STORY, SHORT_STORY, &why);
    json_t *j = r == 0 ? blind_receipt(&w, &p) : NULL;
    tap_ok(r == 0 && same_text(&p, before), "the question is answered, and so was the first one, which two had a part in %s",
           why.text);
    tap_ok(j && blind_parties(&w, j, "workers", "A", &last) >= 1 && last == 0, "by the one that was paid");
    json_decref(j);
    buf_release(&p.text);
}

/* B has columns for the prompt, what is ordered ahead, and some tokens. There is no other B. */
static void the_only_one_ends_in_the_middle(void) {
    struct pieces p = {.count = 0};
    struct why why;
    struct books b = read_again(NODE_B);
    uint64_t used = PLENTY - b.left[1];
    tap_ok(pay(PLENTY, used + prompt_columns + 40 * token_columns) == 0, "B is left some columns (it has computed %llu)",
           (unsigned long long)used);
    b = read_again(NODE_B);
    tap_ok(b.left[1] == prompt_columns + 40 * token_columns, "it takes back what was not used");
    uint64_t begun = clock_mono_ms();
    int r = ask(&p, STORY, LONG_STORY, &why);
    tap_ok(r == ERR_LOST && p.count > 4 && strstr(why.text, "prepaid for B are used up") && strstr(why.text, "--pair-b-token"),
           "the answer ends in the middle (%u pieces, %llu ms), with the reason and what to do: %s", p.count,
           (unsigned long long)(clock_mono_ms() - begun), why.text);
    uint32_t had = p.count;
    buf_release(&p.text);
    b = read_again(NODE_B);
    tap_ok(is_balanced(&b), "B too has computed what was paid for: %llu left", (unsigned long long)b.left[1]);
    r = pay(PLENTY, PLENTY) == 0 && read_again(NODE_B).paid[1] == PLENTY ? ask(&p, STORY, LONG_STORY, &why) : ERR_IO;
    tap_ok(r == 0 && p.count > had, "once more are paid for, it is asked again and answered whole (%u pieces) %s", p.count,
           why.text);
    buf_release(&p.text);
}

/* Mode lattice, with one worker of the operator that is listed: the same, in its own words. */
static void the_same_in_mode_lattice(void) {
    static char folder[128], token[128];
    char line[WORLD_PATH + 512];
    struct pieces p = {.count = 0};
    struct why why = {{0}};
    snprintf(line, sizeof line, "%s blind prepare %s --out %s --name " MODEL " --mode lattice > /dev/null 2>&1", w.o.lull,
             w.o.model, prepared);
    snprintf(folder, sizeof folder, "--blind=%s", prepared);
    snprintf(token, sizeof token, "--lattice-token=%s", token_a);
    const char *const extra[8] = {"--tier=blind", "--mode=lattice", folder, "--lattice-operator", operator_a, token};
    memcpy(w.o.gateway_extra, extra, sizeof extra);
    proc_stop(&w.gateway, SIGTERM, 5000);
    proc_stop(&w.nodes[2], SIGTERM, 5000);
    struct books b = read_again(0);
    uint64_t used = b.paid[0] - b.left[0];
    int r = system(line) == 0 && pay(used + prompt_columns + 20 * token_columns, PLENTY) == 0 ? 0 : ERR_IO;
    b = read_again(0);
    if (r == 0) r = world_start_gateway(&w, &why);
    if (!tap_ok(r == 0 && b.left[0] == prompt_columns + 20 * token_columns && wait_listed("workers", 1, NULL, 0),
                "a gateway of mode lattice, and some columns %s", why.text))
        return;
    json_t *question = blind_question(MODEL, STORY, 0, LONG_STORY);
    r = blind_ask(&w, &p, "lattice", question, &why);
    tap_ok(r == ERR_LOST && p.count > 4 && strstr(why.text, "prepaid are used up") && strstr(why.text, "--lattice-token"),
           "an answer of mode lattice ends in the middle (%u pieces): %s", p.count, why.text);
    uint32_t had = p.count;
    buf_release(&p.text);
    b = read_again(0);
    tap_ok(is_balanced(&b), "and what was paid for was computed: %llu left", (unsigned long long)b.left[0]);
    why = (struct why){{0}};
    r = pay(PLENTY, PLENTY) == 0 && read_again(0).paid[0] == PLENTY ? blind_ask(&w, &p, "lattice", question, &why) : ERR_IO;
    tap_ok(r == 0 && p.count > had, "once more are paid for, it is answered whole (%u pieces) %s", p.count, why.text);
    buf_release(&p.text);
    json_decref(question);
}

/* A file that cannot be read changes nothing. */
static void a_damaged_file(void) {
    struct pieces p = {.count = 0};
    struct why why;
    int fd = open(clients, O_WRONLY | O_TRUNC);
    tap_ok(fd >= 0 && write(fd, TOKEN_B " many\n", sizeof TOKEN_B + 6) > 0, "the file is damaged");
    close(fd);
    (void)read_again(NODE_B);
    tap_ok(log_lines(&w, "node1.log", "blind clients_not_read_again") == 1 && ask(&p, "Hello", 8, &why) == 0,
           "the node says so and goes on with what it had");
    buf_release(&p.text);
}

static void a_restart_forgets_nothing(void) {
    struct why why = {{0}};
    struct books before = read_again(NODE_B);
    int left = WIFEXITED(proc_stop(&w.nodes[NODE_B], SIGTERM, 5000));
    int r = world_start_node(&w, NODE_B, &why);
    struct books after = read_again(NODE_B);
    tap_ok(left && r == 0 && after.computed == 0 && after.left[1] == before.left[1] && before.left[1] < PLENTY,
           "after a restart B knows what was used: %llu left %s", (unsigned long long)after.left[1], why.text);
}

static void nobody_wrote_the_tokens_down(void) {
    static const char *const logs[] = {"coordinator.log", "gateway.log", "node0.log", "node1.log", "node2.log"};
    int found = 0;
    for (size_t i = 0; i < sizeof logs / sizeof *logs; i++)
        found += log_lines(&w, logs[i], TOKEN_A) != 0 || log_lines(&w, logs[i], TOKEN_B) != 0;
    tap_ok(found == 0, "no log has a token");
}

/* ---- set-up ---- */

static int take_shape(struct why *why) {
    struct prepare_model_opts po = {.name = MODEL};
    struct prepared *folder = NULL;
    int r = prepare_model_dir(prepared, w.o.model, &po, why);
    if (r == 0) r = prepared_open(&folder, prepared, NULL, why);
    if (r != 0) return r;
    token_columns = prepared_manifest(folder)->stack_count;
    prompt_columns = 64 * (token_columns - 1) + 1;
    prepared_close(folder);
    return 0;
}

/* A gateway of tier blind, with tokens or without. */
static int start_gateway(int with_tokens, struct why *why) {
    static char folder[128], files[2][128];
    snprintf(folder, sizeof folder, "--blind=%s", prepared);
    snprintf(files[0], sizeof files[0], "--pair-a-token=%s", token_a);
    snprintf(files[1], sizeof files[1], "--pair-b-token=%s", token_b);
    const char *const extra[8] = {
        "--tier=blind", folder, "--pair-a", operator_a, "--pair-b", operator_b, with_tokens ? files[0] : NULL, files[1]};
    memcpy(w.o.gateway_extra, extra, sizeof extra);
    proc_stop(&w.gateway, SIGTERM, 5000);
    int r = world_start_gateway(&w, why);
    return r == 0 && !wait_listed("workers_a", 2, "workers_b", 1) ? why_set(why, ERR_TIME, "the workers are not listed") : r;
}

static int start(const char *lull, const char *model, struct why *why) {
    struct world_opts o = {.lull = lull,
                           .model = model,
                           .nodes = NODES,
                           .operators = 2,
                           .node_extra = {"--blind", model, "--blind-clients", clients}};
    snprintf(home, sizeof home, "/tmp/lull-e2e-prepaid-XXXXXX");
    if (!mkdtemp(home)) return ERR_IO;
    snprintf(clients, sizeof clients, "%s/clients", home);
    snprintf(prepared, sizeof prepared, "%s/prepared", home);
    snprintf(token_a, sizeof token_a, "%s/token-a", home);
    snprintf(token_b, sizeof token_b, "%s/token-b", home);
    if (pay(0, PLENTY) != 0) return ERR_IO;
    int r = file_write(token_a, TOKEN_A "\n", sizeof TOKEN_A, 0600, why);
    if (r == 0) r = file_write(token_b, TOKEN_B "\n", sizeof TOKEN_B, 0600, why);
    if (r == 0) r = world_start(&w, &o, why);
    if (r == 0) r = take_shape(why);
    if (r == 0 && (!blind_operator(&w, 0, operator_a) || !blind_operator(&w, NODE_B, operator_b))) r = ERR_NOTFOUND;
    return r == 0 ? start_gateway(0, why) : r;
}

static void clean_up(void) {
    static const char *const files[] = {"clients",
                                        "token-a",
                                        "token-b",
                                        "prepared/" PREPARED_MANIFEST,
                                        "prepared/" PREPARED_CHECKS,
                                        "prepared/" PREPARED_CLIENT,
                                        "prepared/" PREPARED_HINT,
                                        "prepared/" PREPARED_HINT_DIGEST,
                                        "prepared"};
    char path[160];
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s", home, files[i]);
        (void)remove(path);
    }
    (void)rmdir(home);
}

int main(void) {
    struct why why = {{0}};
    char path[WORLD_PATH];
    const char *lull = getenv("LULL_BIN");
    if (secret_setup() != 0 || world_shipped_model(path) != 0) return 99;
    signal(SIGPIPE, SIG_IGN);
    int r = start(lull ? lull : "build/lull", path, &why);
    if (tap_ok(r == 0, "coordinator, three workers that want to be paid, a gateway: %s", r == 0 ? "up" : why_text(&why, r))) {
        struct pieces first = {.count = 0};
        without_a_token();
        tap_ok(pay(prompt_columns + 20 * token_columns, PLENTY) == 0, "columns for a prompt and 20 tokens are paid for");
        (void)read_again(0), (void)read_again(2);
        r = start_gateway(1, &why);
        if (tap_ok(r == 0, "a gateway with tokens: %s", r == 0 ? "up" : why_text(&why, r))) {
            another_goes_on_in_the_middle(&first);
            all_are_used_up();
            more_is_paid_for(&first);
            the_only_one_ends_in_the_middle();
            a_damaged_file();
            the_same_in_mode_lattice();
            a_restart_forgets_nothing();
            nobody_wrote_the_tokens_down();
        }
        buf_release(&first.text);
        tap_ok(WIFEXITED(proc_stop(&w.gateway, SIGTERM, 5000)), "the gateway stops in good order");
    }
    tap_ok(reports_then_stop(&w) == 0, "no process has anything to report at its end");
    clean_up();
    return tap_done();
}
