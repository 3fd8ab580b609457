/* cli/cmd_replay.c - `lull replay RECEIPT MODEL` and `lull replay MODEL --record FILE`: an answer computed again, in one pass
 * over prompt and answer. Exit 0 every bit agrees, 10 one does not, 30 cannot be judged, as `lull verify`. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/opt.h"
#include "cli/cli.h"
#include "cli/input.h"
#include "cli/verify.h"
#include "model/answer_record.h"
#include "seal/seal_err.h"
#include "seal/transcript.h"

static int judge_record(struct verdict *v, const char *path, const struct replay_how *how, struct why *why) {
    struct buf file;
    int from_input = strcmp(path, "-") == 0;
    struct why inner = {{0}};
    int r = from_input ? input_read(&file, ANSWER_RECORD_BYTES_MAX, why) : file_read(&file, path, ANSWER_RECORD_BYTES_MAX, why);
    *v = (struct verdict){.is_record = 1};
    if (r == 0 && (r = verify_record(v, file.data, file.len, how, &inner)) != 0) {
        if (v->readable)
            *why = inner;
        else
            why_set(why, r, "%.100s: not a record: %.180s", from_input ? "standard input" : path, why_text(&inner, r));
    }
    buf_release(&file);
    return r;
}

static int judge_receipt(struct verdict *v, const char *path, const struct replay_how *how, struct why *why) {
    struct buf file;
    *v = (struct verdict){0};
    int r = file_read(&file, path, TRANSCRIPT_BYTES_MAX, why);
    if (r != 0) return r;
    r = verify_receipt(v, file.data, file.len, how, NULL, why);
    buf_release(&file);
    if (r == 0 && !v->readable) r = why_set(why, v->err, "%s: not a receipt: %s", path, seal_err_text(v->err));
    return r;
}

int cmd_replay(int argc, char **argv) {
    const char *record = NULL;
    struct replay_how how = {0};
    struct verdict v;
    int json = 0;
    const struct opt rows[] = {
        {"record", OPT_TEXT, &record, "FILE", "what lull run --json printed, instead of a receipt; -: standard input", 0, 0},
        {"threads", OPT_U32, &how.threads, "N", "compute threads; 0: one per core (0)", 0, 256},
        {"json", OPT_FLAG, &json, NULL, "one JSON line", 0, 0},
        {0}};
    struct command_line line = {
        .command = "replay",
        .arguments = "[RECEIPT] MODEL",
        .opts = rows,
        .args_min = 1,
        .args_max = 2,
        .about = "Computes an answer again in one pass and compares every token and every logits digest.\n"
                 "Exit 0: all agree, 10: something differs, 30: cannot be judged. --json prints what verify --json does, and\n"
                 "replay_s and generated_s: seconds of the pass, and of the answer when the record says it."};
    struct why why = {{0}};
    int r = opt_parse(&line, argc, argv, &why);
    if (r == OPT_HELP_SHOWN) return EXIT_OK;
    if (r == 0 && line.arg_count != (record ? 1 : 2))
        r = why_set(&why, ERR_USAGE,
                    record ? "--record takes the place of RECEIPT: only MODEL is left"
                           : "a receipt and a model, or a model and --record");
    if (r != 0) {
        fprintf(stderr, "lull replay: %s\n", why_text(&why, r));
        return EXIT_USAGE;
    }
    how.model = line.args[line.arg_count - 1];
    r = record ? judge_record(&v, record, &how, &why) : judge_receipt(&v, line.args[0], &how, &why);
    if (r != 0) {
        v.readable = 0, v.err = r; /* it could not be judged: why says what is missing */
        fprintf(stderr, "lull replay: %s\n", why_text(&why, r));
    }
    verdict_print(&v, json);
    return verdict_status(&v);
}
