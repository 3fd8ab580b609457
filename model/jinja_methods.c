/* model/jinja_methods.c - methods of texts, dicts, lists and loops: those that templates call, and nothing else. */
#include "model/jinja_parts.h"

#include <string.h>

/* Filters that are methods too. */
static struct jval as_filter(struct jinja *j, const char *name, struct jval v, const struct jargs *a) {
    return jinja_filter(j, jtext_of(name), v, a);
}

/* ---- texts ---- */

static struct jval strip_sides(struct jinja *j, struct jval self, const struct jargs *a, int sides) {
    const struct jval *set = jargs_get(a, 0, NULL);
    if (set && set->kind != J_TEXT && set->kind != J_NONE) jinja_fail(j, ERR_UNSUPPORTED, "strip of %s", jval_kind(*set));
    const struct jtext *chars = set && set->kind == J_TEXT ? &set->u.text : NULL;
    if (j->err || jtext_strip_work(j, self.u.text, chars) != 0) return self;
    return jval_text(jtext_strip(self.u.text, chars, sides));
}
static struct jval strip(struct jinja *j, struct jval self, const struct jargs *a) { return strip_sides(j, self, a, 3); }
static struct jval lstrip(struct jinja *j, struct jval self, const struct jargs *a) { return strip_sides(j, self, a, 1); }
static struct jval rstrip(struct jinja *j, struct jval self, const struct jargs *a) { return strip_sides(j, self, a, 2); }

static struct jval upper(struct jinja *j, struct jval self, const struct jargs *a) { return as_filter(j, "upper", self, a); }
static struct jval lower(struct jinja *j, struct jval self, const struct jargs *a) { return as_filter(j, "lower", self, a); }
static struct jval capitalize(struct jinja *j, struct jval self, const struct jargs *a) {
    return as_filter(j, "capitalize", self, a);
}
static struct jval replace(struct jinja *j, struct jval self, const struct jargs *a) { return as_filter(j, "replace", self, a); }

static int title_letter(int c, int first) { return first ? c & ~32 : c | 32; }
static struct jval title(struct jinja *j, struct jval self, const struct jargs *a) {
    return (void)a, jval_text(jtext_recased(j, self.u.text, title_letter, 1));
}

/* Whether the text has one of the given ones at its start or end. */
static int affix(struct jinja *j, struct jtext t, const struct jval *what, int at_end) {
    if (what && what->kind == J_TEXT) {
        struct jtext w = what->u.text;
        return w.n <= t.n && jinja_scan(j, w) == 0 && memcmp(at_end ? t.p + t.n - w.n : t.p, w.p, w.n) == 0;
    }
    if (!what || what->kind != J_LIST || jinja_enter(j) != 0) return jinja_fail(j, ERR_UNSUPPORTED, "it takes strings"), 0;
    int found = 0;
    for (uint32_t i = 0; i < what->u.list->count && !found && !j->err; i++) found = affix(j, t, &what->u.list->v[i], at_end);
    jinja_leave(j);
    return found;
}
static struct jval startswith(struct jinja *j, struct jval self, const struct jargs *a) {
    return jval_bool(affix(j, self.u.text, jargs_get(a, 0, NULL), 0));
}
static struct jval endswith(struct jinja *j, struct jval self, const struct jargs *a) {
    return jval_bool(affix(j, self.u.text, jargs_get(a, 0, NULL), 1));
}
static struct jval removeprefix(struct jinja *j, struct jval self, const struct jargs *a) {
    struct jtext w = jargs_text(j, a, 0, "prefix", NULL);
    return affix(j, self.u.text, &(struct jval){.kind = J_TEXT, .u.text = w}, 0)
               ? jval_text(jtext_part(self.u.text, w.n, self.u.text.n))
               : self;
}
static struct jval removesuffix(struct jinja *j, struct jval self, const struct jargs *a) {
    struct jtext w = jargs_text(j, a, 0, "suffix", NULL);
    return affix(j, self.u.text, &(struct jval){.kind = J_TEXT, .u.text = w}, 1)
               ? jval_text(jtext_part(self.u.text, 0, self.u.text.n - w.n))
               : self;
}

/* Places are counted in characters. */
static struct jval find(struct jinja *j, struct jval self, const struct jargs *a) {
    struct jtext t = self.u.text;
    ptrdiff_t at = jtext_find(t, jargs_text(j, a, 0, "sub", NULL), jtext_offset(t, 0));
    jinja_walk(j, t);
    return jval_int(at < 0 ? -1 : (int64_t)jtext_chars(jtext_part(t, 0, (size_t)at)));
}
static struct jval count(struct jinja *j, struct jval self, const struct jargs *a) {
    struct jtext t = self.u.text, w = jargs_text(j, a, 0, "sub", NULL);
    int64_t n = 0;
    if (jinja_walk(j, t) != 0) return jval_none();
    if (w.n == 0) return jval_int((int64_t)jtext_chars(t) + 1);
    for (ptrdiff_t at = 0; (at = jtext_find(t, w, (size_t)at)) >= 0 && jinja_work(j, 1) == 0; at += w.n) n++;
    return jval_int(n);
}

/* Words between blanks; with `most`, what is left after so many. */
static void split_blanks(struct jinja *j, struct jlist *out, struct jtext t, int64_t most) {
    size_t len;
    t = jtext_strip(t, NULL, 1);
    while (t.n && jinja_work(j, 1) == 0) {
        size_t to = 0;
        while (to < t.n && !jtext_blank(t, to, &len)) to += len;
        if (most-- == 0) to = t.n;
        jlist_add(j, out, jval_text(jtext_part(t, 0, to)));
        t = jtext_strip(jtext_part(t, to, t.n), NULL, 1);
    }
}

static struct jval split(struct jinja *j, struct jval self, const struct jargs *a) {
    const struct jval *by = jargs_get(a, 0, "sep");
    int64_t most = jargs_int(j, a, 1, "maxsplit", -1);
    struct jtext t = self.u.text;
    struct jlist *out = jlist_new(j, 0);
    jinja_walk(j, t);
    if (!by || by->kind == J_NONE) {
        if (out) split_blanks(j, out, t, most < 0 ? -1 : most);
        return jval_list(out);
    }
    if (by->kind != J_TEXT || by->u.text.n == 0)
        jinja_fail(j, ERR_UNSUPPORTED, "split by %s", by->kind == J_TEXT ? "nothing" : jval_kind(*by));
    for (size_t at = 0; out && jinja_work(j, 1) == 0;) {
        ptrdiff_t hit = most-- == 0 ? -1 : jtext_find(t, by->u.text, at);
        jlist_add(j, out, jval_text(jtext_part(t, at, hit < 0 ? t.n : (size_t)hit)));
        if (hit < 0) break;
        at = (size_t)hit + by->u.text.n;
    }
    return jval_list(out);
}

/* From the right; only with a separator. */
static struct jval rsplit(struct jinja *j, struct jval self, const struct jargs *a) {
    struct jtext by = jargs_text(j, a, 0, "sep", NULL), t = self.u.text;
    int64_t most = jargs_int(j, a, 1, "maxsplit", -1);
    if (by.n == 0) jinja_fail(j, ERR_UNSUPPORTED, "rsplit by nothing");
    struct jargs only = {.v = &(struct jval){.kind = J_TEXT, .u.text = by}, .count = 1};
    struct jval all = j->err ? jval_none() : split(j, self, &only);
    if (j->err || most < 0 || all.u.list->count <= most + 1) return all;
    struct jlist *l = all.u.list, *out = jlist_new(j, 0);
    uint32_t head = l->count - (uint32_t)most;
    size_t n = 0;
    for (uint32_t i = 0; i < head; i++) n += l->v[i].u.text.n + (i ? by.n : 0);
    if (out) jlist_add(j, out, jval_text(jtext_part(t, 0, n)));
    for (uint32_t i = head; out && i < l->count; i++) jlist_add(j, out, l->v[i]);
    return jval_list(out);
}

static struct jval splitlines(struct jinja *j, struct jval self, const struct jargs *a) {
    struct jtext t = self.u.text;
    struct jlist *out = jlist_new(j, 0);
    (void)a;
    jinja_walk(j, t);
    for (size_t at = 0; out && at < t.n && jinja_work(j, 1) == 0;) {
        size_t to = at;
        while (to < t.n && t.p[to] != '\n' && t.p[to] != '\r') to++;
        jlist_add(j, out, jval_text(jtext_part(t, at, to)));
        at = to + (to + 1 < t.n && t.p[to] == '\r' && t.p[to + 1] == '\n' ? 2 : 1);
    }
    return jval_list(out);
}

static struct jval join(struct jinja *j, struct jval self, const struct jargs *a) {
    const struct jval *list = jargs_get(a, 0, NULL);
    const struct jlist *l = list ? jval_items(j, *list) : NULL;
    struct jpieces p = {0};
    if (!list) jinja_fail(j, ERR_UNSUPPORTED, "join of nothing");
    for (uint32_t i = 0; l && i < l->count && jinja_work(j, 1) == 0; i++) {
        if (l->v[i].kind != J_TEXT) jinja_fail(j, ERR_UNSUPPORTED, "join of %s", jval_kind(l->v[i]));
        if (i) jpieces_add(j, &p, self.u.text);
        jpieces_add(j, &p, l->v[i].u.text);
    }
    return jval_text(jpieces_join(j, &p));
}

static struct jval isdigit_(struct jinja *j, struct jval self, const struct jargs *a) {
    struct jtext t = self.u.text;
    size_t i = 0;
    (void)a;
    while (i < t.n && t.p[i] >= '0' && t.p[i] <= '9') i++;
    jinja_work(j, t.n / 256);
    return jval_bool(t.n && i == t.n);
}

/* ---- dicts and lists ---- */

static struct jval get(struct jinja *j, struct jval self, const struct jargs *a) {
    const struct jval *key = jargs_get(a, 0, NULL), *otherwise = jargs_get(a, 1, NULL);
    if (!key) jinja_fail(j, ERR_UNSUPPORTED, "get without a key");
    const struct jval *found = key && key->kind < J_LIST ? jdict_find(j, self.u.dict, *key) : NULL;
    return found ? *found : otherwise ? *otherwise : jval_none();
}
/* Views: their emptiness counts, unlike a generator's. */
static struct jval items(struct jinja *j, struct jval self, const struct jargs *a) {
    struct jval v = as_filter(j, "items", self, a);
    if (!j->err) v.u.list->lazy = 0;
    return v;
}
static struct jval keys(struct jinja *j, struct jval self, const struct jargs *a) {
    return (void)a, jval_list(jval_items(j, self));
}
static struct jval values(struct jinja *j, struct jval self, const struct jargs *a) {
    struct jlist *out = jlist_new(j, self.u.dict->count);
    (void)a;
    for (uint32_t i = 0; out && i < self.u.dict->count && jinja_work(j, i % 16 == 0) == 0; i++)
        jlist_add(j, out, self.u.dict->e[i].value);
    return jval_list(out);
}
static struct jval append(struct jinja *j, struct jval self, const struct jargs *a) {
    if (a->count != 1) jinja_fail(j, ERR_UNSUPPORTED, "append takes one value");
    if (!j->err) jlist_add(j, self.u.list, a->v[0]);
    return jval_none();
}
static struct jval pop(struct jinja *j, struct jval self, const struct jargs *a) {
    struct jlist *l = self.u.list;
    int64_t at = jargs_int(j, a, 0, NULL, -1);
    if (at < 0) at += l->count;
    if (a->count > 1 || at < 0 || at >= l->count)
        jinja_fail(j, ERR_UNSUPPORTED, "pop takes an index, and the list has none there");
    if (j->err || jinja_work(j, l->count) != 0) return jval_none();
    struct jval v = l->v[at];
    memmove(l->v + at, l->v + at + 1, (l->count - 1 - (size_t)at) * sizeof *l->v);
    l->count--;
    return v;
}

/* ---- loops ---- */

static struct jval cycle(struct jinja *j, struct jval self, const struct jargs *a) {
    if (a->count == 0) jinja_fail(j, ERR_UNSUPPORTED, "cycle of nothing");
    return j->err ? jval_none() : a->v[self.u.loop->at % a->count];
}
static struct jval changed(struct jinja *j, struct jval self, const struct jargs *a) {
    struct jloop *l = self.u.loop;
    struct jlist *now = jlist_new(j, a->count);
    for (uint32_t i = 0; now && i < a->count; i++) jlist_add(j, now, a->v[i]);
    if (!now || (l->at && jval_equal(j, l->changed, jval_list(now)))) return jval_bool(0);
    l->changed = jval_list(now);
    return jval_bool(1);
}

/* ---- the table ---- */

struct row {
    enum jkind kind;
    const char *name;
    struct jval (*run)(struct jinja *j, struct jval self, const struct jargs *a);
};
static const struct row rows[] = {
    {J_TEXT, "capitalize", capitalize},
    {J_TEXT, "count", count},
    {J_TEXT, "endswith", endswith},
    {J_TEXT, "find", find},
    {J_TEXT, "format", jtext_format_method},
    {J_TEXT, "isdigit", isdigit_},
    {J_TEXT, "join", join},
    {J_TEXT, "lower", lower},
    {J_TEXT, "lstrip", lstrip},
    {J_TEXT, "removeprefix", removeprefix},
    {J_TEXT, "removesuffix", removesuffix},
    {J_TEXT, "replace", replace},
    {J_TEXT, "rsplit", rsplit},
    {J_TEXT, "rstrip", rstrip},
    {J_TEXT, "split", split},
    {J_TEXT, "splitlines", splitlines},
    {J_TEXT, "startswith", startswith},
    {J_TEXT, "strip", strip},
    {J_TEXT, "title", title},
    {J_TEXT, "upper", upper},
    {J_DICT, "get", get},
    {J_DICT, "items", items},
    {J_DICT, "keys", keys},
    {J_DICT, "values", values},
    {J_LIST, "append", append},
    {J_LIST, "pop", pop},
    {J_LOOP, "changed", changed},
    {J_LOOP, "cycle", cycle},
};

int jinja_method(struct jinja *j, struct jval self, struct jtext name, struct jval *out) {
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].kind != self.kind || !jtext_is(name, rows[i].name)) continue;
        struct jmethod *m = jinja_take(j, 1, sizeof *m);
        if (!m) return 0;
        *m = (struct jmethod){self, rows[i].name, rows[i].run};
        *out = (struct jval){.kind = J_METHOD, .u.method = m};
        return 1;
    }
    return 0;
}
