/* cli/cmd_attest.c - `lull attest`: what evidence shows, what it says, what this machine has, and what a policy is. */
#include <stdio.h>
#include <string.h>

#include "cli/attest.h"
#include "cli/cli.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} commands[] = {{"verify", attest_verify}, {"show", attest_show}, {"collect", attest_collect}, {"policy", attest_policy}};

int cmd_attest(int argc, char **argv) {
    static const char usage[] = "usage: lull attest verify FILE --record RECORD [--nonce HEX] [--policy P] [--at TIME] [--json]\n"
                                "       lull attest verify --kind KIND --evidence FILE [--chain FILE]... [--nonce HEX] ...\n"
                                "       lull attest show FILE [--json]\n"
                                "       lull attest collect --out FILE\n"
                                "       lull attest policy check|digest FILE\n"
                                "lull attest verify --help, and so on, explains one of them\n";
    const char *what = argc > 1 ? argv[1] : "";
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(what, commands[i].name) == 0) return commands[i].run(argc - 1, argv + 1);
    int help = strcmp(what, "--help") == 0 || strcmp(what, "-h") == 0;
    fputs(usage, help ? stdout : stderr);
    return help ? EXIT_OK : EXIT_USAGE;
}
