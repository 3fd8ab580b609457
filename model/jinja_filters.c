/* model/jinja_filters.c - filters over texts and numbers, and the way to all filters. */
#include "model/jinja_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- texts ---- */

static struct jval trim(struct jinja *j, struct jval v, const struct jargs *a) {
    const struct jval *set = jargs_get(a, 0, "chars");
    const struct jtext *chars = set && set->kind == J_TEXT ? &set->u.text : NULL;
    struct jtext t = jval_str(j, v);
    if (jtext_strip_work(j, t, chars) != 0) return v;
    return jval_text(jtext_strip(t, chars, 3));
}

static int upper_letter(int c, int first) { return (void)first, c & ~32; }
static int lower_letter(int c, int first) { return (void)first, c | 32; }
static int title_letter(int c, int first) { return first ? c & ~32 : c | 32; }

static struct jval upper(struct jinja *j, struct jval v, const struct jargs *a) {
    return (void)a, jval_text(jtext_recased(j, jval_str(j, v), upper_letter, 0));
}
static struct jval lower(struct jinja *j, struct jval v, const struct jargs *a) {
    return (void)a, jval_text(jtext_recased(j, jval_str(j, v), lower_letter, 0));
}
static struct jval title(struct jinja *j, struct jval v, const struct jargs *a) {
    return (void)a, jval_text(jtext_recased(j, jval_str(j, v), title_letter, 2));
}
static struct jval capitalize(struct jinja *j, struct jval v, const struct jargs *a) {
    return (void)a, jval_text(jtext_recased(j, jval_str(j, v), title_letter, 0));
}

static struct jval replace(struct jinja *j, struct jval v, const struct jargs *a) {
    struct jtext old = jargs_text(j, a, 0, "old", NULL), put = jargs_text(j, a, 1, "new", NULL), t = jval_str(j, v);
    int64_t count = jargs_int(j, a, 2, "count", -1);
    return j->err ? v : jval_text(jtext_replaced(j, t, old, put, count));
}

static struct jval string(struct jinja *j, struct jval v, const struct jargs *a) { return (void)a, jval_text(jval_str(j, v)); }

static struct jval escape(struct jinja *j, struct jval v, const struct jargs *a) {
    static const struct {
        const char *from, *to;
    } rows[] = {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&#34;"}, {"'", "&#39;"}};
    struct jtext t = jval_str(j, v);
    (void)a;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0] && !j->err; i++)
        t = jtext_replaced(j, t, jtext_of(rows[i].from), jtext_of(rows[i].to), -1);
    return jval_text(t);
}

/* The lines of a text behind the first are moved right; empty ones only when `blank`. */
static struct jval indent(struct jinja *j, struct jval v, const struct jargs *a) {
    const struct jval *width = jargs_get(a, 0, "width");
    struct jtext t = jval_str(j, v), by = width && width->kind == J_TEXT ? width->u.text : jtext_of("");
    int64_t n = width && width->kind == J_TEXT ? 0 : jargs_int(j, a, 0, "width", 4);
    int first = jargs_bool(a, 1, "first", 0), empty = jargs_bool(a, 2, "blank", 0);
    struct jpieces p = {0}, blanks = {0};
    for (int64_t i = 0; i < n && jinja_work(j, 1) == 0; i++) jpieces_word(j, &blanks, " ");
    if (blanks.count) by = jpieces_join(j, &blanks);
    jinja_scan(j, t);
    for (size_t at = 0, line = 0; at <= t.n && jinja_work(j, 1) == 0; line++) {
        ptrdiff_t end = jtext_find(t, jtext_of("\n"), at);
        size_t to = end < 0 ? t.n : (size_t)end;
        if (line) jpieces_word(j, &p, "\n");
        if (line ? to > at || empty : first) jpieces_add(j, &p, by);
        jpieces_add(j, &p, jtext_part(t, at, to));
        at = to + 1;
    }
    return jval_text(jpieces_join(j, &p));
}

/* ---- numbers ---- */

/* A text as a number; 0 when it is none. */
static int read_number(struct jinja *j, struct jtext t, int64_t *i, double *f, int *real) {
    char text[64], *end;
    if (jtext_strip_work(j, t, NULL) != 0) return 0;
    t = jtext_strip(t, NULL, 3);
    if (t.n == 0 || t.n >= sizeof text) return 0;
    memcpy(text, t.p, t.n);
    text[t.n] = 0;
    if (strspn(text, "+-0123456789.eE") != t.n) return 0; /* no hexadecimal, no words */
    *i = strtoll(text, &end, 10);
    *real = *end != 0;
    *f = strtod(text, &end);
    return *end == 0;
}

static struct jval integer(struct jinja *j, struct jval v, const struct jargs *a) {
    const struct jval *otherwise = jargs_get(a, 0, "default");
    int64_t i = 0;
    double f = 0;
    int real = 1;
    if (jval_whole(v, &i)) return jval_int(i);
    if (!jval_number(v, &f) && (v.kind != J_TEXT || !read_number(j, v.u.text, &i, &f, &real)))
        return otherwise ? *otherwise : jval_int(0);
    if (!real) return jval_int(i);
    if (!(f > -9.2e18 && f < 9.2e18)) {
        jinja_fail(j, ERR_UNSUPPORTED, "a number that is too large");
        return v;
    }
    return jval_int((int64_t)f);
}

static struct jval real_(struct jinja *j, struct jval v, const struct jargs *a) {
    const struct jval *otherwise = jargs_get(a, 0, "default");
    int64_t i;
    double f = 0;
    int real;
    if (jval_number(v, &f) || (v.kind == J_TEXT && read_number(j, v.u.text, &i, &f, &real))) return jval_float(f);
    return otherwise ? *otherwise : jval_float(0);
}

static struct jval absolute(struct jinja *j, struct jval v, const struct jargs *a) {
    double f;
    (void)a;
    if (!jval_number(v, &f)) jinja_fail(j, ERR_UNSUPPORTED, "abs of %s", jval_kind(v));
    if (v.kind == J_FLOAT) return jval_float(fabs(f));
    return v.u.i < 0 ? jinja_binary(j, '-', jval_int(0), jval_int(v.u.i)) : jval_int(v.u.i);
}

/* Half to even, as Python rounds; an integer stays one unless told to go up or down. */
static struct jval round_(struct jinja *j, struct jval v, const struct jargs *a) {
    int64_t places = jargs_int(j, a, 0, "precision", 0);
    struct jtext method = jargs_text(j, a, 1, "method", "common");
    double f, scale;
    if (!jval_number(v, &f) || places < -15 || places > 15) jinja_fail(j, ERR_UNSUPPORTED, "round of %s", jval_kind(v));
    if (j->err) return v;
    scale = pow(10, (double)places);
    if (jtext_is(method, "ceil")) return jval_float(ceil(f * scale) / scale);
    if (jtext_is(method, "floor")) return jval_float(floor(f * scale) / scale);
    return v.kind == J_FLOAT ? jval_float(rint(f * scale) / scale) : jval_int(v.u.i);
}

/* ---- any value ---- */

static struct jval default_(struct jinja *j, struct jval v, const struct jargs *a) {
    const struct jval *otherwise = jargs_get(a, 0, "default_value");
    (void)j;
    if (v.kind != J_UNDEFINED && (!jargs_bool(a, 1, "boolean", 0) || jval_true(v))) return v;
    return otherwise ? *otherwise : jval_text(jtext_of(""));
}

static struct jval safe(struct jinja *j, struct jval v, const struct jargs *a) { return string(j, v, a); }

static struct jval length(struct jinja *j, struct jval v, const struct jargs *a) {
    (void)a;
    if (v.kind == J_TEXT) return jinja_walk(j, v.u.text), jval_int((int64_t)jtext_chars(v.u.text));
    if (v.kind == J_LIST && !v.u.list->lazy) return jval_int(v.u.list->count);
    if (v.kind == J_DICT) return jval_int(v.u.dict->count);
    if (v.kind != J_UNDEFINED)
        jinja_fail(j, ERR_UNSUPPORTED, "%s has no length", v.kind == J_LIST ? "a generator" : jval_kind(v));
    return jval_int(0);
}

static struct jval attr(struct jinja *j, struct jval v, const struct jargs *a) {
    struct jtext name = jargs_text(j, a, 0, "name", NULL);
    struct jval out = jval_undefined();
    if (v.kind != J_LOOP && v.kind != J_NAMESPACE) return (void)jinja_method(j, v, name, &out), out; /* no items */
    return jinja_attr(j, v, name);
}

static struct jval format(struct jinja *j, struct jval v, const struct jargs *a) {
    return jtext_formatted(j, jval_str(j, v), a->v, a->count - a->named);
}

static jfilter_run *find(struct jtext name) {
    static const struct jfilter all[] = {
        {"abs", absolute},     {"attr", attr},   {"capitalize", capitalize}, {"count", length}, {"d", default_},
        {"default", default_}, {"e", escape},    {"escape", escape},         {"float", real_},  {"format", format},
        {"indent", indent},    {"int", integer}, {"length", length},         {"lower", lower},  {"replace", replace},
        {"round", round_},     {"safe", safe},   {"string", string},         {"title", title},  {"tojson", jval_tojson},
        {"trim", trim},        {"upper", upper},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (jtext_is(name, all[i].name)) return all[i].run;
    return jinja_list_filter(name);
}

struct jval jinja_filter(struct jinja *j, struct jtext name, struct jval v, const struct jargs *a) {
    char words[68];
    jfilter_run *run = j->err ? NULL : find(name);
    if (!j->err && !run) jinja_fail(j, ERR_UNSUPPORTED, "there is no filter \"%s\"", jinja_own_words(name, words));
    if (!run || jinja_enter(j) != 0) return jval_none();
    struct jval out = run(j, v, a);
    jinja_leave(j);
    return j->err ? jval_none() : out;
}
