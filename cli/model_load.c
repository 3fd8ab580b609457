/* cli/model_load.c - see model_load.h. */
#include "cli/model_load.h"
#include "base/clock.h"
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FIRST_MS = 1000, EVERY_MS = 250, FILE_FIRST_MS = 10000, FILE_EVERY_MS = 10000 };

const char cli_arith_help[] =
    "of the large products: c1; row8, in integers as workers of the tier blind compute them (an experimental "
    "construction, not yet reviewed); or row8-fold, likewise in half as many rounds and with more "
    "weights; part of the arithmetic profile (c1)";

void cli_progress_start(struct cli_progress *p, const char *what) {
    *p = (struct cli_progress){.what = what, .started_ms = clock_mono_ms()};
}

void cli_progress_show(struct cli_progress *p, uint64_t done, uint64_t all) {
    int terminal = isatty(STDERR_FILENO);
    uint64_t now = clock_mono_ms(), first = terminal ? FIRST_MS : FILE_FIRST_MS, every = terminal ? EVERY_MS : FILE_EVERY_MS;
    if (now - p->started_ms < first || (p->shown_ms && now - p->shown_ms < every)) return;
    p->shown_ms = now;
    fprintf(stderr, "%s%s: %3.0f %%%s", terminal ? "\r" : "", p->what, all ? 100.0 * (double)done / (double)all : 100.0,
            terminal ? "" : "\n");
    fflush(stderr);
}

void cli_progress_end(struct cli_progress *p) {
    if (p->shown_ms && isatty(STDERR_FILENO)) fprintf(stderr, "\r\033[K");
    p->shown_ms = 0;
}

static void show(void *arg, uint64_t done, uint64_t all) { cli_progress_show(arg, done, all); }

int cli_model_open(struct model **out, const char *command, const char *path, const struct model_opts *o) {
    struct cli_progress p;
    struct model_opts all = *o;
    struct why why = {{0}};
    cli_progress_start(&p, "loading the model");
    all.kernels = getenv("LULL_KERNELS");
    all.progress = show;
    all.arg = &p;
    int r = model_open(out, path, &all, &why);
    cli_progress_end(&p);
    if (r == 0) return EXIT_OK;
    fprintf(stderr, "lull %s: %s\n", command, why_text(&why, r));
    return r == ERR_USAGE ? EXIT_USAGE : EXIT_FAILED;
}
