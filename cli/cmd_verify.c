/* cli/cmd_verify.c - `lull verify RECEIPT [--replay MODEL]`: exit 0 valid, 10 wrong, 30 cannot be judged. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/opt.h"
#include "cli/cli.h"
#include "base/json.h"
#include "cli/verify.h"
#include "gateway/gw_blind_judge.h"
#include "gateway/gw_blind_receipt.h"
#include "seal/seal_err.h"
#include "seal/transcript.h"

/* ---- of tier blind: unsigned, so that only what it says can be judged ---- */

static void print_blind_json(const struct gw_blind_judged *v) {
    char check[192];
    snprintf(check, sizeof check, "%s%s%s", v->member, v->member[0] ? " " : "", v->bad ? v->bad : "all");
    json_t *j = json_pack("{s:s, s:s, s:s, s:b, s:s, s:s, s:s, s:s, s:I, s:I, s:I}", "verdict",
                          !v->bad       ? "consistent"
                          : v->readable ? "wrong"
                                        : "not judged",
                          "check", check, "tier", "blind", "signed", 0, "mode", gw_blind_mode_name(v->mode), "model", v->model,
                          "profile", v->profile, "manifest", v->manifest, "tokens", (json_int_t)v->tokens, "products",
                          (json_int_t)v->products, "verified", (json_int_t)v->verified);
    struct buf b;
    if (j && json_print(&b, j, 1 << 16) == 0) {
        printf("%.*s\n", (int)b.len, (char *)b.data);
        buf_release(&b);
    }
    json_decref(j);
}

static void print_blind(const struct gw_blind_judged *v) {
    if (!v->readable) return;
    if (v->bad) {
        printf("wrong: %s %s\n", v->member, v->bad);
        return;
    }
    printf("consistent: %u tokens of %s in tier blind, mode %s (" BLIND_NOTICE ")\n", v->tokens, v->model,
           gw_blind_mode_name(v->mode));
    printf("%llu products asked of %u worker%s, %llu answers passed their check\n", (unsigned long long)v->products, v->workers,
           v->workers == 1 ? "" : "s", (unsigned long long)v->verified);
    printf("nobody has signed it: it is the gateway's own note, and proves nothing to others\n");
}

static int judge_blind(const char *path, const struct buf *file, int signs, int json, struct why *why) {
    struct gw_blind_judged v;
    gw_blind_judge(&v, file->data, file->len);
    int cannot = signs && v.readable; /* what was asked for cannot be had */
    if (cannot) v.readable = 0, v.bad = "of tier blind: it holds no question to replay and no countersignature", v.member[0] = 0;
    if (json)
        print_blind_json(&v);
    else
        print_blind(&v);
    if (!v.readable)
        why_set(why, ERR_FORMAT, "%s: %s%s%s%s", path, cannot ? "a receipt " : "not a receipt: ", v.member,
                v.member[0] ? " " : "", v.bad);
    return !v.bad ? EXIT_OK : v.readable ? EXIT_INVALID : EXIT_MALFORMED;
}

/* ---- of tier sealed ---- */

static int judge(const char *path, const struct replay_how *how, const uint8_t *pinned, int json, struct why *why) {
    struct buf file;
    struct verdict v;
    int r = file_read(&file, path, TRANSCRIPT_BYTES_MAX, why);
    if (r != 0) {
        v = (struct verdict){.err = r};
        if (json) verdict_print(&v, json);
        return EXIT_MALFORMED;
    }
    if (gw_blind_receipt_is(&file)) {
        int status = judge_blind(path, &file, how || pinned, json, why);
        buf_release(&file);
        return status;
    }
    r = verify_receipt(&v, file.data, file.len, how, pinned, why);
    buf_release(&file);
    if (r != 0) v.readable = 0, v.err = r; /* it could not be judged: why says what is missing */
    verdict_print(&v, json);
    if (v.err != 0 && !v.readable && r == 0) why_set(why, v.err, "%s: not a receipt: %s", path, seal_err_text(v.err));
    return verdict_status(&v);
}

int cmd_verify(int argc, char **argv) {
    struct replay_how how = {0};
    const char *pin = NULL;
    int json = 0;
    uint8_t pinned[32];
    const struct opt rows[] = {
        {"replay", OPT_TEXT, &how.model, "MODEL", "compute the whole answer again with this GGUF file and compare every bit", 0,
         0},
        {"coordinator-key", OPT_TEXT, &pin, "HEX", "the coordinator's public key that must have countersigned", 0, 0},
        {"json", OPT_FLAG, &json, NULL, "one JSON line", 0, 0},
        {0}};
    struct command_line line = {
        .command = "verify",
        .arguments = "RECEIPT",
        .opts = rows,
        .args_min = 1,
        .args_max = 1,
        .about = "Checks a receipt offline: signatures, hashes, counts. Exit 0: valid, 10: wrong, 30: cannot be judged.\n"
                 "--json prints one line: verdict (valid, wrong, not judged), check (the one that failed, or all), model, node,\n"
                 "profile, tokens, from, replayed, countersigned, first_difference (when a replay differs).\n"
                 "A receipt of tier blind is unsigned: it is held against itself, and valid is called consistent."};
    struct why why = {{0}};
    int r = opt_parse(&line, argc, argv, &why);
    if (r == OPT_HELP_SHOWN) return EXIT_OK;
    if (r == 0 && pin && hex_decode(pinned, 32, pin, strlen(pin)) != 0)
        r = why_set(&why, ERR_USAGE, "--coordinator-key: 64 hexadecimal digits");
    if (r != 0) {
        fprintf(stderr, "lull verify: %s\n", why_text(&why, r));
        return EXIT_USAGE;
    }
    int status = judge(line.args[0], how.model ? &how : NULL, pin ? pinned : NULL, json, &why);
    if (status != EXIT_OK && why.text[0]) fprintf(stderr, "lull verify: %s\n", why.text);
    return status;
}
