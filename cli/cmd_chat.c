/* cli/cmd_chat.c - `lull chat`: a conversation in the terminal, through a gateway. Ctrl-C ends the answer, not the program. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/opt.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/served_models.h"
#include "cli/terminal.h"

enum { QUIET_MS = 3000 /* then the user is told what is waited for */ };

static volatile sig_atomic_t interrupted;
static void on_interrupt(int sig) {
    (void)sig;
    interrupted = 1;
}

struct chat {
    const char *gateway, *model, *system, *key_file, *tier, *mode;
    double temperature;
    uint64_t seed;
    uint32_t max_tokens;
    int json;
    json_t *messages, *names; /* names: what the gateway serves; model points into it */
    struct buf answer, key;
    uint64_t heard_ms; /* when the last text came, or the question left */
    int noted;         /* the user knows that nothing comes */
};

static const char *bearer(const struct chat *c) { return c->key.data ? (const char *)c->key.data : NULL; }

static void on_text(void *arg, const char *text, size_t n) {
    struct chat *c = arg;
    c->heard_ms = clock_mono_ms();
    c->noted = 0;
    (void)buf_add(&c->answer, text, n); /* an answer over 16 MiB is still printed */
    if (c->json) return;
    if (terminal_write(text, n) != 0) interrupted = 1; /* nobody reads any more */
}

/* Asked ten times a second, so it is also where silence is noticed. */
static int should_stop(void *arg) {
    struct chat *c = arg;
    if (c->noted || clock_mono_ms() - c->heard_ms < QUIET_MS) return interrupted;
    c->noted = 1;
    if (!c->answer.len)
        terminal_note("(waiting for the answer to begin; Ctrl-C gives up)");
    else {
        if (!c->json && isatty(STDOUT_FILENO)) fputc('\n', stderr);
        terminal_note("(waiting for another node, up to 60 s; Ctrl-C gives up)");
    }
    return interrupted;
}

static int stop_asked(void *arg) {
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
    json_t *j = json_pack("{s:s%, s:s, s:s, s:I}", "text", c->answer.data ? (char *)c->answer.data : "", c->answer.len,
                          "stop_reason", a->finish, "receipt", a->receipt, "chunks", (json_int_t)a->deltas);
    struct buf b;
    if (j && json_print(&b, j, 32 << 20) == 0) {
        printf("%.*s\n", (int)b.len, (char *)b.data);
        buf_release(&b);
    }
    json_decref(j);
}

/* What the user sees after the answer's text. 0 or the exit status that a one-shot question ends with. */
static int turn_ended(const struct chat *c, const struct ask *a, int r, const struct why *why) {
    if (!c->json && (r == 0 || c->answer.len)) printf("\n");
    if (r == 0 && c->json) print_json_line(c, a);
    int status = terminal_output_end("chat");
    if (status != 0) return status;
    if (r == ERR_CANCELLED) {
        terminal_note("(cancelled)");
        return EXIT_INTERRUPTED;
    }
    if (r == ERR_LOST && !a->status)
        fprintf(stderr, "lull chat: %s: is `lull gateway` running there?\n", why_text(why, r));
    else if (r != 0)
        fprintf(stderr, "lull chat: %s\n", why_text(why, r));
    return r == 0 ? EXIT_OK : EXIT_FAILED;
}

/* One question and its answer; a failed or cancelled one leaves the history as it was. 0 or an exit status. */
static int turn(struct chat *c, const char *question, size_t n) {
    struct why why = {{0}};
    if (add_message(c, "user", question, n) != 0) {
        fprintf(stderr, "lull chat: the text is not UTF-8\n");
        return EXIT_FAILED;
    }
    json_t *body = request(c);
    struct ask a = {.gateway = c->gateway,
                    .bearer = bearer(c),
                    .min_tier = c->tier,
                    .blind_mode = c->mode,
                    .body = body,
                    .silence_ms = 120000,
                    .on_text = on_text,
                    .should_stop = should_stop,
                    .arg = c};
    interrupted = c->noted = 0;
    c->heard_ms = clock_mono_ms();
    buf_init(&c->answer, 16 << 20);
    terminal_echo_off();
    int r = body ? ask_run(&a, &why) : ERR_NOMEM;
    terminal_echo_on();
    int status = turn_ended(c, &a, r, &why);
    if (r == 0)
        r = add_message(c, "assistant", c->answer.data ? (char *)c->answer.data : "", c->answer.len);
    else
        json_array_remove(c->messages, json_array_size(c->messages) - 1);
    buf_release(&c->answer);
    json_decref(body);
    return status;
}

/* A line with a command of the terminal's conversation: 1: leave; 0: it was one; -1: it is a question. */
static int slash_command(const char *line) {
    if (strcmp(line, "/bye") == 0 || strcmp(line, "/exit") == 0 || strcmp(line, "/quit") == 0) return 1;
    if (strcmp(line, "/help") != 0 && strcmp(line, "/?") != 0) return -1;
    fprintf(stderr,
            "/bye, /exit or Ctrl-D  leave\nCtrl-C                 end the answer that is coming\n/help                  this\n"
            "anything else is a question; the conversation so far goes with it\n");
    return 0;
}

static int typed_ahead(void) {
    struct pollfd f = {.fd = STDIN_FILENO, .events = POLLIN};
    return poll(&f, 1, 0) == 1;
}

/* The next line without its end; -1: no more. What was typed while there was no echo is shown now. */
static ssize_t read_line(char **line, size_t *cap, int tty) {
    for (;;) {
        int unseen = tty && typed_ahead();
        if (tty) fprintf(stderr, "> ");
        interrupted = 0;
        ssize_t n = getline(line, cap, stdin);
        if (n < 0 && interrupted && tty) { /* Ctrl-C at the prompt: a fresh prompt */
            clearerr(stdin);
            fprintf(stderr, "\n");
            continue;
        }
        if (n < 0 && tty) fprintf(stderr, "\n");
        if (n > 0 && unseen) fputs(*line, stderr);
        while (n > 0 && ((*line)[n - 1] == '\n' || (*line)[n - 1] == '\r')) (*line)[--n] = 0;
        if (n != 0) return n;
    }
}

static int converse(struct chat *c) {
    char *line = NULL;
    size_t cap = 0;
    int tty = isatty(STDIN_FILENO), last = 0;
    if (tty) fprintf(stderr, "chatting with %s at %s; /bye or Ctrl-D ends, /help says more\n", c->model, c->gateway);
    for (ssize_t n; (n = read_line(&line, &cap, tty)) > 0;) {
        int command = tty ? slash_command(line) : -1;
        if (command == 1) break;
        if (command == 0) continue;
        last = turn(c, line, (size_t)n);
        if (last == EXIT_PIPE || (last != 0 && !tty)) break;
    }
    if (line) mem_wipe(line, cap);
    free(line);
    return tty && last != EXIT_PIPE ? 0 : last;
}

/* Asks before the first question, so that a wrong name is told at once and with the right ones. 0 or an exit status. */
static int choose_model(struct chat *c) {
    struct why why = {{0}};
    char list[1024];
    int r = served_models(&c->names, c->gateway, bearer(c), stop_asked, &why);
    if (r == ERR_CANCELLED) return EXIT_INTERRUPTED;
    if (r != 0) {
        fprintf(stderr, "lull chat: %s\n", why_text(&why, r));
        return EXIT_FAILED;
    }
    const char *meant = served_model_meant(c->names, c->model);
    if (meant) {
        c->model = meant;
        return 0;
    }
    served_models_text(c->names, list, sizeof list);
    if (!json_array_size(c->names))
        fprintf(stderr,
                "lull chat: the gateway knows of no model now: it has no link, or no node is there (see /lull/status of %s)\n",
                c->gateway);
    else if (c->model)
        fprintf(stderr, "lull chat: no model \"%.80s\"; this network serves: %s\n", c->model, list);
    else
        fprintf(stderr, "lull chat: choose with --model NAME; this network serves: %s\n", list);
    return json_array_size(c->names) ? EXIT_USAGE : EXIT_FAILED;
}

static int read_key(struct chat *c, struct why *why) {
    if (!c->key_file) return 0;
    int r = file_read(&c->key, c->key_file, 4096, why);
    while (r == 0 && c->key.len && (c->key.data[c->key.len - 1] == '\n' || c->key.data[c->key.len - 1] == '\r'))
        c->key.data[--c->key.len] = 0;
    return r;
}

static int check_mode(const struct chat *c, struct why *why) {
    if (!c->mode) return 0;
    if (strcmp(c->mode, "pair") != 0 && strcmp(c->mode, "lattice") != 0)
        return why_set(why, ERR_USAGE, "--mode: pair or lattice");
    return c->tier && strcmp(c->tier, "blind") == 0 ? 0 : why_set(why, ERR_USAGE, "--mode: only with --tier blind");
}

int cmd_chat(int argc, char **argv) {
    struct chat c = {.gateway = "127.0.0.1:11434", .temperature = -1, .seed = UINT64_MAX};
    const struct opt rows[] = {
        {"gateway", OPT_TEXT, &c.gateway, "HOST:PORT", "the gateway to talk through (127.0.0.1:11434)", 0, 0},
        {"model", OPT_TEXT, &c.model, "NAME", "the model (the gateway's, when it has only one)", 0, 0},
        {"system", OPT_TEXT, &c.system, "TEXT", "a system message before the conversation", 0, 0},
        {"temp", OPT_REAL, &c.temperature, "T", "temperature, 0 to 2; 0 always takes the likeliest token (1)", 0, 2},
        {"seed", OPT_U64, &c.seed, "N", "the same seed and question give the same answer (random)", 0, 9.2e18},
        {"max-tokens", OPT_U32, &c.max_tokens, "N", "longest answer in tokens (what the context holds)", 0, 0},
        {"tier", OPT_TEXT, &c.tier, "TIER",
         "the least tier that may answer: sealed, attested, or blind, an experimental construction, not yet reviewed (the "
         "gateway's)",
         0, 0},
        {"mode", OPT_TEXT, &c.mode, "MODE", "with --tier blind: pair or lattice, and no other mode (the gateway's)", 0, 0},
        {"key-file", OPT_TEXT, &c.key_file, "FILE", "the gateway's bearer key, when it asks for one", 0, 0},
        {"json", OPT_FLAG, &c.json, NULL, "one JSON line per answer", 0, 0},
        {0},
    };
    struct command_line line = {
        .command = "chat",
        .arguments = "[QUESTION]",
        .opts = rows,
        .args_max = 1,
        .about = "Talks to a model of the network through a gateway: one question, or a conversation line by line.\n"
                 "--json prints one line per answer: text, stop_reason, receipt (its id at the gateway), chunks."};
    struct why why = {{0}};
    int r = opt_parse(&line, argc, argv, &why);
    if (r == OPT_HELP_SHOWN) return EXIT_OK;
    if (r == 0 && c.tier && strcmp(c.tier, "sealed") != 0 && strcmp(c.tier, "attested") != 0 && strcmp(c.tier, "blind") != 0)
        r = why_set(&why, ERR_USAGE, "--tier: sealed, attested or blind");
    if (r == 0) r = check_mode(&c, &why);
    if (r == 0) r = read_key(&c, &why);
    if (r != 0) {
        fprintf(stderr, "lull chat: %s\n", why_text(&why, r));
        return EXIT_USAGE;
    }
    struct sigaction act = {.sa_handler = on_interrupt};
    sigaction(SIGINT, &act, NULL); /* without SA_RESTART: the prompt's read returns */
    c.messages = json_array();
    if (c.system) r = add_message(&c, "system", c.system, strlen(c.system));
    if (r != 0) fprintf(stderr, "lull chat: --system: the text is not UTF-8\n");
    int status = r == 0 ? choose_model(&c) : EXIT_USAGE;
    if (status == 0 && c.tier && strcmp(c.tier, "blind") == 0)
        terminal_note("(tier blind: experimental construction, not yet reviewed)");
    if (status == 0) status = line.arg_count ? turn(&c, line.args[0], strlen(line.args[0])) : converse(&c);
    json_decref(c.messages);
    json_decref(c.names);
    buf_release(&c.key);
    return status;
}
