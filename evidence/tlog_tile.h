/* evidence/tlog_tile.h - a log as static files (c2sp.org/tlog-tiles): tiles of 256 hashes, bundles of 256 entries.
 *
 *     tile/<level>/<index>[.p/<width>]     hashes of whole subtrees of 256^level leaves, side by side
 *     tile/entries/<index>[.p/<width>]     entries, each behind its length in two bytes
 *
 * index is written in groups of three digits, all but the last behind an x: 1234067 is x001/x234/067. A tile that is not full yet has its
 * width in its path, so no path ever changes its content once a checkpoint needs it. No file is touched here: a caller reads and writes. */
#ifndef EVIDENCE_TLOG_TILE_H
#define EVIDENCE_TLOG_TILE_H

#include "base/mem.h"
#include "evidence/tlog_merkle.h"

enum {
    TLOG_TILE_WIDTH = 256,
    TLOG_TILE_BYTES = TLOG_TILE_WIDTH * TLOG_HASH_BYTES,
    TLOG_TILE_LEVELS = 8, /* 256^8 is over TLOG_SIZE_MAX */
    TLOG_PATH_BYTES = 64,
    TLOG_ENTRY_BYTES_MAX = 65535,
    TLOG_BUNDLE_BYTES_MAX = TLOG_TILE_WIDTH * (2 + TLOG_ENTRY_BYTES_MAX),
    TLOG_ENTRIES = -1 /* the level of bundles */
};
/* width: 1..256; 256 is a full one. */
void tlog_tile_path(char out[TLOG_PATH_BYTES], int level, uint64_t index, unsigned width);
/* How wide that tile is in a tree of that size; 0: there is none. */
unsigned tlog_tile_width(int level, uint64_t index, uint64_t size);
/* Entry number `at` of a bundle. ERR_NOTFOUND; ERR_FORMAT: the bundle ends too early. */
int tlog_bundle_entry(struct ev_bytes *out, struct ev_bytes bundle, unsigned at);
/* ERR_FORMAT unless it is exactly that many entries. */
int tlog_bundle_check(struct ev_bytes bundle, unsigned entries);

/* Whole files by their paths, into a buf that the callee initialises and the caller releases. ERR_NOTFOUND, ERR_LIMIT, ... */
struct tlog_files {
    int (*read)(void *arg, const char *path, size_t max, struct buf *b);
    void *arg;
};
/* A tile, or a bundle, of a tree of that size: where the partial one is gone, the full one that took its place. ERR_FORMAT: another
 * length. b: as above; cut to what belongs to the tree. */
int tlog_tile_read(struct buf *b, const struct tlog_files *from, int level, uint64_t index, uint64_t size);

/* Hashes out of tiles, for tlog_merkle.h's makers. What comes out is as true as the files: check the root. Keeps one tile per level. */
struct tlog_tiles {
    struct tlog_files files;
    uint64_t size;
    struct {
        unsigned width; /* 0: nothing kept */
        uint64_t index;
        struct tlog_hash hash[TLOG_TILE_WIDTH];
    } kept[TLOG_TILE_LEVELS];
};
void tlog_tiles_init(struct tlog_tiles *t, const struct tlog_files *from, uint64_t size);
struct tlog_source tlog_tiles_source(struct tlog_tiles *t);

/* ---- growing ---- */

/* The right edge of a tree. Whoever writes a log keeps the order: files first (tlog_edge_flush), then the checkpoint that needs them. */
struct tlog_edge {
    uint64_t size;
    unsigned width[TLOG_TILE_LEVELS];
    struct tlog_hash hash[TLOG_TILE_LEVELS][TLOG_TILE_WIDTH];
    struct buf bundle; /* of the entries since the last full one */
    int (*write)(void *arg, const char *path, const void *p, size_t n);
    void *arg; /* write's */
};
/* size 0 reads nothing. Release it also after a failure. */
int tlog_edge_open(struct tlog_edge *e, const struct tlog_files *from, uint64_t size);
void tlog_edge_release(struct tlog_edge *e);
/* Full tiles and bundles are written as they fill. ERR_LIMIT; what write returns: the edge is to be thrown away then. */
int tlog_edge_add(struct tlog_edge *e, const void *entry, size_t n);
/* Writes what is not full. */
int tlog_edge_flush(struct tlog_edge *e);
void tlog_edge_root(const struct tlog_edge *e, struct tlog_hash *root);

#endif
