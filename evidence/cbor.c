/* evidence/cbor.c - the reader. See cbor.h; the writer is cbor_write.c. */
#include "evidence/cbor.h"

#include <string.h>

#include "base/utf8.h"

enum major { UINT, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG, OTHER };
enum { OPEN = 31, BREAK = 0xff };

/* The first byte's two parts, and the number that follows it or is in it. */
struct head {
    enum major major;
    unsigned info;
    uint64_t value;
};

struct cbor cbor_over(const void *p, size_t n, unsigned rules) {
    return (struct cbor){.in = reader_over(p, n), .rules = rules};
}
void cbor_fail(struct cbor *c, int err) { read_fail(&c->in, err); }
int cbor_end(struct cbor *c) { return read_end(&c->in); }

static int deterministic(const struct cbor *c) { return (c->rules & CBOR_DETERMINISTIC) != 0; }
static int may_be_open(const struct cbor *c) { return (c->rules & CBOR_INDEFINITE) && !deterministic(c); }

/* ---- heads ---- */

static int shortest(const struct head *h) {
    switch (h->info) {
    case 24: return h->value >= 24;
    case 25: return h->value > 0xff;
    case 26: return h->value > 0xffff;
    case 27: return h->value > 0xffffffff;
    default: return 1;
    }
}

/* Whether a float of 32 bits has a form of 16: its exponent in reach, and no bit of the fraction lost. */
static int fits_half(uint32_t bits) {
    uint32_t fraction = bits & 0x7fffff;
    int exponent = (int)(bits >> 23 & 0xff);
    if (exponent == 0xff || exponent == 0) return fraction == 0; /* infinities, zeros; the rest of exponent 0 is too small */
    exponent -= 127;
    if (exponent >= -14 && exponent <= 15) return (fraction & 0x1fff) == 0;
    if (exponent < -24 || exponent > 15) return 0;
    uint32_t lost = (1u << (13 - 14 - exponent)) - 1; /* a subnormal half keeps fewer bits */
    return ((fraction | 0x800000) & lost) == 0;
}

/* The one spelling of NaN is f97e00. */
static int shortest_float(const struct head *h) {
    if (h->info == 25) return (h->value & 0x7c00) != 0x7c00 || (h->value & 0x3ff) == 0 || h->value == 0x7e00;
    if (h->info == 26) {
        uint32_t bits = (uint32_t)h->value;
        return !fits_half(bits) && !((bits & 0x7f800000) == 0x7f800000 && (bits & 0x7fffff));
    }
    double d;
    memcpy(&d, &h->value, sizeof d);
    if (d != d) return 0;
    if (d < -3.4028234663852886e38 || d > 3.4028234663852886e38) /* out of a float's range: only infinities have a shorter form */
        return (h->value & 0x7fffffffffffffff) != 0x7ff0000000000000;
    return (double)(float)d != d;
}

static void head_other(struct cbor *c, const struct head *h) {
    if (h->info == OPEN || (h->info == 24 && h->value < 32))
        cbor_fail(c, ERR_FORMAT); /* a stray end mark; a simple value in two bytes */
    if (h->info >= 25 && h->info <= 27 && deterministic(c) && !shortest_float(h)) cbor_fail(c, ERR_FORMAT);
}

static struct head head(struct cbor *c) {
    uint8_t first = read_u8(&c->in);
    struct head h = {.major = (enum major)(first >> 5), .info = first & 31};
    switch (h.info) {
    case 24: h.value = read_u8(&c->in); break;
    case 25: h.value = read_u16(&c->in); break;
    case 26: h.value = read_u32(&c->in); break;
    case 27: h.value = read_u64(&c->in); break;
    case 28:
    case 29:
    case 30: cbor_fail(c, ERR_FORMAT); break;
    case OPEN:
        if (h.major < BYTES || h.major == TAG || !may_be_open(c)) cbor_fail(c, ERR_FORMAT);
        break;
    default: h.value = h.info;
    }
    if (h.major == OTHER)
        head_other(c, &h);
    else if (deterministic(c) && !shortest(&h))
        cbor_fail(c, ERR_FORMAT);
    return c->in.err ? (struct head){.major = OTHER} : h;
}

static struct head head_of(struct cbor *c, enum major major) {
    struct head h = head(c);
    if (!c->in.err && h.major != major) cbor_fail(c, ERR_FORMAT);
    if (c->in.err) h = (struct head){.major = major};
    return h;
}

enum cbor_type cbor_peek(const struct cbor *c) {
    if (c->in.err || c->in.left == 0) return CBOR_NOTHING;
    static const enum cbor_type plain[] = {CBOR_UINT, CBOR_NEGATIVE, CBOR_BYTES, CBOR_TEXT, CBOR_ARRAY, CBOR_MAP, CBOR_TAG};
    uint8_t first = c->in.p[0];
    if (first >> 5 != OTHER) return plain[first >> 5];
    switch (first & 31) {
    case 20: return CBOR_FALSE;
    case 21: return CBOR_TRUE;
    case 22: return CBOR_NULL;
    case 23: return CBOR_UNDEFINED;
    case 25:
    case 26:
    case 27: return CBOR_FLOAT;
    case OPEN: return CBOR_NOTHING;
    default: return CBOR_SIMPLE;
    }
}

/* ---- single items ---- */

uint64_t cbor_uint(struct cbor *c) { return head_of(c, UINT).value; }
uint64_t cbor_tag(struct cbor *c) { return head_of(c, TAG).value; }

int64_t cbor_int(struct cbor *c) {
    int negative = cbor_peek(c) == CBOR_NEGATIVE;
    uint64_t v = head_of(c, negative ? NEGATIVE : UINT).value;
    if (v > INT64_MAX) {
        cbor_fail(c, ERR_RANGE);
        return 0;
    }
    return negative && !c->in.err ? -1 - (int64_t)v : (int64_t)v;
}

static struct ev_bytes slice(struct cbor *c, enum major major, uint64_t n) {
    if (n > c->in.left) cbor_fail(c, ERR_SHORT);
    const uint8_t *p = read_bytes(&c->in, c->in.err ? 0 : (size_t)n);
    if (!c->in.err && major == TEXT && !utf8_valid(p, (size_t)n)) cbor_fail(c, ERR_FORMAT);
    return c->in.err ? (struct ev_bytes){0} : (struct ev_bytes){p, (size_t)n};
}

static struct ev_bytes string(struct cbor *c, enum major major, size_t max) {
    struct head h = head_of(c, major);
    if (h.info == OPEN) cbor_fail(c, ERR_UNSUPPORTED);
    if (h.value > max) cbor_fail(c, ERR_LIMIT);
    return slice(c, major, h.value);
}

struct ev_bytes cbor_bytes(struct cbor *c, size_t max) {
    return string(c, BYTES, max);
}
struct ev_bytes cbor_text(struct cbor *c, size_t max) {
    return string(c, TEXT, max);
}

int cbor_bool(struct cbor *c) {
    enum cbor_type t = cbor_peek(c);
    head(c);
    if (t != CBOR_TRUE && t != CBOR_FALSE) cbor_fail(c, ERR_FORMAT);
    return !c->in.err && t == CBOR_TRUE;
}

int cbor_take_null(struct cbor *c) {
    if (cbor_peek(c) != CBOR_NULL) return 0;
    head(c);
    return !c->in.err;
}

int cbor_take_tag(struct cbor *c, uint64_t tag) {
    struct cbor ahead = *c;
    if (cbor_peek(c) != CBOR_TAG || cbor_tag(&ahead) != tag || ahead.in.err) return 0;
    *c = ahead;
    return 1;
}

/* ---- containers ---- */

static struct cbor_list list_of(struct cbor *c, struct head h) {
    struct cbor_list l = {.left = h.value, .open = h.info == OPEN, .map = h.major == MAP};
    /* every item takes a byte at least: a count that cannot be is said at once, not after it has been counted down */
    if (h.value > c->in.left / (l.map ? 2 : 1)) cbor_fail(c, ERR_SHORT);
    return c->in.err ? (struct cbor_list){0} : l;
}

struct cbor_list cbor_array(struct cbor *c) {
    return list_of(c, head_of(c, ARRAY));
}
struct cbor_list cbor_map(struct cbor *c) {
    return list_of(c, head_of(c, MAP));
}

/* Whether one more item (or pair) comes. */
static int more(struct cbor *c, struct cbor_list *l) {
    if (c->in.err) return 0;
    if (!l->open) return l->left > 0 && l->left-- > 0;
    if (c->in.left == 0) {
        cbor_fail(c, ERR_SHORT);
        return 0;
    }
    if (c->in.p[0] != BREAK) return 1;
    read_u8(&c->in);
    l->open = 0;
    return 0;
}

int cbor_key_order(struct ev_bytes a, struct ev_bytes b) {
    size_t n = a.n < b.n ? a.n : b.n;
    int d = n ? memcmp(a.p, b.p, n) : 0;
    return d ? d : (a.n > b.n) - (a.n < b.n);
}

static void key_seen(struct cbor *c, struct cbor_list *l, struct ev_bytes key) {
    if (c->in.err || !deterministic(c)) return;
    if (l->last_key.n && cbor_key_order(l->last_key, key) >= 0) cbor_fail(c, ERR_FORMAT);
    l->last_key = key;
}

int cbor_next(struct cbor *c, struct cbor_list *l) {
    if (!more(c, l)) return 0;
    if (l->map && deterministic(c)) {
        struct cbor ahead = *c;
        struct ev_bytes key = cbor_raw(&ahead);
        if (ahead.in.err) cbor_fail(c, ahead.in.err);
        key_seen(c, l, key);
    }
    return !c->in.err;
}

/* ---- whole items ---- */

static struct ev_bytes raw(struct cbor *c, int depth);

/* Not through cbor_next: looking ahead at every key would read a key within a key within a key ever so often. */
static void skip_list(struct cbor *c, struct head h, int depth) {
    struct cbor_list l = list_of(c, h);
    while (more(c, &l)) {
        if (l.map) key_seen(c, &l, raw(c, depth));
        raw(c, depth);
    }
}

static void skip_string(struct cbor *c, struct head h) {
    if (h.info != OPEN) {
        slice(c, h.major, h.value);
        return;
    }
    struct cbor_list chunks = {.open = 1};
    while (more(c, &chunks)) string(c, h.major, SIZE_MAX);
}

static struct ev_bytes raw(struct cbor *c, int depth) {
    const uint8_t *from = c->in.p;
    struct head h = head(c);
    int within = !c->in.err && (h.major == ARRAY || h.major == MAP || h.major == TAG);
    if (within && depth == 0) cbor_fail(c, ERR_LIMIT);
    if (c->in.err) return (struct ev_bytes){0};
    if (h.major == BYTES || h.major == TEXT)
        skip_string(c, h);
    else if (h.major == ARRAY || h.major == MAP)
        skip_list(c, h, depth - 1);
    else if (h.major == TAG)
        raw(c, depth - 1);
    return c->in.err ? (struct ev_bytes){0} : (struct ev_bytes){from, (size_t)(c->in.p - from)};
}

struct ev_bytes cbor_raw(struct cbor *c) {
    return raw(c, CBOR_DEPTH_MAX);
}
void cbor_skip(struct cbor *c) { raw(c, CBOR_DEPTH_MAX); }

int cbor_check(const void *p, size_t n, unsigned rules) {
    struct cbor c = cbor_over(p, n, rules);
    cbor_skip(&c);
    return cbor_end(&c);
}

int cbor_text_is(struct ev_bytes text, const char *word) {
    size_t n = strlen(word);
    return text.n == n && (n == 0 || memcmp(text.p, word, n) == 0);
}
