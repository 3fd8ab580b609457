/* A log in memory: its files, its key, witnesses, and proofs out of it. */
#ifndef TESTS_TLOG_SCENE_H
#define TESTS_TLOG_SCENE_H

#include <stdlib.h>

#include "evidence/tlog_checkpoint.h"
#include "evidence/tlog_client.h"
#include "evidence/tlog_tile.h"
#include "tests/check.h"

enum { SCENE_FILES = 4096, SCENE_WITNESSES = 3 };
struct scene {
    struct {
        char path[TLOG_PATH_BYTES];
        struct buf bytes;
    } file[SCENE_FILES];
    unsigned files;
    struct tlog_edge edge;
    uint8_t seed[32], witness_seed[SCENE_WITNESSES][32];
    struct tlog_key key, witness[SCENE_WITNESSES];
    struct log_policy trust; /* two of three */
};

static inline int scene_find(const struct scene *s, const char *path) {
    for (unsigned i = s->files; i-- > 0;)
        if (strcmp(s->file[i].path, path) == 0) return (int)i;
    return -1;
}

static inline int scene_read(void *arg, const char *path, size_t max, struct buf *b) {
    const struct scene *s = arg;
    int i = scene_find(s, path);
    buf_init(b, max);
    return i < 0 ? ERR_NOTFOUND : buf_add(b, s->file[i].bytes.data, s->file[i].bytes.len);
}

static inline int scene_write(void *arg, const char *path, const void *p, size_t n) {
    struct scene *s = arg;
    int i = scene_find(s, path);
    if (i < 0) {
        CHECK(s->files < SCENE_FILES);
        i = (int)s->files++;
        snprintf(s->file[i].path, sizeof s->file[i].path, "%s", path);
    } else {
        buf_release(&s->file[i].bytes);
    }
    buf_init(&s->file[i].bytes, TLOG_BUNDLE_BYTES_MAX);
    return buf_add(&s->file[i].bytes, p, n);
}

static inline struct tlog_files scene_files(struct scene *s) { return (struct tlog_files){scene_read, s}; }

static inline void scene_open(struct scene *s) {
    struct tlog_files files = scene_files(s);
    memset(s, 0, sizeof *s);
    memset(s->seed, 7, sizeof s->seed);
    CHECK_INT(tlog_key_of(&s->key, "log.example/lull", TLOG_SIG_ED25519, s->seed), 0);
    s->trust = (struct log_policy){.given = 1, .witnesses = SCENE_WITNESSES, .k = 2};
    strcpy(s->trust.origin, s->key.name);
    memcpy(s->trust.key, s->key.key, 32);
    for (int i = 0; i < SCENE_WITNESSES; i++) {
        char name[32];
        snprintf(name, sizeof name, "witness.example/w%d", i);
        memset(s->witness_seed[i], 20 + i, 32);
        CHECK_INT(tlog_key_of(&s->witness[i], name, TLOG_SIG_COSIGNATURE, s->witness_seed[i]), 0);
        memcpy(s->trust.witness[i], s->witness[i].key, 32);
    }
    CHECK_INT(tlog_edge_open(&s->edge, &files, 0), 0);
    s->edge.write = scene_write;
    s->edge.arg = s;
}

static inline void scene_close(struct scene *s) {
    for (unsigned i = 0; i < s->files; i++) buf_release(&s->file[i].bytes);
    tlog_edge_release(&s->edge);
}

static inline void scene_add(struct scene *s, const char *entry) { CHECK_INT(tlog_edge_add(&s->edge, entry, strlen(entry)), 0); }

/* The checkpoint of what was added, signed by the log and by the first `witnesses` witnesses at that time. */
static inline void scene_checkpoint(struct scene *s, struct buf *note, unsigned witnesses, int64_t time) {
    struct tlog_hash root;
    struct buf text;
    CHECK_INT(tlog_edge_flush(&s->edge), 0);
    tlog_edge_root(&s->edge, &root);
    CHECK_INT(tlog_checkpoint_text(&text, s->key.name, s->edge.size, &root), 0);
    struct ev_bytes t = {text.data, text.len};
    buf_init(note, TLOG_NOTE_BYTES_MAX);
    CHECK_INT(buf_add(note, text.data, text.len), 0);
    CHECK_INT(buf_add(note, "\n", 1), 0);
    CHECK_INT(tlog_sign(note, t, &s->key, s->seed, 0), 0);
    for (unsigned i = 0; i < witnesses; i++) CHECK_INT(tlog_sign(note, t, &s->witness[i], s->witness_seed[i], (uint64_t)time), 0);
    buf_release(&text);
}

/* ---- proofs out of it ---- */

static inline void place(struct scene *of, struct tlog_placed *to, struct buf *bytes, uint64_t index, uint64_t size) {
    static struct tlog_tiles tiles;
    struct tlog_files files = scene_files(of);
    struct tlog_source source = tlog_tiles_source(&tiles);
    struct buf bundle;
    tlog_tiles_init(&tiles, &files, size);
    CHECK_INT(tlog_tile_read(&bundle, &files, TLOG_ENTRIES, index / 256, size), 0);
    struct ev_bytes entry;
    CHECK_INT(tlog_bundle_entry(&entry, (struct ev_bytes){bundle.data, bundle.len}, index % 256), 0);
    buf_init(bytes, TLOG_ENTRY_BYTES_MAX);
    CHECK_INT(buf_add(bytes, entry.p, entry.n), 0);
    buf_release(&bundle);
    to->index = index;
    to->entry = (struct ev_bytes){bytes->data, bytes->len};
    CHECK_INT(tlog_inclusion_make(&to->proof, &source, index, size), 0);
}

enum { NO_STATE = -1 };
/* note's own size; state NO_STATE: none. from 0: no consistency. */
static inline struct buf prove(struct scene *of, const struct buf *note, uint64_t size, uint64_t index, int state, uint64_t from) {
    static struct tlog_tiles tiles;
    struct tlog_files files = scene_files(of);
    struct tlog_source source = tlog_tiles_source(&tiles);
    static struct tlog_bundle b;
    struct buf leaf, state_bytes, text;
    memset(&b, 0, sizeof b);
    b.checkpoint = (struct ev_bytes){note->data, note->len};
    place(of, &b.leaf, &leaf, index, size);
    buf_init(&state_bytes, 0);
    b.has_state = state != NO_STATE;
    if (b.has_state) place(of, &b.state, &state_bytes, (uint64_t)state, size);
    b.has_consistency = from > 0;
    b.from = from;
    tlog_tiles_init(&tiles, &files, size);
    if (from) CHECK_INT(tlog_consistency_make(&b.consistency, &source, from, size), 0);
    CHECK_INT(tlog_bundle_text(&text, &b), 0);
    buf_release(&leaf);
    buf_release(&state_bytes);
    return text;
}

#endif
