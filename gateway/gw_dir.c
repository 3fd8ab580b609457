/* gateway/gw_dir.c - see gw_dir.h. */
#include "gateway/gw_dir.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

int gw_dir_init(struct gw_dir *d) {
    *d = (struct gw_dir){0};
    d->nodes = mem_zalloc(DIRLIST_MAX, sizeof *d->nodes);
    d->spare = mem_zalloc(DIRLIST_MAX, sizeof *d->spare);
    if (d->nodes && d->spare) return 0;
    gw_dir_release(d);
    return ERR_NOMEM;
}

void gw_dir_release(struct gw_dir *d) {
    free(d->nodes);
    free(d->spare);
    *d = (struct gw_dir){0};
}

static int verified_before(const struct gw_dir *d, const uint8_t hash[32]) {
    for (size_t i = 0; i < d->count; i++)
        if (memcmp(d->nodes[i].record_hash, hash, 32) == 0) return 1;
    return 0;
}

/* Times are checked each time, signatures once. */
static int check(const struct gw_dir *d, const struct gw_node *n, uint64_t now_s) {
    if (!verified_before(d, n->record_hash)) return record_verify(&n->record, now_s);
    if (now_s >= n->record.operator.not_after) return ERR_TIME;
    return keystmt_check_time(&n->record.keys, now_s);
}

/* Where the node goes in the new list: over an older record of the same identity, or at the end; -1: the one there is newer. */
static ptrdiff_t place(const struct gw_node *list, size_t count, const struct gw_node *n) {
    for (size_t i = 0; i < count; i++) {
        if (memcmp(list[i].record.keys.identity, n->record.keys.identity, 32) != 0) continue;
        return list[i].record.keys.not_before < n->record.keys.not_before ? (ptrdiff_t)i : -1;
    }
    return (ptrdiff_t)count;
}

int gw_dir_take(struct gw_dir *d, const void *body, size_t n, uint64_t now_s) {
    struct reader r = reader_over(body, n);
    struct dirlist_head head;
    struct dirlist_entry e;
    size_t count = 0, refused = 0;
    int err = dirlist_read_head(&r, &head);
    for (uint32_t i = 0; err == 0 && i < head.count; i++) {
        err = dirlist_read_entry(&r, &e);
        if (err != 0) break;
        struct gw_node *node = &d->spare[count];
        struct reader rec = reader_over(e.record, e.record_n);
        sha256_of(node->record_hash, e.record, e.record_n);
        if (record_read(&rec, &node->record) != 0 || check(d, node, now_s) != 0) {
            refused++;
            continue;
        }
        keystmt_id(node->key_id, &node->record.keys);
        for (unsigned k = 0; k < node->record.model_count; k++) manifest_hash(node->model_hash[k], &node->record.models[k]);
        node->load_permille = e.load_permille, node->slots = e.slots, node->slots_free = e.slots_free;
        ptrdiff_t at = place(d->spare, count, node);
        if (at == (ptrdiff_t)count)
            count++;
        else if (at >= 0)
            d->spare[at] = *node;
    }
    if (err == 0) err = read_end(&r);
    if (err != 0) return err;
    struct gw_node *old = d->nodes;
    d->nodes = d->spare;
    d->spare = old;
    d->count = count, d->refused = refused, d->fresh = 1;
    memcpy(d->coordinator_key, head.coordinator_key, 32);
    return 0;
}

void gw_dir_stale(struct gw_dir *d) { d->fresh = 0; }

int gw_dir_has_model(const struct gw_dir *d, const char *name) {
    for (size_t i = 0; i < d->count; i++)
        if (record_model(&d->nodes[i].record, name, NULL)) return 1;
    return 0;
}
