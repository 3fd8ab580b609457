/* cli/cmd_log.c - `lull log`: keeps a transparency log, witnesses it, proves from it, and checks such proofs offline. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/log_cmd.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} commands[] = {{"init", log_init},   {"append", log_append}, {"serve", log_serve}, {"witness", log_witness},
                {"prove", log_prove}, {"verify", log_verify}, {"nonce", log_nonce}};

int cmd_log(int argc, char **argv) {
    static const char usage[] = "usage: lull log init DIR --origin NAME\n"
                                "       lull log append DIR [FILE]... [--state HOURS --in-force INDEX... --revoke INDEX...]\n"
                                "       lull log serve DIR [--listen HOST:PORT]\n"
                                "       lull log witness LOG --data DIR --key KEY [--new NAME]\n"
                                "       lull log prove LOG INDEX [--from SIZE]\n"
                                "       lull log verify PROOF --key KEY --witness KEY... [--k N] [--kept FILE] [--at TIME]\n"
                                "       lull log nonce LOG --key KEY --witness KEY... --out FILE\n"
                                "lull log verify --help, and so on, explains one of them\n";
    const char *what = argc > 1 ? argv[1] : "";
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(what, commands[i].name) == 0) return commands[i].run(argc - 1, argv + 1);
    int help = strcmp(what, "--help") == 0 || strcmp(what, "-h") == 0;
    fputs(usage, help ? stdout : stderr);
    return help ? EXIT_OK : EXIT_USAGE;
}
