/* base/wire.c - see wire.h. */
#include "base/wire.h"
#include "base/err.h"

#include <string.h>

struct reader reader_over(const void *p, size_t n) {
    return (struct reader){.p = p, .left = n};
}

void read_fail(struct reader *r, int err) {
    if (!r->err) r->err = err;
}

const uint8_t *read_bytes(struct reader *r, size_t n) {
    if (!r->err && n > r->left) r->err = ERR_SHORT;
    if (r->err) return NULL;
    const uint8_t *at = r->p;
    if (n) r->p += n; /* p may be NULL for an empty input: adding 0 to it is still undefined */
    r->left -= n;
    return at;
}

/* The next n <= 8 bytes as one big-endian integer. */
static uint64_t read_be(struct reader *r, size_t n) {
    const uint8_t *at = read_bytes(r, n);
    uint64_t v = 0;
    for (size_t i = 0; at && i < n; i++) v = v << 8 | at[i];
    return v;
}

static uint64_t read_le(struct reader *r, size_t n) {
    const uint8_t *at = read_bytes(r, n);
    uint64_t v = 0;
    for (size_t i = n; at && i-- > 0;) v = v << 8 | at[i];
    return v;
}

uint8_t read_u8(struct reader *r) { return (uint8_t)read_be(r, 1); }
uint16_t read_u16(struct reader *r) { return (uint16_t)read_be(r, 2); }
uint32_t read_u32(struct reader *r) { return (uint32_t)read_be(r, 4); }
uint64_t read_u64(struct reader *r) { return read_be(r, 8); }
uint16_t read_u16_le(struct reader *r) { return (uint16_t)read_le(r, 2); }
uint32_t read_u32_le(struct reader *r) { return (uint32_t)read_le(r, 4); }
uint64_t read_u64_le(struct reader *r) { return read_le(r, 8); }

void read_copy(struct reader *r, void *out, size_t n) {
    const uint8_t *at = read_bytes(r, n);
    if (!n) return;
    if (at)
        memcpy(out, at, n);
    else
        memset(out, 0, n);
}

static struct reader block(struct reader *r, uint64_t n, size_t max) {
    if (n > max) read_fail(r, ERR_LIMIT);
    const uint8_t *at = read_bytes(r, r->err ? 0 : (size_t)n);
    return (struct reader){.p = at, .left = r->err ? 0 : (size_t)n, .err = r->err};
}

struct reader read_block8(struct reader *r, size_t max) {
    return block(r, read_u8(r), max);
}
struct reader read_block16(struct reader *r, size_t max) {
    return block(r, read_u16(r), max);
}
struct reader read_block32(struct reader *r, size_t max) {
    return block(r, read_u32(r), max);
}

static void text(struct reader *r, struct reader in, char *out, size_t cap) {
    if (!r->err && in.left && memchr(in.p, 0, in.left)) read_fail(r, ERR_FORMAT);
    if (!r->err && in.left) memcpy(out, in.p, in.left);
    out[r->err ? 0 : in.left] = 0;
    (void)cap;
}

void read_text8(struct reader *r, char *out, size_t cap) { text(r, read_block8(r, cap - 1), out, cap); }
void read_text16(struct reader *r, char *out, size_t cap) { text(r, read_block16(r, cap - 1), out, cap); }

int read_end(struct reader *r) {
    if (!r->err && r->left) r->err = ERR_TRAILING;
    return r->err;
}

struct writer writer_over(void *p, size_t cap) {
    return (struct writer){.p = p, .cap = cap};
}

/* Room for n bytes at the end, or NULL and the sticky error. */
static uint8_t *room(struct writer *w, size_t n) {
    if (!w->err && n > w->cap - w->len) w->err = ERR_NOMEM;
    if (w->err) return NULL;
    uint8_t *at = w->p + w->len;
    w->len += n;
    return at;
}

static void write_be(struct writer *w, uint64_t v, size_t n) {
    uint8_t *at = room(w, n);
    for (size_t i = n; at && i-- > 0; v >>= 8) at[i] = (uint8_t)v;
}

static void write_le(struct writer *w, uint64_t v, size_t n) {
    uint8_t *at = room(w, n);
    for (size_t i = 0; at && i < n; i++, v >>= 8) at[i] = (uint8_t)v;
}

void write_u8(struct writer *w, uint8_t v) { write_be(w, v, 1); }
void write_u16(struct writer *w, uint16_t v) { write_be(w, v, 2); }
void write_u32(struct writer *w, uint32_t v) { write_be(w, v, 4); }
void write_u64(struct writer *w, uint64_t v) { write_be(w, v, 8); }
void write_u16_le(struct writer *w, uint16_t v) { write_le(w, v, 2); }
void write_u32_le(struct writer *w, uint32_t v) { write_le(w, v, 4); }
void write_u64_le(struct writer *w, uint64_t v) { write_le(w, v, 8); }

void write_bytes(struct writer *w, const void *p, size_t n) {
    uint8_t *at = room(w, n);
    if (at && n) memcpy(at, p, n);
}

void write_zeros(struct writer *w, size_t n) {
    uint8_t *at = room(w, n);
    if (at && n) memset(at, 0, n);
}

static void prefixed(struct writer *w, const void *p, size_t n, size_t prefix) {
    if (!w->err && n >> (8 * prefix)) w->err = ERR_LIMIT;
    write_be(w, n, prefix);
    write_bytes(w, p, n);
}

void write_block8(struct writer *w, const void *p, size_t n) { prefixed(w, p, n, 1); }
void write_block16(struct writer *w, const void *p, size_t n) { prefixed(w, p, n, 2); }
void write_block32(struct writer *w, const void *p, size_t n) { prefixed(w, p, n, 4); }
void write_text8(struct writer *w, const char *s) { write_block8(w, s, strlen(s)); }
void write_text16(struct writer *w, const char *s) { write_block16(w, s, strlen(s)); }
