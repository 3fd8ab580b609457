/* evidence/tlog_edge.c - growing a log: the right edge of its tree, one entry at a time. See tlog_tile.h. */
#include <string.h>

#include "evidence/tlog_tile.h"

static int load(struct tlog_edge *e, const struct tlog_files *from, unsigned level) {
    struct buf b;
    e->width[level] = (unsigned)(e->size >> 8 * level) % TLOG_TILE_WIDTH;
    if (e->width[level] == 0) return 0;
    int r = tlog_tile_read(&b, from, (int)level, e->size >> 8 * (level + 1), e->size);
    if (r == 0) memcpy(e->hash[level], b.data, b.len);
    buf_release(&b);
    return r;
}

int tlog_edge_open(struct tlog_edge *e, const struct tlog_files *from, uint64_t size) {
    struct buf b;
    int r = size <= TLOG_SIZE_MAX ? 0 : ERR_RANGE;
    memset(e, 0, sizeof *e);
    e->size = size;
    buf_init(&e->bundle, TLOG_BUNDLE_BYTES_MAX);
    for (unsigned level = 0; level < TLOG_TILE_LEVELS - 1 && r == 0; level++) r = load(e, from, level);
    if (r != 0 || e->width[0] == 0) return r;
    r = tlog_tile_read(&b, from, TLOG_ENTRIES, size / TLOG_TILE_WIDTH, size);
    if (r == 0) r = buf_add(&e->bundle, b.data, b.len);
    buf_release(&b);
    return r;
}

void tlog_edge_release(struct tlog_edge *e) { buf_release(&e->bundle); }

static int write_tile(struct tlog_edge *e, int level, uint64_t index, unsigned width) {
    char path[TLOG_PATH_BYTES];
    tlog_tile_path(path, level, index, width);
    return level == TLOG_ENTRIES ? e->write(e->arg, path, e->bundle.data, e->bundle.len)
                                 : e->write(e->arg, path, e->hash[level], width * sizeof e->hash[level][0]);
}

static void join(struct tlog_hash *out, const struct tlog_hash *hash, unsigned n) {
    struct tlog_hash at[TLOG_TILE_WIDTH];
    memcpy(at, hash, n * sizeof *at);
    for (; n > 1; n /= 2)
        for (unsigned i = 0; i < n / 2; i++) tree_node_hash(at[i].b, at[2 * i].b, at[2 * i + 1].b);
    *out = at[0];
}

/* A full tile is written, and its root is the next hash one level up. e->size counts the new entry already. */
static int fill(struct tlog_edge *e) {
    for (unsigned level = 0; level < TLOG_TILE_LEVELS - 1 && e->width[level] == TLOG_TILE_WIDTH; level++) {
        int r = write_tile(e, (int)level, (e->size >> 8 * (level + 1)) - 1, TLOG_TILE_WIDTH);
        if (r != 0) return r;
        join(&e->hash[level + 1][e->width[level + 1]++], e->hash[level], TLOG_TILE_WIDTH);
        e->width[level] = 0;
    }
    return 0;
}

int tlog_edge_add(struct tlog_edge *e, const void *entry, size_t n) {
    /* seven levels are what a disk could hold many times over */
    if (n > TLOG_ENTRY_BYTES_MAX || e->size >> 8 * (TLOG_TILE_LEVELS - 1) != 0) return ERR_LIMIT;
    const uint8_t length[2] = {(uint8_t)(n >> 8), (uint8_t)n};
    int r = buf_add(&e->bundle, length, sizeof length);
    if (r == 0) r = buf_add(&e->bundle, entry, n);
    if (r != 0) return r;
    tree_leaf_hash(e->hash[0][e->width[0]++].b, entry, n);
    e->size++;
    if (e->width[0] < TLOG_TILE_WIDTH) return 0;
    r = write_tile(e, TLOG_ENTRIES, e->size / TLOG_TILE_WIDTH - 1, TLOG_TILE_WIDTH);
    if (r == 0) r = fill(e);
    e->bundle.len = 0;
    return r;
}

int tlog_edge_flush(struct tlog_edge *e) {
    int r = e->width[0] ? write_tile(e, TLOG_ENTRIES, e->size / TLOG_TILE_WIDTH, e->width[0]) : 0;
    for (unsigned level = 0; level < TLOG_TILE_LEVELS && r == 0; level++)
        if (e->width[level]) r = write_tile(e, (int)level, e->size >> 8 * (level + 1), e->width[level]);
    return r;
}

/* Whole subtrees from the right, each larger than the one before: level by level, and within a level bit by bit. */
void tlog_edge_root(const struct tlog_edge *e, struct tlog_hash *root) {
    struct tlog_hash part;
    int some = 0;
    for (unsigned level = 0; level < TLOG_TILE_LEVELS; level++)
        for (unsigned left = e->width[level]; left > 0; left &= left - 1) {
            unsigned n = left & -left;
            join(&part, &e->hash[level][left - n], n);
            if (some)
                tree_node_hash(root->b, part.b, root->b);
            else
                *root = part, some = 1;
        }
    if (!some) sha256_of(root->b, "", 0);
}
