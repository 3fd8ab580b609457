/* seal/dirlist.c - see dirlist.h.
 *
 *     u8 version | u64 time ms | coordinator key 32 | u16 count |
 *     count x (u16-block record | u16 load permille | u16 slots | u16 slots free) */
#include "seal/dirlist.h"
#include "base/err.h"

void dirlist_write_head(struct writer *w, const struct dirlist_head *h) {
    write_u8(w, DIRLIST_VERSION);
    write_u64(w, h->time_ms);
    write_bytes(w, h->coordinator_key, 32);
    write_u16(w, h->count);
}

void dirlist_write_entry(struct writer *w, const struct dirlist_entry *e) {
    write_block16(w, e->record, e->record_n);
    write_u16(w, e->load_permille);
    write_u16(w, e->slots);
    write_u16(w, e->slots_free);
}

int dirlist_read_head(struct reader *r, struct dirlist_head *out) {
    struct dirlist_head h = {0, {0}, 0};
    if (read_u8(r) != DIRLIST_VERSION) read_fail(r, ERR_VERSION);
    h.time_ms = read_u64(r);
    read_copy(r, h.coordinator_key, 32);
    h.count = read_u16(r);
    if (!r->err && h.count > DIRLIST_MAX) read_fail(r, ERR_LIMIT);
    if (r->err) return r->err;
    *out = h;
    return 0;
}

int dirlist_read_entry(struct reader *r, struct dirlist_entry *out) {
    struct dirlist_entry e = {NULL, 0, 0, 0, 0};
    struct reader record = read_block16(r, RECORD_BYTES_MAX);
    e.record = record.p;
    e.record_n = record.left;
    e.load_permille = read_u16(r);
    e.slots = read_u16(r);
    e.slots_free = read_u16(r);
    if (r->err) return r->err;
    *out = e;
    return 0;
}
