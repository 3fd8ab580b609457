/* evidence/cbor.h - CBOR (RFC 8949) as evidence uses it: a bounded reader over memory whose error sticks, and a writer that has one
 * spelling for everything.
 *
 * Like base/wire.h: after the first failure every read gives zero or nothing, so a document is read straight down and asked once at the
 * end (cbor_end). Nothing is copied or allocated: strings are slices of the input. Strings of indefinite length cannot be slices; they
 * can be skipped, where the rules allow them, and not read. */
#ifndef EVIDENCE_CBOR_H
#define EVIDENCE_CBOR_H

#include "base/wire.h"
#include "evidence/evidence.h"

/* Containers and tags within each other, in what is skipped at once. More is ERR_LIMIT. */
enum { CBOR_DEPTH_MAX = 16 };

enum cbor_rules {
    CBOR_INDEFINITE = 1, /* arrays, maps and strings of indefinite length are read too (AWS writes such maps); else ERR_FORMAT */
    CBOR_DETERMINISTIC = 2, /* only RFC 8949 4.2.1: shortest heads and floats, definite lengths, keys ascending by their bytes and
                               none twice; all else is ERR_FORMAT. Takes precedence over CBOR_INDEFINITE. */
};

struct cbor {
    struct reader in; /* in.err: 0 or the first ERR_* */
    unsigned rules;
};
struct cbor cbor_over(const void *p, size_t n, unsigned rules);

/* What comes next. CBOR_NOTHING: the end, an error, or the end mark of an indefinite length. */
enum cbor_type {
    CBOR_UINT,
    CBOR_NEGATIVE,
    CBOR_BYTES,
    CBOR_TEXT,
    CBOR_ARRAY,
    CBOR_MAP,
    CBOR_TAG,
    CBOR_FALSE,
    CBOR_TRUE,
    CBOR_NULL,
    CBOR_UNDEFINED,
    CBOR_SIMPLE, /* any other simple value */
    CBOR_FLOAT,
    CBOR_NOTHING
};
enum cbor_type cbor_peek(const struct cbor *c);

/* One item of this type; another type is ERR_FORMAT, and 0 or an empty slice comes back. */
uint64_t cbor_uint(struct cbor *c);
int64_t cbor_int(struct cbor *c);                       /* either sign; outside int64 is ERR_RANGE */
struct ev_bytes cbor_bytes(struct cbor *c, size_t max); /* over max is ERR_LIMIT, of indefinite length ERR_UNSUPPORTED */
struct ev_bytes cbor_text(struct cbor *c, size_t max);  /* the same; not UTF-8 is ERR_FORMAT */
int cbor_bool(struct cbor *c);
uint64_t cbor_tag(struct cbor *c); /* the number; what is tagged comes next */

/* These take it if it comes next and return 1; else nothing is taken, and no error set. */
int cbor_take_tag(struct cbor *c, uint64_t tag);
int cbor_take_null(struct cbor *c);

/* Arrays and maps:
 *     struct cbor_list map = cbor_map(&c);
 *     while (cbor_next(&c, &map)) { key = cbor_text(&c, 32); ... read or skip the value ... }
 * Each turn of an array takes exactly one item, of a map one key and one value. `left` is the count still to come (0 when `open`, an
 * indefinite length). In a map without CBOR_DETERMINISTIC keys may come twice: the caller refuses what it has seen. */
struct cbor_list {
    uint64_t left;
    int open, map;
    struct ev_bytes last_key; /* as encoded */
};
struct cbor_list cbor_array(struct cbor *c);
struct cbor_list cbor_map(struct cbor *c);
int cbor_next(struct cbor *c, struct cbor_list *list); /* 1: one more comes; 0: at the end (its mark is taken), or failed */

/* The next item whole, as it is encoded, all within checked by the same rules. */
struct ev_bytes cbor_raw(struct cbor *c);
void cbor_skip(struct cbor *c);
void cbor_fail(struct cbor *c, int err); /* keeps an earlier error */
/* 0 when all was read and nothing failed; ERR_TRAILING when bytes are left over; else the first error. */
int cbor_end(struct cbor *c);

/* Exactly one item, whole, by the rules. 0, or ERR_FORMAT, ERR_SHORT, ERR_TRAILING, ERR_LIMIT (too deep). */
int cbor_check(const void *p, size_t n, unsigned rules);
int cbor_text_is(struct ev_bytes text, const char *word);

/* ---- writing (base/wire.h's writer): shortest heads, definite lengths ---- */

void cbor_put_uint(struct writer *w, uint64_t v);
void cbor_put_int(struct writer *w, int64_t v);
void cbor_put_bytes(struct writer *w, const void *p, size_t n);
void cbor_put_text(struct writer *w, const char *s);
void cbor_put_bool(struct writer *w, int v);
void cbor_put_null(struct writer *w);
void cbor_put_tag(struct writer *w, uint64_t tag);     /* then one item */
void cbor_put_array(struct writer *w, uint64_t count); /* then count items */
void cbor_put_map(struct writer *w, uint64_t count);   /* then count pairs, in the order of cbor_key_order */

/* A map of pairs that are encoded already: sorted here, in place, then written. The same key twice is ERR_EXISTS in w->err. */
struct cbor_pair {
    struct ev_bytes key, value;
};
void cbor_put_pairs(struct writer *w, struct cbor_pair *pairs, size_t count);
/* <0, 0, >0 for encoded keys a and b, as 4.2.1 sorts them. */
int cbor_key_order(struct ev_bytes a, struct ev_bytes b);

#endif
