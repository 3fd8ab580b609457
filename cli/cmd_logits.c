/* cli/cmd_logits.c - `lull logits MODEL --tokens ID,ID,... --out FILE`: the logits after each given token, as f32 rows. */
#include "base/file.h"
#include "base/opt.h"
#include "cli/cli.h"
#include "cli/model_load.h"
#include "math/attend.h"
#include "model/engine.h"
#include "model/ids.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_A_STEP = 96 };

static int parse_ids(struct ids *out, const char *text, struct why *why) {
    for (const char *at = text; *at;) {
        char *end;
        errno = 0;
        long v = strtol(at, &end, 10);
        if (end == at || errno || v < 0 || v > INT32_MAX || (*end && *end != ',') || (*end == ',' && !end[1]))
            return why_set(why, ERR_USAGE, "--tokens: needs ids with commas between them");
        int r = ids_add(out, (int32_t)v);
        if (r != 0) return why_set(why, r, "--tokens: more than the model's context of %zu", out->max);
        at = *end ? end + 1 : end;
    }
    return out->count ? 0 : why_set(why, ERR_USAGE, "--tokens: needs at least one id");
}

/* Rows are written as they are made; the file is complete only when the command succeeds. */
static int write_rows(struct model *m, struct engine *e, struct kv_seq *seq, const struct ids *ids, FILE *f) {
    for (size_t at = 0; at < ids->count; at += ROWS_A_STEP) {
        uint32_t n = ids->count - at < ROWS_A_STEP ? (uint32_t)(ids->count - at) : ROWS_A_STEP;
        struct engine_part part = {.seq = seq, .ids = ids->id + at, .count = n, .logits_from = 0};
        int r = engine_step(e, &part, 1);
        if (r == 0) r = part.err;
        if (r != 0) return r;
        if (fwrite(part.logits, sizeof(float) * model_n_vocab(m), n, f) != n) return ERR_IO;
    }
    return 0;
}

static int logits_to(struct model *m, const char *tokens, const char *path, uint32_t threads, enum kv_format kv,
                     struct why *why) {
    struct ids ids;
    struct engine *e = NULL;
    struct kv_seq seq = {0};
    FILE *f = NULL;
    ids_init(&ids, model_context(m));
    int r = parse_ids(&ids, tokens, why);
    uint32_t n = (uint32_t)ids.count;
    struct engine_opts eo = {.threads = threads,
                             .rows_max = ROWS_A_STEP,
                             .logits_max = ROWS_A_STEP,
                             .kv_pages = (n + KV_PAGE - 1) / KV_PAGE,
                             .kv = kv};
    if (r == 0) r = engine_new(&e, m, &eo, why);
    if (r == 0) r = kv_seq_init(&seq, n);
    if (r == 0) r = kv_seq_reserve(&seq, engine_kv(e), n);
    if (r == 0 && !(f = fopen(path, "wbe"))) r = why_set(why, ERR_IO, "%.200s: %s", path, strerror(errno));
    if (r == 0) r = write_rows(m, e, &seq, &ids, f);
    if (r == ERR_RANGE) why_set(why, r, "--tokens: an id is outside the vocabulary of %u", model_n_vocab(m));
    if (f && fclose(f) != 0 && r == 0) r = ERR_IO;
    if (r == ERR_IO) why_set(why, r, "%.200s: cannot be written", path);
    if (f && r != 0) (void)remove(path);
    if (e) kv_seq_release(&seq, engine_kv(e));
    engine_free(e);
    ids_release(&ids);
    return r;
}

int cmd_logits(int argc, char **argv) {
    static const char *tokens, *out, *kv = "f16", *arith = "c1";
    static struct model_opts o;
    enum kv_format format = KV_F16;
    static const struct opt opts[] = {
        {"tokens", OPT_TEXT, &tokens, "ID,ID,...", "token ids, from the first position on", 0, 0},
        {"out", OPT_TEXT, &out, "FILE", "one row of little-endian f32 logits per id", 0, 0},
        {"arith", OPT_TEXT, &arith, "NAME", cli_arith_help, 0, 0},
        {"kv", OPT_TEXT, &kv, "FORMAT",
         "keys and values in the cache: f16 or q8, half the memory; part of the arithmetic profile (f16)", 0, 0},
        {"context", OPT_U32, &o.context, "N", "tokens the model is opened for (longrope depends on it); 0: the model's", 0, 0},
        {"threads", OPT_U32, &o.threads, "N", "compute threads; 0: one per core (0)", 0, 256},
        {0},
    };
    struct command_line c = {"logits", "MODEL", "Writes the logits after each given token, for comparisons.", opts, 1, 1, {0}, 0};
    struct why why = {{0}};
    int r = opt_parse(&c, argc, argv, &why);
    if (r == OPT_HELP_SHOWN) return EXIT_OK;
    if (r == 0 && (!tokens || !out)) r = why_set(&why, ERR_USAGE, "--tokens and --out are needed");
    if (r == 0) r = kv_format_of(&format, kv, &why);
    if (r == 0) r = model_arith_of(&o.arith, arith, &why);
    struct model *m = NULL;
    if (r == 0) {
        int status = cli_model_open(&m, "logits", c.args[0], &o);
        if (status != EXIT_OK) return status;
        r = logits_to(m, tokens, out, o.threads, format, &why);
        model_close(m);
    }
    if (r != 0) fprintf(stderr, "lull logits: %s\n", why_text(&why, r));
    return r == 0 ? EXIT_OK : r == ERR_USAGE || r == ERR_RANGE ? EXIT_USAGE : EXIT_FAILED;
}
