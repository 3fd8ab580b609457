/* tests/e2e/e2e_chat.c - `lull chat` as a person uses it: which model it takes, what the terminal shows, how it ends. */
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/secret.h"
#include "cli/world.h"
#include "tests/e2e/tap.h"

#define STORY "Tell me a long story about a fox and a lantern."
enum { WAIT_MS = 60000 };
static struct world w;

/* One `lull chat`: on a terminal of its own, or on pipes (stderr into the same one). */
struct talk {
    pid_t pid;
    int fd;
    char said[65536];
    size_t n;
};

static void become_chat(const char *const *args) {
    const char *argv[12] = {w.o.lull, "chat"};
    int n = 2;
    setenv("HOME", w.dir, 1);
    while (*args) argv[n++] = *args++;
    execv(w.o.lull, (char *const *)(uintptr_t)argv);
    _exit(127);
}

static void start(struct talk *t, int terminal, const char *input, const char *const *args) {
    int out[2] = {-1, -1}, in[2] = {-1, -1};
    *t = (struct talk){.fd = -1};
    if (!terminal && (pipe(out) != 0 || pipe(in) != 0)) return;
    t->pid = terminal ? forkpty(&t->fd, NULL, NULL, NULL) : fork();
    if (t->pid == 0 && !terminal) {
        dup2(in[0], 0), dup2(out[1], 1), dup2(out[1], 2);
        close(in[1]), close(out[0]);
    }
    if (t->pid == 0) become_chat(args);
    if (terminal) return;
    close(in[0]), close(out[1]);
    if (input && write(in[1], input, strlen(input)) < 0) tap_note("the chat does not read");
    close(in[1]);
    t->fd = out[0];
}

/* Reads until text stands behind the first `from` bytes, or the end. Where it ends; 0: it did not come. */
static size_t hear(struct talk *t, size_t from, const char *text) {
    for (uint64_t until = clock_mono_ms() + WAIT_MS; clock_mono_ms() < until;) {
        const char *at = text && t->n >= from ? strstr(t->said + from, text) : NULL;
        if (at) return (size_t)(at - t->said) + strlen(text);
        struct pollfd f = {.fd = t->fd, .events = POLLIN};
        if (poll(&f, 1, 100) <= 0) continue;
        ssize_t n = read(t->fd, t->said + t->n, sizeof t->said - 1 - t->n);
        if (n <= 0) return 0;
        t->n += (size_t)n;
        t->said[t->n] = 0;
    }
    return 0;
}

static void type(const struct talk *t, const char *text) {
    if (write(t->fd, text, strlen(text)) < 0) tap_note("the terminal does not take keys");
}

/* The exit status; 128 when a signal ended it. */
static int end(struct talk *t) {
    int status = 0;
    hear(t, 0, NULL);
    waitpid(t->pid, &status, 0);
    close(t->fd);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static void ends(const char *name, const char *input, int status, const char *has, const char *const *args) {
    static struct talk t;
    start(&t, 0, input, args);
    int got = end(&t), good = got == status && strstr(t.said, has);
    tap_ok(good, "%s: exit %d%s%.300s", name, got, good ? "" : ", said ", good ? "" : t.said);
}
#define ARGS(...) \
    (const char *const[]) { __VA_ARGS__, NULL }

static void choice(void) {
    const char *sum = "What is 23 + 45?";
    ends("the only model is taken", NULL, 0, "68", ARGS("--gateway", w.gateway_at, "--temp", "0", sum));
    ends("a name before the colon is enough", NULL, 0, "68",
         ARGS("--gateway", w.gateway_at, "--model", "lull-toy", "--temp", "0", sum));
    ends("a wrong model is told with the right ones", "What?\n", 2, "serves: lull-toy:q8_0",
         ARGS("--gateway", w.gateway_at, "--model", "nobody"));
    ends("questions line by line", "What is 23 + 45?\n\nWhat is 1 + 1?\n", 0, "68",
         ARGS("--gateway", w.gateway_at, "--temp", "0"));
    ends("another server", NULL, 1, "is not a lull gateway", ARGS("--gateway", w.status_at, sum));
    ends("nobody there", NULL, 1, "is `lull gateway` running there?", ARGS("--gateway", "127.0.0.1:1", sum));
}

static int echoes(const struct talk *t) {
    struct termios now;
    return tcgetattr(t->fd, &now) == 0 && (now.c_lflag & ECHO);
}

static void terminal(void) {
    static struct talk t;
    start(&t, 1, NULL, ARGS("--gateway", w.gateway_at, "--temp", "0"));
    size_t at = hear(&t, 0, "> ");
    tap_ok(at > 0, "a terminal gets a prompt");
    type(&t, STORY "\n");
    at = hear(&t, at, "\r\n");          /* the echo of the question */
    size_t begun = hear(&t, at, "nce"); /* "Once", in some letters */
    if (begun) type(&t, "/help\n");
    size_t prompt = hear(&t, at, "\r\n> "), help = hear(&t, at, "/help\r\n");
    tap_ok(begun && prompt && help > prompt, "what is typed during an answer waits for the prompt");
    tap_ok(hear(&t, help, "this") > 0, "/help explains");
    at = hear(&t, help, "> ");
    type(&t, STORY "\n");
    at = hear(&t, hear(&t, at, "\r\n"), "nce");
    int echo_during = echoes(&t);
    type(&t, "\003");
    at = hear(&t, at, "(cancelled)");
    at = hear(&t, at, "> ");
    tap_ok(at && echoes(&t) && !echo_during, "Ctrl-C ends the answer and not the program; echo is off meanwhile, then on");
    type(&t, "/bye\n");
    tap_ok(end(&t) == 0, "/bye leaves");
    start(&t, 1, NULL, ARGS("--gateway", w.gateway_at, STORY));
    hear(&t, 0, " ");
    kill(t.pid, SIGTERM);
    at = hear(&t, 0, NULL);
    tap_ok(echoes(&t), "a signal leaves the terminal with its echo");
    end(&t);
}

static void cancelled(void) {
    static struct talk t;
    start(&t, 0, NULL, ARGS("--gateway", w.gateway_at, STORY));
    hear(&t, 0, " ");
    proc_signal(&w.nodes[0], SIGSTOP); /* else the story may be over first */
    kill(t.pid, SIGINT);
    int status = end(&t);
    proc_signal(&w.nodes[0], SIGCONT);
    tap_ok(status == 130 && strstr(t.said, "(cancelled)"), "Ctrl-C on a single question: exit %d", status);
}

static void lost_node(void) {
    static struct talk t;
    struct why why = {{0}};
    start(&t, 0, NULL, ARGS("--gateway", w.gateway_at, "--temp", "0", STORY));
    hear(&t, 0, " ");
    proc_signal(&w.nodes[0], SIGSTOP);
    size_t told = hear(&t, 0, "(waiting for another node, up to 60 s; Ctrl-C gives up)\n");
    tap_ok(told > 0, "a silent node is told after some seconds");
    proc_stop(&w.nodes[0], SIGKILL, 5000);
    int r = world_start_node(&w, 0, &why), status = end(&t);
    tap_ok(r == 0 && status == 0 && t.n > told + 20, "another node goes on with the answer: exit %d %s", status,
           r ? why_text(&why, r) : "");
}

int main(void) {
    static char model[WORLD_PATH];
    struct why why = {{0}};
    const char *bin = getenv("LULL_BIN");
    if (secret_setup() != 0 || world_shipped_model(model) != 0) return 99;
    struct world_opts o = {.lull = bin ? bin : "build/lull", .model = model, .nodes = 1, .operators = 1};
    if (!tap_ok(world_start(&w, &o, &why) == 0, "the network starts %s", why.text)) return tap_done();
    choice();
    terminal();
    cancelled();
    lost_node();
    world_stop(&w);
    return tap_done();
}
