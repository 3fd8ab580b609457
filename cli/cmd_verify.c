/* cli/cmd_verify.c - `lull verify RECEIPT [--replay MODEL]`: exit 0 valid, 10 wrong, 30 cannot be judged. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/opt.h"
#include "cli/cli.h"
#include "cli/verify.h"
#include "seal/seal_err.h"
#include "seal/transcript.h"

static void print_text(const struct verdict *v) {
    char hex[65];
    if (v->err != 0) {
        printf("wrong: %s\n", seal_err_text(v->err));
        if (v->replayed && v->mismatch < v->tokens) printf("first difference at output position %u of %u\n", v->mismatch, v->tokens);
        return;
    }
    printf("valid: %u tokens of %s by node %.16s\n", v->tokens, v->model, v->node);
    if (v->from) printf("tokens before position %u came from nodes that were lost; this receipt does not vouch for them\n", v->from);
    hex_encode(hex, v->coordinator, 32);
    if (v->has_countersign) printf("countersigned by coordinator %.16s\n", hex);
    if (v->replayed) printf("replay exact: positions %u to %u, every id, every logits digest, the text and why it ends there\n", v->from, v->tokens ? v->tokens - 1 : 0);
}

static void print_json(const struct verdict *v) {
    json_t *j = json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:b, s:b}", "verdict", v->err == 0 ? "valid" : v->readable ? "wrong" : "not judged", "check",
                          v->err == 0 ? "all" : seal_err_text(v->err), "model", v->model, "node", v->node, "profile", v->profile, "tokens", (int)v->tokens, "from", (int)v->from,
                          "replayed", v->replayed, "countersigned", v->has_countersign);
    if (j && v->replayed && v->mismatch < v->tokens) json_object_set_new(j, "first_difference", json_integer(v->mismatch));
    struct buf b;
    if (j && json_print(&b, j, 1 << 16) == 0) {
        printf("%.*s\n", (int)b.len, (char *)b.data);
        buf_release(&b);
    }
    json_decref(j);
}

static int judge(const char *path, const char *model, const uint8_t *pinned, int json, struct why *why) {
    struct buf file;
    struct verdict v;
    int r = file_read(&file, path, TRANSCRIPT_BYTES_MAX, why);
    if (r != 0) {
        v = (struct verdict){.err = r};
        if (json) print_json(&v);
        return EXIT_MALFORMED;
    }
    r = verify_receipt(&v, file.data, file.len, model, pinned, why);
    buf_release(&file);
    if (r != 0) v.readable = 0, v.err = r; /* it could not be judged: why says what is missing */
    if (json) print_json(&v);
    else if (v.readable) print_text(&v);
    if (v.err == 0) return EXIT_OK;
    if (!v.readable && r == 0) why_set(why, v.err, "%s: not a receipt: %s", path, seal_err_text(v.err));
    return v.readable ? EXIT_INVALID : EXIT_MALFORMED;
}

int cmd_verify(int argc, char **argv) {
    const char *model = NULL, *pin = NULL;
    int json = 0;
    uint8_t pinned[32];
    const struct opt rows[] = {{"replay", OPT_TEXT, &model, "MODEL", "compute the whole answer again with this GGUF file and compare every bit", 0, 0},
                               {"coordinator-key", OPT_TEXT, &pin, "HEX", "the coordinator's public key that must have countersigned", 0, 0},
                               {"json", OPT_FLAG, &json, NULL, "one JSON line", 0, 0},
                               {0}};
    struct command_line line = {.command = "verify", .arguments = "RECEIPT", .opts = rows, .args_min = 1, .args_max = 1,
                                .about = "Checks a receipt offline: signatures, hashes, counts. Exit 0: valid, 10: wrong, 30: cannot be judged.\n"
                                         "--json prints one line: verdict (valid, wrong, not judged), check (the one that failed, or all), model, node,\n"
                                         "profile, tokens, from, replayed, countersigned, first_difference (when a replay differs)."};
    struct why why = {{0}};
    int r = opt_parse(&line, argc, argv, &why);
    if (r == OPT_HELP_SHOWN) return EXIT_OK;
    if (r == 0 && pin && hex_decode(pinned, 32, pin, strlen(pin)) != 0) r = why_set(&why, ERR_USAGE, "--coordinator-key: 64 hexadecimal digits");
    if (r != 0) {
        fprintf(stderr, "lull verify: %s\n", why_text(&why, r));
        return EXIT_USAGE;
    }
    int status = judge(line.args[0], model, pin ? pinned : NULL, json, &why);
    if (status != EXIT_OK && why.text[0]) fprintf(stderr, "lull verify: %s\n", why.text);
    return status;
}
