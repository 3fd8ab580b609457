/* tests/e2e/e2e_queue.c - more requests than one busy node can take: those that fit wait and are answered, the rest are told at
 * once in their own dialect, one that leaves while it waits makes room, and nobody else notices. */
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/secret.h"
#include "cli/world.h"
#include "net/httpc.h"
#include "tests/e2e/answers.h"
#include "tests/e2e/rawhttp.h"
#include "tests/e2e/reports.h"
#include "tests/e2e/tap.h"

#define MODEL "lull-toy:q8_0"
#define QUESTION          \
    "{\"model\":\"" MODEL \
    "\",\"stream\":%s,\"temperature\":0,\"max_tokens\":%d,\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}]}"
#define LONG_STORY "Tell me a long story about a fox and a lantern."
#define SUM        "What is 23 + 45?"
static struct world w;

static int collect(void *to, const uint8_t *p, size_t n) { return buf_add(to, p, n); }

/* One number of the coordinator's status page, or -1. */
static int64_t coordinator_says(const char *key) {
    char url[128];
    struct buf b;
    json_t *j = NULL;
    int64_t n = -1;
    snprintf(url, sizeof url, "http://%s/status.json", w.status_at);
    buf_init(&b, 1 << 20);
    struct httpc_call call = {.url = url, .method = "GET", .on_data = collect, .arg = &b, .silence_ms = 5000};
    struct httpc_reply reply = {0};
    if (httpc_run(&call, &reply, NULL) == 0 && reply.status == 200) (void)json_parse(&j, b.data, b.len, NULL);
    json_get_int(j, key, 0, 1 << 20, &n);
    json_decref(j);
    buf_release(&b);
    return n;
}

static int wait_for(const char *key, int64_t n) {
    for (uint64_t until = clock_mono_ms() + 5000; clock_mono_ms() < until; poll(NULL, 0, 10))
        if (coordinator_says(key) == n) return 1;
    return 0;
}

/* Sends a question, the long story with streaming and the sum without, and leaves the answer unread. */
static int send_question(const char *prompt, int max_tokens) {
    char body[512], head[256];
    int fd = raw_connect(w.gateway_at),
        n = snprintf(body, sizeof body, QUESTION, strcmp(prompt, SUM) ? "true" : "false", max_tokens, prompt);
    int h = snprintf(head, sizeof head,
                     "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %d\r\n\r\n",
                     n);
    if (fd >= 0 && raw_send(fd, head, (size_t)h) == 0 && raw_send(fd, body, (size_t)n) == 0) return fd;
    return -1;
}

/* Reads to the end, at most 60 s between bytes. Whether `has` and then `end` came. */
static int answered(int fd, const char *has, const char *end) {
    static char text[1 << 20];
    size_t len = 0;
    struct timeval patience = {.tv_sec = 60};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    for (ssize_t got; len < sizeof text - 1 && (got = read(fd, text + len, sizeof text - 1 - len)) > 0;) len += (size_t)got;
    text[len] = 0;
    close(fd);
    return strncmp(text, "HTTP/1.1 200", 12) == 0 && strstr(text, has) && strstr(strstr(text, has), end);
}

static void refused(const char *path, const char *body, const char *shape, const char *who) {
    char retry[32];
    uint64_t start = clock_mono_ms();
    struct raw_reply r = raw_request(w.gateway_at, "POST", path, "", body);
    raw_header(&r, "retry-after", retry, sizeof retry);
    tap_ok(r.status == 503 && r.body && strstr(r.body, shape) && retry[0],
           "%s full, %s: 503, its dialect, retry-after (status %d, %llu ms)", who, path, r.status,
           (unsigned long long)(clock_mono_ms() - start));
    free(r.body);
}

static void refused_in_both(const char *who) {
    refused("/v1/chat/completions", "{\"model\":\"" MODEL "\",\"messages\":[{\"role\":\"user\",\"content\":\"" SUM "\"}]}",
            "{\"error\":{", who);
    refused("/api/chat", "{\"model\":\"" MODEL "\",\"messages\":[{\"role\":\"user\",\"content\":\"" SUM "\"}]}", "{\"error\":\"",
            who);
}

/* The node's one slot is taken, two wait, which is all that may. */
static void the_coordinators_queue(void) {
    int running = send_question(LONG_STORY, 400);
    if (!tap_ok(running >= 0 && wait_for("running", 1), "one request runs")) return;
    int first = send_question(SUM, 40), second = send_question(SUM, 40);
    tap_ok(wait_for("waiting", 2), "two wait");
    refused_in_both("the coordinator's queue");
    close(second);
    tap_ok(wait_for("waiting", 1), "a client that leaves while it waits makes room");
    int third = send_question(SUM, 40);
    tap_ok(wait_for("waiting", 2), "which the next one takes");
    tap_ok(answered(running, "lantern", "data: [DONE]"), "the running answer came whole");
    tap_ok(answered(first, "68", "\"finish_reason\":\"stop\"") && answered(third, "68", "\"finish_reason\":\"stop\""),
           "and so did those that waited");
    tap_ok(wait_for("waiting", 0) && wait_for("running", 0), "nothing is left over");
}

static void the_gateways_limit(void) {
    struct why why = {{0}};
    proc_stop(&w.gateway, SIGTERM, 5000);
    w.o.gateway_extra[0] = "--max-queue", w.o.gateway_extra[1] = "2";
    int r = world_start_gateway(&w, &why);
    if (r == 0) r = world_wait_nodes(&w, 1, 10000, &why);
    if (!tap_ok(r == 0, "a gateway of two requests starts %s", why.text)) return;
    int running = send_question(LONG_STORY, 400), waits = send_question(SUM, 40);
    tap_ok(wait_for("running", 1) && wait_for("waiting", 1), "it has two");
    refused_in_both("the gateway");
    tap_ok(answered(running, "lantern", "data: [DONE]") && answered(waits, "68", "\"finish_reason\":\"stop\""),
           "both are answered");
}

int main(void) {
    struct why why = {{0}};
    char model[WORLD_PATH];
    const char *lull = getenv("LULL_BIN");
    if (secret_setup() != 0 || world_shipped_model(model) != 0) return 99;
    signal(SIGPIPE, SIG_IGN);
    struct world_opts o = {.lull = lull ? lull : "build/lull",
                           .model = model,
                           .nodes = 1,
                           .operators = 1,
                           .slots = "1",
                           .coordinator_extra = {"--queue", "2"}};
    if (!tap_ok(world_start(&w, &o, &why) == 0, "a node with one slot, a coordinator with a queue of two %s", why.text))
        return tap_done();
    the_coordinators_queue();
    the_gateways_limit();
    tap_ok(reports_then_stop(&w) == 0, "no process has anything to report at its end");
    return tap_done();
}
