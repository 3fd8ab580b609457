/* model/jinja_run.c - statements at work: output, conditions, loops, assignments, and the scopes they live in.
 *
 * Loops, macros and bodies that gather text have scopes of their own; conditions have not. Assignments stay in the innermost
 * scope: only a namespace carries a value out of a loop. */
#include "model/jinja_parts.h"

#include <string.h>

/* ---- scopes ---- */

struct jscope *jscope_push(struct jinja *j, struct jscope *parent) {
    struct jscope *s = jinja_take(j, 1, sizeof *s);
    if (s) s->parent = parent;
    return s;
}

int jscope_set(struct jinja *j, struct jscope *s, struct jtext name, struct jval v) {
    size_t seen = 0;
    for (struct jvar *var = s->vars; var; var = var->next, seen++)
        if (jtext_same(var->name, name)) {
            var->value = v;
            return jinja_work(j, seen / 64);
        }
    if (jinja_work(j, seen / 64) != 0) return j->err;
    struct jvar *var = j->spare;
    if (var)
        j->spare = var->next;
    else if (!(var = jinja_take(j, 1, sizeof *var)))
        return j->err;
    *var = (struct jvar){name, v, s->vars};
    s->vars = var;
    return 0;
}

/* The scope of a loop's next turn: the last one's, emptied, unless a macro still needs that. */
static struct jscope *next_turn(struct jinja *j, struct jscope *last, struct jscope *outer) {
    if (!last || last->kept) return jscope_push(j, outer);
    while (last->vars) {
        struct jvar *var = last->vars;
        last->vars = var->next;
        var->next = j->spare;
        j->spare = var;
    }
    return last;
}

struct jval *jscope_find(struct jinja *j, struct jtext name) {
    size_t seen = 0;
    for (struct jscope *s = j->scope; s; s = s->parent)
        for (struct jvar *var = s->vars; var; var = var->next, seen++)
            if (jtext_same(var->name, name)) {
                jinja_work(j, seen / 64);
                return &var->value;
            }
    jinja_work(j, seen / 64);
    return NULL;
}

/* ---- assignment ---- */

void jinja_assign(struct jinja *j, const struct jnode *target, struct jval v) {
    char words[68];
    if (j->err || jinja_work(j, 1) != 0) return;
    if (target->kind == N_NAME) {
        jscope_set(j, j->scope, target->text, v);
    } else if (target->kind == N_ATTR) {
        struct jval *ns = jscope_find(j, target->a->text);
        if (!ns || ns->kind != J_NAMESPACE)
            jinja_fail(j, ERR_UNSUPPORTED, "\"%s\" is no namespace", jinja_own_words(target->a->text, words));
        else
            jdict_set(j, ns->u.dict, jval_text(target->text), v);
    } else {
        const struct jlist *l = jval_items(j, v);
        uint32_t i = 0;
        const struct jnode *t = target->list;
        for (; l && t && i < l->count && !j->err; t = t->next, i++) jinja_assign(j, t, l->v[i]);
        if (!j->err && (t || i < l->count)) jinja_fail(j, ERR_UNSUPPORTED, "%u values do not fit the names", l->count);
    }
}

/* ---- loops ---- */

/* The values that the loop's own condition lets through. */
static const struct jlist *chosen(struct jinja *j, const struct jnode *n, struct jlist *all) {
    struct jscope *outer = j->scope;
    struct jscope *turn = NULL;
    struct jlist *out = jlist_new(j, 0);
    for (uint32_t i = 0; out && i < all->count && !j->err; i++) {
        if (!(j->scope = turn = next_turn(j, turn, outer))) break;
        jinja_assign(j, n->a, all->v[i]);
        if (jval_true(jinja_eval(j, n->c))) jlist_add(j, out, all->v[i]);
    }
    j->scope = outer;
    return out;
}

static void run_for(struct jinja *j, const struct jnode *n) {
    struct jscope *outer = j->scope;
    struct jlist *all = jval_items(j, jinja_eval(j, n->b));
    const struct jlist *over = all && n->c ? chosen(j, n, all) : all;
    struct jloop *loop = jinja_take(j, 1, sizeof *loop);
    if (!over || !loop) return;
    *loop = (struct jloop){.over = *over, .depth = 1}; /* a list that the body appends to is walked as it was */
    enum jflow flow = FLOW_ON;
    struct jscope *turn = NULL;
    for (uint32_t i = 0; i < loop->over.count && flow != FLOW_BREAK && !j->err; i++) {
        if (!(j->scope = turn = next_turn(j, turn, outer))) break;
        loop->at = i;
        jscope_set(j, j->scope, jtext_of("loop"), (struct jval){.kind = J_LOOP, .u.loop = loop});
        jinja_assign(j, n->a, loop->over.v[i]);
        flow = jinja_run(j, n->list);
    }
    j->scope = outer;
    if (loop->over.count || !n->list2 || !(j->scope = jscope_push(j, outer))) return;
    jinja_run(j, n->list2);
    j->scope = outer;
}

/* ---- bodies and macros ---- */

struct jval jinja_gather(struct jinja *j, const struct jnode *list) {
    struct jpieces written = {0}, *outer = j->out;
    j->out = &written;
    jinja_run(j, list);
    j->out = outer;
    return jval_text(jpieces_join(j, &written));
}

static struct jval gather_apart(struct jinja *j, const struct jnode *list) {
    struct jscope *outer = j->scope;
    if (!(j->scope = jscope_push(j, outer))) {
        j->scope = outer;
        return jval_none();
    }
    struct jval v = jinja_gather(j, list);
    j->scope = outer;
    return v;
}

static struct jval macro_value(struct jinja *j, const struct jnode *n) {
    struct jmacro *m = jinja_take(j, 1, sizeof *m);
    if (!m) return jval_none();
    *m = (struct jmacro){n, j->scope};
    for (struct jscope *s = j->scope; s; s = s->parent) s->kept = 1;
    return (struct jval){.kind = J_MACRO, .u.macro = m};
}

/* The call's arguments, and the body as the macro `caller`. */
static void run_call(struct jinja *j, const struct jnode *n) {
    struct jargs a;
    struct jval f = jinja_eval(j, n->a->a), caller = macro_value(j, n);
    if (jinja_args(j, n->a->list, &a) != 0) return;
    struct jval *v = jinja_take(j, a.count + 1, sizeof *v);
    struct jtext *names = jinja_take(j, a.named + 1, sizeof *names);
    if (!v || !names) return;
    if (a.count) memcpy(v, a.v, a.count * sizeof *v);
    if (a.named) memcpy(names, a.names, a.named * sizeof *names);
    v[a.count] = caller;
    names[a.named] = jtext_of("caller");
    a = (struct jargs){v, a.count + 1, names, a.named + 1};
    struct jval out = jinja_call(j, f, &a);
    if (!j->err) jpieces_add(j, j->out, jval_str(j, out));
}

static void run_body(struct jinja *j, const struct jnode *n) {
    struct jval outer = j->body, v = gather_apart(j, n->list);
    if (j->err) return;
    j->body = v;
    v = jinja_eval(j, n->b);
    j->body = outer;
    if (j->err) return;
    if (n->kind == N_SETBODY)
        jinja_assign(j, n->a, v);
    else
        jpieces_add(j, j->out, jval_str(j, v));
}

static enum jflow run_scope(struct jinja *j, const struct jnode *n) {
    struct jscope *outer = j->scope, *own = jscope_push(j, outer);
    if (!own) return FLOW_ON;
    for (const struct jnode *k = n->list2; k && !j->err; k = k->next) {
        struct jval v = jinja_eval(j, k->a); /* sees the outer scope */
        jscope_set(j, own, k->text, v);
    }
    j->scope = own;
    enum jflow flow = jinja_run(j, n->list);
    j->scope = outer;
    return flow;
}

static enum jflow run_if(struct jinja *j, const struct jnode *n) {
    for (const struct jnode *b = n->list; b && !j->err; b = b->next)
        if (!b->a || jval_true(jinja_eval(j, b->a))) return j->err ? FLOW_ON : jinja_run(j, b->list);
    return FLOW_ON;
}

static enum jflow run_one(struct jinja *j, const struct jnode *n) {
    struct jval v;
    switch (n->kind) {
    case N_DATA: jpieces_add(j, j->out, n->text); break;
    case N_PRINT:
        v = jinja_eval(j, n->a);
        if (!j->err) jpieces_add(j, j->out, jval_str(j, v));
        break;
    case N_IF: return run_if(j, n);
    case N_FOR: run_for(j, n); break;
    case N_SET:
        v = jinja_eval(j, n->b);
        jinja_assign(j, n->a, v);
        break;
    case N_SETBODY:
    case N_FILTERBODY: run_body(j, n); break;
    case N_MACRO:
        v = macro_value(j, n);
        jscope_set(j, j->scope, n->text, v);
        break;
    case N_CALLBODY: run_call(j, n); break;
    case N_SCOPE: return run_scope(j, n);
    case N_BREAK: return FLOW_BREAK;
    case N_CONTINUE: return FLOW_CONTINUE;
    default: jinja_fail(j, ERR_INTERNAL, "an expression among statements");
    }
    return FLOW_ON;
}

enum jflow jinja_run(struct jinja *j, const struct jnode *list) {
    enum jflow flow = FLOW_ON;
    if (jinja_enter(j) != 0) return flow;
    for (; list && !j->err && flow == FLOW_ON; list = list->next) {
        j->line = list->line;
        if (jinja_work(j, 1) == 0) flow = run_one(j, list);
    }
    jinja_leave(j);
    return flow;
}
