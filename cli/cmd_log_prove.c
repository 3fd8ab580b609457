/* cli/cmd_log_prove.c - `lull log prove`: what somebody needs to check an entry offline, in one file (evidence/tlog_bundle.h). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/opt.h"
#include "cli/cli.h"
#include "cli/log_cmd.h"
#include "cli/terminal.h"

enum { STATES_BACK_MAX = 4096 /* entries to look through for the newest state */ };

struct proving {
    struct log_place place;
    struct log_head head;
    struct tlog_tiles tiles;
    struct tlog_bundle bundle;
    struct buf leaf, state;
};

static int place_entry(struct proving *p, struct tlog_placed *to, struct buf *bytes, uint64_t index, struct why *why) {
    struct tlog_source source = tlog_tiles_source(&p->tiles);
    const struct tlog_checkpoint *c = &p->head.checkpoint;
    struct tlog_hash h;
    int r = log_entry_read(bytes, &p->place, index, c->size, why);
    if (r == 0) r = tlog_inclusion_make(&to->proof, &source, index, c->size);
    if (r != 0) return why->text[0] ? r : why_set(why, r, "the log's tiles cannot be read: %s", err_text(r));
    to->index = index;
    to->entry = (struct ev_bytes){bytes->data, bytes->len};
    tree_leaf_hash(h.b, bytes->data, bytes->len);
    return tlog_inclusion_check(&h, index, c->size, &c->root, &to->proof) == 0
               ? 0
               : why_set(why, ERR_AUTH, "the log's files do not belong to its checkpoint");
}

static int is_state(struct ev_bytes entry) {
    struct tlog_leaf *l = mem_zalloc(1, sizeof *l);
    int r = l && tlog_leaf_read(l, entry, NULL) == 0 && l->type == TLOG_STATE;
    free(l);
    return r;
}

/* The newest state, which is the one that counts. */
static int find_state(struct proving *p, struct why *why) {
    uint64_t size = p->head.checkpoint.size;
    for (uint64_t back = 1; back <= size && back <= STATES_BACK_MAX; back++) {
        struct buf b;
        int r = log_entry_read(&b, &p->place, size - back, size, why);
        int found = r == 0 && is_state((struct ev_bytes){b.data, b.len});
        buf_release(&b);
        if (r != 0) return r;
        if (!found) continue;
        p->bundle.has_state = 1;
        return place_entry(p, &p->bundle.state, &p->state, size - back, why);
    }
    return 0;
}

static int prove(struct proving *p, uint64_t index, uint64_t from, struct why *why) {
    struct tlog_files files = log_place_files(&p->place);
    struct tlog_source source = tlog_tiles_source(&p->tiles);
    uint64_t size = p->head.checkpoint.size;
    tlog_tiles_init(&p->tiles, &files, size);
    p->bundle.checkpoint = (struct ev_bytes){p->head.bytes.data, p->head.bytes.len};
    int r = place_entry(p, &p->bundle.leaf, &p->leaf, index, why);
    if (r == 0 && !is_state(p->bundle.leaf.entry)) r = find_state(p, why);
    if (r != 0 || from == 0) return r;
    if (from > size) return why_set(why, ERR_USAGE, "--from: the log has %llu entries", (unsigned long long)size);
    p->bundle.has_consistency = 1;
    p->bundle.from = from;
    r = tlog_consistency_make(&p->bundle.consistency, &source, from, size);
    return r == 0 ? 0 : why_set(why, r, "the log's tiles cannot be read: %s", err_text(r));
}

static int give(const struct proving *p, const char *out, struct why *why) {
    struct buf text;
    int r = tlog_bundle_text(&text, &p->bundle);
    if (r == 0) r = buf_add(&text, "\n", 1);
    if (r == 0 && out) r = file_write(out, text.data, text.len, 0644, why);
    if (r == 0 && !out) printf("%.*s", (int)text.len, (char *)text.data);
    buf_release(&text);
    return r;
}

int log_prove(int argc, char **argv) {
    static struct proving p;
    const char *out = NULL;
    uint64_t from = 0, index = 0;
    const struct opt rows[] = {
        {"from", OPT_U64, &from, "SIZE", "also that the tree grew out of the one of that size, which a client has kept", 0, 0},
        {"out", OPT_TEXT, &out, "FILE", "write it there instead of standard output", 0, 0},
        {0}};
    struct command_line line = {
        .command = "log prove",
        .arguments = "LOG INDEX",
        .opts = rows,
        .args_min = 2,
        .args_max = 2,
        .about = "Prints what shows that entry INDEX is in the log, a folder or a URL, with the newest state: one "
                 "JSON object that lull log verify\nchecks offline. Every part is checked against the checkpoint "
                 "here, whose signatures are the reader's to check."};
    struct why why = {{0}};
    buf_init(&p.head.bytes, 0);
    buf_init(&p.leaf, 0);
    buf_init(&p.state, 0);
    int r = opt_parse(&line, argc, argv, &why);
    if (r == OPT_HELP_SHOWN) return EXIT_OK;
    if (r == 0 && tlog_number_read(&index, line.args[1], strlen(line.args[1])) != 0)
        r = why_set(&why, ERR_USAGE, "INDEX: the number of an entry, from 0");
    if (r == 0) r = log_place_of(&p.place, line.args[0], &why);
    if (r == 0) r = log_head_read(&p.head, &p.place, &why);
    if (r == 0) r = prove(&p, index, from, &why);
    if (r == 0) r = give(&p, out, &why);
    log_head_release(&p.head);
    buf_release(&p.leaf);
    buf_release(&p.state);
    if (r == 0) return terminal_output_end("log prove");
    fprintf(stderr, "lull log prove: %s\n", why_text(&why, r));
    return r == ERR_USAGE ? EXIT_USAGE : EXIT_FAILED;
}
