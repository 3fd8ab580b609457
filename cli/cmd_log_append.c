/* cli/cmd_log_append.c - `lull log append`: entries, and witnesses' signatures under the checkpoint.
 *
 * Order is what makes it safe against a crash: bundles and tiles first, each all or nothing and none of them needed by the old
 * checkpoint, the new checkpoint last. Cut off anywhere before, the log is the old one, and the next append writes the same places
 * again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/opt.h"
#include "cli/cli.h"
#include "cli/input.h"
#include "cli/log_cmd.h"
#include "cli/terminal.h"

enum { JSON_FILE_MAX = 1 << 20, LEAVES_MAX = 16 };

struct asked {
    struct command_line *line;
    uint32_t state_hours;
    struct opt_list in_force, revoke, witness;
    const char *cosign;
};
struct appending {
    struct log_folder f;
    struct tlog_key key;
    uint8_t seed[32];
    struct log_head head;
    struct tlog_edge edge;
    json_t *entries; /* what was appended, for the user */
};

/* ---- opening ---- */

/* A folder whose tiles are not those of its checkpoint is not grown on: whatever came of it would be signed. */
static int check_tiles(struct appending *a, struct why *why) {
    struct tlog_files files = log_place_files(&a->f.place);
    struct tlog_hash root;
    int r = tlog_edge_open(&a->edge, &files, a->head.checkpoint.size);
    if (r != 0) return why_set(why, r, "the log's tiles cannot be read: %s", err_text(r));
    a->edge.write = log_folder_write;
    a->edge.arg = &a->f;
    tlog_edge_root(&a->edge, &root);
    return tlog_hash_equal(&root, &a->head.checkpoint.root)
               ? 0
               : why_set(why, ERR_AUTH, "the log's tiles do not belong to its checkpoint");
}

static int check_own(const struct appending *a, struct why *why) {
    struct log_policy own = {.given = 1};
    struct tlog_witnessed w;
    snprintf(own.origin, sizeof own.origin, "%s", a->key.name);
    memcpy(own.key, a->key.key, 32);
    tlog_witnessed(&w, &a->head.note, &own);
    return w.log_signed ? 0 : why_set(why, ERR_AUTH, "the checkpoint is not signed by this log's key");
}

static int open_log(struct appending *a, const char *path, struct why *why) {
    int r = log_folder_open(&a->f, path, why);
    if (r == 0) r = log_key_read(a->f.key_path, TLOG_SIG_ED25519, &a->key, a->seed, why);
    if (r == 0) r = log_head_read(&a->head, &a->f.place, why);
    if (r == 0) r = check_own(a, why);
    return r == 0 ? check_tiles(a, why) : r;
}

static void close_log(struct appending *a) {
    tlog_edge_release(&a->edge);
    log_head_release(&a->head);
    log_folder_close(&a->f);
    mem_wipe(a->seed, sizeof a->seed);
    json_decref(a->entries);
}

/* ---- entries ---- */

static int add_json(struct appending *a, const void *text, size_t n, struct why *why) {
    struct buf entry;
    struct tlog_leaf *leaf = mem_zalloc(1, sizeof *leaf);
    char hash[65];
    if (!leaf) return ERR_NOMEM;
    int r = tlog_leaf_write(&entry, text, n, why);
    if (r == 0) {
        (void)tlog_leaf_read(leaf, (struct ev_bytes){entry.data, entry.len}, NULL);
        hex_encode(hash, leaf->hash.b, 32);
        json_array_append_new(a->entries, json_pack("{s:I,s:s,s:s}", "index", (json_int_t)a->edge.size, "type",
                                                    tlog_leaf_type_name(leaf->type), "hash", hash));
        r = tlog_edge_add(&a->edge, entry.data, entry.len);
        if (r != 0) why_set(why, r, "%.250s: cannot be written", a->f.place.base);
        buf_release(&entry);
    }
    free(leaf);
    return r;
}

static int add_file(struct appending *a, const char *path, struct why *why) {
    struct buf b;
    int r = strcmp(path, "-") == 0 ? input_read(&b, JSON_FILE_MAX, why) : file_read(&b, path, JSON_FILE_MAX, why);
    if (r == 0) {
        r = add_json(a, b.data, b.len, why);
        buf_release(&b);
    }
    return r;
}

static int by_text(const void *x, const void *y) { return strcmp(*(char *const *)x, *(char *const *)y); }

/* Leaf hashes of entries that are in the log already, by their numbers, ascending and each once. */
static int hashes_of(json_t *to, struct appending *a, const struct opt_list *indices, const char *option, struct why *why) {
    char hex[OPT_LIST_MAX][65], *sorted[OPT_LIST_MAX];
    int r = 0;
    for (size_t i = 0; i < indices->count && r == 0; i++) {
        uint64_t index;
        struct tlog_hash h;
        struct buf entry;
        if (tlog_number_read(&index, indices->item[i], strlen(indices->item[i])) != 0)
            return why_set(why, ERR_USAGE, "--%s: takes the number of an entry", option);
        r = log_entry_read(&entry, &a->f.place, index, a->head.checkpoint.size, why);
        if (r == 0) tree_leaf_hash(h.b, entry.data, entry.len);
        if (r == 0) hex_encode(hex[i], h.b, 32);
        sorted[i] = hex[i];
        buf_release(&entry);
    }
    if (r == 0 && indices->count) qsort(sorted, indices->count, sizeof *sorted, by_text);
    for (size_t i = 0; i < indices->count && r == 0; i++)
        if (i == 0 || strcmp(sorted[i - 1], sorted[i]) != 0) json_array_append_new(to, json_string(sorted[i]));
    return r;
}

static int add_state(struct appending *a, const struct asked *o, struct why *why) {
    json_int_t from = (json_int_t)clock_unix_s();
    json_t *in_force = json_array(), *revoked = json_array();
    int r = hashes_of(in_force, a, &o->in_force, "in-force", why);
    if (r == 0) r = hashes_of(revoked, a, &o->revoke, "revoke", why);
    json_t *state = json_pack("{s:i,s:s,s:I,s:I,s:o,s:o}", "v", 1, "type", "state", "from", from, "until",
                              from + (json_int_t)o->state_hours * 3600, "in_force", in_force, "revoked", revoked);
    char *text = state ? json_dumps(state, JSON_COMPACT) : NULL;
    if (r == 0) r = text ? add_json(a, text, strlen(text), why) : ERR_NOMEM;
    free(text);
    json_decref(state);
    return r;
}

static int add_all(struct appending *a, const struct asked *o, struct why *why) {
    int r = 0;
    for (int i = 1; i < o->line->arg_count && r == 0; i++) r = add_file(a, o->line->args[i], why);
    return r == 0 && o->state_hours ? add_state(a, o, why) : r;
}

static int publish_grown(struct appending *a, struct why *why) {
    struct tlog_hash root;
    struct buf text, note;
    buf_init(&note, TLOG_NOTE_BYTES_MAX);
    tlog_edge_root(&a->edge, &root);
    int r = tlog_edge_flush(&a->edge);
    if (r != 0) return why_set(why, r, "%.250s: cannot be written", a->f.place.base);
    r = tlog_checkpoint_text(&text, a->key.name, a->edge.size, &root);
    if (r == 0) r = buf_add(&note, text.data, text.len);
    if (r == 0) r = buf_add(&note, "\n", 1);
    if (r == 0) r = tlog_sign(&note, (struct ev_bytes){text.data, text.len}, &a->key, a->seed, 0);
    if (r == 0) r = log_folder_publish(&a->f, note.data, note.len, why);
    buf_release(&text);
    buf_release(&note);
    return r;
}

/* ---- signatures of witnesses ---- */

/* A newer signature of a key takes the place of its older one. */
static int is_by_same(const struct tlog_sig *a, const struct tlog_sig *b) {
    return a->name.n == b->name.n && memcmp(a->name.p, b->name.p, a->name.n) == 0 && memcmp(a->id, b->id, 4) == 0;
}

static int add_lines(struct appending *a, const struct tlog_note *with, const struct log_policy *trust, struct why *why) {
    struct buf note;
    int added = 0, r;
    buf_init(&note, TLOG_NOTE_BYTES_MAX);
    r = buf_add(&note, a->head.note.text.p, a->head.note.text.n);
    if (r == 0) r = buf_add(&note, "\n", 1);
    for (unsigned i = 0; i < a->head.note.count && r == 0; i++) {
        int replaced = 0;
        for (unsigned k = 0; k < with->count; k++) replaced |= is_by_same(&a->head.note.sig[i], &with->sig[k]);
        if (!replaced) r = buf_add(&note, a->head.note.sig[i].line.p, a->head.note.sig[i].line.n);
    }
    for (unsigned i = 0; i < with->count && r == 0; i++)
        for (unsigned k = 0; k < trust->witnesses; k++) {
            uint64_t time;
            if (!tlog_sig_claims(&with->sig[i], TLOG_SIG_COSIGNATURE, trust->witness[k])) continue;
            if (tlog_sig_check(&with->sig[i], a->head.note.text, TLOG_SIG_COSIGNATURE, trust->witness[k], &time) != 0) continue;
            r = buf_add(&note, with->sig[i].line.p, with->sig[i].line.n);
            added++;
        }
    if (r == 0 && added != (int)with->count)
        r = why_set(why, ERR_AUTH, "--cosign: not a signature of these witnesses under this checkpoint");
    if (r == 0) r = log_folder_publish(&a->f, note.data, note.len, why);
    buf_release(&note);
    return r;
}

static int add_cosignatures(struct appending *a, const struct asked *o, struct why *why) {
    char vkey[TLOG_VKEY_BYTES_MAX];
    struct buf lines, whole;
    struct tlog_note with;
    struct log_policy trust;
    buf_init(&whole, TLOG_NOTE_BYTES_MAX);
    int r = tlog_vkey_text(vkey, &a->key);
    if (r == 0) r = log_trust_read(&trust, vkey, &o->witness, 0, why);
    if (r != 0) return r;
    r = strcmp(o->cosign, "-") == 0 ? input_read(&lines, TLOG_NOTE_BYTES_MAX / 2, why)
                                    : file_read(&lines, o->cosign, TLOG_NOTE_BYTES_MAX / 2, why);
    if (r != 0) return r;
    r = buf_add(&whole, "-\n\n", 3); /* signature lines are read as those of a note */
    if (r == 0) r = buf_add(&whole, lines.data, lines.len);
    if (r == 0) r = tlog_note_read(&with, (struct ev_bytes){whole.data, whole.len});
    if (r != 0) why_set(why, r, "--cosign: no signature lines");
    if (r == 0) r = add_lines(a, &with, &trust, why);
    buf_release(&lines);
    buf_release(&whole);
    return r;
}

/* ---- the command ---- */

static int check_form(const struct asked *o, struct why *why) {
    int entries = o->line->arg_count > 1 || o->state_hours;
    if ((o->in_force.count || o->revoke.count) && !o->state_hours)
        return why_set(why, ERR_USAGE, "--in-force and --revoke go with --state HOURS");
    if (o->cosign && (entries || !o->witness.count))
        return why_set(why, ERR_USAGE, "--cosign takes --witness, and no entries beside it");
    if (!o->cosign && !entries) return why_set(why, ERR_USAGE, "needs a FILE of JSON, --state or --cosign");
    return 0;
}

static int run(struct appending *a, const struct asked *o, struct why *why) {
    int r = open_log(a, o->line->args[0], why);
    if (r != 0 || o->cosign) return r == 0 ? add_cosignatures(a, o, why) : r;
    r = add_all(a, o, why);
    return r == 0 ? publish_grown(a, why) : r;
}

int log_append(int argc, char **argv) {
    static struct asked o;
    static struct appending a;
    const struct opt rows[] = {
        {"state", OPT_U32, &o.state_hours, "HOURS", "append a state that holds from now for so long, at most 24", 1, 24},
        {"in-force", OPT_LIST, &o.in_force, "INDEX", "with --state: an entry that is in force; repeat it", 0, 0},
        {"revoke", OPT_LIST, &o.revoke, "INDEX", "with --state: an entry that is revoked; repeat it", 0, 0},
        {"cosign", OPT_TEXT, &o.cosign, "FILE", "put a witness's signature lines under the checkpoint; - is standard input", 0,
         0},
        {"witness", OPT_LIST, &o.witness, "KEY", "with --cosign: whose they must be", 0, 0},
        {0}};
    struct command_line line = {
        .command = "log append",
        .arguments = "DIR [FILE]...",
        .opts = rows,
        .args_min = 1,
        .args_max = 8,
        .about = "Appends entries, each a JSON object of a file (docs/transparency-log.md; - is standard input), "
                 "and signs the new checkpoint.\nPrints one JSON line: entries (index, type, hash), size. "
                 "Signatures of witnesses are under the old checkpoint, not the new one."};
    struct why why = {{0}};
    o.line = &line;
    a.f.dir.lock_fd = -1;
    a.entries = json_array();
    int r = opt_parse(&line, argc, argv, &why);
    if (r == OPT_HELP_SHOWN) return EXIT_OK;
    if (r == 0) r = check_form(&o, &why);
    if (r == 0) r = run(&a, &o, &why);
    if (r == 0) log_say(json_pack("{s:O,s:I}", "entries", a.entries, "size", (json_int_t)a.edge.size));
    close_log(&a);
    if (r == 0) return terminal_output_end("log append");
    fprintf(stderr, "lull log append: %s\n", why_text(&why, r));
    return r == ERR_USAGE ? EXIT_USAGE : EXIT_FAILED;
}
