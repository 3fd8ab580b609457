/* model/schema_pattern.c - `pattern` (ECMA-262) to an expression over the characters of a JSON string.
 *
 * Taken: characters, . and classes, \d \w \s \D \W \S, \t \n \r \f \v \xHH \uHHHH, \ before punctuation, groups ( ) and (?: ),
 * |, the quantifiers * + ? {m} {m,} {m,n} (a lazy ? behind them changes no language), ^ at the very beginning and $ at the very
 * end of the pattern or of one of its outermost alternatives. Refused: look-around, back-references, \b, \p, flags.
 * Without ^ or $ any characters may stand before or behind, as a search has it. What matches is written
 * without escapes where JSON allows that. */
#include "base/utf8.h"
#include "model/schema_parts.h"

#include <string.h>

enum { RANGES_MAX = 256, PATTERN_NEST_MAX = 24, CP_MAX = 0x10ffff };

struct set {
    struct {
        uint32_t lo, hi;
    } range[RANGES_MAX];
    size_t n;
    int negated;
};
struct scan {
    struct schema *s;
    struct buf *out;
    const uint8_t *p;
    size_t n, at;
};

static int refuse(struct scan *x, const char *what) { return schema_bad(x->s, ERR_UNSUPPORTED, "pattern", what); }
static int peek(const struct scan *x) { return x->at < x->n ? x->p[x->at] : -1; }

static int code_point(struct scan *x, uint32_t *cp) {
    int k = utf8_get(x->p + x->at, x->n - x->at, cp);
    if (k <= 0) return refuse(x, "ends too early");
    x->at += (size_t)k;
    return 0;
}

/* ---- sets of characters ---- */

static int add(struct scan *x, struct set *set, uint32_t lo, uint32_t hi) {
    if (set->n == RANGES_MAX) return refuse(x, "has a class of over 256 parts");
    set->range[set->n].lo = lo;
    set->range[set->n++].hi = hi;
    return 0;
}

static const uint32_t digits[] = {'0', '9'};
static const uint32_t words[] = {'0', '9', 'A', 'Z', '_', '_', 'a', 'z'};
static const uint32_t spaces[] = {0x09,   0x0d,   0x20,   0x20,   0xa0,   0xa0,   0x1680, 0x1680, 0x2000, 0x200a,
                                  0x2028, 0x2029, 0x202f, 0x202f, 0x205f, 0x205f, 0x3000, 0x3000, 0xfeff, 0xfeff};

/* The listed ranges, or all that lies between them. */
static int add_list(struct scan *x, struct set *set, const uint32_t *list, size_t n, int others) {
    uint32_t from = 0;
    int r = 0;
    for (size_t i = 0; r == 0 && i < n; i += 2) {
        if (!others)
            r = add(x, set, list[i], list[i + 1]);
        else if (list[i] > from)
            r = add(x, set, from, list[i] - 1);
        from = list[i + 1] + 1;
    }
    return r == 0 && others ? add(x, set, from, CP_MAX) : r;
}

static int has(const struct set *set, uint32_t cp) {
    for (size_t i = 0; i < set->n; i++)
        if (cp >= set->range[i].lo && cp <= set->range[i].hi) return !set->negated;
    return set->negated;
}

/* Those of lo .. hi that a JSON string holds as they are. */
static int put_plain(struct buf *b, uint32_t lo, uint32_t hi, int *any) {
    static const uint32_t plain[][2] = {{0x20, 0x21}, {0x23, 0x5b}, {0x5d, CP_MAX}};
    int r = 0;
    for (size_t k = 0; r == 0 && k < 3; k++) {
        uint32_t from = lo > plain[k][0] ? lo : plain[k][0], to = hi < plain[k][1] ? hi : plain[k][1];
        if (from > to) continue;
        r = put_code_point(b, from);
        if (r == 0) r = buf_add(b, "-", 1);
        if (r == 0) r = put_code_point(b, to);
        *any = 1;
    }
    return r;
}

/* The JSON escape of a character that needs one. */
static int put_escape(struct buf *b, uint32_t cp) {
    static const char shorts[][2] = {{'"', '"'}, {'\\', '\\'}, {8, 'b'}, {12, 'f'}, {10, 'n'}, {13, 'r'}, {9, 't'}};
    char text[8];
    int n = snprintf(text, sizeof text, "\\u%04x", (unsigned)cp);
    for (size_t i = 0; i < sizeof shorts / sizeof shorts[0]; i++)
        if (cp == (uint32_t)shorts[i][0]) n = snprintf(text, sizeof text, "\\%c", shorts[i][1]);
    return put_literal(b, text, (size_t)n);
}

static int put_set(struct scan *x, const struct set *set) {
    struct buf *b = x->out;
    int any = set->negated, parts = 1;
    size_t begin = b->len;
    int r = buf_addf(b, set->negated ? "([^\"\\\\\\x00-\\x1f" : "([");
    for (size_t i = 0; r == 0 && i < set->n; i++) {
        if (!set->negated) {
            r = put_plain(b, set->range[i].lo, set->range[i].hi, &any);
            continue;
        }
        r = put_code_point(b, set->range[i].lo);
        if (r == 0) r = buf_add(b, "-", 1);
        if (r == 0) r = put_code_point(b, set->range[i].hi);
    }
    if (r == 0) r = buf_add(b, "]", 1);
    if (r == 0 && !any) { /* only characters that need an escape: no class */
        b->len = begin;
        parts = 0;
        r = buf_add(b, "(", 1);
    }
    for (uint32_t cp = 1; r == 0 && cp <= '\\'; cp++) { /* U+0000 is left out, as everywhere (schema.c) */
        if ((cp >= 0x20 && cp != '"' && cp != '\\') || !has(set, cp)) continue;
        if (parts++) r = buf_addf(b, " | ");
        if (r == 0) r = put_escape(b, cp);
    }
    if (r == 0 && parts == 0) r = refuse(x, "has a class that no character is in");
    return r == 0 ? buf_add(b, ")", 1) : r;
}

/* ---- atoms ---- */

static int hex(struct scan *x, unsigned n, uint32_t *cp) {
    *cp = 0;
    for (unsigned i = 0; i < n; i++) {
        int c = peek(x), d = c >= '0' && c <= '9'   ? c - '0'
                             : c >= 'a' && c <= 'f' ? c - 'a' + 10
                             : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                    : -1;
        if (d < 0) return refuse(x, "has an escape without its hexadecimal digits");
        *cp = *cp << 4 | (uint32_t)d;
        x->at++;
    }
    return 0;
}

/* Behind a backslash. A single character is left in *cp, a class is added to set and *cp is UINT32_MAX. */
static int escape(struct scan *x, struct set *set, uint32_t *cp) {
    static const char names[] = "tnrfv", means[] = "\t\n\r\f\v";
    int c = peek(x);
    *cp = UINT32_MAX;
    x->at++;
    switch (c) {
    case 'd':
    case 'D': return add_list(x, set, digits, 2, c == 'D');
    case 'w':
    case 'W': return add_list(x, set, words, 8, c == 'W');
    case 's':
    case 'S': return add_list(x, set, spaces, sizeof spaces / sizeof spaces[0], c == 'S');
    case 'x': return hex(x, 2, cp);
    case 'u': return hex(x, 4, cp);
    default: break;
    }
    const char *at = c > 0 ? strchr(names, c) : NULL;
    if (at)
        *cp = (uint32_t)means[at - names];
    else if (c > 0x20 && c < 0x7f && !((c | 0x20) >= 'a' && (c | 0x20) <= 'z') && !(c >= '0' && c <= '9') && c != '_')
        *cp = (uint32_t)c;
    else
        return refuse(x, "has an escape that is not supported");
    return 0;
}

static int class_part(struct scan *x, struct set *set, uint32_t *cp) {
    if (peek(x) != '\\') return code_point(x, cp);
    x->at++;
    return escape(x, set, cp);
}

/* Behind [. */
static int class(struct scan *x, struct set *set) {
    set->negated = peek(x) == '^';
    x->at += (size_t)set->negated;
    while (peek(x) != ']') {
        uint32_t lo, hi;
        int r = class_part(x, set, &lo);
        if (r != 0) return r;
        if (lo == UINT32_MAX) continue;
        hi = lo;
        if (peek(x) == '-' && x->at + 1 < x->n && x->p[x->at + 1] != ']') {
            x->at++;
            r = class_part(x, set, &hi);
            if (r == 0 && (hi == UINT32_MAX || hi < lo)) r = refuse(x, "has a range that is none");
        }
        if (r == 0) r = add(x, set, lo, hi);
        if (r != 0) return r;
    }
    x->at++;
    return 0;
}

static int alternatives(struct scan *x, unsigned nest);

static int group(struct scan *x, unsigned nest) {
    if (nest == PATTERN_NEST_MAX) return refuse(x, "nests too deeply");
    if (peek(x) == '?') {
        if (x->at + 1 >= x->n || x->p[x->at + 1] != ':') return refuse(x, "has a group that is not supported");
        x->at += 2;
    }
    int r = buf_add(x->out, "(", 1);
    if (r == 0) r = alternatives(x, nest + 1);
    if (r == 0 && peek(x) != ')') r = refuse(x, "has a group without its end");
    x->at++;
    return r == 0 ? buf_add(x->out, ")", 1) : r;
}

static int atom(struct scan *x, unsigned nest) {
    static const uint32_t line_ends[] = {'\n', '\n', '\r', '\r', 0x2028, 0x2029};
    struct set set = {.n = 0};
    uint32_t cp = UINT32_MAX;
    int c = peek(x), r;
    if (strchr("*+?{}])^$", c)) return refuse(x, "has a character that must be escaped there, or an anchor inside");
    if (c == '(' || c == '[' || c == '.' || c == '\\') x->at++;
    if (c == '(') return group(x, nest);
    if (c == '[')
        r = class(x, &set);
    else if (c == '.')
        r = add_list(x, &set, line_ends, 6, 1);
    else if (c == '\\')
        r = escape(x, &set, &cp);
    else
        r = code_point(x, &cp);
    if (r == 0 && cp != UINT32_MAX) r = add(x, &set, cp, cp);
    return r == 0 ? put_set(x, &set) : r;
}

static int count(struct scan *x, uint32_t *out) {
    int c = peek(x);
    if (c < '0' || c > '9') return refuse(x, "has a { that must be escaped");
    for (*out = 0; c >= '0' && c <= '9'; c = peek(x)) {
        *out = *out * 10 + (uint32_t)(c - '0');
        if (*out > GRAMMAR_REPEAT_MAX) return refuse(x, "repeats too often");
        x->at++;
    }
    return 0;
}

static int quantifier(struct scan *x) {
    int c = peek(x), r = 0;
    uint32_t m, n;
    if (c != '*' && c != '+' && c != '?' && c != '{') return buf_add(x->out, " ", 1);
    x->at++;
    if (c == '{') {
        r = count(x, &m);
        n = m;
        int open = r == 0 && peek(x) == ',' && x->at + 1 < x->n && x->p[x->at + 1] == '}';
        if (r == 0 && peek(x) == ',') {
            x->at++;
            if (!open) r = count(x, &n);
        }
        if (r == 0 && (peek(x) != '}' || n < m)) r = refuse(x, "has a { that must be escaped");
        x->at++;
        if (r == 0) r = open ? buf_addf(x->out, "{%u,} ", m) : buf_addf(x->out, "{%u,%u} ", m, n);
    } else {
        r = buf_addf(x->out, "%c ", c);
    }
    if (r == 0 && peek(x) == '?') x->at++;
    return r;
}

/* One alternative. Outermost ones may have anchors; where they have none, anything may stand. */
static int sequence(struct scan *x, unsigned nest) {
    int r = nest ? buf_addf(x->out, "\"\" ") : peek(x) == '^' ? (x->at++, buf_addf(x->out, "\"\" ")) : buf_addf(x->out, "char* ");
    while (r == 0 && peek(x) >= 0 && peek(x) != '|' && peek(x) != ')') {
        if (nest == 0 && peek(x) == '$' && (x->at + 1 == x->n || x->p[x->at + 1] == '|')) {
            x->at++;
            return 0;
        }
        r = atom(x, nest);
        if (r == 0) r = quantifier(x);
        if (r == 0) r = schema_step(x->s);
    }
    return r == 0 && nest == 0 ? buf_addf(x->out, "char*") : r;
}

static int alternatives(struct scan *x, unsigned nest) {
    for (;;) {
        int r = sequence(x, nest);
        if (r != 0 || peek(x) != '|') return r;
        x->at++;
        r = buf_addf(x->out, " | ");
        if (r != 0) return r;
    }
}

int schema_pattern(struct schema *s, struct buf *b, const char *pattern, size_t n) {
    struct scan x = {.s = s, .out = b, .p = (const uint8_t *)pattern, .n = n};
    int r = buf_addf(b, "\"\\\"\" (");
    if (r == 0) r = alternatives(&x, 0);
    if (r == 0 && x.at < x.n) r = refuse(&x, "has a ) too many");
    return r == 0 ? buf_addf(b, ") \"\\\"\"") : r;
}
