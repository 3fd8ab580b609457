/* evidence/tlog_tile.c - paths, bundles, and hashes out of tiles. Growing is in tlog_edge.c. See tlog_tile.h. */
#include "evidence/tlog_tile.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* index < 2^56: at most six groups of three digits. */
void tlog_tile_path(char out[TLOG_PATH_BYTES], int level, uint64_t index, unsigned width) {
    char number[40] = "", group[8];
    snprintf(number, sizeof number, "%03u", (unsigned)(index % 1000));
    for (index /= 1000; index > 0; index /= 1000) {
        snprintf(group, sizeof group, "x%03u/", (unsigned)(index % 1000));
        memmove(number + 5, number, strlen(number) + 1);
        memcpy(number, group, 5);
    }
    int n = level == TLOG_ENTRIES ? snprintf(out, TLOG_PATH_BYTES, "tile/entries/%s", number)
                                  : snprintf(out, TLOG_PATH_BYTES, "tile/%d/%s", level, number);
    if (width < TLOG_TILE_WIDTH) snprintf(out + n, (size_t)(TLOG_PATH_BYTES - n), ".p/%u", width);
}

unsigned tlog_tile_width(int level, uint64_t index, uint64_t size) {
    uint64_t hashes = size >> 8 * (level == TLOG_ENTRIES ? 0 : level);
    if (index >= hashes / TLOG_TILE_WIDTH + 1) return 0;
    uint64_t left = hashes - index * TLOG_TILE_WIDTH;
    return left < TLOG_TILE_WIDTH ? (unsigned)left : TLOG_TILE_WIDTH;
}

/* Moves over one entry. */
static int next_entry(struct ev_bytes *entry, struct ev_bytes *bundle) {
    if (bundle->n < 2) return ERR_FORMAT;
    size_t n = (size_t)bundle->p[0] << 8 | bundle->p[1];
    if (bundle->n - 2 < n) return ERR_FORMAT;
    *entry = (struct ev_bytes){bundle->p + 2, n};
    *bundle = (struct ev_bytes){bundle->p + 2 + n, bundle->n - 2 - n};
    return 0;
}

int tlog_bundle_entry(struct ev_bytes *out, struct ev_bytes bundle, unsigned at) {
    int r = 0;
    for (unsigned i = 0; i <= at && r == 0; i++) r = bundle.n == 0 ? ERR_NOTFOUND : next_entry(out, &bundle);
    return r;
}

/* Bytes of the first entries; ERR_FORMAT when there are fewer. */
static int bundle_length(size_t *out, struct ev_bytes bundle, unsigned entries) {
    struct ev_bytes rest = bundle, entry;
    for (unsigned i = 0; i < entries; i++)
        if (next_entry(&entry, &rest) != 0) return ERR_FORMAT;
    *out = bundle.n - rest.n;
    return 0;
}

int tlog_bundle_check(struct ev_bytes bundle, unsigned entries) {
    size_t n;
    return bundle_length(&n, bundle, entries) == 0 && n == bundle.n ? 0 : ERR_FORMAT;
}

/* exact: the file is that wide; else it is a full one and only its beginning is wanted. */
static int cut(struct buf *b, int level, unsigned width, unsigned file_width) {
    size_t n = width * (size_t)TLOG_HASH_BYTES, whole = file_width * (size_t)TLOG_HASH_BYTES;
    if (level == TLOG_ENTRIES) {
        struct ev_bytes all = {b->data, b->len};
        if (bundle_length(&n, all, width) != 0 || bundle_length(&whole, all, file_width) != 0) return ERR_FORMAT;
    }
    if (b->len != whole) return ERR_FORMAT;
    b->len = n;
    return 0;
}

int tlog_tile_read(struct buf *b, const struct tlog_files *from, int level, uint64_t index, uint64_t size) {
    char path[TLOG_PATH_BYTES];
    unsigned width = tlog_tile_width(level, index, size), file_width = width;
    size_t max = level == TLOG_ENTRIES ? TLOG_BUNDLE_BYTES_MAX : TLOG_TILE_BYTES;
    buf_init(b, 0);
    if (width == 0) return ERR_RANGE;
    tlog_tile_path(path, level, index, width);
    int r = from->read(from->arg, path, max, b);
    if (r == ERR_NOTFOUND && width < TLOG_TILE_WIDTH) {
        file_width = TLOG_TILE_WIDTH;
        tlog_tile_path(path, level, index, file_width);
        buf_release(b);
        r = from->read(from->arg, path, max, b);
    }
    return r == 0 ? cut(b, level, width, file_width) : r;
}

/* ---- hashes ---- */

void tlog_tiles_init(struct tlog_tiles *t, const struct tlog_files *from, uint64_t size) {
    t->files = *from;
    t->size = size;
    for (int i = 0; i < TLOG_TILE_LEVELS; i++) t->kept[i].width = 0;
}

static int keep(struct tlog_tiles *t, unsigned level, uint64_t index) {
    struct buf b;
    if (t->kept[level].width > 0 && t->kept[level].index == index) return 0;
    t->kept[level].width = 0;
    int r = tlog_tile_read(&b, &t->files, (int)level, index, t->size);
    if (r == 0) {
        memcpy(t->kept[level].hash, b.data, b.len);
        t->kept[level].width = (unsigned)(b.len / TLOG_HASH_BYTES);
        t->kept[level].index = index;
    }
    buf_release(&b);
    return r;
}

/* Root over 2^levels hashes side by side. */
static void small_root(struct tlog_hash *out, const struct tlog_hash *hash, unsigned levels) {
    struct tlog_hash at[TLOG_TILE_WIDTH];
    unsigned n = 1u << levels;
    memcpy(at, hash, n * sizeof *at);
    for (; n > 1; n /= 2)
        for (unsigned i = 0; i < n / 2; i++) tree_node_hash(at[i].b, at[2 * i].b, at[2 * i + 1].b);
    *out = at[0];
}

static int hash_of(void *arg, unsigned level, uint64_t index, struct tlog_hash *out) {
    struct tlog_tiles *t = arg;
    unsigned tile_level = level / 8, inner = level % 8;
    if (tile_level >= TLOG_TILE_LEVELS || index > TLOG_SIZE_MAX >> level) return ERR_RANGE;
    uint64_t first = index << inner;
    unsigned offset = (unsigned)(first % TLOG_TILE_WIDTH);
    int r = keep(t, tile_level, first / TLOG_TILE_WIDTH);
    if (r != 0) return r;
    if (offset + (1u << inner) > t->kept[tile_level].width) return ERR_RANGE;
    small_root(out, &t->kept[tile_level].hash[offset], inner);
    return 0;
}

struct tlog_source tlog_tiles_source(struct tlog_tiles *t) {
    return (struct tlog_source){hash_of, t};
}
