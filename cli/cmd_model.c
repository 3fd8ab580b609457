/* cli/cmd_model.c - `lull model from-llama2c` and `lull model make`: writing model files. */
#include "base/opt.h"
#include "cli/cli.h"
#include "cli/model_load.h"
#include "model/from_llama2c.h"
#include "model/make.h"
#include "model/quantize.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void show_progress(void *ctx, uint64_t done, uint64_t total) { cli_progress_show(ctx, done, total); }

/* The exit status of a command that has said why it failed. */
static int ended(int r, const char *command, const struct why *why) {
    if (r == OPT_HELP_SHOWN) return EXIT_OK;
    if (r != 0) fprintf(stderr, "lull model %s: %s\n", command, why_text(why, r));
    return r == 0 ? EXIT_OK : r == ERR_USAGE ? EXIT_USAGE : EXIT_FAILED;
}

static int type_named(const char *name, const struct weight_type **out, struct why *why) {
    *out = quantize_type(name);
    return *out ? 0 : why_set(why, ERR_USAGE, "--type: is one of %s", quantize_names);
}

/* A model file took long to make or to fetch: one word is not too much before it goes. */
static int may_write(const char *path, int force, struct why *why) {
    if (force || access(path, F_OK) != 0) return 0;
    return why_set(why, ERR_EXISTS, "%.200s: is there already; --force overwrites it", path);
}

static int run_from_llama2c(int argc, char **argv) {
    const char *type_name = "f32";
    int force = 0;
    const struct opt opts[] = {
        {"type", OPT_TEXT, &type_name, "TYPE", "of the matrices: f32, f16, bf16, q8_0, q4_k_m and others (f32)", 0, 0},
        {"force", OPT_FLAG, &force, NULL, "overwrite OUT", 0, 0},
        {0},
    };
    struct command_line c = {.command = "model from-llama2c",
                             .arguments = "CHECKPOINT TOKENIZER OUT",
                             .about = "Converts a llama2.c checkpoint (.bin, version 0 or 1) and its tokenizer to a GGUF file.",
                             .opts = opts,
                             .args_min = 3,
                             .args_max = 3};
    struct why why = {{0}};
    const struct weight_type *type = NULL;
    struct cli_progress progress;
    struct convert_watch watch = {show_progress, &progress};
    int r = opt_parse(&c, argc, argv, &why);
    if (r == 0) r = type_named(type_name, &type, &why);
    if (r == 0) r = may_write(c.args[2], force, &why);
    if (r == 0) {
        cli_progress_start(&progress, "writing");
        r = from_llama2c(c.args[0], c.args[1], c.args[2], type, &watch, &why);
        cli_progress_end(&progress);
    }
    return ended(r, "from-llama2c", &why);
}

static int run_make(int argc, char **argv) {
    const char *shape = NULL, *type_name = "q8_0";
    uint64_t seed = 1;
    int force = 0;
    const struct opt opts[] = {
        {"shape", OPT_TEXT, &shape, "SHAPE", "tinyllama-1.1b, llama3.2-1b, qwen2.5-0.5b or tiny", 0, 0},
        {"type", OPT_TEXT, &type_name, "TYPE", "of the matrices: f32, f16, bf16, q8_0, q4_k_m and others (q8_0)", 0, 0},
        {"seed", OPT_U64, &seed, "N", "seed of the random weights (1)", 0, 0},
        {"force", OPT_FLAG, &force, NULL, "overwrite OUT", 0, 0},
        {0},
    };
    struct command_line c = {.command = "model make",
                             .arguments = "OUT",
                             .about = "Writes a model of a real shape with random weights, for measuring. It answers nonsense.",
                             .opts = opts,
                             .args_min = 1,
                             .args_max = 1};
    struct why why = {{0}};
    const struct weight_type *type = NULL;
    struct cli_progress progress;
    struct convert_watch watch = {show_progress, &progress};
    int r = opt_parse(&c, argc, argv, &why);
    if (r == 0 && !shape) r = why_set(&why, ERR_USAGE, "--shape is needed: %s", make_shape_names);
    if (r == 0) r = type_named(type_name, &type, &why);
    if (r == 0) r = may_write(c.args[0], force, &why);
    if (r == 0) {
        cli_progress_start(&progress, "writing");
        r = make_model(shape, type, seed, c.args[0], &watch, &why);
        cli_progress_end(&progress);
        if (r == ERR_NOTFOUND) r = ERR_USAGE;
    }
    return ended(r, "make", &why);
}

int cmd_model(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "from-llama2c") == 0) return run_from_llama2c(argc - 1, argv + 1);
    if (strcmp(what, "make") == 0) return run_make(argc - 1, argv + 1);
    int help = strcmp(what, "--help") == 0 || strcmp(what, "-h") == 0;
    fprintf(help ? stdout : stderr, "usage: lull model from-llama2c CHECKPOINT TOKENIZER OUT [--type TYPE]\n"
                                    "       lull model make --shape SHAPE [--type TYPE] [--seed N] OUT\n"
                                    "lull model make --help, or lull model from-llama2c --help, explains one of them\n");
    return help ? EXIT_OK : EXIT_USAGE;
}
