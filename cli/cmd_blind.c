/* cli/cmd_blind.c - `lull blind prepare` and `lull blind bench`: what a client of blind workers makes once, and what it costs. */
#include "base/hash.h"
#include "base/opt.h"
#include "blind/lattice_params.h"
#include "blind/prepare_hint.h"
#include "blind/prepare_model.h"
#include "blind/prepared.h"
#include "cli/cli.h"
#include "cli/cmd_blind_bench.h"
#include "cli/model_load.h"
#include "node/served.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The name that a worker of the same file gives it (node/blind_served.h): it is part of the manifest. */
static int name_of(char out[MODEL_NAME_BYTES], const char *asked, const char *path, struct why *why) {
    struct model *m = NULL;
    struct model_opts mo = {.arith = ARITH_ROW8, .stacks = STACKS_STREAMED};
    if (asked) return model_name_full(out, asked) == 0 ? 0 : why_set(why, ERR_USAGE, "--name: name[:tag] of a-z 0-9 . _ -");
    int r = model_open(&m, path, &mo, why);
    if (r == 0) r = served_name(out, model_name(m), model_type(m));
    if (r == ERR_FORMAT) r = why_set(why, ERR_USAGE, "%.200s: has no name of its own; --name gives it one", path);
    model_close(m);
    return r;
}

static void show_progress(void *arg, uint64_t done, uint64_t all) { cli_progress_show(arg, done, all); }

static int say_prepared(const char *dir, struct why *why) {
    struct prepared *p;
    char hex[65];
    int r = prepared_open(&p, dir, NULL, why);
    if (r != 0) return r;
    hex_encode(hex, prepared_digest(p), 32);
    printf("manifest  %s\nmodel     %s, %" PRIu32 " stacks, %s\nsecret    %s/%s: keep it to yourself\n", hex,
           prepared_manifest(p)->name, prepared_manifest(p)->stack_count, prepared_manifest(p)->profile, dir, PREPARED_CHECKS);
    prepared_close(p);
    return 0;
}

static int show_hint(void *arg, uint64_t done, uint64_t all) {
    cli_progress_show(arg, done, all);
    return 0;
}

/* The weights stream by a second time: the hint's vectors follow from the manifest. */
static int make_hint(const char *dir, const char *path, const char *params, struct why *why) {
    const struct lattice_params *lp = lattice_params_named(params);
    struct model *m = NULL;
    struct prepared *p = NULL;
    struct pool *pool = NULL;
    struct cli_progress progress;
    struct hint_make_opts o = {.progress = show_hint, .arg = &progress};
    struct model_opts mo = {.stacks = STACKS_STREAMED};
    if (!lp) return why_set(why, ERR_USAGE, "--params: is d6 or d5");
    o.rank = lp->rank;
    int r = kern_select(&o.k, getenv("LULL_KERNELS"), why);
    if (r == 0) r = pool_new(&pool, 0, why);
    o.pool = pool;
    if (r == 0) r = prepared_open(&p, dir, NULL, why);
    if (r == 0) mo.arith = profile_arith(prepared_manifest(p)->profile);
    if (r == 0) r = model_open(&m, path, &mo, why);
    if (r == 0) {
        cli_progress_start(&progress, "making the hint");
        r = prepare_hint(dir, p, m, &o, why);
        cli_progress_end(&progress);
    }
    model_close(m);
    prepared_close(p);
    pool_free(pool);
    return r;
}

static int run_prepare(int argc, char **argv) {
    static const char *dir, *mode = "pair", *name, *params = "d6";
    static int folded;
    static const struct opt opts[] = {
        {"out", OPT_TEXT, &dir, "DIR", "the folder to make: the manifest, what stays with the client, and its secret checks", 0,
         0},
        {"mode", OPT_TEXT, &mode, "MODE", "pair, or lattice: a hint as well, of some GB (pair)", 0, 0},
        {"params", OPT_TEXT, &params, "NAME", "of lattice: d6, or d5, faster and weaker (d6)", 0, 0},
        {"fold", OPT_FLAG, &folded, NULL,
         "half as many round trips for a token, and about twice the weights at the workers, which must run with --blind-fold", 0,
         0},
        {"name", OPT_TEXT, &name, "NAME", "the model's name, as its workers have it; else what the file says", 0, 0},
        {0},
    };
    struct command_line c = {
        .command = "blind prepare",
        .arguments = "MODEL --out DIR",
        .about = "Prepares a model for blind computing (experimental construction, not yet reviewed): reads all weights "
                 "once;\nafterwards the client needs them no more.",
        .opts = opts,
        .args_min = 1,
        .args_max = 1};
    struct why why = {{0}};
    char full[MODEL_NAME_BYTES];
    struct cli_progress progress;
    struct prepare_model_opts o = {.name = full, .progress = show_progress, .arg = &progress};
    int r = opt_parse(&c, argc, argv, &why);
    if (r == OPT_HELP_SHOWN) return EXIT_OK;
    if (r == 0 && !dir) r = why_set(&why, ERR_USAGE, "--out: names the folder to make");
    if (r == 0 && strcmp(mode, "pair") != 0 && strcmp(mode, "lattice") != 0)
        r = why_set(&why, ERR_USAGE, "--mode: is pair or lattice");
    if (r == 0) r = name_of(full, name, c.args[0], &why);
    o.folded = folded;
    if (r == 0) {
        cli_progress_start(&progress, "preparing");
        r = prepare_model_dir(dir, c.args[0], &o, &why);
        cli_progress_end(&progress);
    }
    if (r == 0 && strcmp(mode, "lattice") == 0) r = make_hint(dir, c.args[0], params, &why);
    if (r == 0) r = say_prepared(dir, &why);
    if (r != 0) fprintf(stderr, "lull blind prepare: %s\n", why_text(&why, r));
    return r == 0 ? EXIT_OK : r == ERR_USAGE ? EXIT_USAGE : EXIT_FAILED;
}

int cmd_blind(int argc, char **argv) {
    static const char usage[] = "usage: lull blind prepare MODEL --out DIR [--mode pair|lattice] [--fold] [--name NAME]\n"
                                "       lull blind bench [--mode pair|lattice] [--fold] [--shape SHAPE | MODEL] [--json]\n"
                                "lull blind prepare --help, or lull blind bench --help, explains one of them\n";
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "prepare") == 0) return run_prepare(argc - 1, argv + 1);
    if (strcmp(what, "bench") == 0) return cmd_blind_bench(argc - 1, argv + 1);
    int help = strcmp(what, "--help") == 0 || strcmp(what, "-h") == 0;
    fputs(usage, help ? stdout : stderr);
    return help ? EXIT_OK : EXIT_USAGE;
}
