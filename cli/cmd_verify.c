/* cli/cmd_verify.c - `lull verify RECEIPT [--replay MODEL]`: exit 0 valid, 10 wrong, 30 cannot be judged. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/opt.h"
#include "cli/cli.h"
#include "cli/verify.h"
#include "seal/seal_err.h"
#include "seal/transcript.h"

static int judge(const char *path, const struct replay_how *how, const uint8_t *pinned, int json, struct why *why) {
    struct buf file;
    struct verdict v;
    int r = file_read(&file, path, TRANSCRIPT_BYTES_MAX, why);
    if (r != 0) {
        v = (struct verdict){.err = r};
        if (json) verdict_print(&v, json);
        return EXIT_MALFORMED;
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
    const struct opt rows[] = {{"replay", OPT_TEXT, &how.model, "MODEL", "compute the whole answer again with this GGUF file and compare every bit", 0, 0},
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
    int status = judge(line.args[0], how.model ? &how : NULL, pin ? pinned : NULL, json, &why);
    if (status != EXIT_OK && why.text[0]) fprintf(stderr, "lull verify: %s\n", why.text);
    return status;
}
