/* cli/cmd_chat.c - `lull chat`: a conversation in the terminal, through a gateway. Ctrl-C ends the answer, not the program. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/opt.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/terminal.h"

static volatile sig_atomic_t interrupted;
static void on_interrupt(int sig) {
    (void)sig;
    interrupted = 1;
}

struct chat {
    const char *gateway, *model, *system, *key_file;
    double temperature;
    uint64_t seed;
    uint32_t max_tokens;
    int json;
    json_t *messages;
    struct buf answer, key;
};

static void on_text(void *arg, const char *text, size_t n) {
    struct chat *c = arg;
    (void)buf_add(&c->answer, text, n); /* an answer over 16 MiB is still printed */
    if (c->json) return;
    if (terminal_write(text, n) != 0) interrupted = 1; /* nobody reads any more */
}

static int should_stop(void *arg) {
    (void)arg;
    return interrupted;
}

static int add_message(struct chat *c, const char *role, const char *text, size_t n) {
    json_t *m = json_pack("{s:s, s:s%}", "role", role, "content", text, n);
    return m && json_array_append_new(c->messages, m) == 0 ? 0 : ERR_FORMAT; /* not UTF-8 */
}

static json_t *request(const struct chat *c) {
    json_t *j = json_pack("{s:s, s:O, s:b}", "model", c->model, "messages", c->messages, "stream", 1);
    if (j && c->temperature >= 0) json_object_set_new(j, "temperature", json_real(c->temperature));
    if (j && c->seed != UINT64_MAX) json_object_set_new(j, "seed", json_integer((json_int_t)c->seed));
    if (j && c->max_tokens) json_object_set_new(j, "max_tokens", json_integer(c->max_tokens));
    return j;
}

static void print_json_line(const struct chat *c, const struct ask *a) {
    json_t *j = json_pack("{s:s%, s:s, s:s, s:I}", "text", c->answer.data ? (char *)c->answer.data : "", c->answer.len, "stop_reason", a->finish,
                          "receipt", a->receipt, "chunks", (json_int_t)a->deltas);
    struct buf b;
    if (j && json_print(&b, j, 32 << 20) == 0) {
        printf("%.*s\n", (int)b.len, (char *)b.data);
        buf_release(&b);
    }
    json_decref(j);
}

/* One question and its answer; a failed or cancelled one leaves the history as it was. */
static int turn(struct chat *c, const char *question, size_t n) {
    struct why why = {{0}};
    int r = add_message(c, "user", question, n);
    if (r != 0) {
        fprintf(stderr, "lull chat: the text is not UTF-8\n");
        return r;
    }
    json_t *body = request(c);
    struct ask a = {.gateway = c->gateway, .bearer = c->key.data ? (char *)c->key.data : NULL, .body = body, .silence_ms = 120000,
                    .on_text = on_text, .should_stop = should_stop, .arg = c};
    interrupted = 0;
    buf_init(&c->answer, 16 << 20);
    r = body ? ask_run(&a, &why) : ERR_NOMEM;
    if (!c->json) printf("\n");
    if (r == 0 && c->json) print_json_line(c, &a);
    if (r == 0) r = add_message(c, "assistant", c->answer.data ? (char *)c->answer.data : "", c->answer.len);
    else json_array_remove(c->messages, json_array_size(c->messages) - 1);
    if (ferror(stdout)) r = ERR_IO, fprintf(stderr, "lull chat: cannot write to standard output\n");
    else if (r == ERR_CANCELLED) fprintf(stderr, "(cancelled)\n");
    else if (r == ERR_LOST && !a.status) fprintf(stderr, "lull chat: %s: is `lull gateway` running there?\n", why_text(&why, r));
    else if (r != 0) fprintf(stderr, "lull chat: %s\n", why_text(&why, r));
    buf_release(&c->answer);
    json_decref(body);
    return r;
}

static int converse(struct chat *c) {
    char *line = NULL;
    size_t cap = 0;
    int tty = isatty(0), last = 0;
    if (tty) fprintf(stderr, "chatting with %s at %s; an empty line or Ctrl-D ends\n", c->model, c->gateway);
    for (;;) {
        if (tty) fprintf(stderr, "> ");
        interrupted = 0;
        ssize_t n = getline(&line, &cap, stdin);
        if (n < 0 && interrupted && tty) { /* Ctrl-C at the prompt: a fresh prompt */
            clearerr(stdin);
            fprintf(stderr, "\n");
            continue;
        }
        while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r')) n--;
        if (n <= 0) break;
        last = turn(c, line, (size_t)n);
        if (last != 0 && !tty) break;
    }
    if (line) mem_wipe(line, cap);
    free(line);
    return tty ? 0 : last;
}

static int read_key(struct chat *c, struct why *why) {
    if (!c->key_file) return 0;
    int r = file_read(&c->key, c->key_file, 4096, why);
    while (r == 0 && c->key.len && (c->key.data[c->key.len - 1] == '\n' || c->key.data[c->key.len - 1] == '\r')) c->key.data[--c->key.len] = 0;
    return r;
}

int cmd_chat(int argc, char **argv) {
    struct chat c = {.gateway = "127.0.0.1:11434", .model = "lull-toy:q8_0", .temperature = -1, .seed = UINT64_MAX};
    const struct opt rows[] = {
        {"gateway", OPT_TEXT, &c.gateway, "HOST:PORT", "the gateway to talk through (127.0.0.1:11434)", 0, 0},
        {"model", OPT_TEXT, &c.model, "NAME", "the model (lull-toy:q8_0)", 0, 0},
        {"system", OPT_TEXT, &c.system, "TEXT", "a system message before the conversation", 0, 0},
        {"temp", OPT_REAL, &c.temperature, "T", "temperature; 0 always takes the likeliest token", 0, 2},
        {"seed", OPT_U64, &c.seed, "N", "the same seed and question give the same answer", 0, 9.2e18},
        {"max-tokens", OPT_U32, &c.max_tokens, "N", "longest answer", 0, 0},
        {"key-file", OPT_TEXT, &c.key_file, "FILE", "file with the gateway's bearer key, when it asks for one", 0, 0},
        {"json", OPT_FLAG, &c.json, NULL, "one JSON line per answer", 0, 0},
        {0},
    };
    struct command_line line = {.command = "chat", .arguments = "[QUESTION]", .opts = rows, .args_max = 1,
                                .about = "Talks to a model of the network through a gateway: one question, or a conversation line by line.\n"
                                         "--json prints one line per answer: text, stop_reason, receipt (its id at the gateway), chunks."};
    struct why why = {{0}};
    int r = opt_parse(&line, argc, argv, &why);
    if (r == OPT_HELP_SHOWN) return EXIT_OK;
    if (r == 0) r = read_key(&c, &why);
    if (r != 0) {
        fprintf(stderr, "lull chat: %s\n", why_text(&why, r));
        return EXIT_USAGE;
    }
    struct sigaction act = {.sa_handler = on_interrupt};
    sigaction(SIGINT, &act, NULL); /* without SA_RESTART: the prompt's read returns */
    c.messages = json_array();
    if (c.system) r = add_message(&c, "system", c.system, strlen(c.system));
    if (r == 0) r = line.arg_count ? turn(&c, line.args[0], strlen(line.args[0])) : converse(&c);
    json_decref(c.messages);
    buf_release(&c.key);
    return r == 0 ? EXIT_OK : EXIT_FAILED;
}
