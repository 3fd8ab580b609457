/* model/jinja_lists.c - filters over sequences and dicts. */
#include "model/jinja_parts.h"

#include <stdlib.h>
#include <string.h>

/* Where Jinja gives a generator, emptiness is true and there is no length. */
static struct jval lazily(struct jlist *l) {
    if (l) l->lazy = 1;
    return jval_list(l);
}

/* "a.b.0" of v, as the filters' `attribute` means it. */
static struct jval deep(struct jinja *j, struct jval v, struct jval path) {
    if (path.kind != J_TEXT) return jinja_item(j, v, path);
    struct jtext t = path.u.text;
    for (size_t at = 0; at <= t.n && jinja_work(j, 1) == 0;) {
        ptrdiff_t dot = jtext_find(t, jtext_of("."), at);
        size_t to = dot < 0 ? t.n : (size_t)dot;
        struct jtext part = jtext_part(t, at, to);
        int64_t index = 0;
        int digits = part.n > 0 && part.n < 10;
        for (size_t i = 0; i < part.n && digits; i++) {
            digits = part.p[i] >= '0' && part.p[i] <= '9';
            index = index * 10 + (part.p[i] - '0');
        }
        v = jinja_item(j, v, digits ? jval_int(index) : jval_text(part));
        at = to + 1;
    }
    return v;
}

/* ---- map, select, reject ---- */

/* All four give nothing for what is false, as none and an undefined value are, whatever their arguments. */
static struct jval map(struct jinja *j, struct jval v, const struct jargs *a) {
    if (!jval_true(v)) return lazily(jlist_new(j, 0));
    const struct jval *path = jargs_get(a, UINT32_MAX, "attribute"), *otherwise = jargs_get(a, UINT32_MAX, "default");
    struct jlist *all = jval_items(j, v), *out = jlist_new(j, 0);
    struct jtext name = path ? jtext_of("") : jargs_text(j, a, 0, "filter", NULL);
    struct jargs rest = jargs_rest(a, 1);
    for (uint32_t i = 0; all && out && i < all->count && !j->err; i++) {
        struct jval item = path ? deep(j, all->v[i], *path) : jinja_filter(j, name, all->v[i], &rest);
        jlist_add(j, out, item.kind == J_UNDEFINED && path && otherwise ? *otherwise : item);
    }
    return lazily(out);
}

static struct jval sift(struct jinja *j, struct jval v, const struct jargs *a, int by_attribute, int keep) {
    if (!jval_true(v)) return lazily(jlist_new(j, 0));
    struct jlist *all = jval_items(j, v), *out = jlist_new(j, 0);
    struct jargs rest = jargs_rest(a, by_attribute ? 2u : 1u);
    const struct jval *path = by_attribute ? jargs_get(a, 0, NULL) : NULL, *test = jargs_get(a, by_attribute ? 1 : 0, NULL);
    if (by_attribute && !path) jinja_fail(j, ERR_UNSUPPORTED, "the name of an attribute is missing");
    if (test && test->kind != J_TEXT) jinja_fail(j, ERR_UNSUPPORTED, "a test's name is %s", jval_kind(*test));
    for (uint32_t i = 0; all && out && i < all->count && !j->err; i++) {
        struct jval item = path ? deep(j, all->v[i], *path) : all->v[i];
        int holds = test ? jinja_test(j, test->u.text, item, &rest) : jval_true(item);
        if (holds == keep && jinja_work(j, 1) == 0) jlist_add(j, out, all->v[i]);
    }
    return lazily(out);
}
static struct jval select_(struct jinja *j, struct jval v, const struct jargs *a) { return sift(j, v, a, 0, 1); }
static struct jval reject(struct jinja *j, struct jval v, const struct jargs *a) { return sift(j, v, a, 0, 0); }
static struct jval selectattr(struct jinja *j, struct jval v, const struct jargs *a) { return sift(j, v, a, 1, 1); }
static struct jval rejectattr(struct jinja *j, struct jval v, const struct jargs *a) { return sift(j, v, a, 1, 0); }

/* ---- one value of many ---- */

static struct jval first(struct jinja *j, struct jval v, const struct jargs *a) {
    (void)a;
    if (v.kind == J_TEXT) return v.u.text.n ? jval_text(jtext_part(v.u.text, 0, jtext_step(v.u.text, 0))) : jval_undefined();
    const struct jlist *l = jval_items(j, v);
    return l && l->count ? l->v[0] : jval_undefined();
}

static struct jval last(struct jinja *j, struct jval v, const struct jargs *a) {
    (void)a;
    if (v.kind == J_LIST && v.u.list->lazy) jinja_fail(j, ERR_UNSUPPORTED, "a generator has no last value");
    const struct jlist *l = jval_items(j, v);
    return l && l->count ? l->v[l->count - 1] : jval_undefined();
}

static struct jval join(struct jinja *j, struct jval v, const struct jargs *a) {
    const struct jval *path = jargs_get(a, 1, "attribute");
    struct jtext between = jargs_text(j, a, 0, "d", "");
    const struct jlist *l = jval_items(j, v);
    struct jpieces p = {0};
    for (uint32_t i = 0; l && i < l->count && jinja_work(j, 1) == 0; i++) {
        if (i) jpieces_add(j, &p, between);
        jpieces_add(j, &p, jval_str(j, path && path->kind != J_NONE ? deep(j, l->v[i], *path) : l->v[i]));
    }
    return jval_text(jpieces_join(j, &p));
}

static struct jval sum(struct jinja *j, struct jval v, const struct jargs *a) {
    const struct jval *path = jargs_get(a, 0, "attribute"), *start = jargs_get(a, 1, "start");
    const struct jlist *l = jval_items(j, v);
    struct jval total = start ? *start : jval_int(0);
    for (uint32_t i = 0; l && i < l->count && jinja_work(j, 1) == 0; i++)
        total = jinja_binary(j, '+', total, path && path->kind != J_NONE ? deep(j, l->v[i], *path) : l->v[i]);
    return total;
}

/* ---- order ---- */

/* What a value is sorted by: its attribute if one is named, texts without case unless asked otherwise. */
static struct jval sort_key(struct jinja *j, struct jval v, const struct jval *path, int exact) {
    if (path && path->kind != J_NONE) v = deep(j, v, *path);
    if (v.kind != J_TEXT || exact) return v;
    return jinja_filter(j, jtext_of("lower"), v, &(struct jargs){0});
}

/* Sorts values[0..n) by key, stable; both arrays have room for 2 n. */
static void merge_sort(struct jinja *j, struct jentry *e, struct jentry *spare, size_t n, int down) {
    for (size_t width = 1; width < n && !j->err; width *= 2) {
        for (size_t from = 0; from < n; from += 2 * width) {
            size_t mid = from + width < n ? from + width : n, to = from + 2 * width < n ? from + 2 * width : n, a = from, b = mid;
            for (size_t i = from; i < to && jinja_work(j, 1) == 0; i++) {
                int order = a < mid && b < to ? jval_order(j, e[b].key, e[a].key) : 0;
                int right = a == mid || (b < to && (down ? order > 0 : order < 0));
                spare[i] = right ? e[b++] : e[a++];
            }
        }
        if (!j->err) memcpy(e, spare, n * sizeof *e);
    }
}

static struct jval sorted(struct jinja *j, const struct jlist *l, const struct jval *path, int exact, int down) {
    struct jlist *out = jlist_new(j, l ? l->count : 0);
    struct jentry *e = jinja_take(j, l ? l->count : 0, sizeof *e), *spare = jinja_take(j, l ? l->count : 0, sizeof *e);
    for (uint32_t i = 0; l && !j->err && i < l->count; i++) e[i] = (struct jentry){sort_key(j, l->v[i], path, exact), l->v[i]};
    if (!j->err && l) merge_sort(j, e, spare, l->count, down);
    for (uint32_t i = 0; l && !j->err && i < l->count; i++) jlist_add(j, out, e[i].value);
    return jval_list(out);
}

static struct jval sort(struct jinja *j, struct jval v, const struct jargs *a) {
    return sorted(j, jval_items(j, v), jargs_get(a, 2, "attribute"), jargs_bool(a, 1, "case_sensitive", 0),
                  jargs_bool(a, 0, "reverse", 0));
}

static struct jval pairs(struct jinja *j, const struct jdict *d) {
    struct jlist *out = jlist_new(j, d->count);
    for (uint32_t i = 0; out && i < d->count && jinja_work(j, 1) == 0; i++) {
        struct jlist *pair = jlist_new(j, 2);
        if (!pair) break;
        pair->tuple = 1;
        jlist_add(j, pair, d->e[i].key);
        jlist_add(j, pair, d->e[i].value);
        jlist_add(j, out, jval_list(pair));
    }
    return jval_list(out);
}

static struct jval items(struct jinja *j, struct jval v, const struct jargs *a) {
    (void)a;
    if (v.kind == J_UNDEFINED) return lazily(jlist_new(j, 0));
    if (v.kind != J_DICT) {
        jinja_fail(j, ERR_UNSUPPORTED, "items of %s", jval_kind(v));
        return v;
    }
    v = pairs(j, v.u.dict);
    return j->err ? v : lazily(v.u.list);
}

static struct jval dictsort(struct jinja *j, struct jval v, const struct jargs *a) {
    struct jtext by = jargs_text(j, a, 1, "by", "key");
    struct jval place = jval_int(jtext_is(by, "value"));
    if (v.kind != J_DICT) jinja_fail(j, ERR_UNSUPPORTED, "dictsort of %s", jval_kind(v));
    if (j->err) return v;
    v = pairs(j, v.u.dict);
    if (j->err) return v;
    return sorted(j, v.u.list, &place, jargs_bool(a, 0, "case_sensitive", 0), jargs_bool(a, 2, "reverse", 0));
}

static struct jval extreme(struct jinja *j, struct jval v, const struct jargs *a, int down) {
    struct jval all = sorted(j, jval_items(j, v), jargs_get(a, 1, "attribute"), jargs_bool(a, 0, "case_sensitive", 0), down);
    return j->err || all.u.list->count == 0 ? jval_undefined() : all.u.list->v[0];
}
static struct jval min(struct jinja *j, struct jval v, const struct jargs *a) { return extreme(j, v, a, 0); }
static struct jval max(struct jinja *j, struct jval v, const struct jargs *a) { return extreme(j, v, a, 1); }

static struct jval list(struct jinja *j, struct jval v, const struct jargs *a) {
    const struct jlist *l = jval_items(j, v);
    struct jlist *out = l ? jlist_new(j, l->count) : NULL;
    (void)a;
    for (uint32_t i = 0; out && i < l->count; i++) jlist_add(j, out, l->v[i]);
    return jval_list(out);
}

static struct jval reverse(struct jinja *j, struct jval v, const struct jargs *a) {
    if (v.kind == J_TEXT) return jval_text(jtext_sliced(j, v.u.text, (int64_t)jtext_chars(v.u.text) - 1, -1, -1));
    struct jval all = list(j, v, a);
    if (j->err) return all;
    struct jlist *l = all.u.list;
    for (uint32_t i = 0; i < l->count / 2; i++) {
        struct jval other = l->v[l->count - 1 - i];
        l->v[l->count - 1 - i] = l->v[i];
        l->v[i] = other;
    }
    return lazily(l);
}

static struct jval unique(struct jinja *j, struct jval v, const struct jargs *a) {
    const struct jval *path = jargs_get(a, 1, "attribute");
    int exact = jargs_bool(a, 0, "case_sensitive", 0);
    struct jlist *l = jval_items(j, v), *out = jlist_new(j, 0), *keys = jlist_new(j, 0);
    for (uint32_t i = 0; l && keys && i < l->count && !j->err; i++) {
        struct jval key = sort_key(j, l->v[i], path, exact);
        if (jval_holds(j, jval_list(keys), key)) continue;
        jlist_add(j, keys, key);
        jlist_add(j, out, l->v[i]);
    }
    return lazily(out);
}

jfilter_run *jinja_list_filter(struct jtext name) {
    static const struct jfilter all[] = {{"dictsort", dictsort}, {"first", first},
                                         {"items", items},       {"join", join},
                                         {"last", last},         {"list", list},
                                         {"map", map},           {"max", max},
                                         {"min", min},           {"reject", reject},
                                         {"reverse", reverse},   {"rejectattr", rejectattr},
                                         {"select", select_},    {"selectattr", selectattr},
                                         {"sort", sort},         {"sum", sum},
                                         {"unique", unique}};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (jtext_is(name, all[i].name)) return all[i].run;
    return NULL;
}
