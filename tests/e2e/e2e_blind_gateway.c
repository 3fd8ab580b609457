/* tests/e2e/e2e_blind_gateway.c - `lull gateway --tier blind` as real processes: a coordinator, three nodes of two operators that compute
 * blindly (and would answer sealed requests too), a gateway that guesses tokens ahead. Answers are those of the engine that has the weights,
 * piece by piece, turn after turn, and when a worker is killed in the middle; receipts say who served; neither coordinator nor workers ever
 * held the prompt, and the coordinator no masked input and no mask key; nothing goes anywhere sealed; with nobody left there is an error,
 * not a wrong answer. */
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "api/request.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/secret.h"
#include "blind/message.h"
#include "blind/pair.h"
#include "blind/prepare_model.h"
#include "cli/world.h"
#include "gateway/gw_blind_workers.h"
#include "model/gen.h"
#include "model/model.h"
#include "net/httpc.h"
#include "seal/record.h"
#include "tests/e2e/blind_ask.h"
#include "tests/e2e/rawhttp.h"
#include "tests/e2e/reports.h"
#include "tests/e2e/tap.h"

enum { NODES = 3, WAIT_MS = 30000, NEEDLE = 32 };
#define MODEL "lull-toy:q8_0"

static struct world w;
static char prepared[WORLD_PATH + 32], ca[WORLD_PATH + 32];
static struct prepared *folder;
static struct model *local;
static struct blind_net *net;
static char operator_a[OPERATOR_TEXT_BYTES], operator_b[OPERATOR_TEXT_BYTES];
static int searchable = 1;

/* ---- answers, by the gateway and by this process ---- */

static int equal(const struct pieces *a, const struct pieces *b) {
    return a->count > 1 && a->count == b->count && a->text.len == b->text.len &&
           memcmp(a->text.data, b->text.data, a->text.len) == 0 && memcmp(a->end, b->end, a->count * sizeof *a->end) == 0;
}

/* By the gateway. */
static int ask(struct pieces *p, const char *prompt, double temperature, int tokens, struct why *why) {
    json_t *question = blind_question(MODEL, prompt, temperature, tokens);
    int r = blind_ask(&w, p, NULL, question, why);
    json_decref(question);
    return r;
}

/* By a pool in this process, with the same parser. Takes body over. */
static int generate(struct pieces *p, struct model *m, const struct gen_pool_opts *o, struct pair *pair, json_t *body) {
    struct api_request q;
    struct api_error e;
    struct gen_pool *pool = NULL;
    struct gen *g = NULL;
    struct gen_event ev = {0};
    struct buf text;
    size_t count;
    int r = json_print(&text, body, 1 << 16);
    json_decref(body);
    if (r == 0) r = api_request_parse(&q, API_V1_CHAT, text.data, text.len, &e);
    if (r != 0) return r;
    buf_release(&text);
    pieces_begin(p);
    r = gen_pool_new(&pool, m, o, NULL);
    if (r == 0) r = gen_start(&g, pool, &q.gen, NULL, NULL, NULL, NULL);
    if (r == 0 && pair) {
        (void)gen_prompt_ids(g, &count);
        pair_prompt(pair, (uint32_t)count);
    }
    while (r >= 0 && ev.stop == STOP_NONE) {
        r = gen_step(pool, &ev, 1);
        if (r > 0 && ev.text_len) pieces_add(p, (const char *)ev.text, ev.text_len);
    }
    gen_pool_free(pool);
    api_request_free(&q);
    return r < 0 ? r : 0;
}
static int generate_local(struct pieces *p, const char *prompt, double temperature, int tokens) {
    struct gen_pool_opts o = {.threads = 1, .slots = 1};
    return generate(p, local, &o, NULL, blind_question(MODEL, prompt, temperature, tokens));
}

static void same_as_local(const char *prompt, double temperature, int tokens, struct pieces *got, const char *what) {
    struct pieces want = {.count = 0};
    struct why why = {{0}};
    int r = ask(got, prompt, temperature, tokens, &why);
    if (r != 0) tap_note("%s", why_text(&why, r));
    int e = generate_local(&want, prompt, temperature, tokens);
    tap_ok(r == 0 && e == 0 && equal(got, &want), "%s (%u pieces)", what, want.count);
    buf_release(&want.text);
}

/* ---- the scenes ---- */

static char word[17]; /* stands in no text of ours */
static uint64_t in_coordinator, in_gateway, in_workers;

static void search_at(uint32_t count) {
    if (count != 6 || !searchable) return;
    in_coordinator = memory_hits(&w.coordinator, word, 16);
    in_gateway = memory_hits(&w.gateway, word, 16);
    for (int i = 0; i < NODES; i++) in_workers += memory_hits(&w.nodes[i], word, 16);
}

static void nobody_reads_the_prompt(void) {
    struct pieces p = {.at = search_at};
    uint8_t r[8];
    char prompt[128];
    random_bytes(r, sizeof r);
    hex_encode(word, r, sizeof r);
    snprintf(prompt, sizeof prompt, "My secret is %s. Tell me a story about a mouse.", word);
    same_as_local(prompt, 0.8, 60, &p, "a prompt with a secret is answered as the local engine does");
    if (searchable) {
        tap_ok(in_gateway > 0, "the search finds the secret in the gateway");
        tap_ok(in_coordinator == 0, "and not in the coordinator");
        tap_ok(in_workers == 0, "nor in any worker");
    }
    tap_ok(log_lines(&w, "gateway.log", word) == 0 && log_lines(&w, "coordinator.log", word) == 0, "logs do not have it");
    buf_release(&p.text);
}

/* Three turns: each is the local engine's, and from the second on what was said before is kept. */
static void a_conversation_goes_on(void) {
    static const char *const said[] = {"Tell me a story about a cat.", "What did it eat?", "And then?"};
    struct gen_pool_opts o = {.threads = 1, .slots = 1};
    json_t *question = blind_question(MODEL, said[0], 0.7, 30), *messages = json_object_get(question, "messages");
    int64_t kept[3] = {-1, -1, -1}, columns[3] = {0};
    int same = 1;
    for (int i = 0; i < 3; i++) {
        struct pieces got = {.count = 0}, want = {.count = 0};
        struct why why = {{0}};
        if (i) json_array_append_new(messages, json_pack("{s:s, s:s}", "role", "user", "content", said[i]));
        same = blind_ask(&w, &got, NULL, question, &why) == 0 && same;
        same = generate(&want, local, &o, NULL, json_deep_copy(question)) == 0 && equal(&got, &want) && same;
        json_t *j = blind_receipt(&w, &got);
        kept[i] = j ? json_integer_value(json_object_get(j, "kept_tokens")) : -1;
        columns[i] = json_integer_value(json_object_get(json_object_get(j, "visible_to_workers"), "prompt_columns"));
        json_decref(j);
        json_array_append_new(messages, json_pack("{s:s, s:s%}", "role", "assistant", "content", got.text.data, got.text.len));
        buf_release(&got.text), buf_release(&want.text);
    }
    json_decref(question);
    tap_ok(same, "three turns of a conversation are answered as by the local engine");
    tap_ok(kept[0] == 0 && kept[1] > 20 && kept[2] > kept[1], "turns go on from what was kept: %lld, %lld tokens",
           (long long)kept[1], (long long)kept[2]);
    tap_ok(columns[1] == 64 && columns[2] == 64, "and send their new part");
    json_t *j = blind_get(&w, "/lull/status");
    tap_ok(json_integer_value(json_object_get(json_array_get(json_object_get(j, "blind"), 0), "conversations_kept")) > 0,
           "the status counts them");
    json_decref(j);
}

static int victim;
static void kill_at(uint32_t count) {
    if (count == 8) proc_stop(&w.nodes[victim], SIGKILL, 5000);
}

static void answers_and_failover(void) {
    struct pieces p = {.count = 0};
    int node = -1, other = -1;
    same_as_local("What is a river?", 0, 40, &p, "an answer equals that of the engine that has the weights");
    buf_release(&p.text);
    same_as_local("Tell me a story about a fox.", 0, 120, &p, "so does a longer one");
    json_t *j = blind_receipt(&w, &p);
    buf_release(&p.text);
    tap_ok(j && strcmp(json_string_value(json_object_get(j, "notice")), "experimental construction, not yet reviewed") == 0 &&
               blind_parties(&w, j, "workers", "A", &node) == 1 && blind_parties(&w, j, "workers", "B", &other) == 1 &&
               node != other && other == 1 && json_integer_value(json_object_get(j, "verified")) > 0 &&
               blind_parties(&w, j, "incidents", "A", &node) == 0,
           "the receipt names one worker of each operator");
    const json_t *visible = json_object_get(j, "visible_to_workers");
    tap_ok(json_integer_value(json_object_get(visible, "columns_per_pass")) == 3 &&
               json_integer_value(json_object_get(visible, "passes")) < json_integer_value(json_object_get(j, "output_tokens")),
           "and says how many columns a pass had");
    json_decref(j);
    victim = node;
    p.at = kill_at;
    same_as_local("Tell me a story about a boat.", 0.9, 120, &p, "nor does a killed worker change one");
    j = blind_receipt(&w, &p);
    buf_release(&p.text);
    tap_ok(j && blind_parties(&w, j, "workers", "A", &node) == 2 && node != victim &&
               blind_parties(&w, j, "incidents", "A", &node) >= 1 && node == victim,
           "the receipt names who was lost and who went on");
    json_decref(j);
}

/* Nothing but tier blind: other models are not known, and no request was sealed to the nodes, who would have answered. */
static void nothing_goes_sealed(void) {
    struct httpc_reply reply = {0};
    static const char other[] = "{\"model\":\"other\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}";
    char url[128];
    snprintf(url, sizeof url, "http://%s/v1/chat/completions", w.gateway_at);
    struct httpc_call call = {.url = url,
                              .method = "POST",
                              .content_type = "application/json",
                              .body = other,
                              .body_len = sizeof other - 1,
                              .silence_ms = 5000};
    tap_ok(httpc_run(&call, &reply, NULL) == 0 && reply.status == 404, "a model that is not prepared is not found");
    json_t *j = blind_get(&w, "/lull/status");
    const json_t *blind = json_array_get(json_object_get(j, "blind"), 0);
    tap_ok(json_integer_value(json_object_get(blind, "workers_b")) == 1, "the status counts workers by role");
    json_decref(j);
    for (int i = 0; i < NODES; i++) {
        snprintf(url, sizeof url, "node%d.log", i);
        tap_ok(log_lines(&w, url, " job ") == 0, "node %d was sent no sealed request", i);
    }
}

static void nobody_is_left(void) {
    struct pieces p = {.count = 0};
    struct why why = {{0}};
    proc_stop(&w.nodes[1], SIGKILL, 5000);
    uint64_t start = clock_mono_ms();
    int r = ask(&p, "What is a river?", 0, 40, &why);
    tap_ok(r == ERR_UNSUPPORTED && strstr(why.text, "no worker is left for B") && strstr(why.text, "status 503") && p.count == 0,
           "with no B left there is an error and no answer (%llu ms): %s", (unsigned long long)(clock_mono_ms() - start),
           why.text);
    buf_release(&p.text);
}

/* ---- a client in this process, whose messages are known: what of them does the coordinator hold? ---- */

struct tap_link {
    struct blind_link inner;
    enum pair_role role;
};
static struct blind_source source;
static uint8_t seen_u[NEEDLE], seen_key[32]; /* each written by one thread, before seen_* says so */
static _Atomic int has_u, has_key;

static int tap_send(void *state, const uint8_t *message, size_t n) {
    struct tap_link *k = state;
    struct blind_message m;
    if (k->role == PAIR_A && !has_u && message[0] == BLIND_PRODUCT && n > BLIND_PRODUCT_HEAD + NEEDLE) {
        memcpy(seen_u, message + BLIND_PRODUCT_HEAD, NEEDLE);
        has_u = 1;
    }
    if (k->role == PAIR_B && !has_key && blind_message_read(message, n, 1, &m) == 0 && m.type == BLIND_ORDER) {
        memcpy(seen_key, m.order.keys + BLIND_KEY_WIRE - PAIR_KEY_BYTES, sizeof seen_key);
        has_key = 1;
    }
    return k->inner.ops->send(k->inner.state, message, n);
}

static int tap_receive(void *state, const uint8_t **message, size_t *n, uint32_t wait_ms) {
    struct tap_link *k = state;
    return k->inner.ops->receive(k->inner.state, message, n, wait_ms);
}
static void tap_close(void *state) {
    struct tap_link *k = state;
    k->inner.ops->close(k->inner.state);
    free(k);
}
static int tap_open(void *state, enum pair_role role, uint32_t place, struct blind_link *out) {
    static const struct blind_link_ops ops = {tap_send, tap_receive, tap_close};
    struct tap_link *k = calloc(1, sizeof *k);
    (void)state;
    if (!k) return ERR_NOMEM;
    k->role = role;
    int r = source.open(source.state, role, place, &k->inner);
    if (r != 0) {
        free(k);
        return r;
    }
    *out = k->inner;
    out->ops = &ops;
    out->state = k;
    return 0;
}

static uint64_t control, of_u, of_key;
static void search_client_at(uint32_t count) {
    if (count != 6 || !has_u || !has_key) return;
    control = memory_hits(&w.coordinator, prepared_digest(folder), 32);
    of_u = memory_hits(&w.coordinator, seen_u, sizeof seen_u);
    of_key = memory_hits(&w.coordinator, seen_key, sizeof seen_key);
}

static void the_coordinator_has_no_input_and_no_key(void) {
    struct gw_blind_workers *workers = NULL;
    struct pair_opts po = {.prepared = folder, .workers = {tap_open, NULL}};
    struct model_opts mo = {.threads = 1,
                            .arith = ARITH_ROW8,
                            .stacks = STACKS_ELSEWHERE,
                            .linear = prepared_stacks(folder),
                            .linear_count = prepared_manifest(folder)->stack_count};
    struct pieces got = {.at = search_client_at}, want = {.count = 0};
    struct model *client = NULL;
    struct pair *pair = NULL;
    int r = operators_list(&po.policy, PAIR_A, operator_a, NULL);
    if (r == 0) r = operators_list(&po.policy, PAIR_B, operator_b, NULL);
    if (r == 0) r = gw_blind_workers_new(&workers, net, prepared_digest(folder), &po.policy, 0);
    if (r == 0) source = gw_blind_workers_source(workers);
    if (r == 0) r = model_open(&client, prepared_client_path(folder), &mo, NULL);
    if (r == 0) r = pair_new(&pair, &po, NULL);
    struct gen_pool_opts o = {.threads = 1, .slots = 1, .prefill_chunk = 64, .linear = &pair_ops, .linear_state = pair};
    if (r == 0) r = generate(&got, client, &o, pair, blind_question(MODEL, "What is a bridge?", 0.5, 30));
    if (r == 0) r = generate_local(&want, "What is a bridge?", 0.5, 30);
    tap_ok(r == 0 && equal(&got, &want), "a client in this process gets the local engine's answer");
    if (searchable)
        tap_ok(control > 0 && of_u == 0 && of_key == 0,
               "the coordinator holds the manifest's digest, and neither its masked input "
               "nor its mask key");
    buf_release(&got.text), buf_release(&want.text);
    pair_free(pair);
    gw_blind_workers_free(workers);
    model_close(client);
}

/* ---- set-up ---- */

static int find_operators(struct why *why) {
    struct record *r = calloc(NODES, sizeof *r);
    size_t n = r ? blind_net_wait(net, prepared_digest(folder), r, NODES, WAIT_MS) : 0;
    for (size_t i = 0; i < n; i++) {
        char hex[65];
        hex_encode(hex, r[i].keys.identity, 32);
        if (strcmp(hex, w.identity[1]) == 0)
            operator_text(operator_b, r[i].keys.operator_id);
        else
            operator_text(operator_a, r[i].keys.operator_id);
    }
    free(r);
    return n == NODES && operator_a[0] && operator_b[0] ? 0 : why_set(why, ERR_TIME, "%zu workers of %d", n, NODES);
}

/* Who asks for what hardware vouches for does not get an experimental construction instead. */
static void attested_is_not_answered_blind(void) {
    static const char body[] = "{\"model\":\"" MODEL "\",\"max_tokens\":2,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
    const char *const extra[8] = {"--blind", prepared, "--pair-a", operator_a, "--pair-b", operator_b};
    struct why why = {{0}};
    memcpy(w.o.gateway_extra, extra, sizeof extra);
    int r = world_start_gateway(&w, &why);
    if (!tap_ok(r == 0, "a gateway that answers the prepared model blind, and whatever else: %s",
                r == 0 ? "up" : why_text(&why, r)))
        return;
    struct raw_reply a = raw_request(w.gateway_at, "POST", "/v1/chat/completions", "lull-min-tier: attested\r\n", body);
    tap_ok(a.status == 503 && a.body && strstr(a.body, "--policy"),
           "a request of tier attested is refused there, not answered blind");
    free(a.body);
}

/* Nodes 0 and 2 are of one operator, node 1 of the other. The gateway comes twice: the operators are only known in between. */
static int start(const char *program, const char *model, int how, struct why *why) {
    struct world_opts o = {.lull = program,
                           .model = model,
                           .nodes = NODES,
                           .operators = 2,
                           .how = how,
                           .nodes_how = how,
                           .node_extra = {"--blind", model}};
    struct prepare_model_opts po = {.name = MODEL};
    struct model_opts mo = {.threads = 1, .arith = ARITH_ROW8};
    int r = world_start(&w, &o, why);
    if (r != 0) return r;
    snprintf(prepared, sizeof prepared, "%s/prepared", w.dir);
    snprintf(ca, sizeof ca, "%s/coordinator/tls.crt", w.dir);
    struct blind_net_opts no = {.coordinator = w.coordinator_at, .ca = ca};
    r = prepare_model_dir(prepared, model, &po, why);
    if (r == 0) r = prepared_open(&folder, prepared, NULL, why);
    if (r == 0) r = model_open(&local, model, &mo, why);
    if (r == 0) r = blind_net_open(&net, &no, why);
    if (r == 0) r = find_operators(why);
    if (r != 0) return r;
    const char *const extra[8] = {"--tier=blind", "--blind-guess=2", "--blind",  prepared,
                                  "--pair-a",     operator_a,        "--pair-b", operator_b};
    memcpy(w.o.gateway_extra, extra, sizeof extra);
    proc_stop(&w.gateway, SIGTERM, 5000);
    return world_start_gateway(&w, why);
}

int main(void) {
    struct why why = {{0}};
    char path[WORLD_PATH];
    const char *lull = getenv("LULL_BIN"), *san = getenv("LULL_SAN");
    if (secret_setup() != 0 || world_shipped_model(path) != 0) return 99;
    signal(SIGPIPE, SIG_IGN);
    searchable = !san || !*san; /* a sanitizer's shadow memory is too large to be searched */
    int r = start(lull ? lull : "build/lull", path, searchable ? PROC_SEARCHABLE : PROC_PLAIN, &why);
    if (r == ERR_PERM) {
        tap_note("tracing is barred, so memory is not searched");
        searchable = 0;
        r = start(lull ? lull : "build/lull", path, PROC_PLAIN, &why);
    }
    if (tap_ok(r == 0, "coordinator, three workers, a gateway of tier blind: %s", r == 0 ? "up" : why_text(&why, r))) {
        nobody_reads_the_prompt();
        the_coordinator_has_no_input_and_no_key();
        a_conversation_goes_on();
        answers_and_failover();
        nothing_goes_sealed();
        nobody_is_left();
        tap_ok(WIFEXITED(proc_stop(&w.gateway, SIGTERM, 5000)), "the gateway stops in good order");
        attested_is_not_answered_blind();
    }
    blind_net_close(net);
    model_close(local);
    prepared_close(folder);
    tap_ok(reports_then_stop(&w) == 0, "no process has anything to report at its end");
    return tap_done();
}
