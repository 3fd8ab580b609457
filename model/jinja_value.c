/* model/jinja_value.c - values: lists, dicts, truth, equality, order, membership; Python's rules. */
#include "model/jinja_parts.h"

#include <math.h>
#include <string.h>

struct jval jval_undefined(void) {
    return (struct jval){.kind = J_UNDEFINED};
}
struct jval jval_none(void) {
    return (struct jval){.kind = J_NONE};
}
struct jval jval_bool(int b) {
    return (struct jval){.kind = J_BOOL, .u.i = b != 0};
}
struct jval jval_int(int64_t i) {
    return (struct jval){.kind = J_INT, .u.i = i};
}
struct jval jval_float(double f) {
    return (struct jval){.kind = J_FLOAT, .u.f = f};
}
struct jval jval_text(struct jtext t) {
    return (struct jval){.kind = J_TEXT, .u.text = t};
}
struct jval jval_list(struct jlist *l) {
    return l ? (struct jval){.kind = J_LIST, .u.list = l} : jval_undefined();
}
struct jval jval_dict(struct jdict *d) {
    return d ? (struct jval){.kind = J_DICT, .u.dict = d} : jval_undefined();
}

const char *jval_kind(struct jval v) {
    static const char *const names[] = {"undefined", "none",        "a boolean", "an integer", "a float",    "a string", "a list",
                                        "a dict",    "a namespace", "a loop",    "a macro",    "a function", "a method"};
    return names[v.kind];
}

/* ---- lists and dicts ---- */

struct jlist *jlist_new(struct jinja *j, size_t cap) {
    struct jlist *l = jinja_take(j, 1, sizeof *l);
    if (cap > UINT32_MAX / 2) jinja_no_room(j);
    if (l && cap) l->v = jinja_take(j, cap, sizeof *l->v);
    if (j->err) return NULL;
    l->cap = (uint32_t)cap;
    return l;
}

int jlist_add(struct jinja *j, struct jlist *l, struct jval v) {
    if (j->err) return j->err;
    if (l->count == l->cap) {
        uint32_t cap = l->cap ? l->cap * 2 : 4;
        struct jval *more = jinja_take(j, cap, sizeof *more);
        if (!more) return j->err;
        if (l->count) memcpy(more, l->v, l->count * sizeof *more);
        l->v = more;
        l->cap = cap;
    }
    l->v[l->count++] = v;
    return 0;
}

struct jdict *jdict_new(struct jinja *j, size_t cap) {
    struct jdict *d = jinja_take(j, 1, sizeof *d);
    if (cap > UINT32_MAX / 2) jinja_no_room(j);
    if (d && cap) d->e = jinja_take(j, cap, sizeof *d->e);
    if (j->err) return NULL;
    d->cap = (uint32_t)cap;
    return d;
}

struct jval *jdict_find(struct jinja *j, const struct jdict *d, struct jval key) {
    if (jinja_work(j, d->count / 16) != 0) return NULL;
    for (uint32_t i = 0; i < d->count; i++) {
        struct jval k = d->e[i].key;
        if (k.kind == J_TEXT && key.kind == J_TEXT && k.u.text.n != key.u.text.n) continue;
        if (jval_equal(j, k, key)) return &d->e[i].value;
    }
    return NULL;
}

struct jval *jdict_word(struct jinja *j, const struct jdict *d, const char *key) {
    return jdict_find(j, d, jval_text(jtext_of(key)));
}

static int append(struct jinja *j, struct jdict *d, struct jval key, struct jval value) {
    if (j->err) return j->err;
    if (d->count == d->cap) {
        uint32_t cap = d->cap ? d->cap * 2 : 4;
        struct jentry *more = jinja_take(j, cap, sizeof *more);
        if (!more) return j->err;
        if (d->count) memcpy(more, d->e, d->count * sizeof *more);
        d->e = more;
        d->cap = cap;
    }
    d->e[d->count++] = (struct jentry){key, value};
    return 0;
}

int jdict_put(struct jinja *j, struct jdict *d, const char *key, struct jval value) {
    return append(j, d, jval_text(jtext_of(key)), value);
}

int jdict_set(struct jinja *j, struct jdict *d, struct jval key, struct jval value) {
    if (key.kind >= J_LIST) return jinja_fail(j, ERR_UNSUPPORTED, "%s cannot be a key", jval_kind(key));
    struct jval *at = jdict_find(j, d, key);
    if (at) *at = value;
    return at ? 0 : append(j, d, key, value);
}

/* ---- truth, equality, order ---- */

int jval_true(struct jval v) {
    switch (v.kind) {
    case J_UNDEFINED:
    case J_NONE: return 0;
    case J_BOOL:
    case J_INT: return v.u.i != 0;
    case J_FLOAT: return v.u.f != 0;
    case J_TEXT: return v.u.text.n != 0;
    case J_LIST: return v.u.list->lazy || v.u.list->count != 0;
    case J_DICT: return v.u.dict->count != 0;
    default: return 1;
    }
}

int jval_whole(struct jval v, int64_t *i) {
    if (v.kind != J_INT && v.kind != J_BOOL) return 0;
    *i = v.u.i;
    return 1;
}

int jval_number(struct jval v, double *f) {
    if (v.kind == J_FLOAT) *f = v.u.f;
    if (v.kind == J_INT || v.kind == J_BOOL) *f = (double)v.u.i;
    return v.kind == J_FLOAT || v.kind == J_INT || v.kind == J_BOOL;
}

static int dicts_equal(struct jinja *j, const struct jdict *a, const struct jdict *b) {
    int same = a->count == b->count;
    for (uint32_t i = 0; same && i < a->count && !j->err; i++) {
        struct jval *other = jdict_find(j, b, a->e[i].key);
        same = other && jval_equal(j, a->e[i].value, *other);
    }
    return same;
}

static int lists_equal(struct jinja *j, const struct jlist *a, const struct jlist *b) {
    int same = a->count == b->count && a->tuple == b->tuple;
    for (uint32_t i = 0; same && i < a->count && jinja_work(j, i % 16 == 0) == 0; i++) same = jval_equal(j, a->v[i], b->v[i]);
    return same;
}

int jval_equal(struct jinja *j, struct jval a, struct jval b) {
    double x, y;
    int64_t m, n;
    if (jval_whole(a, &m) && jval_whole(b, &n)) return m == n;
    if (jval_number(a, &x) && jval_number(b, &y)) return x == y;
    if (a.kind != b.kind) return 0;
    if (a.kind == J_TEXT) return jinja_scan(j, a.u.text) == 0 && jtext_same(a.u.text, b.u.text);
    if (a.kind == J_UNDEFINED || a.kind == J_NONE) return 1;
    if (a.kind != J_LIST && a.kind != J_DICT) return a.u.dict == b.u.dict; /* the same object */
    if (jinja_enter(j) != 0) return 0;
    int same = a.kind == J_LIST ? lists_equal(j, a.u.list, b.u.list) : dicts_equal(j, a.u.dict, b.u.dict);
    jinja_leave(j);
    return same;
}

int jval_order(struct jinja *j, struct jval a, struct jval b) {
    double x, y;
    int64_t m, n;
    if (jval_whole(a, &m) && jval_whole(b, &n)) return m < n ? -1 : m > n;
    if (jval_number(a, &x) && jval_number(b, &y)) return x < y ? -1 : x > y ? 1 : x == y ? 0 : 2; /* 2: not a number */
    if (a.kind == J_TEXT && b.kind == J_TEXT) return jinja_scan(j, a.u.text) == 0 ? jtext_order(a.u.text, b.u.text) : 0;
    if (a.kind != J_LIST || b.kind != J_LIST) {
        jinja_fail(j, ERR_UNSUPPORTED, "no order between %s and %s", jval_kind(a), jval_kind(b));
        return 0;
    }
    if (jinja_enter(j) != 0) return 0;
    int order = 0;
    const struct jlist *p = a.u.list, *q = b.u.list;
    for (uint32_t i = 0; order == 0 && i < p->count && i < q->count && jinja_work(j, i % 16 == 0) == 0; i++)
        if (!jval_equal(j, p->v[i], q->v[i])) order = jval_order(j, p->v[i], q->v[i]);
    jinja_leave(j);
    return order ? order : p->count < q->count ? -1 : p->count > q->count;
}

int jval_holds(struct jinja *j, struct jval container, struct jval what) {
    if (container.kind == J_TEXT && what.kind == J_TEXT) {
        if (jinja_work(j, container.u.text.n / 256) != 0) return 0;
        return jtext_find(container.u.text, what.u.text, 0) >= 0;
    }
    if (container.kind == J_DICT || container.kind == J_NAMESPACE) return jdict_find(j, container.u.dict, what) != NULL;
    if (container.kind == J_TEXT || (container.kind != J_LIST && container.kind != J_UNDEFINED)) {
        jinja_fail(j, ERR_UNSUPPORTED, "%s cannot be in %s", jval_kind(what), jval_kind(container));
        return 0;
    }
    for (uint32_t i = 0; container.kind == J_LIST && i < container.u.list->count && jinja_work(j, 1) == 0; i++)
        if (jval_equal(j, container.u.list->v[i], what)) return 1;
    return 0;
}

/* ---- sequences ---- */

struct jlist *jval_items(struct jinja *j, struct jval v) {
    if (v.kind == J_LIST) return jinja_work(j, v.u.list->count / 16) == 0 ? v.u.list : NULL;
    struct jlist *l = jlist_new(j, v.kind == J_DICT ? v.u.dict->count : 0);
    if (!l || v.kind == J_UNDEFINED) return l;
    if (v.kind == J_DICT) {
        for (uint32_t i = 0; i < v.u.dict->count && jinja_work(j, i % 16 == 0) == 0; i++) jlist_add(j, l, v.u.dict->e[i].key);
    } else if (v.kind == J_TEXT) {
        struct jtext t = v.u.text;
        for (size_t at = 0, n; at < t.n && jinja_work(j, 1) == 0; at += n) {
            n = jtext_step(t, at);
            jlist_add(j, l, jval_text(jtext_part(t, at, at + n)));
        }
    } else {
        jinja_fail(j, ERR_UNSUPPORTED, "%s is no sequence", jval_kind(v));
    }
    return j->err ? NULL : l;
}

static int64_t bound(int64_t n, int64_t at, int64_t low, int64_t high) {
    if (at < 0) at = at < -n ? -1 : at + n; /* -n is the smallest that names an item */
    return at < low ? low : at > high ? high : at;
}

void jval_slice_bounds(int64_t n, const int64_t *from, const int64_t *to, int64_t step, int64_t *first, int64_t *last) {
    int64_t low = step > 0 ? 0 : -1, high = step > 0 ? n : n - 1;
    *first = from ? bound(n, *from, low, high) : step > 0 ? 0 : n - 1;
    *last = to ? bound(n, *to, low, high) : step > 0 ? n : -1;
}
