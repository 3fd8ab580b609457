/* cli/cmd_log_nonce.c - `lull log nonce`: a cosigned checkpoint as the nonce that nobody chose, for a node that makes evidence ahead. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/opt.h"
#include "cli/cli.h"
#include "cli/log_cmd.h"
#include "cli/terminal.h"
#include "evidence/prefetched_make.h"

struct asked {
    const char *key, *out;
    struct opt_list witness;
    uint32_t k;
};

static void say(const struct buf *member, uint64_t oldest) {
    struct ev_prefetched p;
    uint8_t nonce[32];
    char hex[65];
    uint64_t now = clock_unix_s();
    if (ev_prefetched_read(&p, (struct ev_bytes){member->data, member->len}) != 0) return;
    ev_prefetched_nonce(nonce, &p);
    hex_encode(hex, nonce, 32);
    log_say(json_pack("{s:s,s:I,s:i,s:I}", "nonce", hex, "size", (json_int_t)p.log_size, "witnesses", (int)p.count, "age",
                      (json_int_t)(now > oldest ? now - oldest : 0)));
}

static int make(const struct asked *a, struct log_place *place, struct why *why) {
    struct log_head head = {.bytes = {0}};
    struct log_policy trust;
    struct buf member;
    uint64_t oldest = 0;
    buf_init(&head.bytes, 0);
    buf_init(&member, 0);
    int r = a->witness.count ? log_trust_read(&trust, a->key, &a->witness, a->k, why)
                             : why_set(why, ERR_USAGE, "needs --witness KEY");
    if (r == 0 && !a->out) r = why_set(why, ERR_USAGE, "needs --out FILE");
    if (r == 0) r = log_head_read(&head, place, why);
    if (r == 0) r = ev_prefetched_of_note(&member, &head.note, &trust, &oldest, why);
    if (r == 0) r = file_write(a->out, member.data, member.len, 0644, why);
    if (r == 0) say(&member, oldest);
    buf_release(&member);
    log_head_release(&head);
    return r;
}

int log_nonce(int argc, char **argv) {
    static struct asked a;
    struct log_place place;
    const struct opt rows[] = {
        {"key", OPT_TEXT, &a.key, "KEY", "the log's verifier key; always needed", 0, 0},
        {"witness", OPT_LIST, &a.witness, "KEY", "a witness's verifier key; may be repeated", 0, 0},
        {"k", OPT_U32, &a.k, "N", "so many of them must have signed (all)", 1, EV_WITNESSES_MAX},
        {"out", OPT_TEXT, &a.out, "FILE", "where it goes: nonce in the node's data folder; always needed", 0, 0},
        {0}};
    struct command_line line = {
        .command = "log nonce",
        .arguments = "LOG",
        .opts = rows,
        .args_min = 1,
        .args_max = 1,
        .about =
            "Writes the log's checkpoint, with the witnesses' signatures, as a nonce that nobody chose. A node with a TPM that "
            "finds it in its data folder\nmakes its evidence ahead, once for all clients. Run it as often as the evidence is to "
            "be "
            "fresh: nothing is written unless all is signed."};
    struct why why = {{0}};
    int r = opt_parse(&line, argc, argv, &why);
    if (r == OPT_HELP_SHOWN) return EXIT_OK;
    if (r == 0) r = log_place_of(&place, line.args[0], &why);
    if (r == 0) r = make(&a, &place, &why);
    if (r == 0) return terminal_output_end("log nonce");
    fprintf(stderr, "lull log nonce: %s\n", why_text(&why, r));
    return r == ERR_USAGE ? EXIT_USAGE : EXIT_FAILED;
}
