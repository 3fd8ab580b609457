/* cli/main.c - one table of commands. The daemons' entry points live in their own folders. */
#include "base/log.h"
#include "base/opt.h"
#include "base/secret.h"
#include "cli/cli.h"
#include "coordinator/coordinator.h"
#include "gateway/gateway.h"
#include "node/node.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *about;
};

/* Sections that a configuration file may have. */
static const char *const command_names[] = {
    "demo",           "gateway",       "chat",     "node",       "coordinator",   "run",
    "verify",         "replay",        "show",     "tokenize",   "logits",        "perplexity",
    "bench",          "blind",         "model",    "version",    "attest verify", "attest show",
    "attest collect", "attest policy", "log init", "log append", "log serve",     "log witness",
    "log prove",      "log verify",    NULL};

static int cmd_version(int argc, char **argv) {
    int json = 0;
    const struct opt rows[] = {{"json", OPT_FLAG, &json, NULL, "one JSON object", 0, 0}, {0}};
    struct command_line line = {.command = "version", .arguments = "", .about = "Says which version this is.", .opts = rows};
    struct why why = {{0}};
    int r = opt_parse(&line, argc, argv, &why);
    if (r == 0) printf(json ? "{\"version\":\"%s\"}\n" : "lull %s\n", LULL_VERSION);
    if (r >= 0) return EXIT_OK;
    fprintf(stderr, "lull version: %s\n", why_text(&why, r));
    return EXIT_USAGE;
}

static const struct command commands[] = {
    {"demo", cmd_demo, "the whole system on this machine, in under a minute"},
    {"gateway", gateway_main, "the program beside you: OpenAI and Ollama APIs on loopback, sealed towards the network"},
    {"chat", cmd_chat, "talk to a model through a gateway"},
    {"node", node_main, "lend this machine: answer sealed requests"},
    {"coordinator", coordinator_main, "bring gateways and nodes together"},
    {"run", cmd_run, "answer one prompt with the local engine"},
    {"verify", cmd_verify, "check a receipt, and replay its answer"},
    {"replay", cmd_replay, "compute an answer again, and compare every bit"},
    {"show", cmd_show, "what a model file holds"},
    {"tokenize", cmd_tokenize, "token ids of the text on standard input"},
    {"logits", cmd_logits, "logits of given tokens, for comparisons"},
    {"perplexity", cmd_perplexity, "how well a model predicts a text"},
    {"bench", cmd_bench, "prefill and decode speed of a model"},
    {"blind", cmd_blind, "prepare a model for blind workers; measure them (experimental construction, not yet reviewed)"},
    {"attest", cmd_attest, "what evidence of a node's machine shows, and who could still read a prompt there"},
    {"log", cmd_log, "keep, witness and check a transparency log of releases, models, policies and nodes"},
    {"model", cmd_model, "make or convert model files"},
    {"version", cmd_version, "the version"},
};

static void usage(FILE *to) {
    fprintf(
        to,
        "lull: ask models on machines you do not own, without showing them to the network\n\nusage: lull COMMAND [options]\n\n");
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        fprintf(to, "  %-12s %s\n", commands[i].name, commands[i].about);
    fprintf(to, "\nlull help COMMAND, or lull COMMAND --help, explains one command.\n");
}

static const struct command *find(const char *name) {
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(commands[i].name, name) == 0) return &commands[i];
    fprintf(stderr, "lull: no command \"%.32s\"; lull --help lists them\n", name);
    return NULL;
}

/* `lull help COMMAND [SUBCOMMAND]` is `lull COMMAND [SUBCOMMAND] --help`. */
static int help_of(int argc, char **argv) {
    static char option[] = "--help";
    char *args[4] = {NULL};
    const struct command *c = find(argv[0]);
    int n = 0;
    for (; n < argc && n < 2; n++) args[n] = argv[n];
    args[n++] = option;
    return c ? c->run(n, args) : EXIT_USAGE;
}

int main(int argc, char **argv) {
    if (secret_setup() != 0) {
        fprintf(stderr, "lull: the cryptographic library does not start\n");
        return EXIT_FAILED;
    }
    signal(SIGPIPE, SIG_IGN);
    if (log_setup(NULL, NULL) != 0) {
        fprintf(stderr, "lull: LULL_LOG is one of error, warn, info, debug\n");
        return EXIT_USAGE;
    }
    opt_sections = command_names;
    const char *name = argc > 1 ? argv[1] : "";
    int help = strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0;
    if (help && argc > 2 && argv[2][0] != '-') return help_of(argc - 2, argv + 2);
    if (help || argc < 2) {
        usage(help ? stdout : stderr);
        return help ? EXIT_OK : EXIT_USAGE;
    }
    const struct command *c = find(strcmp(name, "--version") == 0 ? "version" : name);
    return c ? c->run(argc - 1, argv + 1) : EXIT_USAGE;
}
