/* base/opt.h - one table per command: parses long options and positional arguments, reads configuration files, prints help.
 *
 * Values come from, strongest first: the command line, --config FILE (or $XDG_CONFIG_HOME/lull/config, ~/.config/lull/config,
 * /etc/lull/config), the defaults already in the variables. A file has [command] sections of `name = value`; an unknown name
 * is an error with its line. Options are --name VALUE, --name=VALUE or --flag; "--" ends them. Before it, anything else that begins
 * with a dash is an error ("-" alone is an argument), but for -h, which is --help. */
#ifndef BASE_OPT_H
#define BASE_OPT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum opt_kind { OPT_FLAG, OPT_TEXT, OPT_LIST, OPT_U32, OPT_U64, OPT_REAL };
enum { OPT_LIST_MAX = 16 };
struct opt_list { /* a repeatable option */
    const char *item[OPT_LIST_MAX];
    size_t count;
};
struct opt {
    const char *name; /* without the dashes */
    enum opt_kind kind;
    void *to;          /* int, const char *, struct opt_list, uint32_t, uint64_t, double */
    const char *value; /* what help calls the value: "FILE", "N"; NULL for flags */
    const char *help;  /* one line */
    double lo, hi;     /* bounds of numbers; both 0: the type's own */
};
struct command_line {
    const char *command;    /* "gateway": the section's name and what help prints */
    const char *arguments;  /* "MODEL \"PROMPT\"" or "" */
    const char *about;      /* one or more lines */
    const struct opt *opts; /* ends with a row whose name is NULL; --help and --config are always there */
    int args_min, args_max; /* positional arguments */
    const char *args[8];    /* filled in; they point into argv */
    int arg_count;
};
/* Names that a configuration file's sections may have, ending with NULL; NULL: any. Set once by main, before opt_parse. */
extern const char *const *opt_sections;
enum { OPT_HELP_SHOWN = 1 };
/* argv[0] is the command's own name. 0; OPT_HELP_SHOWN after --help or -h (help is on stdout); ERR_USAGE with why filled in.
 * Texts from configuration files live until the process ends. */
int opt_parse(struct command_line *c, int argc, char **argv, struct why *why);
void opt_help(const struct command_line *c);

#endif
