/* cli/cmd_log_init.c - `lull log init`: keys and an empty log. */
#include <stdio.h>
#include <string.h>

#include "base/opt.h"
#include "cli/cli.h"
#include "cli/log_cmd.h"
#include "cli/terminal.h"

static int make(struct log_folder *f, const char *origin, char vkey[TLOG_VKEY_BYTES_MAX], struct why *why) {
    struct tlog_key key;
    uint8_t seed[32];
    struct tlog_hash nothing;
    struct buf note;
    buf_init(&note, 0);
    if (strlen(origin) > EV_ORIGIN_BYTES_MAX) return why_set(why, ERR_USAGE, "--origin: at most %d bytes", EV_ORIGIN_BYTES_MAX);
    int r = log_key_make(f->key_path, origin, TLOG_SIG_ED25519, &key, why);
    if (r == 0) r = log_key_read(f->key_path, TLOG_SIG_ED25519, &key, seed, why);
    if (r != 0) return r;
    sha256_of(nothing.b, "", 0);
    r = tlog_checkpoint_text(&note, origin, 0, &nothing);
    size_t text_n = note.len;
    if (r == 0) r = buf_add(&note, "\n", 1);
    if (r == 0) {
        uint8_t text[TLOG_TEXT_BYTES_MAX]; /* note moves as it grows */
        memcpy(text, note.data, text_n);
        r = tlog_sign(&note, (struct ev_bytes){text, text_n}, &key, seed, 0);
    }
    if (r == 0) r = log_folder_publish(f, note.data, note.len, why);
    if (r == 0) r = tlog_vkey_text(vkey, &key);
    buf_release(&note);
    mem_wipe(seed, sizeof seed);
    return r;
}

int log_init(int argc, char **argv) {
    const char *origin = NULL;
    int json = 0;
    const struct opt rows[] = {
        {"origin", OPT_TEXT, &origin, "NAME", "the log's name for ever, and that of its key: log.example/lull", 0, 0},
        {"json", OPT_FLAG, &json, NULL, "one JSON line", 0, 0},
        {0}};
    struct command_line line = {.command = "log init",
                                .arguments = "DIR",
                                .opts = rows,
                                .args_min = 1,
                                .args_max = 1,
                                .about = "Makes an empty log in DIR, with a key of its own, and prints the key to check it by."};
    struct why why = {{0}};
    struct log_folder f = {.dir = {.lock_fd = -1}};
    char vkey[TLOG_VKEY_BYTES_MAX];
    int r = opt_parse(&line, argc, argv, &why);
    if (r == OPT_HELP_SHOWN) return EXIT_OK;
    if (r == 0 && !origin) r = why_set(&why, ERR_USAGE, "needs --origin NAME");
    if (r == 0) r = log_folder_open(&f, line.args[0], &why);
    if (r == 0) r = make(&f, origin, vkey, &why);
    log_folder_close(&f);
    if (r != 0) {
        fprintf(stderr, "lull log init: %s\n", why_text(&why, r));
        return r == ERR_USAGE ? EXIT_USAGE : EXIT_FAILED;
    }
    if (json)
        log_say(json_pack("{s:s,s:i}", "key", vkey, "size", 0));
    else
        printf("%s\n", vkey);
    return terminal_output_end("log init");
}
