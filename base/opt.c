/* base/opt.c - see opt.h. */
#include "base/opt.h"
#include "base/file.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const *opt_sections;
static const char *config_path;
static const struct opt builtin[] = {
    {"config", OPT_TEXT, &config_path, "FILE", "read options from FILE (~/.config/lull/config, /etc/lull/config)", 0, 0},
    {"help", OPT_FLAG, NULL, NULL, "show this; also -h", 0, 0},
    {0},
};

static const struct opt *find(const struct opt *rows, const char *name, size_t n) {
    for (const struct opt *o = rows; o->name; o++)
        if (strlen(o->name) == n && memcmp(o->name, name, n) == 0) return o;
    return NULL;
}

static int set_integer(const struct opt *o, const char *text, struct why *why) {
    char *end;
    errno = 0;
    unsigned long long v = strtoull(text, &end, 10);
    double max = o->kind == OPT_U32 ? 4294967295.0 : 18446744073709551615.0;
    double lo = o->lo, hi = o->lo == 0 && o->hi == 0 ? max : o->hi;
    if (text[0] < '0' || text[0] > '9' || *end || errno || (double)v < lo || (double)v > hi)
        return why_set(why, ERR_USAGE, "--%s: needs a whole number from %.0f to %.0f", o->name, lo, hi);
    if (o->kind == OPT_U32)
        *(uint32_t *)o->to = (uint32_t)v;
    else
        *(uint64_t *)o->to = v;
    return 0;
}

static int set_real(const struct opt *o, const char *text, struct why *why) {
    char *end;
    double v = strtod(text, &end);
    int bounded = o->lo != 0 || o->hi != 0;
    if (end == text || *end || !isfinite(v) || (bounded && (v < o->lo || v > o->hi))) {
        if (!bounded) return why_set(why, ERR_USAGE, "--%s: needs a number", o->name);
        return why_set(why, ERR_USAGE, "--%s: needs a number from %g to %g", o->name, o->lo, o->hi);
    }
    *(double *)o->to = v;
    return 0;
}

static int set_flag(const struct opt *o, const char *text, struct why *why) {
    int on = strcmp(text, "true") == 0 || strcmp(text, "yes") == 0 || strcmp(text, "1") == 0;
    int off = strcmp(text, "false") == 0 || strcmp(text, "no") == 0 || strcmp(text, "0") == 0;
    if (!on && !off) return why_set(why, ERR_USAGE, "--%s: is yes or no", o->name);
    *(int *)o->to = on;
    return 0;
}

static int set_list(const struct opt *o, const char *text, struct why *why) {
    struct opt_list *l = o->to;
    if (l->count == OPT_LIST_MAX) return why_set(why, ERR_USAGE, "--%s: given more than %d times", o->name, OPT_LIST_MAX);
    l->item[l->count++] = text;
    return 0;
}

static int set(const struct opt *o, const char *text, struct why *why) {
    switch (o->kind) {
    case OPT_FLAG: return set_flag(o, text, why);
    case OPT_LIST: return set_list(o, text, why);
    case OPT_U32:
    case OPT_U64: return set_integer(o, text, why);
    case OPT_REAL: return set_real(o, text, why);
    default: *(const char **)o->to = text; return 0;
    }
}

/* ---- configuration file ---- */

static char *trim(char *s) {
    while (*s == ' ' || *s == '\t') s++;
    char *end = s + strlen(s);
    while (end > s && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r')) end--;
    *end = 0;
    return s;
}

static int section_known(const char *name, size_t n) {
    for (const char *const *s = opt_sections; s && *s; s++)
        if (strlen(*s) == n && memcmp(*s, name, n) == 0) return 1;
    return opt_sections == NULL;
}

/* *ours: -1 before any section, 1 in this command's, 0 in another's. */
static int config_line(const struct command_line *c, char *line, int *ours, const char *where, unsigned number, struct why *why) {
    line = trim(line);
    if (*line == 0 || *line == '#') return 0;
    if (*line == '[') {
        size_t n = strlen(line);
        if (n < 3 || line[n - 1] != ']') return why_set(why, ERR_USAGE, "%s:%u: a section is written [name]", where, number);
        *ours = strlen(c->command) == n - 2 && memcmp(line + 1, c->command, n - 2) == 0;
        if (*ours || section_known(line + 1, n - 2)) return 0;
        return why_set(why, ERR_USAGE, "%s:%u: there is no command \"%.*s\"", where, number, (int)(n - 2 > 64 ? 64 : n - 2),
                       line + 1);
    }
    if (*ours < 0) return why_set(why, ERR_USAGE, "%s:%u: stands before any [command] section", where, number);
    if (!*ours) return 0;
    char *eq = strchr(line, '=');
    if (!eq) return why_set(why, ERR_USAGE, "%s:%u: expected name = value", where, number);
    *eq = 0;
    char *name = trim(line);
    const struct opt *o = find(c->opts, name, strlen(name));
    if (!o) return why_set(why, ERR_USAGE, "%s:%u: no option \"%.64s\" of lull %s", where, number, name, c->command);
    struct why inner = {{0}};
    int r = set(o, trim(eq + 1), &inner);
    return r == 0 ? 0 : why_set(why, r, "%s:%u: %.200s", where, number, inner.text);
}

/* Option values point into the files' texts for the life of the process. */
static struct kept_text {
    struct kept_text *next;
    struct buf text;
} * kept_texts;

static int config_read(const struct command_line *c, const char *path, int must, struct why *why) {
    struct buf b;
    int r = file_read(&b, path, 1 << 20, why);
    if (r == ERR_NOTFOUND && !must) {
        if (why) why->text[0] = 0; /* nothing went wrong */
        return 0;
    }
    if (r != 0) return r;
    if (memchr(b.data, 0, b.len)) {
        buf_release(&b);
        return why_set(why, ERR_USAGE, "%s: not a text file", path);
    }
    struct kept_text *kept = malloc(sizeof *kept);
    if (!kept) {
        buf_release(&b);
        return ERR_NOMEM;
    }
    *kept = (struct kept_text){.next = kept_texts, .text = b};
    kept_texts = kept;
    char *at = (char *)b.data;
    int ours = -1;
    for (unsigned number = 1; r == 0 && at; number++) {
        char *next = strchr(at, '\n');
        if (next) *next++ = 0;
        r = config_line(c, at, &ours, path, number, why);
        at = next;
    }
    return r;
}

static int config_all(const struct command_line *c, struct why *why) {
    if (config_path) return config_read(c, config_path, 1, why);
    char path[512];
    int r = config_read(c, "/etc/lull/config", 0, why);
    const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    int n = xdg && *xdg     ? snprintf(path, sizeof path, "%s/lull/config", xdg)
            : home && *home ? snprintf(path, sizeof path, "%s/.config/lull/config", home)
                            : -1;
    if (r == 0 && n > 0 && (size_t)n < sizeof path) r = config_read(c, path, 0, why);
    return r;
}

/* ---- command line ---- */

/* One "--name[=value]" at argv[*i]. With apply 0 only --config takes effect: its file must be read before the flags count. */
static int one_option(struct command_line *c, int argc, char **argv, int *i, int apply, struct why *why) {
    const char *name = argv[*i] + 2, *eq = strchr(name, '=');
    size_t n = eq ? (size_t)(eq - name) : strlen(name);
    const struct opt *own = find(c->opts, name, n), *o = own ? own : find(builtin, name, n);
    if (!o)
        return why_set(why, ERR_USAGE, "no option --%.*s; lull %s --help lists them", (int)(n > 64 ? 64 : n), name, c->command);
    if (!own && o->kind == OPT_FLAG) return OPT_HELP_SHOWN;
    const char *value = eq ? eq + 1 : NULL;
    if (o->kind == OPT_FLAG && !eq) value = "yes";
    if (!value) {
        if (*i + 1 >= argc) return why_set(why, ERR_USAGE, "--%s needs %s", o->name, o->value ? o->value : "a value");
        value = argv[++*i];
    }
    return apply == (o == &builtin[0]) ? 0 : set(o, value, why);
}

static int pass(struct command_line *c, int argc, char **argv, int apply, struct why *why) {
    int only_args = 0, r = 0;
    c->arg_count = 0;
    for (int i = 1; r == 0 && i < argc; i++) {
        if (!only_args && strcmp(argv[i], "--") == 0)
            only_args = 1;
        else if (!only_args && strncmp(argv[i], "--", 2) == 0)
            r = one_option(c, argc, argv, &i, apply, why);
        else if (!only_args && strcmp(argv[i], "-h") == 0)
            r = OPT_HELP_SHOWN;
        else if (!only_args && argv[i][0] == '-' &&
                 argv[i][1]) /* also where text is expected: a mistyped option is not a prompt */
            r = why_set(why, ERR_USAGE,
                        "no option %.64s; lull %s --help lists them, and \"--\" ends options before text that begins with a dash",
                        argv[i], c->command);
        else if (c->arg_count >= c->args_max)
            r = why_set(why, ERR_USAGE, "too many arguments, usage: lull %s [options]%s%s", c->command, *c->arguments ? " " : "",
                        c->arguments);
        else
            c->args[c->arg_count++] = argv[i];
    }
    return r;
}

/* A list given on the command line replaces the file's, it does not add to it. */
static void clear_lists_given(const struct command_line *c, int argc, char **argv) {
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strncmp(argv[i], "--", 2) != 0) continue;
        const char *name = argv[i] + 2;
        const struct opt *o = find(c->opts, name, strcspn(name, "="));
        if (o && o->kind == OPT_LIST) ((struct opt_list *)o->to)->count = 0;
    }
}

int opt_parse(struct command_line *c, int argc, char **argv, struct why *why) {
    config_path = NULL;
    int r = pass(c, argc, argv, 0, why);
    if (r == 0) r = config_all(c, why);
    if (r == 0) clear_lists_given(c, argc, argv);
    if (r == 0) r = pass(c, argc, argv, 1, why);
    if (r == OPT_HELP_SHOWN) opt_help(c);
    if (r == 0 && c->arg_count < c->args_min)
        r = why_set(why, ERR_USAGE, "too few arguments, usage: lull %s [options] %s", c->command, c->arguments);
    return r;
}

static void help_rows(const struct opt *rows) {
    for (const struct opt *o = rows; o->name; o++) {
        char left[64];
        snprintf(left, sizeof left, "--%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
        printf("  %-26s %s\n", left, o->help);
    }
}

void opt_help(const struct command_line *c) {
    printf("usage: lull %s [options]%s%s\n%s\n\noptions:\n", c->command, *c->arguments ? " " : "", c->arguments, c->about);
    help_rows(c->opts);
    help_rows(builtin);
    printf("\na configuration file holds a section [%s] with lines \"name = value\", names without the dashes\n", c->command);
}
