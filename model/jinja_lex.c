/* model/jinja_lex.c - a template's source to tokens. Here live the rules about blanks around tags: a minus drops all blanks on
 * its side, a block or comment tag drops the newline after it and the blanks before it on its line, a plus keeps them. */
#include "model/jinja_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

struct lexer {
    struct jinja *j;
    const char *s; /* the source with \n for every newline */
    size_t n, at;
    int fresh; /* the last tag ended with a newline, or nothing was read yet */
    struct jtoken *token;
    size_t count, cap;
};

static struct jtoken *add(struct lexer *x, enum jtoken_kind kind) {
    if (x->count == x->cap) {
        size_t cap = x->cap ? x->cap * 2 : 256;
        struct jtoken *more = jinja_take(x->j, cap, sizeof *more);
        if (!more) return NULL;
        if (x->count) memcpy(more, x->token, x->count * sizeof *more);
        x->token = more;
        x->cap = cap;
    }
    struct jtoken *t = &x->token[x->count++];
    *t = (struct jtoken){.kind = kind, .line = x->j->line};
    return t;
}

static void count_lines(struct lexer *x, size_t from, size_t to) {
    for (; from < to; from++) x->j->line += x->s[from] == '\n';
}

/* ---- text between tags ---- */

static size_t next_tag(const struct lexer *x) {
    for (size_t at = x->at; at + 1 < x->n; at++)
        if (x->s[at] == '{' && (x->s[at + 1] == '{' || x->s[at + 1] == '%' || x->s[at + 1] == '#')) return at;
    return x->n;
}

/* Text [x->at, to) that a tag follows, or the end. */
static void data(struct lexer *x, size_t to, int tag) {
    struct jtext t = {x->s + x->at, NULL, (uint32_t)(to - x->at), 0};
    char sign = to + 2 < x->n ? x->s[to + 2] : 0;
    if (tag && sign == '-') {
        t = jtext_strip(t, NULL, 2);
    } else if (tag && x->s[to + 1] != '{' && sign != '+') {
        size_t line = t.n, blank;
        while (line && t.p[line - 1] != '\n') line--;
        size_t end = line;
        while (end < t.n && jtext_blank(t, end, &blank)) end += blank;
        if (end == t.n && (line > 0 || x->fresh)) t.n = (uint32_t)line;
    }
    if (t.n) {
        struct jtoken *k = add(x, T_DATA);
        if (k) k->text = t;
    }
    count_lines(x, x->at, to);
    x->at = to;
}

/* After a closing tag, at x->at: minus drops all blanks, block and comment tags without plus drop a newline. */
static void after_tag(struct lexer *x, int minus, int newline) {
    struct jtext rest = {x->s, NULL, (uint32_t)x->n, 0};
    size_t from = x->at, blank;
    if (minus)
        while (x->at < x->n && jtext_blank(rest, x->at, &blank)) x->at += blank;
    else if (newline && x->at < x->n && x->s[x->at] == '\n')
        x->at++;
    x->fresh = x->at > from && x->s[x->at - 1] == '\n';
    count_lines(x, from, x->at);
}

static void comment(struct lexer *x) {
    const char *end = x->n - x->at > 2 ? memmem(x->s + x->at + 2, x->n - x->at - 2, "#}", 2) : NULL;
    if (!end) {
        jinja_fail(x->j, ERR_FORMAT, "a comment without end");
        return;
    }
    size_t to = (size_t)(end - x->s);
    char sign = to > x->at + 2 ? end[-1] : 0;
    count_lines(x, x->at, to);
    x->at = to + 2;
    after_tag(x, sign == '-', sign != '+');
}

/* ---- inside tags ---- */

static int is_digit(char c) { return c >= '0' && c <= '9'; }
static int is_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || is_digit(c) || (c & 0x80); }

/* The number of hexadecimal digits after \x, \u, \U. */
static int escape_digits(char c) { return c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0; }

/* Decodes the escape at s[*at] (after the backslash) to out; returns the bytes written. */
static size_t escape(struct lexer *x, const char *s, size_t n, size_t *at, char *out) {
    static const char from[] = "ntrabfv\\'\"", to[] = "\n\t\r\a\b\f\v\\'\"";
    char c = s[(*at)++];
    const char *known = c ? strchr(from, c) : NULL;
    if (known) {
        *out = to[known - from];
        return 1;
    }
    if (c == '\n') return 0;
    uint32_t cp = 0;
    int digits = escape_digits(c), base = 16;
    if (c >= '0' && c <= '7') {
        base = 8;
        digits = 1;
        (*at)--;
        while (digits < 3 && *at + (size_t)digits < n && s[*at + (size_t)digits] >= '0' && s[*at + (size_t)digits] <= '7')
            digits++;
    }
    if (digits == 0) { /* unknown: kept as it is */
        out[0] = '\\';
        out[1] = c;
        return 2;
    }
    for (int i = 0; i < digits; i++) {
        char d = *at < n ? s[(*at)++] : 0;
        int v = is_digit(d) ? d - '0' : (d | 32) >= 'a' && (d | 32) <= 'f' ? (d | 32) - 'a' + 10 : 99;
        if (v >= base) {
            jinja_fail(x->j, ERR_FORMAT, "a broken escape in a string");
            return 0;
        }
        cp = cp * (uint32_t)base + (uint32_t)v;
    }
    if (cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000)) {
        jinja_fail(x->j, ERR_FORMAT, "an escape in a string that is no character");
        return 0;
    }
    return utf8_put((uint8_t *)out, cp);
}

static void string(struct lexer *x) {
    char quote = x->s[x->at];
    size_t end = x->at + 1;
    while (end < x->n && x->s[end] != quote) end += x->s[end] == '\\' ? 2 : 1;
    if (end >= x->n) {
        jinja_fail(x->j, ERR_FORMAT, "a string without end");
        return;
    }
    const char *s = x->s + x->at + 1;
    size_t n = end - x->at - 1, m = 0;
    struct jtoken *t = add(x, T_TEXT);
    char *out = jinja_take(x->j, n + 4, 1);
    if (!t || !out) return;
    for (size_t i = 0; i < n && !x->j->err;) {
        if (s[i] == '\\' && ++i < n)
            m += escape(x, s, n, &i, out + m);
        else
            out[m++] = s[i++];
    }
    t->text = (struct jtext){out, NULL, (uint32_t)m, 0};
    count_lines(x, x->at, end);
    x->at = end + 1;
}

static void number(struct lexer *x) {
    char text[64];
    size_t n = 0, at = x->at;
    int real = 0;
    for (; at < x->n && n + 1 < sizeof text; at++) {
        char c = x->s[at], next = at + 1 < x->n ? x->s[at + 1] : 0;
        if (c == '_' && is_digit(next)) continue;
        if (c == '.' && (real || !is_digit(next))) break;
        if ((c == 'e' || c == 'E') && real < 2 &&
            (is_digit(next) || ((next == '-' || next == '+') && at + 2 < x->n && is_digit(x->s[at + 2])))) {
            text[n++] = c;
            if (!is_digit(next)) text[n++] = x->s[++at];
            real = 2;
            continue;
        }
        if (c == '.') real = 1;
        if (!is_digit(c) && c != '.') break;
        text[n++] = c;
    }
    text[n] = 0;
    struct jtoken *t = add(x, real ? T_FLOAT : T_INT);
    if (!t) return;
    errno = 0;
    t->value = real ? jval_float(strtod(text, NULL)) : jval_int(strtoll(text, NULL, 10));
    if (errno || n + 2 >= sizeof text) jinja_fail(x->j, ERR_FORMAT, "a number that is too large");
    x->at = at;
}

static void operator_(struct lexer *x, int *open, char *brackets) {
    static const char pairs[][3] = {"==", "!=", "<=", ">=", "//", "**"};
    char c = x->s[x->at], next = x->at + 1 < x->n ? x->s[x->at + 1] : 0;
    struct jtoken *t = add(x, T_OP);
    if (!t) return;
    t->op = (uint8_t)c;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        if (c == pairs[i][0] && next == pairs[i][1]) t->op = OP2(c, next);
    if (!strchr("+-*/%~=<>!().[]{},:|;", c) || c == 0 || t->op == '!') {
        jinja_fail(x->j, ERR_FORMAT, "an unexpected character");
        return;
    }
    if (c == '(' || c == '[' || c == '{') {
        if (*open == JINJA_DEPTH_MAX)
            jinja_fail(x->j, ERR_LIMIT, "nesting deeper than %d", JINJA_DEPTH_MAX);
        else
            brackets[(*open)++] = c == '(' ? ')' : c == '[' ? ']' : '}';
    } else if (c == ')' || c == ']' || c == '}') {
        if (*open == 0 || brackets[--*open] != c) jinja_fail(x->j, ERR_FORMAT, "an unexpected '%c'", c);
    }
    x->at += t->op > 255 ? 2 : 1;
}

/* One tag, from its opening mark to the closing one; inside brackets the closing mark is no such thing. */
static void tag(struct lexer *x) {
    char brackets[JINJA_DEPTH_MAX], close = x->s[x->at + 1] == '{' ? '}' : '%';
    int open = 0;
    add(x, close == '%' ? T_BLOCK_OPEN : T_PRINT_OPEN);
    x->at += 2;
    if (x->at < x->n && (x->s[x->at] == '-' || (x->s[x->at] == '+' && close == '%'))) x->at++;
    while (!x->j->err) {
        size_t left = x->n - x->at, blank;
        const char *p = x->s + x->at;
        struct jtext rest = {x->s, NULL, (uint32_t)x->n, 0};
        size_t sign = left > 2 && (p[0] == '-' || (p[0] == '+' && close == '%')) && p[1] == close && p[2] == '}';
        if (left == 0) {
            jinja_fail(x->j, ERR_FORMAT, "a tag without end");
        } else if (!open && (sign || (left > 1 && p[0] == close && p[1] == '}'))) {
            add(x, close == '%' ? T_BLOCK_CLOSE : T_PRINT_CLOSE);
            x->at += 2 + sign;
            after_tag(x, sign && p[0] == '-', close == '%' && !sign);
            return;
        } else if (jtext_blank(rest, x->at, &blank)) {
            count_lines(x, x->at, x->at + blank);
            x->at += blank;
        } else if (is_digit(*p)) {
            number(x);
        } else if (is_name(*p)) {
            struct jtoken *t = add(x, T_NAME);
            size_t n = 1;
            while (n < left && is_name(p[n])) n++;
            if (t) t->text = (struct jtext){p, NULL, (uint32_t)n, 0};
            x->at += n;
        } else if (*p == '"' || *p == '\'') {
            string(x);
        } else {
            operator_(x, &open, brackets);
        }
    }
}

/* {% raw %}...{% endraw %}: the tags' own minus signs work as everywhere. Returns 0 when the tag at x->at is another. */
static int raw(struct lexer *x) {
    size_t at = x->at + 2, end;
    if (at < x->n && (x->s[at] == '-' || x->s[at] == '+')) at++;
    while (at < x->n && (x->s[at] == ' ' || x->s[at] == '\n' || x->s[at] == '\t')) at++;
    if (x->n - at < 5 || memcmp(x->s + at, "raw", 3) != 0 || is_name(x->s[at + 3])) return 0;
    for (at += 3; at < x->n && (x->s[at] == ' ' || x->s[at] == '\n' || x->s[at] == '\t');) at++;
    int minus = at < x->n && x->s[at] == '-';
    if (x->n - at < 2 + (size_t)minus || memcmp(x->s + at + minus, "%}", 2) != 0) return 0;
    count_lines(x, x->at, at);
    x->at = at + 2 + (size_t)minus;
    after_tag(x, minus, 1);
    for (end = x->at; end + 1 < x->n; end++) {
        if (x->s[end] != '{' || x->s[end + 1] != '%') continue;
        at = end + 2;
        if (at < x->n && (x->s[at] == '-' || x->s[at] == '+')) at++;
        while (at < x->n && x->s[at] == ' ') at++;
        if (x->n - at < 8 || memcmp(x->s + at, "endraw", 6) != 0) continue;
        for (at += 6; at < x->n && x->s[at] == ' ';) at++;
        minus = at < x->n && x->s[at] == '-';
        if (x->n - at < 2 + (size_t)minus || memcmp(x->s + at + minus, "%}", 2) != 0) continue;
        data(x, end, 1);
        x->at = at + 2 + (size_t)minus;
        after_tag(x, minus, 1);
        return 1;
    }
    jinja_fail(x->j, ERR_FORMAT, "raw without endraw");
    return 1;
}

/* Newlines of any kind become \n; one at the very end goes. */
static char *normalized(struct jinja *j, const char *source, size_t *n) {
    char *s = jinja_take(j, *n + 1, 1);
    size_t m = 0;
    for (size_t i = 0; s && i < *n; i++) {
        s[m++] = source[i] == '\r' ? '\n' : source[i];
        if (source[i] == '\r' && i + 1 < *n && source[i + 1] == '\n') i++;
    }
    if (m && s[m - 1] == '\n') m--;
    *n = m;
    return s;
}

struct jtoken *jinja_lex(struct jinja *j, const char *source, size_t n) {
    j->line = 1;
    struct lexer x = {.j = j, .s = normalized(j, source, &n), .n = n, .fresh = 1};
    while (!j->err && x.at < x.n) {
        size_t to = next_tag(&x);
        data(&x, to, to < x.n);
        if (to == x.n) break;
        if (x.s[to + 1] == '#')
            comment(&x);
        else if (x.s[to + 1] == '{' || !raw(&x))
            tag(&x);
    }
    add(&x, T_END);
    return j->err ? NULL : x.token;
}
