/* cli/cmd_log_witness.c - `lull log witness`: signs a log's checkpoint with the time, when it is the tree that was signed last time,
 * grown on. What was signed last is kept, and written before the new signature leaves: a witness that forgets is none. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/opt.h"
#include "cli/cli.h"
#include "cli/log_cmd.h"
#include "cli/terminal.h"

struct witness {
    struct data_dir dir;
    struct tlog_key key;
    uint8_t seed[32];
    char key_path[LOG_PATH_BYTES], seen_path[LOG_PATH_BYTES];
    struct tlog_kept seen;
};

/* One file per log, by its origin's hash. */
static int read_seen(struct witness *w, const char *origin, struct why *why) {
    uint8_t digest[32];
    char name[80] = "seen-";
    struct buf b;
    sha256_of(digest, origin, strlen(origin));
    hex_encode(name + 5, digest, 32);
    int r = data_dir_file(&w->dir, name, w->seen_path, sizeof w->seen_path);
    if (r != 0) return r;
    r = file_read(&b, w->seen_path, TLOG_KEPT_BYTES_MAX, why);
    if (r == ERR_NOTFOUND) {
        if (why) why->text[0] = 0;
        return 0; /* the first time */
    }
    if (r != 0) return r;
    r = tlog_kept_read(&w->seen, (struct ev_bytes){b.data, b.len});
    buf_release(&b);
    if (r == 0 && strcmp(w->seen.origin, origin) != 0) r = ERR_FORMAT;
    return r == 0 ? 0 : why_set(why, ERR_FORMAT, "%.250s cannot be read; nothing is signed without it", w->seen_path);
}

static int write_seen(struct witness *w, const char *origin, const struct log_head *h, int64_t now, struct why *why) {
    struct tlog_kept k = {.size = h->checkpoint.size, .root = h->checkpoint.root, .newest = now};
    struct buf b;
    snprintf(k.origin, sizeof k.origin, "%s", origin);
    int r = tlog_kept_text(&b, &k);
    if (r == 0) r = file_write(w->seen_path, b.data, b.len, 0600, why);
    buf_release(&b);
    return r;
}

/* The root of the tiles is the checkpoint's, and the old root comes out of the same tiles: so both trees are there to be looked at. */
static int check_grown(const struct witness *w, const struct log_head *h, struct log_place *place, struct why *why) {
    static struct tlog_tiles tiles;
    struct tlog_files files = log_place_files(place);
    struct tlog_source source = tlog_tiles_source(&tiles);
    struct tlog_hash root;
    struct tlog_proof proof = {.count = 0};
    const struct tlog_checkpoint *c = &h->checkpoint;
    if (c->size < w->seen.size)
        return why_set(why, ERR_AUTH, "the log has %llu entries, and %llu were signed before", (unsigned long long)c->size,
                       (unsigned long long)w->seen.size);
    tlog_tiles_init(&tiles, &files, c->size);
    int r = tlog_root(&root, &source, c->size);
    if (r != 0) return why_set(why, r, "the log's tiles cannot be read: %s", err_text(r));
    if (!tlog_hash_equal(&root, &c->root)) return why_set(why, ERR_AUTH, "the log's tiles do not belong to its checkpoint");
    if (w->seen.size == 0) return 0;
    r = tlog_consistency_make(&proof, &source, w->seen.size, c->size);
    if (r == 0) r = tlog_consistency_check(w->seen.size, &w->seen.root, c->size, &c->root, &proof);
    return r == 0
               ? 0
               : why_set(why, ERR_AUTH, "this tree is not the one that was signed before, grown on: the log shows two histories");
}

static int open_witness(struct witness *w, const char *data, const char *new_name, struct why *why) {
    int r = data_dir_open(&w->dir, data, "log-witness", why);
    if (r == 0) r = data_dir_file(&w->dir, "witness.key", w->key_path, sizeof w->key_path);
    if (r == 0 && new_name) r = log_key_make(w->key_path, new_name, TLOG_SIG_COSIGNATURE, &w->key, why);
    return r == 0 ? log_key_read(w->key_path, TLOG_SIG_COSIGNATURE, &w->key, w->seed, why) : r;
}

static int cosign(struct witness *w, const char *where, const char *key, struct why *why) {
    struct log_place place;
    struct log_policy trust;
    static struct log_head head;
    struct tlog_witnessed signers;
    struct buf line;
    int64_t now = (int64_t)clock_unix_s();
    buf_init(&head.bytes, 0);
    buf_init(&line, TLOG_NOTE_BYTES_MAX);
    int r = log_trust_read(&trust, key, NULL, 0, why);
    if (r == 0) r = log_place_of(&place, where, why);
    if (r == 0) r = log_head_read(&head, &place, why);
    if (r == 0) {
        const struct ev_bytes *o = &head.checkpoint.origin;
        tlog_witnessed(&signers, &head.note, &trust);
        if (o->n != strlen(trust.origin) || memcmp(o->p, trust.origin, o->n) != 0 || !signers.log_signed)
            r = why_set(why, ERR_AUTH, "the checkpoint is not signed by that key");
    }
    if (r == 0) r = read_seen(w, trust.origin, why);
    if (r == 0 && now < w->seen.newest) r = why_set(why, ERR_TIME, "the clock is behind the last signature: set it");
    if (r == 0) r = check_grown(w, &head, &place, why);
    if (r == 0) r = write_seen(w, trust.origin, &head, now, why);
    if (r == 0) r = tlog_sign(&line, head.note.text, &w->key, w->seed, (uint64_t)now);
    if (r == 0) printf("%.*s", (int)line.len, (char *)line.data);
    log_head_release(&head);
    buf_release(&line);
    return r;
}

int log_witness(int argc, char **argv) {
    const char *data = NULL, *key = NULL, *new_name = NULL;
    const struct opt rows[] = {
        {"data", OPT_TEXT, &data, "DIR", "the witness's own folder: its key, and what it has signed", 0, 0},
        {"key", OPT_TEXT, &key, "KEY", "the log's verifier key", 0, 0},
        {"new", OPT_TEXT, &new_name, "NAME", "make a key of that name, print its verifier key, and end", 0, 0},
        {0}};
    struct command_line line = {
        .command = "log witness",
        .arguments = "[LOG]",
        .opts = rows,
        .args_max = 1,
        .about = "Checks that a log, a folder or a URL, is the one seen last time, grown on, and prints a "
                 "signature line with the time\n(c2sp.org/tlog-cosignature), which lull log append --cosign takes. "
                 "Exit 10: it is not that log, nothing was signed."};
    struct why why = {{0}};
    static struct witness w;
    char vkey[TLOG_VKEY_BYTES_MAX];
    w.dir.lock_fd = -1;
    int r = opt_parse(&line, argc, argv, &why);
    if (r == OPT_HELP_SHOWN) return EXIT_OK;
    if (r == 0 && !new_name && (line.arg_count == 0 || !key))
        r = why_set(&why, ERR_USAGE, "needs LOG and --key KEY, or --new NAME");
    if (r == 0) r = open_witness(&w, data, new_name, &why);
    if (r == 0 && new_name) {
        r = tlog_vkey_text(vkey, &w.key);
        if (r == 0) printf("%s\n", vkey);
    } else if (r == 0) {
        r = cosign(&w, line.args[0], key, &why);
    }
    mem_wipe(w.seed, sizeof w.seed);
    data_dir_close(&w.dir);
    if (r == 0) return terminal_output_end("log witness");
    fprintf(stderr, "lull log witness: %s\n", why_text(&why, r));
    return r == ERR_USAGE ? EXIT_USAGE : r == ERR_AUTH ? EXIT_INVALID : EXIT_FAILED;
}
