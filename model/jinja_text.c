/* model/jinja_text.c - texts that know where each byte came from, and the operations that keep it so. */
#include "model/jinja_parts.h"

#include <string.h>

#include "base/utf8.h"
#include "model/unicode.h"

struct jtext jtext_of(const char *literal) {
    return (struct jtext){literal, NULL, (uint32_t)strlen(literal), 0};
}

struct jtext jtext_data(const char *p, size_t n) {
    return (struct jtext){n ? p : "", NULL, (uint32_t)n, 1};
}

struct jtext jtext_part(struct jtext t, size_t from, size_t to) {
    return (struct jtext){t.p + from, t.mark ? t.mark + from : NULL, (uint32_t)(to - from), t.input};
}

int jtext_is(struct jtext t, const char *literal) {
    size_t n = strlen(literal);
    return t.n == n && memcmp(t.p, literal, n) == 0;
}

int jtext_same(struct jtext a, struct jtext b) { return a.n == b.n && memcmp(a.p, b.p, a.n) == 0; }

/* By bytes, which for UTF-8 is by code points. */
int jtext_order(struct jtext a, struct jtext b) {
    int c = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);
    return c ? c : a.n < b.n ? -1 : a.n > b.n;
}

/* ---- characters ---- */

/* A byte that is not part of valid UTF-8 counts as a character. */
size_t jtext_step(struct jtext t, size_t at) {
    uint32_t cp;
    int n = utf8_get((const uint8_t *)t.p + at, t.n - at, &cp);
    return n > 0 ? (size_t)n : 1;
}

size_t jtext_chars(struct jtext t) {
    size_t count = 0;
    for (size_t at = 0; at < t.n; at += jtext_step(t, at)) count++;
    return count;
}

size_t jtext_offset(struct jtext t, size_t chars) {
    size_t at = 0;
    while (chars-- && at < t.n) at += jtext_step(t, at);
    return at;
}

ptrdiff_t jtext_find(struct jtext t, struct jtext what, size_t from) {
    if (from > t.n) return -1;
    if (what.n == 0) return (ptrdiff_t)from;
    const char *p = memmem(t.p + from, t.n - from, what.p, what.n);
    return p ? p - t.p : -1;
}

int jtext_blank(struct jtext t, size_t at, size_t *len) {
    uint32_t cp = 0;
    int n = utf8_get((const uint8_t *)t.p + at, t.n - at, &cp);
    *len = n > 0 ? (size_t)n : 1;
    return n > 0 && ((unicode_class_of(cp) & UC_SPACE) || (cp >= 0x1c && cp <= 0x1f));
}

int jtext_strip_work(struct jinja *j, struct jtext t, const struct jtext *set) {
    return jinja_work(j, t.n / 256 + (set ? (size_t)t.n * set->n / 4096 : 0));
}

/* The character at `at` is to be stripped. */
static int strippable(struct jtext t, size_t at, const struct jtext *set, size_t *len) {
    if (!set) return jtext_blank(t, at, len);
    *len = jtext_step(t, at);
    for (size_t i = 0; i < set->n; i += jtext_step(*set, i))
        if (jtext_step(*set, i) == *len && memcmp(set->p + i, t.p + at, *len) == 0) return 1;
    return 0;
}

struct jtext jtext_strip(struct jtext t, const struct jtext *set, int sides) {
    size_t from = 0, to = t.n, len;
    while ((sides & 1) && from < to && strippable(t, from, set, &len)) from += len;
    while ((sides & 2) && to > from) {
        size_t at = to - 1;
        while (at > from && to - at < 4 && (t.p[at] & 0xc0) == 0x80) at--;
        if (at + jtext_step(t, at) != to) at = to - 1; /* not UTF-8 */
        if (!strippable(t, at, set, &len) || at + len != to) break;
        to = at;
    }
    return jtext_part(t, from, to);
}

/* map changes one ASCII character; `first` says that a word begins. Words: 0 the whole text is one, 1 letters make words,
 * 2 words lie between blanks and opening marks. */
struct jtext jtext_recased(struct jinja *j, struct jtext t, int (*map)(int c, int first), int words) {
    char *p = jinja_take(j, t.n + 1, 1);
    int first = 1;
    if (!p || jinja_walk(j, t) != 0) return t;
    for (size_t i = 0; i < t.n; i++) {
        int c = (uint8_t)t.p[i], letter = (c | 32) >= 'a' && (c | 32) <= 'z';
        p[i] = (char)(letter ? map(c, first) : c);
        if (words == 1) first = !letter && c < 0x80;
        if (words == 2) first = c == '-' || c == '(' || c == '{' || c == '[' || c == '<' || c == ' ' || (c >= 9 && c <= 13);
        if (words == 0) first = 0;
    }
    t.p = p;
    return t;
}

/* ---- joining ---- */

int jpieces_add(struct jinja *j, struct jpieces *p, struct jtext t) {
    if (t.n == 0 || j->err) return j->err;
    if (t.n > JINJA_OUTPUT_BYTES_MAX - p->bytes)
        return jinja_fail(j, ERR_LIMIT, "a text of more than %d MiB", JINJA_OUTPUT_BYTES_MAX >> 20);
    p->bytes += t.n;
    struct jtext *last = p->count ? &p->piece[p->count - 1] : NULL;
    if (last && !last->mark && !t.mark && last->input == t.input && last->p + last->n == t.p) {
        last->n += t.n;
        return 0;
    }
    if (p->count == p->cap) {
        size_t cap = p->cap ? p->cap * 2 : 8;
        struct jtext *more = jinja_take(j, cap, sizeof *more);
        if (!more) return j->err;
        if (p->count) memcpy(more, p->piece, p->count * sizeof *more);
        p->piece = more;
        p->cap = cap;
    }
    p->piece[p->count++] = t;
    return 0;
}

int jpieces_word(struct jinja *j, struct jpieces *p, const char *literal) { return jpieces_add(j, p, jtext_of(literal)); }

struct jtext jpieces_join(struct jinja *j, const struct jpieces *p) {
    if (p->count == 0 || j->err) return jtext_of("");
    if (p->count == 1) return p->piece[0];
    int mixed = 0;
    for (size_t i = 0; i < p->count; i++) mixed |= p->piece[i].mark || p->piece[i].input != p->piece[0].input;
    char *out = jinja_take(j, p->bytes, 1);
    uint8_t *mark = mixed ? jinja_take(j, p->bytes, 1) : NULL;
    if (jinja_work(j, p->bytes / 256 + p->count / 4) != 0) return jtext_of("");
    size_t at = 0;
    for (size_t i = 0; i < p->count; i++) {
        struct jtext t = p->piece[i];
        memcpy(out + at, t.p, t.n);
        if (mixed && t.mark)
            memcpy(mark + at, t.mark, t.n);
        else if (mixed)
            memset(mark + at, t.input, t.n);
        at += t.n;
    }
    return (struct jtext){out, mark, (uint32_t)at, p->piece[0].input};
}

struct jtext jtext_join2(struct jinja *j, struct jtext a, struct jtext b) {
    struct jpieces p = {0};
    jpieces_add(j, &p, a);
    jpieces_add(j, &p, b);
    return jpieces_join(j, &p);
}

/* ---- parts ---- */

/* With an empty `old`, `put` goes before every character and at the end, as in Python. */
struct jtext jtext_replaced(struct jinja *j, struct jtext t, struct jtext old, struct jtext put, int64_t count) {
    struct jpieces p = {0};
    size_t at = 0;
    jinja_scan(j, t);
    for (; count != 0 && jinja_work(j, 1) == 0; count--) {
        ptrdiff_t hit = jtext_find(t, old, at);
        if (hit < 0) break;
        jpieces_add(j, &p, jtext_part(t, at, (size_t)hit));
        jpieces_add(j, &p, put);
        at = (size_t)hit + old.n;
        if (old.n) continue;
        if (at == t.n) break;
        size_t step = jtext_step(t, at);
        jpieces_add(j, &p, jtext_part(t, at, at + step));
        at += step;
    }
    jpieces_add(j, &p, jtext_part(t, at, t.n));
    return jpieces_join(j, &p);
}

/* Characters from, from + step, ... before `to`, all within the text: bounds as jval_slice_bounds gives them. */
struct jtext jtext_sliced(struct jinja *j, struct jtext t, int64_t from, int64_t to, int64_t step) {
    struct jpieces p = {0};
    size_t chars = jtext_chars(t);
    if (jinja_walk(j, t) != 0) return t;
    if (step == 1) {
        if (from >= to) return jtext_part(t, 0, 0);
        size_t a = jtext_offset(t, (size_t)from);
        return jtext_part(t, a, a + jtext_offset(jtext_part(t, a, t.n), (size_t)(to - from)));
    }
    uint32_t *offset = jinja_take(j, chars + 1, sizeof *offset);
    if (!offset) return t;
    for (size_t i = 0, at = 0; i < chars; i++, at = offset[i]) offset[i + 1] = (uint32_t)(at + jtext_step(t, at));
    for (int64_t i = from; (step > 0 ? i < to : i > to) && jinja_work(j, 1) == 0; i += step)
        jpieces_add(j, &p, jtext_part(t, offset[i], offset[i + 1]));
    return jpieces_join(j, &p);
}
