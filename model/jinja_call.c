/* model/jinja_call.c - calls: arguments, macros, and the functions every template may use. */
#include "model/jinja_parts.h"

#include <string.h>

/* ---- arguments ---- */

int jinja_args(struct jinja *j, const struct jnode *list, struct jargs *out) {
    uint32_t count = 0, named = 0;
    *out = (struct jargs){0};
    for (const struct jnode *n = list; n; n = n->next) count++, named += n->kind == N_KEYWORD;
    if (j->err || count == 0) return j->err;
    out->v = jinja_take(j, count, sizeof *out->v);
    out->names = jinja_take(j, named, sizeof *out->names);
    for (const struct jnode *n = list; n && !j->err; n = n->next) {
        if (n->kind == N_KEYWORD) out->names[out->named++] = n->text;
        out->v[out->count++] = jinja_eval(j, n->kind == N_KEYWORD ? n->a : n);
    }
    return j->err;
}

const struct jval *jargs_get(const struct jargs *a, uint32_t at, const char *name) {
    uint32_t places = a->count - a->named;
    if (at < places) return &a->v[at];
    for (uint32_t i = 0; name && i < a->named; i++)
        if (jtext_is(a->names[i], name)) return &a->v[places + i];
    return NULL;
}

int64_t jargs_int(struct jinja *j, const struct jargs *a, uint32_t at, const char *name, int64_t otherwise) {
    const struct jval *v = jargs_get(a, at, name);
    int64_t i = otherwise;
    if (v && v->kind != J_NONE && !jval_whole(*v, &i))
        jinja_fail(j, ERR_UNSUPPORTED, "argument \"%s\" is %s", name, jval_kind(*v));
    return i;
}

struct jtext jargs_text(struct jinja *j, const struct jargs *a, uint32_t at, const char *name, const char *otherwise) {
    const struct jval *v = jargs_get(a, at, name);
    if (v && v->kind == J_TEXT) return v->u.text;
    if (v || !otherwise) jinja_fail(j, ERR_UNSUPPORTED, "argument \"%s\" is %s", name, v ? jval_kind(*v) : "missing");
    return jtext_of(otherwise ? otherwise : "");
}

int jargs_bool(const struct jargs *a, uint32_t at, const char *name, int otherwise) {
    const struct jval *v = jargs_get(a, at, name);
    return v ? jval_true(*v) : otherwise;
}

struct jargs jargs_rest(const struct jargs *a, uint32_t skip) {
    uint32_t places = a->count - a->named;
    if (skip > places) skip = places;
    return (struct jargs){skip ? a->v + skip : a->v, a->count - skip, a->names, a->named};
}

/* ---- macros ---- */

/* Parameters in a scope below the one where the macro was defined; a missing one is its default, or undefined. */
static int bind(struct jinja *j, const struct jnode *params, const struct jargs *a) {
    char words[68];
    uint32_t places = a->count - a->named, at = 0, used = 0;
    for (const struct jnode *p = params; p && jinja_work(j, a->named / 16) == 0; p = p->next, at++) {
        struct jval v = jval_undefined();
        int given = at < places;
        if (given) v = a->v[at];
        for (uint32_t i = 0; i < a->named && !given; i++)
            if (jtext_same(a->names[i], p->text)) {
                v = a->v[places + i];
                given = 1;
                used++;
            }
        if (!given && p->a) v = jinja_eval(j, p->a);
        jscope_set(j, j->scope, p->text, v);
    }
    for (uint32_t i = 0; i < a->named && !j->err; i++)
        if (jtext_is(a->names[i], "caller")) {
            jscope_set(j, j->scope, a->names[i], a->v[places + i]);
            used++;
        }
    if (!j->err && places > at) return jinja_fail(j, ERR_UNSUPPORTED, "a macro got %u arguments and takes %u", places, at);
    if (!j->err && used < a->named)
        return jinja_fail(j, ERR_UNSUPPORTED, "a macro does not take \"%s\" and others by name",
                          jinja_own_words(a->names[0], words));
    return j->err;
}

static struct jval call_macro(struct jinja *j, const struct jmacro *m, const struct jargs *a) {
    struct jscope *outer = j->scope, *own = jscope_push(j, m->scope);
    struct jval out = jval_none();
    if (!own || jinja_enter(j) != 0) return out;
    j->scope = own;
    if (bind(j, m->node->list2, a) == 0) out = jinja_gather(j, m->node->list);
    j->scope = outer;
    jinja_leave(j);
    return out;
}

struct jval jinja_call(struct jinja *j, struct jval f, const struct jargs *a) {
    if (j->err) return jval_none();
    if (f.kind == J_MACRO) return call_macro(j, f.u.macro, a);
    if (f.kind == J_BUILTIN) return f.u.builtin->run(j, a);
    if (f.kind == J_METHOD) return f.u.method->run(j, f.u.method->self, a);
    jinja_fail(j, ERR_UNSUPPORTED, "%s cannot be called", jval_kind(f));
    return jval_none();
}

/* ---- functions ---- */

/* The template refuses the conversation; what it says of its own is repeated, what it quotes is not. */
static struct jval raise_exception(struct jinja *j, const struct jargs *a) {
    char words[68];
    struct jtext t = a->count ? jval_str(j, a->v[0]) : jtext_of("no reason given");
    jinja_fail(j, ERR_UNSUPPORTED, "it refuses the conversation: %s", jinja_own_words(t, words));
    return jval_none();
}

static struct jval strftime_now(struct jinja *j, const struct jargs *a) {
    return jval_text(jinja_date(j, jargs_text(j, a, 0, "format", NULL)));
}

static struct jval range(struct jinja *j, const struct jargs *a) {
    int64_t first = jargs_int(j, a, 0, "start", 0), last = jargs_int(j, a, 1, "stop", 0), step = jargs_int(j, a, 2, "step", 1);
    struct jlist *l = jlist_new(j, 0);
    if (a->count == 1) last = first, first = 0;
    if (step == 0 || a->count == 0) jinja_fail(j, ERR_UNSUPPORTED, "range takes one to three numbers, and no step of 0");
    for (int64_t i = first; l && (step > 0 ? i < last : i > last) && jinja_work(j, 1) == 0;) {
        jlist_add(j, l, jval_int(i));
        if (__builtin_add_overflow(i, step, &i)) break;
    }
    return jval_list(l);
}

static struct jdict *named_values(struct jinja *j, const struct jargs *a) {
    uint32_t places = a->count - a->named;
    const struct jdict *from = places && a->v[0].kind == J_DICT ? a->v[0].u.dict : NULL;
    struct jdict *d = jdict_new(j, a->count);
    if (places && !from) jinja_fail(j, ERR_UNSUPPORTED, "it takes a dict or named values");
    for (uint32_t i = 0; from && i < from->count && !j->err; i++) jdict_set(j, d, from->e[i].key, from->e[i].value);
    for (uint32_t i = 0; d && i < a->named && !j->err; i++) jdict_set(j, d, jval_text(a->names[i]), a->v[places + i]);
    return d;
}

static struct jval dict(struct jinja *j, const struct jargs *a) { return jval_dict(named_values(j, a)); }

static struct jval namespace(struct jinja *j, const struct jargs *a) {
    struct jval v = jval_dict(named_values(j, a));
    if (!j->err) v.kind = J_NAMESPACE;
    return v;
}

int jinja_builtins(struct jinja *j) {
    static const struct jbuiltin all[] = {{"raise_exception", raise_exception},
                                          {"strftime_now", strftime_now},
                                          {"range", range},
                                          {"dict", dict},
                                          {"namespace", namespace}};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        jscope_set(j, j->scope, jtext_of(all[i].name), (struct jval){.kind = J_BUILTIN, .u.builtin = &all[i]});
    return j->err;
}
