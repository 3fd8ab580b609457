/* evidence/cbor_write.c - the writer of cbor.h: whatever it writes, cbor_check accepts as deterministic, if the counts are kept and
 * maps are written by cbor_put_pairs or in order. */
#include "evidence/cbor.h"

#include <string.h>

static void put_head(struct writer *w, unsigned major, uint64_t v) {
    uint8_t high = (uint8_t)(major << 5);
    if (v < 24) {
        write_u8(w, (uint8_t)(high | v));
    } else if (v <= 0xff) {
        write_u8(w, high | 24);
        write_u8(w, (uint8_t)v);
    } else if (v <= 0xffff) {
        write_u8(w, high | 25);
        write_u16(w, (uint16_t)v);
    } else if (v <= 0xffffffff) {
        write_u8(w, high | 26);
        write_u32(w, (uint32_t)v);
    } else {
        write_u8(w, high | 27);
        write_u64(w, v);
    }
}

void cbor_put_uint(struct writer *w, uint64_t v) { put_head(w, 0, v); }
void cbor_put_int(struct writer *w, int64_t v) { put_head(w, v < 0, v < 0 ? (uint64_t)(-1 - v) : (uint64_t)v); }
void cbor_put_array(struct writer *w, uint64_t count) { put_head(w, 4, count); }
void cbor_put_map(struct writer *w, uint64_t count) { put_head(w, 5, count); }
void cbor_put_tag(struct writer *w, uint64_t tag) { put_head(w, 6, tag); }
void cbor_put_bool(struct writer *w, int v) { write_u8(w, v ? 0xf5 : 0xf4); }
void cbor_put_null(struct writer *w) { write_u8(w, 0xf6); }

void cbor_put_bytes(struct writer *w, const void *p, size_t n) {
    put_head(w, 2, n);
    write_bytes(w, p, n);
}

void cbor_put_text(struct writer *w, const char *s) {
    put_head(w, 3, strlen(s));
    write_bytes(w, s, strlen(s));
}

/* By insertion: a map of evidence has a handful of members. */
static void sort(struct cbor_pair *pairs, size_t count) {
    for (size_t i = 1; i < count; i++) {
        struct cbor_pair one = pairs[i];
        size_t to = i;
        for (; to > 0 && cbor_key_order(pairs[to - 1].key, one.key) > 0; to--) pairs[to] = pairs[to - 1];
        pairs[to] = one;
    }
}

void cbor_put_pairs(struct writer *w, struct cbor_pair *pairs, size_t count) {
    sort(pairs, count);
    put_head(w, 5, count);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && cbor_key_order(pairs[i - 1].key, pairs[i].key) == 0 && !w->err) w->err = ERR_EXISTS;
        write_bytes(w, pairs[i].key.p, pairs[i].key.n);
        write_bytes(w, pairs[i].value.p, pairs[i].value.n);
    }
}
