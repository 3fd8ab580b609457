/* tests/e2e/e2e_api.c - the gateway's APIs with the whole network behind them: shapes, dialects, refusals, clients that leave. */
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/secret.h"
#include "cli/world.h"
#include "tests/e2e/answers.h"
#include "tests/e2e/rawhttp.h"
#include "tests/e2e/reports.h"
#include "tests/e2e/tap.h"

#define MODEL "lull-toy:q8_0"
#define HELLO "\"messages\":[{\"role\":\"user\",\"content\":\"What is 23 + 45?\"}]"
static struct world w;

static json_t *json_of(const struct raw_reply *r) {
    json_t *j = NULL;
    if (r->body) json_parse(&j, r->body, r->body_len, NULL);
    return j;
}

static const char *text_at(const json_t *j, const char *a, const char *b) {
    const json_t *v = json_object_get(j, a);
    if (b) v = json_object_get(v, b);
    return json_string_value(v) ? json_string_value(v) : "";
}

/* ---- answers ---- */

static void openai_whole(void) {
    struct raw_reply r = raw_request(w.gateway_at, "POST", "/v1/chat/completions", "",
                                     "{\"model\":\"" MODEL "\"," HELLO ",\"temperature\":0,\"max_tokens\":40}");
    json_t *j = json_of(&r), *choice = json_array_get(json_object_get(j, "choices"), 0), *usage = json_object_get(j, "usage");
    char tier[64], receipt[96];
    raw_header(&r, "lull-tier", tier, sizeof tier);
    raw_header(&r, "lull-receipt", receipt, sizeof receipt);
    tap_ok(r.status == 200 && strcmp(text_at(j, "object", NULL), "chat.completion") == 0,
           "a whole answer is a chat.completion (status %d)", r.status);
    tap_ok(strstr(text_at(json_object_get(choice, "message"), "content", NULL), "68") != NULL, "23 + 45 is answered with 68");
    tap_ok(strcmp(text_at(choice, "finish_reason", NULL), "stop") == 0, "it finishes with stop");
    tap_ok(json_integer_value(json_object_get(usage, "prompt_tokens")) > 5 &&
               json_integer_value(json_object_get(usage, "total_tokens")) ==
                   json_integer_value(json_object_get(usage, "prompt_tokens")) +
                       json_integer_value(json_object_get(usage, "completion_tokens")),
           "usage adds up");
    tap_ok(strcmp(tier, "sealed") == 0 && receipt[0], "tier and receipt are in the headers");
    json_decref(j);
    free(r.body);
}

static void openai_stream(void) {
    struct raw_reply r = raw_request(w.gateway_at, "POST", "/v1/chat/completions", "",
                                     "{\"model\":\"" MODEL "\"," HELLO
                                     ",\"temperature\":0,\"stream\":true,\"stream_options\":{\"include_usage\":true}}");
    int chunks = 0, first_role = 0, finish = 0, usage_last = 0, done = 0;
    char id[128] = "";
    int same_id = 1;
    for (char *line = r.body ? strtok(r.body, "\n") : NULL; line; line = strtok(NULL, "\n")) {
        if (strncmp(line, "data: [DONE]", 12) == 0) done = usage_last;
        json_t *j = NULL;
        if (strncmp(line, "data: {", 7) != 0 || json_parse(&j, line + 6, strcspn(line + 6, "\r"), NULL) != 0) continue;
        const json_t *choice = json_array_get(json_object_get(j, "choices"), 0);
        if (chunks++ == 0) {
            first_role = strcmp(text_at(json_object_get(choice, "delta"), "role", NULL), "assistant") == 0;
            snprintf(id, sizeof id, "%s", text_at(j, "id", NULL));
        }
        same_id &= strcmp(id, text_at(j, "id", NULL)) == 0;
        finish |= strcmp(text_at(choice, "finish_reason", NULL), "stop") == 0;
        usage_last = json_array_size(json_object_get(j, "choices")) == 0 && json_is_object(json_object_get(j, "usage"));
        json_decref(j);
    }
    tap_ok(r.status == 200 && strstr(r.head, "text/event-stream"), "a stream is text/event-stream");
    tap_ok(chunks > 3 && first_role && finish && same_id, "role chunk first, finish chunk, one id (%d chunks)", chunks);
    tap_ok(done && r.whole, "usage chunk with empty choices, then [DONE]");
    free(r.body);
}

/* Two nodes, three times the same long question: one of them has seen it before, and says so. */
static void cached_prompt(void) {
    static const char body[] =
        "{\"model\":\"" MODEL "\",\"messages\":[{\"role\":\"user\",\"content\":\"Tell me a story about a fox, a boat, a lantern, "
        "a hill, a river, a bird, a tree, a house, a cloud and a friend who lives far away and likes to sing and to dance and "
        "to play with the fox in the snow and in the sun and in the rain, and who then goes to bed.\"}],"
        "\"temperature\":0.7,\"seed\":3,\"max_tokens\":20}";
    char first[512] = "";
    long long cached[3] = {-1, -1, -1}, prompt = 0;
    int same = 1;
    for (int i = 0; i < 3; i++) {
        struct raw_reply r = raw_request(w.gateway_at, "POST", "/v1/chat/completions", "", body);
        json_t *j = json_of(&r), *usage = json_object_get(j, "usage");
        const char *text = text_at(json_object_get(json_array_get(json_object_get(j, "choices"), 0), "message"), "content", NULL);
        cached[i] = json_integer_value(json_object_get(json_object_get(usage, "prompt_tokens_details"), "cached_tokens"));
        prompt = json_integer_value(json_object_get(usage, "prompt_tokens"));
        if (i == 0) snprintf(first, sizeof first, "%s", text);
        same &= r.status == 200 && text[0] && strncmp(first, text, sizeof first - 1) == 0;
        json_decref(j);
        free(r.body);
    }
    tap_ok(cached[0] == 0 && (cached[1] >= 64 || cached[2] >= 64) && cached[1] < prompt && cached[2] < prompt,
           "a prompt that a node has seen counts as cached: %lld, %lld, %lld of %lld tokens", cached[0], cached[1], cached[2],
           prompt);
    tap_ok(same, "and its answer is the same");
}

static void ollama_chat(void) {
    struct raw_reply r = raw_request(w.gateway_at, "POST", "/api/chat", "",
                                     "{\"model\":\"" MODEL "\"," HELLO ",\"options\":{\"temperature\":0}}");
    int lines = 0, done = 0, eval = 0;
    for (char *line = r.body ? strtok(r.body, "\n") : NULL; line; line = strtok(NULL, "\n")) {
        json_t *j = NULL;
        if (json_parse(&j, line, strlen(line), NULL) != 0) break;
        lines++;
        done = json_is_true(json_object_get(j, "done"));
        eval = done && json_integer_value(json_object_get(j, "eval_count")) > 0 &&
               strcmp(text_at(j, "done_reason", NULL), "stop") == 0;
        json_decref(j);
    }
    tap_ok(r.status == 200 && strstr(r.head, "application/x-ndjson") && lines > 3,
           "/api/chat streams NDJSON by default (%d lines)", lines);
    tap_ok(done && eval, "its last line is done with counts");
    free(r.body);
    r = raw_request(w.gateway_at, "POST", "/api/generate", "",
                    "{\"model\":\"" MODEL "\",\"prompt\":\"What is 23 + 45?\",\"stream\":false,\"options\":{\"temperature\":0}}");
    json_t *j = json_of(&r);
    tap_ok(r.status == 200 && strstr(text_at(j, "response", NULL), "68"), "/api/generate answers whole with stream false");
    json_decref(j);
    free(r.body);
    r = raw_request(w.gateway_at, "POST", "/api/generate", "",
                    "{\"model\":\"lull-toy\",\"prompt\":\"What is 23 + 45?\",\"stream\":false,\"options\":{\"temperature\":0}}");
    tap_ok(r.status == 200 && r.body && strstr(r.body, "68"), "a name without its tag is enough while only one model has it");
    free(r.body);
    r = raw_request(w.gateway_at, "POST", "/api/chat", "", "{\"model\":\"" MODEL "\",\"messages\":[]}");
    tap_ok(r.status == 200 && r.body && strstr(r.body, "\"load\""), "no messages warms the model up");
    free(r.body);
}

/* ---- answers in a form ---- */

#define SCHEMA                                                                                                              \
    "{\"type\":\"object\",\"properties\":{\"sum\":{\"type\":\"integer\",\"minimum\":10,\"maximum\":99},\"sure\":{\"type\":" \
    "\"boolean\"}},"                                                                                                        \
    "\"required\":[\"sum\",\"sure\"],\"additionalProperties\":false}"

/* {"sum": 10..99, "sure": true or false} and nothing else. */
static int in_schema(const char *text) {
    json_t *j = NULL;
    int ok = json_parse(&j, text, strlen(text), NULL) == 0 && json_object_size(j) == 2;
    json_int_t sum = json_integer_value(json_object_get(j, "sum"));
    ok = ok && sum >= 10 && sum <= 99 && json_is_boolean(json_object_get(j, "sure"));
    json_decref(j);
    return ok;
}

static void forms(void) {
    int good = 0, object = 0;
    for (int seed = 1; seed <= 4; seed++) {
        char body[1024];
        snprintf(body, sizeof body,
                 "{\"model\":\"" MODEL "\"," HELLO ",\"temperature\":1,\"seed\":%d,\"response_format\":{\"type\":\"json_schema\","
                 "\"json_schema\":{\"name\":\"s\",\"strict\":true,\"schema\":" SCHEMA "}}}",
                 seed);
        struct raw_reply r = raw_request(w.gateway_at, "POST", "/v1/chat/completions", "", body);
        json_t *j = json_of(&r);
        good += r.status == 200 &&
                in_schema(text_at(json_object_get(json_array_get(json_object_get(j, "choices"), 0), "message"), "content", NULL));
        json_decref(j);
        free(r.body);
    }
    tap_ok(good == 4, "json_schema: the answer is JSON in that schema (%d of 4)", good);
    struct raw_reply r = raw_request(w.gateway_at, "POST", "/api/chat", "",
                                     "{\"model\":\"" MODEL "\"," HELLO ",\"stream\":false,\"format\":" SCHEMA "}");
    json_t *j = json_of(&r);
    tap_ok(r.status == 200 && in_schema(text_at(json_object_get(j, "message"), "content", NULL)),
           "/api/chat: format is a schema (status %d)", r.status);
    json_decref(j);
    free(r.body);
    r = raw_request(w.gateway_at, "POST", "/v1/chat/completions", "",
                    "{\"model\":\"" MODEL "\"," HELLO
                    ",\"temperature\":0,\"max_tokens\":60,\"response_format\":{\"type\":\"json_object\"}}");
    j = json_of(&r);
    object = text_at(json_object_get(json_array_get(json_object_get(j, "choices"), 0), "message"), "content", NULL)[0] == '{';
    tap_ok(r.status == 200 && object, "json_object: the answer begins an object (status %d)", r.status);
    json_decref(j);
    free(r.body);
    r = raw_request(w.gateway_at, "POST", "/v1/chat/completions", "",
                    "{\"model\":\"" MODEL "\"," HELLO ",\"grammar\":\"root ::= \\\"6\\\" [0-9]{2}\"}");
    j = json_of(&r);
    const char *text = text_at(json_object_get(json_array_get(json_object_get(j, "choices"), 0), "message"), "content", NULL);
    tap_ok(r.status == 200 && strlen(text) == 3 && text[0] == '6', "grammar: the answer is what it matches (status %d)",
           r.status);
    json_decref(j);
    free(r.body);
}

static void lists(void) {
    static const struct {
        const char *path, *has;
    } rows[] = {{"/v1/models", "\"object\":\"list\""},
                {"/v1/models/" MODEL, MODEL},
                {"/v1/models/lull-toy", MODEL},
                {"/health", "ok"},
                {"/api/tags", "\"digest\""},
                {"/api/version", "\"version\""},
                {"/", "lull"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct raw_reply r = raw_request(w.gateway_at, "GET", rows[i].path, "", NULL);
        tap_ok(r.status == 200 && r.body && strstr(r.body, rows[i].has), "GET %s (status %d)", rows[i].path, r.status);
        free(r.body);
    }
    struct raw_reply r = raw_request(w.gateway_at, "HEAD", "/", "", NULL);
    tap_ok(r.status == 200 && r.body_len == 0, "HEAD / has no body");
    free(r.body);
}

/* ---- refusals ---- */

struct refusal {
    const char *name, *method, *path, *extra, *body;
    int status;
    const char *has; /* in the body */
};
static const struct refusal refusals[] = {
    {"unknown model", "POST", "/v1/chat/completions", "", "{\"model\":\"nobody:has\"," HELLO "}", 404, "model_not_found"},
    {"unknown model, told which there are", "POST", "/v1/chat/completions", "", "{\"model\":\"nobody\"," HELLO "}", 404,
     "model 'nobody' not found; this network serves: " MODEL},
    {"no name at all", "POST", "/v1/chat/completions", "", "{\"model\":\"No Body\"," HELLO "}", 404, "serves: " MODEL},
    {"another tag", "POST", "/v1/chat/completions", "", "{\"model\":\"lull-toy:f16\"," HELLO "}", 404, "serves: " MODEL},
    {"unknown model, Ollama", "POST", "/api/chat", "", "{\"model\":\"nobody:has\"," HELLO "}", 404,
     "{\"error\":\"model 'nobody:has' not found; this network serves: " MODEL},
    {"unknown model, Ollama warms up", "POST", "/api/chat", "", "{\"model\":\"nobody\",\"messages\":[]}", 404, "serves: " MODEL},
    {"one unknown model", "GET", "/v1/models/nobody", "", NULL, 404, "serves: " MODEL},
    {"not JSON", "POST", "/v1/chat/completions", "", "{\"model\":", 400, "invalid_request_error"},
    {"not JSON, Ollama", "POST", "/api/generate", "", "[", 400, "{\"error\":\""},
    {"no model", "POST", "/v1/chat/completions", "", "{" HELLO "}", 400, "\"param\":\"model\""},
    {"n of 2", "POST", "/v1/chat/completions", "", "{\"model\":\"" MODEL "\"," HELLO ",\"n\":2}", 400, "\"param\":\"n\""},
    {"temperature of wrong type", "POST", "/v1/chat/completions", "",
     "{\"model\":\"" MODEL "\"," HELLO ",\"temperature\":\"hot\"}", 400, "temperature"},
    {"tools", "POST", "/v1/chat/completions", "",
     "{\"model\":\"" MODEL "\"," HELLO ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]}", 400, "tools"},
    {"a schema's unknown word", "POST", "/v1/chat/completions", "",
     "{\"model\":\"" MODEL "\"," HELLO
     ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"schema\":{\"not\":{}}}}}",
     400, "#/not"},
    {"an image", "POST", "/v1/chat/completions", "",
     "{\"model\":\"" MODEL
     "\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:,\"}}]}]}",
     400, "invalid_request_error"},
    {"a tier nobody here meets", "POST", "/v1/chat/completions", "lull-min-tier: attested\r\n",
     "{\"model\":\"" MODEL "\"," HELLO "}", 503, "tier"},
    {"unknown path", "GET", "/v1/nothing", "", NULL, 404, "\"type\""},
    {"unknown path, Ollama", "GET", "/api/nothing", "", NULL, 404, "{\"error\":\""},
    {"endpoint of a later day", "POST", "/v1/embeddings", "", "{}", 404, "\"error\":{"},
    {"wrong method", "DELETE", "/v1/models", "", NULL, 405, "\"error\":{"},
    {"foreign page", "GET", "/v1/models", "Origin: https://evil.example\r\n", NULL, 403, "\"error\""},
    {"compressed body", "POST", "/v1/chat/completions", "Content-Encoding: gzip\r\n", "{}", 415, "\"error\":{"},
};

static void refuse_all(void) {
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        const struct refusal *f = &refusals[i];
        struct raw_reply r = raw_request(w.gateway_at, f->method, f->path, f->extra, f->body);
        int is_json = strstr(r.head, "application/json") != NULL;
        tap_ok(r.status == f->status && is_json && r.body && strstr(r.body, f->has), "%s: %d, JSON (status %d%s%.120s)", f->name,
               f->status, r.status, r.status == f->status && r.body && strstr(r.body, f->has) ? "" : ": ",
               r.status == f->status && r.body && strstr(r.body, f->has) ? ""
               : r.body                                                  ? r.body
                                                                         : "");
        free(r.body);
    }
    const char host[] = "GET /v1/models HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
               none[] = "GET / HTTP/1.1\r\nConnection: close\r\n\r\n";
    struct raw_reply r = raw_exchange(w.gateway_at, host, sizeof host - 1, 5000);
    tap_ok(r.status == 403, "a foreign Host is refused (status %d)", r.status);
    free(r.body);
    r = raw_exchange(w.gateway_at, none, sizeof none - 1, 5000);
    tap_ok(r.status == 403 || r.status == 400, "no Host is refused (status %d)", r.status);
    free(r.body);
}

static char *big_body(size_t words) {
    const char *head = "{\"model\":\"" MODEL "\",\"messages\":[{\"role\":\"user\",\"content\":\"", *tail = "\"}]}";
    char *b = malloc(strlen(head) + 6 * words + strlen(tail) + 1), *at = b;
    if (!b) return NULL;
    at = stpcpy(at, head);
    for (size_t i = 0; i < words; i++) at = stpcpy(at, "story ");
    stpcpy(at, tail);
    return b;
}

static void too_much(void) {
    char *over_context = big_body(3000), *over_body = big_body(1600000);
    struct raw_reply r = raw_request(w.gateway_at, "POST", "/v1/chat/completions", "", over_context);
    tap_ok(r.status == 400 && r.body && strstr(r.body, "context_length_exceeded") &&
               strstr(r.body, "the context of " MODEL ", 1024 tokens"),
           "a prompt over the context is 400 context_length_exceeded, with the context (status %d)", r.status);
    free(r.body);
    r = raw_request(w.gateway_at, "POST", "/v1/chat/completions", "", over_body);
    tap_ok(r.status == 413 && r.body && strstr(r.body, "\"error\":{"), "a body over 8 MiB is 413 in its dialect (status %d)",
           r.status);
    free(r.body);
    r = raw_request(w.gateway_at, "POST", "/api/chat", "", over_body);
    tap_ok(r.status == 413 && r.body && strncmp(r.body, "{\"error\":\"", 10) == 0, "and in Ollama's (status %d)", r.status);
    free(r.body);
    const char promise[] = "POST /api/generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n{}";
    r = raw_exchange(w.gateway_at, promise, sizeof promise - 1, 5000);
    tap_ok(r.status == 413 && strstr(r.head, "application/json") && r.body && strncmp(r.body, "{\"error\":\"", 10) == 0,
           "a body that is only announced to be too long is refused in JSON as well (status %d)", r.status);
    free(r.body);
    free(over_context);
    free(over_body);
}

/* ---- clients that leave ---- */

static int64_t running(void) {
    struct buf b;
    json_t *j = NULL;
    int64_t n = -1;
    if (world_get(&w, "/lull/status", &b) != 0) return -1;
    if (json_parse(&j, b.data, b.len, NULL) == 0) n = (int64_t)json_array_size(json_object_get(j, "requests"));
    json_decref(j);
    buf_release(&b);
    return n;
}

static int settles(void) {
    for (uint64_t until = clock_mono_ms() + 3000; clock_mono_ms() < until; poll(NULL, 0, 10))
        if (running() == 0) return 1;
    return 0;
}

static void clients_leave(void) {
    const char *body =
        "{\"model\":\"" MODEL
        "\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"Tell me a long story about a fox and a lantern.\"}]}";
    char head[512], some[256];
    int n = snprintf(head, sizeof head, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n",
                     strlen(body));
    for (int i = 0; i < 20; i++) { /* some before the first byte, some in the middle, some before the body is whole */
        int fd = raw_connect(w.gateway_at);
        raw_send(fd, head, (size_t)n);
        raw_send(fd, body, i % 5 == 4 ? strlen(body) / 2 : strlen(body));
        if (i % 2 && i % 5 != 4) (void)!read(fd, some, sizeof some);
        close(fd);
    }
    tap_ok(settles(), "after 20 clients that left, nothing runs");
    struct why why = {{0}};
    struct answer a;
    struct question q = {.model = MODEL, .prompt = "What is 12 + 30?", .seed = 1, .max_tokens = 40};
    int r = answer_get(&a, &w, &q, &why);
    tap_ok(r == 0 && a.text.len && memmem(a.text.data, a.text.len, "42", 2), "and the next question is answered %s",
           r ? why.text : "");
    answer_release(&a);
}

static void no_nodes(void) {
    struct why why = {{0}};
    for (int i = 0; i < w.o.nodes; i++) proc_stop(&w.nodes[i], SIGTERM, 5000);
    int r = world_wait_nodes(&w, 0, 12000, &why);
    tap_ok(r == 0, "stopped nodes leave the directory %s", why.text);
    struct raw_reply reply = raw_request(w.gateway_at, "POST", "/v1/chat/completions", "X-Stainless-Timeout: 3\r\n",
                                         "{\"model\":\"" MODEL "\"," HELLO "}");
    char retry[64];
    raw_header(&reply, "retry-after", retry, sizeof retry);
    tap_ok((reply.status == 503 || reply.status == 404) && reply.body && strstr(reply.body, "\"error\":{"),
           "with no node left: an error object (status %d)", reply.status);
    tap_ok(reply.status != 503 || retry[0], "503 says when to try again");
    free(reply.body);
}

int main(void) {
    struct why why = {{0}};
    char model[WORLD_PATH];
    const char *lull = getenv("LULL_BIN");
    if (secret_setup() != 0 || world_shipped_model(model) != 0) return 99;
    signal(SIGPIPE, SIG_IGN);
    struct world_opts o = {.lull = lull ? lull : "build/lull", .model = model, .nodes = 2, .operators = 2};
    if (!tap_ok(world_start(&w, &o, &why) == 0, "coordinator, two nodes and a gateway start %s", why.text)) return tap_done();
    openai_whole();
    openai_stream();
    cached_prompt();
    ollama_chat();
    forms();
    lists();
    refuse_all();
    too_much();
    clients_leave();
    no_nodes();
    tap_ok(reports_then_stop(&w) == 0, "no process has anything to report at its end");
    return tap_done();
}
