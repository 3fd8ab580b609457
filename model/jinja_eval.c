/* model/jinja_eval.c - expressions at work: names, members, operators, comparisons, slices. */
#include "model/jinja_parts.h"

#include <math.h>
#include <string.h>

/* ---- members ---- */

/* What a loop knows about itself. */
static int loop_attr(struct jloop *l, struct jtext name, struct jval *out) {
    uint32_t n = l->over.count, at = l->at;
    const struct {
        const char *name;
        struct jval value;
    } rows[] = {{"index", jval_int(at + 1)},
                {"index0", jval_int(at)},
                {"revindex", jval_int(n - at)},
                {"revindex0", jval_int(n - at - 1)},
                {"first", jval_bool(at == 0)},
                {"last", jval_bool(at + 1 == n)},
                {"length", jval_int(n)},
                {"depth", jval_int(l->depth)},
                {"depth0", jval_int(l->depth - 1)},
                {"previtem", at ? l->over.v[at - 1] : jval_undefined()},
                {"nextitem", at + 1 < n ? l->over.v[at + 1] : jval_undefined()}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (jtext_is(name, rows[i].name)) {
            *out = rows[i].value;
            return 1;
        }
    return 0;
}

/* v.name: methods first, then members, as Python finds attributes before items. */
struct jval jinja_attr(struct jinja *j, struct jval v, struct jtext name) {
    char words[68];
    struct jval out = jval_undefined();
    if (v.kind == J_UNDEFINED) {
        jinja_fail(j, ERR_UNSUPPORTED, "an undefined value has no member \"%s\"", jinja_own_words(name, words));
        return out;
    }
    if (v.kind == J_LOOP && loop_attr(v.u.loop, name, &out)) return out;
    if (jinja_method(j, v, name, &out)) return out;
    if (v.kind != J_DICT && v.kind != J_NAMESPACE) return out;
    struct jval *member = jdict_find(j, v.u.dict, jval_text(name));
    return member ? *member : out;
}

/* v[key] */
struct jval jinja_item(struct jinja *j, struct jval v, struct jval key) {
    int64_t at, n;
    if (v.kind == J_UNDEFINED) {
        jinja_fail(j, ERR_UNSUPPORTED, "an undefined value has no items");
        return v;
    }
    if (v.kind == J_DICT) {
        struct jval *member = key.kind < J_LIST ? jdict_find(j, v.u.dict, key) : NULL;
        if (member) return *member;
    }
    if ((v.kind == J_LIST || v.kind == J_TEXT) && jval_whole(key, &at)) {
        if (v.kind == J_LIST && v.u.list->lazy) return jval_undefined();
        n = v.kind == J_LIST ? v.u.list->count : (int64_t)jtext_chars(v.u.text);
        if (v.kind == J_TEXT) jinja_walk(j, v.u.text);
        if (at < 0) at += n;
        if (at < 0 || at >= n) return jval_undefined();
        if (v.kind == J_LIST) return v.u.list->v[at];
        size_t from = jtext_offset(v.u.text, (size_t)at);
        return jval_text(jtext_part(v.u.text, from, from + jtext_step(v.u.text, from)));
    }
    if (key.kind != J_TEXT) return jval_undefined();
    struct jval out = jval_undefined();
    if (v.kind == J_NAMESPACE || v.kind == J_LOOP) return jinja_attr(j, v, key.u.text);
    (void)jinja_method(j, v, key.u.text, &out);
    return out;
}

static struct jval slice(struct jinja *j, const struct jnode *n) {
    struct jval v = jinja_eval(j, n->a), place[3];
    int64_t bound[3] = {0, 0, 1}, first, last;
    const struct jnode *at = n->list;
    for (int i = 0; i < 3 && !j->err; i++, at = at->next) {
        place[i] = jinja_eval(j, at);
        if (place[i].kind != J_NONE && !jval_whole(place[i], &bound[i]))
            jinja_fail(j, ERR_UNSUPPORTED, "a slice's bound is %s", jval_kind(place[i]));
    }
    if (!j->err && bound[2] == 0) jinja_fail(j, ERR_UNSUPPORTED, "a slice's step is 0");
    if (!j->err && v.kind == J_UNDEFINED) jinja_fail(j, ERR_UNSUPPORTED, "an undefined value has no items");
    if (j->err || (v.kind != J_TEXT && v.kind != J_LIST) || (v.kind == J_LIST && v.u.list->lazy)) return jval_undefined();
    int64_t count = v.kind == J_LIST ? v.u.list->count : (int64_t)jtext_chars(v.u.text), step = bound[2];
    if (step > INT32_MAX || step < -INT32_MAX) step = step > 0 ? INT32_MAX : -INT32_MAX; /* longer than any sequence */
    jval_slice_bounds(count, place[0].kind == J_NONE ? NULL : &bound[0], place[1].kind == J_NONE ? NULL : &bound[1], step, &first,
                      &last);
    if (v.kind == J_TEXT) return jval_text(jtext_sliced(j, v.u.text, first, last, step));
    struct jlist *out = jlist_new(j, 0);
    for (int64_t i = first; out && (step > 0 ? i < last : i > last) && jinja_work(j, (size_t)(i % 8 == 0)) == 0; i += step)
        jlist_add(j, out, v.u.list->v[i]);
    if (out) out->tuple = v.u.list->tuple;
    return jval_list(out);
}

/* ---- arithmetic ---- */

static struct jval repeated(struct jinja *j, struct jval v, int64_t times) {
    struct jpieces p = {0};
    struct jlist *l = v.kind == J_LIST ? jlist_new(j, 0) : NULL;
    size_t items = v.kind == J_LIST ? v.u.list->count : v.u.text.n;
    for (int64_t i = 0; i < times && items && jinja_work(j, 1) == 0; i++) {
        if (!l) jpieces_add(j, &p, v.u.text);
        for (uint32_t k = 0; l && k < items && !j->err; k++) jlist_add(j, l, v.u.list->v[k]);
    }
    if (!l) return jval_text(jpieces_join(j, &p));
    l->tuple = v.u.list->tuple;
    return jval_list(l);
}

static struct jval joined(struct jinja *j, const struct jlist *a, const struct jlist *b) {
    struct jlist *l = jlist_new(j, (size_t)a->count + b->count);
    if (!l || jinja_work(j, (a->count + b->count) / 16) != 0) return jval_none();
    for (uint32_t i = 0; i < a->count; i++) l->v[l->count++] = a->v[i];
    for (uint32_t i = 0; i < b->count; i++) l->v[l->count++] = b->v[i];
    l->tuple = a->tuple;
    return jval_list(l);
}

/* Python's // and % round down. */
static struct jval whole(struct jinja *j, int op, int64_t a, int64_t b) {
    int64_t r = 0;
    int over = 0;
    if ((op == '%' || op == OP2('/', '/')) && b == 0) {
        jinja_fail(j, ERR_UNSUPPORTED, "division by zero");
    } else if (op == '+') {
        over = __builtin_add_overflow(a, b, &r);
    } else if (op == '-') {
        over = __builtin_sub_overflow(a, b, &r);
    } else if (op == '*') {
        over = __builtin_mul_overflow(a, b, &r);
    } else if (op == OP2('*', '*')) {
        for (r = 1; b > 0 && !over && jinja_work(j, 1) == 0; b--) over = __builtin_mul_overflow(r, a, &r);
    } else if (b == -1) { /* INT64_MIN / -1 */
        over = op != '%' && __builtin_sub_overflow(0, a, &r);
    } else {
        int64_t q = a / b, rest = a % b;
        if (rest && (rest < 0) != (b < 0)) q--, rest += b;
        r = op == '%' ? rest : q;
    }
    if (over) jinja_fail(j, ERR_UNSUPPORTED, "a number that is too large");
    return jval_int(r);
}

static struct jval real(struct jinja *j, int op, double a, double b) {
    if ((op == '/' || op == '%' || op == OP2('/', '/')) && b == 0) jinja_fail(j, ERR_UNSUPPORTED, "division by zero");
    switch (op) {
    case '+': return jval_float(a + b);
    case '-': return jval_float(a - b);
    case '*': return jval_float(a * b);
    case '/': return jval_float(a / b);
    case OP2('*', '*'): return jval_float(pow(a, b));
    case OP2('/', '/'): return jval_float(floor(a / b));
    default: break;
    }
    double rest = fmod(a, b);
    if (rest != 0 && (rest < 0) != (b < 0)) rest += b;
    return jval_float(rest);
}

struct jval jinja_binary(struct jinja *j, int op, struct jval a, struct jval b) {
    int64_t m, n;
    double x, y;
    if (j->err) return jval_none();
    if (jval_whole(a, &m) && jval_whole(b, &n) && op != '/' && !(op == OP2('*', '*') && n < 0)) return whole(j, op, m, n);
    if (jval_number(a, &x) && jval_number(b, &y)) return real(j, op, x, y);
    if (op == '+' && a.kind == J_TEXT && b.kind == J_TEXT) return jval_text(jtext_join2(j, a.u.text, b.u.text));
    if (op == '+' && a.kind == J_LIST && b.kind == J_LIST && a.u.list->tuple == b.u.list->tuple)
        return joined(j, a.u.list, b.u.list);
    if (op == '*' && (a.kind == J_TEXT || a.kind == J_LIST) && jval_whole(b, &n)) return repeated(j, a, n);
    if (op == '*' && (b.kind == J_TEXT || b.kind == J_LIST) && jval_whole(a, &n)) return repeated(j, b, n);
    if (op == '%' && a.kind == J_TEXT) {
        int many = b.kind == J_LIST && b.u.list->tuple;
        return jtext_formatted(j, a.u.text, many ? b.u.list->v : &b, many ? b.u.list->count : 1);
    }
    jinja_fail(j, ERR_UNSUPPORTED, "'%c' between %s and %s", op & 255, jval_kind(a), jval_kind(b));
    return jval_none();
}

/* ---- comparisons ---- */

static int compared(struct jinja *j, int op, struct jval a, struct jval b) {
    if (op == OP_IN || op == OP_NOT_IN) return jval_holds(j, b, a) == (op == OP_IN);
    if (op == OP2('=', '=') || op == OP2('!', '=')) return jval_equal(j, a, b) == (op == OP2('=', '='));
    int order = jval_order(j, a, b);
    if (order == 2 && (a.kind == J_FLOAT || b.kind == J_FLOAT)) return 0;
    if (op == '<') return order < 0;
    if (op == '>') return order > 0;
    return op == OP2('<', '=') ? order <= 0 : order >= 0;
}

static struct jval compare(struct jinja *j, const struct jnode *n) {
    struct jval left = jinja_eval(j, n->a);
    int holds = 1;
    for (const struct jnode *o = n->list; o && holds && !j->err; o = o->next) {
        struct jval right = jinja_eval(j, o->a);
        holds = !j->err && compared(j, o->op, left, right);
        left = right;
    }
    return jval_bool(holds);
}

/* ---- the rest ---- */

static struct jval sequence(struct jinja *j, const struct jnode *n) {
    struct jlist *l = jlist_new(j, 0);
    for (const struct jnode *i = n->list; i && l && !j->err; i = i->next) jlist_add(j, l, jinja_eval(j, i));
    if (l) l->tuple = n->kind == N_TUPLE;
    return jval_list(l);
}

static struct jval dict(struct jinja *j, const struct jnode *n) {
    struct jdict *d = jdict_new(j, 0);
    for (const struct jnode *i = n->list; i && d && !j->err; i = i->next->next) {
        struct jval key = jinja_eval(j, i), value = jinja_eval(j, i->next);
        if (!j->err) jdict_set(j, d, key, value);
    }
    return jval_dict(d);
}

static struct jval concat(struct jinja *j, const struct jnode *n) {
    struct jpieces p = {0};
    for (const struct jnode *i = n->list; i && !j->err; i = i->next) jpieces_add(j, &p, jval_str(j, jinja_eval(j, i)));
    return jval_text(jpieces_join(j, &p));
}

static struct jval signed_(struct jinja *j, const struct jnode *n) {
    struct jval v = jinja_eval(j, n->a);
    double f;
    if (!j->err && !jval_number(v, &f)) jinja_fail(j, ERR_UNSUPPORTED, "a sign before %s", jval_kind(v));
    if (j->err) return jval_none();
    return jinja_binary(j, n->kind == N_NEG ? '-' : '+', jval_int(0), v);
}

static struct jval applied(struct jinja *j, const struct jnode *n) {
    struct jval v = jinja_eval(j, n->a);
    struct jargs a;
    if (jinja_args(j, n->list, &a) != 0) return jval_none();
    j->line = n->line;
    return n->kind == N_FILTER ? jinja_filter(j, n->text, v, &a) : jval_bool(jinja_test(j, n->text, v, &a));
}

static struct jval eval(struct jinja *j, const struct jnode *n) {
    struct jval v, *found;
    struct jargs args;
    switch (n->kind) {
    case N_VALUE: return n->value;
    case N_BODY: return j->body;
    case N_NAME: found = jscope_find(j, n->text); return found ? *found : jval_undefined();
    case N_LIST:
    case N_TUPLE: return sequence(j, n);
    case N_DICT: return dict(j, n);
    case N_ATTR: v = jinja_eval(j, n->a); return j->err ? v : jinja_attr(j, v, n->text);
    case N_ITEM: v = jinja_eval(j, n->a); return j->err ? v : jinja_item(j, v, jinja_eval(j, n->b));
    case N_SLICE: return slice(j, n);
    case N_CALL:
        v = jinja_eval(j, n->a);
        if (jinja_args(j, n->list, &args) != 0) return v;
        j->line = n->line;
        return jinja_call(j, v, &args);
    case N_FILTER:
    case N_TEST: return applied(j, n);
    case N_NOT: return jval_bool(!jval_true(jinja_eval(j, n->a)));
    case N_NEG:
    case N_POS: return signed_(j, n);
    case N_AND: v = jinja_eval(j, n->a); return jval_true(v) ? jinja_eval(j, n->b) : v;
    case N_OR: v = jinja_eval(j, n->a); return jval_true(v) ? v : jinja_eval(j, n->b);
    case N_COND:
        if (jval_true(jinja_eval(j, n->b))) return jinja_eval(j, n->a);
        return n->c ? jinja_eval(j, n->c) : jval_undefined();
    case N_COMPARE: return compare(j, n);
    case N_BINARY: v = jinja_eval(j, n->a); return jinja_binary(j, n->op, v, jinja_eval(j, n->b));
    case N_CONCAT: return concat(j, n);
    default: jinja_fail(j, ERR_INTERNAL, "a statement in an expression"); return jval_none();
    }
}

struct jval jinja_eval(struct jinja *j, const struct jnode *n) {
    if (jinja_enter(j) != 0) return jval_none();
    j->line = n->line;
    struct jval v = eval(j, n);
    jinja_leave(j);
    return j->err ? jval_none() : v;
}
