/* model/grammar_scan.c - the smallest pieces of a grammar's text: blanks, names, numbers, literals, classes. */
#include "base/utf8.h"
#include "model/grammar_parts.h"

#include <stdlib.h>
#include <string.h>

enum { CP_MAX = 0x10ffff, SURROGATE_FIRST = 0xd800, SURROGATE_LAST = 0xdfff };

uint32_t gram_column(const struct gram_scan *s) { return (uint32_t)(s->at - s->line_at) + 1; }

int gram_error(const struct gram_scan *s, int err, const char *what) {
    return why_set(s->why, err, "grammar, line %u, column %u: %s", s->line, gram_column(s), what);
}

int gram_peek(const struct gram_scan *s) { return s->at < s->n ? s->p[s->at] : -1; }

void gram_blanks(struct gram_scan *s, int lines) {
    for (int c; (c = gram_peek(s)) >= 0;) {
        if (c == '#') {
            while (s->at < s->n && s->p[s->at] != '\n') s->at++;
        } else if (c == ' ' || c == '\t' || c == '\r') {
            s->at++;
        } else if (c == '\n' && lines) {
            s->line++;
            s->line_at = ++s->at;
        } else {
            return;
        }
    }
}

static int is_name(int c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

size_t gram_name(struct gram_scan *s) {
    size_t from = s->at;
    while (is_name(gram_peek(s))) s->at++;
    return s->at - from;
}

int gram_number(struct gram_scan *s, uint32_t *out) {
    uint32_t v = 0;
    int c = gram_peek(s);
    if (c < '0' || c > '9') return gram_error(s, ERR_FORMAT, "a number is missing");
    for (; c >= '0' && c <= '9'; c = gram_peek(s)) {
        v = v * 10 + (uint32_t)(c - '0');
        if (v > GRAMMAR_REPEAT_MAX) return gram_error(s, ERR_LIMIT, "more repetitions than are allowed");
        s->at++;
    }
    *out = v;
    return 0;
}

static int hex(struct gram_scan *s, unsigned digits, uint32_t *out) {
    uint32_t v = 0;
    for (unsigned i = 0; i < digits; i++, s->at++) {
        int c = gram_peek(s);
        int d = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
        if (d < 0) return gram_error(s, ERR_FORMAT, "an escape needs more hexadecimal digits");
        v = v << 4 | (uint32_t)d;
    }
    if (v > CP_MAX) return gram_error(s, ERR_FORMAT, "no such code point");
    *out = v;
    return 0;
}

static int escape(struct gram_scan *s, uint32_t *out) {
    int c = gram_peek(s);
    s->at++;
    switch (c) {
    case 'x': return hex(s, 2, out);
    case 'u': return hex(s, 4, out);
    case 'U': return hex(s, 8, out);
    case 'n': *out = '\n'; return 0;
    case 'r': *out = '\r'; return 0;
    case 't': *out = '\t'; return 0;
    case '\\':
    case '"':
    case '[':
    case ']': *out = (uint32_t)c; return 0;
    default: s->at--; return gram_error(s, ERR_FORMAT, "unknown escape");
    }
}

/* One code point of a literal or class; never the line's end. */
static int code_point(struct gram_scan *s, uint32_t *out) {
    int c = gram_peek(s);
    if (c < 0 || c == '\n') return gram_error(s, ERR_FORMAT, "the line ends within a literal or class");
    if (c == '\\') {
        s->at++;
        return escape(s, out);
    }
    int len = utf8_get(s->p + s->at, s->n - s->at, out);
    if (len <= 0) return gram_error(s, ERR_FORMAT, "not UTF-8");
    s->at += (size_t)len;
    return 0;
}

int gram_literal(struct gram_scan *s, struct gram_item *out) {
    struct gram_text *t = s->t;
    *out = (struct gram_item){.kind = ITEM_TEXT, .first = (uint32_t)t->cps};
    while (gram_peek(s) != '"') {
        uint32_t cp;
        int r = code_point(s, &cp);
        if (r == 0 && cp >= SURROGATE_FIRST && cp <= SURROGATE_LAST) r = gram_error(s, ERR_FORMAT, "a surrogate is no character");
        if (r == 0) r = gram_grow((void **)&t->cp, &t->cps_cap, t->cps, GRAMMAR_BYTES_MAX, sizeof *t->cp);
        if (r != 0) return r;
        t->cp[t->cps++] = cp;
    }
    s->at++;
    out->count = (uint32_t)t->cps - out->first;
    return 0;
}

static int add_range(struct gram_scan *s, uint32_t lo, uint32_t hi) {
    struct gram_text *t = s->t;
    if (lo > hi) return 0;
    int r = gram_grow((void **)&t->range, &t->ranges_cap, t->ranges, 2 * GRAMMAR_BYTES_MAX, sizeof *t->range);
    if (r == 0) t->range[t->ranges++] = (struct gram_range){lo, hi};
    return r;
}

static int by_lo(const void *a, const void *b) {
    const struct gram_range *x = a, *y = b;
    return x->lo < y->lo ? -1 : x->lo > y->lo;
}

/* Adds lo..hi less the surrogates, which UTF-8 does not have. */
static int add_scalars(struct gram_scan *s, uint32_t lo, uint32_t hi) {
    int r = add_range(s, lo, hi < SURROGATE_FIRST ? hi : SURROGATE_FIRST - 1);
    if (r == 0) r = add_range(s, lo > SURROGATE_LAST ? lo : SURROGATE_LAST + 1, hi);
    return r;
}

/* Sorts the ranges from `first` on, joins those that touch, turns them round if asked, and drops surrogates. */
static int normalise(struct gram_scan *s, uint32_t first, int negated) {
    struct gram_text *t = s->t;
    size_t n = t->ranges - first, k = 0;
    struct gram_range *old = n ? malloc(n * sizeof *old) : NULL;
    if (n && !old) return ERR_NOMEM;
    if (n) memcpy(old, t->range + first, n * sizeof *old);
    if (n) qsort(old, n, sizeof *old, by_lo);
    for (size_t i = 0; i < n; i++) {
        if (k && old[i].lo <= old[k - 1].hi + 1)
            old[k - 1].hi = old[i].hi > old[k - 1].hi ? old[i].hi : old[k - 1].hi;
        else
            old[k++] = old[i];
    }
    t->ranges = first;
    int r = 0;
    uint32_t from = 0;
    for (size_t i = 0; r == 0 && i < k; i++) {
        if (!negated)
            r = add_scalars(s, old[i].lo, old[i].hi);
        else if (old[i].lo > from)
            r = add_scalars(s, from, old[i].lo - 1);
        from = old[i].hi + 1;
    }
    if (r == 0 && negated && from <= CP_MAX) r = add_scalars(s, from, CP_MAX);
    free(old);
    return r;
}

int gram_class(struct gram_scan *s, struct gram_item *out) {
    int negated = gram_peek(s) == '^';
    *out = (struct gram_item){.kind = ITEM_CLASS, .first = (uint32_t)s->t->ranges};
    s->at += (size_t)negated;
    while (gram_peek(s) != ']') {
        uint32_t lo, hi;
        int r = code_point(s, &lo);
        hi = lo;
        if (r == 0 && gram_peek(s) == '-' && s->at + 1 < s->n && s->p[s->at + 1] != ']') {
            s->at++;
            r = code_point(s, &hi);
        }
        if (r == 0 && hi < lo) r = gram_error(s, ERR_FORMAT, "a range runs backwards");
        if (r == 0) r = add_range(s, lo, hi);
        if (r != 0) return r;
    }
    s->at++;
    int r = normalise(s, out->first, negated);
    out->count = (uint32_t)s->t->ranges - out->first;
    if (r == 0 && out->count == 0) r = gram_error(s, ERR_FORMAT, "a class that no character is in");
    return r;
}

int gram_any_char(struct gram_scan *s, struct gram_item *out) {
    *out = (struct gram_item){.kind = ITEM_CLASS, .first = (uint32_t)s->t->ranges, .count = 2};
    return add_scalars(s, 0, CP_MAX);
}
