/* tests/bench/bench_server.c - many answers at once through HTTP: a whole network of ours against another engine's server.
 *
 *     LULL_MODEL=FILE [PEER_SERVER="command that serves FILE on http://127.0.0.1:18080"] [LULL_STREAMS=8] [LULL_TOKENS=64]
 *     [LULL_REPEAT=3] bench_server
 *
 * Ours is a coordinator, one node with a slot for each stream and a compute thread for each core, and a gateway, so every token is
 * sealed, relayed and opened. Both get the same requests from the same client: that many streamed chat completions at once, greedy,
 * each with a prompt of its own. Rounds alternate; the first of each warms up and does not count. Tokens per second are all answers'
 * tokens over the time from the first request to the last answer's end. Without PEER_SERVER that column is left out. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secret.h"
#include "cli/ask.h"
#include "cli/served_models.h"
#include "cli/world.h"
#include "tests/bench/series.h"

enum { STREAMS_MAX = 64, PEER_WAIT_MS = 120000 };
static const char peer_at[] = "127.0.0.1:18080";

struct stream {
    const char *server, *model;
    int number, tokens;
    int64_t got;
    int err;
    struct why why;
};

static void *run_stream(void *arg) {
    struct stream *s = arg;
    char prompt[128];
    snprintf(prompt, sizeof prompt, "Story number %d: tell me about a lighthouse, a storm and %d ships.", s->number,
             s->number + 2);
    json_t *body = json_pack("{s:s, s:[{s:s, s:s}], s:b, s:i, s:i, s:{s:b}}", "model", s->model, "messages", "role", "user",
                             "content", prompt, "stream", 1, "temperature", 0, "max_tokens", s->tokens, "stream_options",
                             "include_usage", 1);
    struct ask a = {.gateway = s->server, .body = body};
    s->err = body ? ask_run(&a, &s->why) : ERR_NOMEM;
    s->got = a.completion_tokens;
    json_decref(body);
    return NULL;
}

/* All streams at once: tokens per second over all, or 0 with the reason on standard error. */
static double round_of(const char *server, const char *model, int streams, int tokens) {
    static struct stream s[STREAMS_MAX];
    pthread_t thread[STREAMS_MAX];
    int64_t all = 0;
    int started = 0, failed = 0;
    uint64_t start = clock_mono_ns();
    for (; started < streams; started++) {
        s[started] = (struct stream){.server = server, .model = model, .number = started, .tokens = tokens};
        if (pthread_create(&thread[started], NULL, run_stream, &s[started]) != 0) break;
    }
    for (int i = 0; i < started; i++) {
        pthread_join(thread[i], NULL);
        if (s[i].err != 0 && !failed++) fprintf(stderr, "bench_server: %s: %s\n", server, why_text(&s[i].why, s[i].err));
        all += s[i].got;
    }
    return failed || started < streams || all <= 0 ? 0 : (double)all * 1e9 / (double)(clock_mono_ns() - start);
}

/* The peer's process group, serving; 0: none. */
static pid_t peer_start(const char *command) {
    if (!command) return 0;
    pid_t pid = fork();
    if (pid != 0) {
        if (pid > 0) setpgid(pid, pid);
        return pid;
    }
    setpgid(0, 0);
    if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr)) _exit(127);
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
}
/* Until it answers a request. */
static int peer_ready(void) {
    for (uint64_t end = clock_mono_ns() + (uint64_t)PEER_WAIT_MS * 1000000u; clock_mono_ns() < end; sleep(1)) {
        struct stream s = {.server = peer_at, .model = "peer", .tokens = 1};
        (void)run_stream(&s);
        if (s.err == 0) return 1;
    }
    fprintf(stderr, "bench_server: the peer does not answer on http://%s\n", peer_at);
    return 0;
}
static void peer_stop(pid_t pid) {
    if (pid <= 0) return;
    kill(-pid, SIGTERM);
    waitpid(pid, NULL, 0);
}

static void print_series(const char *name, struct series *s) {
    printf("  %-10s %8.1f tokens/s (%.0f %%)\n", name, series_median(s), series_spread(s));
}

static void compare(const char *gateway, const char *model, int with_peer, int streams, int tokens, int rounds) {
    struct series ours = {.n = 0}, peer = {.n = 0}, ratio = {.n = 0};
    for (int i = 0; i <= rounds; i++) {
        double a = round_of(gateway, model, streams, tokens), b = with_peer ? round_of(peer_at, "peer", streams, tokens) : 0;
        if (i == 0) continue;
        if (a > 0) series_add(&ours, a);
        if (b > 0) series_add(&peer, b);
        if (a > 0 && b > 0) series_add(&ratio, a / b);
    }
    printf("%d streams of %d tokens, medians of %d interleaved rounds, (largest - smallest) / median in brackets:\n", streams,
           tokens, rounds);
    print_series("lull", &ours);
    if (peer.n) print_series("peer", &peer);
    if (ratio.n) printf("  ratio      %8.2f (%.0f %%)\n", series_median(&ratio), series_spread(&ratio));
}

static int number(const char *name, int usual, int most) {
    const char *v = getenv(name);
    int n = v ? atoi(v) : usual;
    return n < 1 ? 1 : n > most ? most : n;
}

int main(void) {
    struct why why = {{0}};
    struct world w = {0};
    char model[WORLD_PATH] = "", slots[16], threads[16];
    const char *lull = getenv("LULL_BIN"), *given = getenv("LULL_MODEL");
    int streams = number("LULL_STREAMS", 8, STREAMS_MAX), tokens = number("LULL_TOKENS", 64, 100000);
    json_t *names = NULL;
    if (secret_setup() != 0) return 1;
    signal(SIGPIPE, SIG_IGN);
    if (given) snprintf(model, sizeof model, "%.*s", WORLD_PATH - 1, given);
    int r = given ? 0 : world_shipped_model(model);
    snprintf(slots, sizeof slots, "%d", streams);
    snprintf(threads, sizeof threads, "%ld", sysconf(_SC_NPROCESSORS_ONLN));
    struct world_opts o = {
        .lull = lull ? lull : "build/lull", .model = model, .nodes = 1, .operators = 1, .slots = slots, .threads = threads};
    if (r == 0) r = world_start(&w, &o, &why);
    if (r == 0) r = served_models(&names, w.gateway_at, NULL, NULL, &why);
    if (r == 0) {
        pid_t peer = peer_start(getenv("PEER_SERVER"));
        int with_peer = peer > 0 && peer_ready();
        compare(w.gateway_at, json_string_value(json_array_get(names, 0)), with_peer, streams, tokens,
                number("LULL_REPEAT", 3, 60));
        peer_stop(peer);
    } else {
        fprintf(stderr, "bench_server: %s\n", why_text(&why, r));
    }
    json_decref(names);
    world_stop(&w);
    return r == 0 ? 0 : 1;
}
