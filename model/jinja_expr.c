/* model/jinja_expr.c - expressions to trees, one function per level of precedence, weakest first. */
#include "model/jinja_parts.h"

#include <string.h>

static struct jnode *parse_or(struct jinja *j);
static struct jnode *parse_unary(struct jinja *j, int filters);

/* ---- helpers of both parser files ---- */

struct jnode *jnode_new(struct jinja *j, enum jnode_kind kind) {
    static struct jnode failed; /* never read: the error sticks */
    struct jnode *n = jinja_take(j, 1, sizeof *n);
    if (!n) return &failed;
    n->kind = kind;
    n->line = j->line = j->token->line;
    return n;
}

int jparse_unexpected(struct jinja *j) {
    char words[68];
    const struct jtoken *t = j->token;
    j->line = t->line;
    if (t->kind == T_NAME || t->kind == T_TEXT)
        return jinja_fail(j, ERR_FORMAT, "unexpected \"%s\"", jinja_own_words(t->text, words));
    if (t->kind == T_OP && t->op < 256) return jinja_fail(j, ERR_FORMAT, "unexpected '%c'", t->op);
    return jinja_fail(j, ERR_FORMAT, "unexpected %s", t->kind == T_END ? "end of the template" : "end of a tag or number");
}

int jparse_op(struct jinja *j, int op) {
    if (j->err || j->token->kind != T_OP || j->token->op != op) return 0;
    j->token++;
    return 1;
}

int jparse_is_word(const struct jinja *j, const char *word) {
    return !j->err && j->token->kind == T_NAME && jtext_is(j->token->text, word);
}

int jparse_word(struct jinja *j, const char *word) {
    if (!jparse_is_word(j, word)) return 0;
    j->token++;
    return 1;
}

int jparse_need_op(struct jinja *j, int op) { return jparse_op(j, op) ? 0 : jparse_unexpected(j); }

struct jtext jparse_name(struct jinja *j) {
    if (j->err || j->token->kind != T_NAME) {
        jparse_unexpected(j);
        return jtext_of("");
    }
    return (j->token++)->text;
}

/* ---- what stands for itself ---- */

/* Items up to `close`, one or, in a dict, two per comma. */
static struct jnode *items(struct jinja *j, int close, int pairs) {
    struct jnode *first = NULL, **end = &first;
    while (!j->err && !jparse_op(j, close)) {
        *end = jparse_expr(j);
        end = &(*end)->next;
        if (pairs && jparse_need_op(j, ':') == 0) {
            *end = jparse_expr(j);
            end = &(*end)->next;
        }
        if (!jparse_op(j, ',') && jparse_need_op(j, close) == 0) break;
    }
    return first;
}

static struct jnode *strings(struct jinja *j) {
    struct jnode *n = jnode_new(j, N_VALUE);
    struct jpieces p = {0};
    while (!j->err && j->token->kind == T_TEXT) jpieces_add(j, &p, (j->token++)->text);
    if (!j->err) n->value = jval_text(jpieces_join(j, &p));
    return n;
}

static struct jnode *name(struct jinja *j) {
    static const struct {
        const char *word;
        enum jkind kind;
        int value;
    } constants[] = {{"true", J_BOOL, 1},  {"True", J_BOOL, 1}, {"false", J_BOOL, 0},
                     {"False", J_BOOL, 0}, {"none", J_NONE, 0}, {"None", J_NONE, 0}};
    for (size_t i = 0; i < sizeof constants / sizeof constants[0]; i++) {
        if (!jparse_is_word(j, constants[i].word)) continue;
        struct jnode *n = jnode_new(j, N_VALUE);
        n->value = constants[i].kind == J_NONE ? jval_none() : jval_bool(constants[i].value);
        j->token++;
        return n;
    }
    struct jnode *n = jnode_new(j, N_NAME);
    struct jtext text = jparse_name(j);
    if (!j->err) n->text = text;
    return n;
}

static struct jnode *primary(struct jinja *j) {
    struct jnode *n;
    switch (j->token->kind) {
    case T_NAME: return name(j);
    case T_TEXT: return strings(j);
    case T_INT:
    case T_FLOAT:
        n = jnode_new(j, N_VALUE);
        if (!j->err) n->value = (j->token++)->value;
        return n;
    default: break;
    }
    if (jparse_op(j, '(')) {
        if (jparse_op(j, ')')) return jnode_new(j, N_TUPLE);
        n = jparse_tuple(j, 1);
        jparse_need_op(j, ')');
        return n;
    }
    int list = jparse_op(j, '[');
    if (list || jparse_op(j, '{')) {
        n = jnode_new(j, list ? N_LIST : N_DICT);
        struct jnode *all = items(j, list ? ']' : '}', !list);
        if (!j->err) n->list = all;
        return n;
    }
    jparse_unexpected(j);
    return jnode_new(j, N_VALUE);
}

/* ---- what follows a value ---- */

struct jnode *jparse_args(struct jinja *j) {
    struct jnode *first = NULL, **end = &first;
    int named = 0;
    while (!j->err && !jparse_op(j, ')')) {
        const struct jtoken *t = j->token;
        if (t->kind == T_NAME && t[1].kind == T_OP && t[1].op == '=') {
            *end = jnode_new(j, N_KEYWORD);
            j->token += 2;
            struct jnode *value = jparse_expr(j);
            if (j->err) break;
            (*end)->text = t->text;
            (*end)->a = value;
            named = 1;
        } else if (named) {
            jparse_unexpected(j);
            break;
        } else {
            *end = jparse_expr(j);
        }
        end = &(*end)->next;
        if (!jparse_op(j, ',') && jparse_need_op(j, ')') == 0) break;
    }
    return first;
}

/* One of a slice's three places; empty ones are none. */
static struct jnode *slice_place(struct jinja *j) {
    const struct jtoken *t = j->token;
    if (t->kind == T_OP && (t->op == ':' || t->op == ']')) {
        struct jnode *n = jnode_new(j, N_VALUE);
        if (!j->err) n->value = jval_none();
        return n;
    }
    return jparse_expr(j);
}

static struct jnode *subscript(struct jinja *j, struct jnode *a) {
    struct jnode *n = jnode_new(j, N_ITEM), *at = slice_place(j);
    if (j->err) return n;
    n->a = a;
    if (!jparse_op(j, ':')) {
        n->b = at;
        jparse_need_op(j, ']');
        return n;
    }
    n->kind = N_SLICE;
    n->list = at;
    at->next = slice_place(j);
    if (j->err) return n;
    (void)jparse_op(j, ':');
    struct jnode *step = slice_place(j);
    if (!j->err) at->next->next = step;
    jparse_need_op(j, ']');
    return n;
}

static struct jnode *call(struct jinja *j, struct jnode *a) {
    struct jnode *n = jnode_new(j, N_CALL), *args = jparse_args(j);
    if (j->err) return n;
    n->a = a;
    n->list = args;
    return n;
}

static struct jnode *attribute(struct jinja *j, struct jnode *a) {
    struct jnode *n = jnode_new(j, N_ATTR);
    if (j->err) return n;
    n->a = a;
    if (j->token->kind == T_INT) {
        n->kind = N_ITEM;
        n->b = jnode_new(j, N_VALUE);
        if (!j->err) n->b->value = (j->token++)->value;
        return n;
    }
    n->text = jparse_name(j);
    return n;
}

struct jnode *jparse_postfix(struct jinja *j, struct jnode *a) {
    while (!j->err) {
        if (jparse_op(j, '.'))
            a = attribute(j, a);
        else if (jparse_op(j, '['))
            a = subscript(j, a);
        else if (jparse_op(j, '('))
            a = call(j, a);
        else
            break;
    }
    return a;
}

static struct jnode *filter(struct jinja *j, struct jnode *a) {
    struct jnode *n = jnode_new(j, N_FILTER);
    struct jtext word = jparse_name(j);
    struct jnode *args = jparse_op(j, '(') ? jparse_args(j) : NULL;
    if (j->err) return n;
    n->a = a;
    n->text = word;
    n->list = args;
    return n;
}

struct jnode *jparse_filters(struct jinja *j, struct jnode *a) {
    while (jparse_op(j, '|')) a = filter(j, a);
    return a;
}

/* x is [not] NAME, with arguments in brackets or one without. */
static struct jnode *test(struct jinja *j, struct jnode *a) {
    int negated = jparse_word(j, "not");
    struct jnode *n = jnode_new(j, N_TEST), *args = NULL;
    struct jtext word = jparse_name(j);
    const struct jtoken *t = j->token;
    if (jparse_op(j, '('))
        args = jparse_args(j);
    else if (t->kind == T_TEXT || t->kind == T_INT || t->kind == T_FLOAT || (t->kind == T_OP && (t->op == '[' || t->op == '{')) ||
             (t->kind == T_NAME && !jtext_is(t->text, "else") && !jtext_is(t->text, "and") && !jtext_is(t->text, "or") &&
              !jtext_is(t->text, "is") && !jtext_is(t->text, "if") && !jtext_is(t->text, "in") && !jtext_is(t->text, "not")))
        args = jparse_postfix(j, primary(j));
    if (j->err) return n;
    n->a = a;
    n->text = word;
    n->list = args;
    if (!negated) return n;
    struct jnode *outer = jnode_new(j, N_NOT);
    if (!j->err) outer->a = n;
    return outer;
}

/* ---- operators ---- */

static struct jnode *parse_unary(struct jinja *j, int filters) {
    struct jnode *n;
    if (jinja_enter(j) != 0) return jnode_new(j, N_VALUE);
    int minus = jparse_op(j, '-');
    if (minus || jparse_op(j, '+')) {
        n = jnode_new(j, minus ? N_NEG : N_POS);
        struct jnode *a = parse_unary(j, 0);
        if (!j->err) n->a = a;
    } else {
        n = primary(j);
    }
    n = jparse_postfix(j, n);
    while (filters && !j->err) {
        if (jparse_op(j, '|'))
            n = filter(j, n);
        else if (jparse_word(j, "is"))
            n = test(j, n);
        else if (jparse_op(j, '('))
            n = call(j, n);
        else
            break;
    }
    jinja_leave(j);
    return n;
}

static struct jnode *binary(struct jinja *j, struct jnode *a, int op, struct jnode *b) {
    struct jnode *n = jnode_new(j, N_BINARY);
    if (j->err) return n;
    n->a = a;
    n->op = op;
    n->b = b;
    return n;
}

/* The operator that is next, if it is one of `ops` (ends with 0). */
static int next_op(struct jinja *j, const int *ops) {
    for (; *ops; ops++)
        if (jparse_op(j, *ops)) return *ops;
    return 0;
}

static struct jnode *parse_power(struct jinja *j) {
    struct jnode *a = parse_unary(j, 1);
    while (jparse_op(j, OP2('*', '*'))) a = binary(j, a, OP2('*', '*'), parse_unary(j, 1));
    return a;
}

static struct jnode *parse_product(struct jinja *j) {
    static const int ops[] = {'*', '/', OP2('/', '/'), '%', 0};
    struct jnode *a = parse_power(j);
    for (int op; (op = next_op(j, ops)) != 0;) a = binary(j, a, op, parse_power(j));
    return a;
}

static struct jnode *parse_concat(struct jinja *j) {
    struct jnode *first = parse_product(j), *last = first;
    if (j->err || j->token->kind != T_OP || j->token->op != '~') return first;
    struct jnode *n = jnode_new(j, N_CONCAT);
    while (jparse_op(j, '~')) {
        struct jnode *more = parse_product(j);
        if (j->err) return n;
        last = last->next = more;
    }
    n->list = first;
    return n;
}

static struct jnode *parse_sum(struct jinja *j) {
    static const int ops[] = {'+', '-', 0};
    struct jnode *a = parse_concat(j);
    for (int op; (op = next_op(j, ops)) != 0;) a = binary(j, a, op, parse_concat(j));
    return a;
}

static int comparison(struct jinja *j) {
    static const int ops[] = {OP2('=', '='), OP2('!', '='), OP2('<', '='), OP2('>', '='), '<', '>', 0};
    int op = next_op(j, ops);
    if (op) return op;
    if (jparse_word(j, "in")) return OP_IN;
    if (!jparse_is_word(j, "not") || j->token[1].kind != T_NAME || !jtext_is(j->token[1].text, "in")) return 0;
    j->token += 2;
    return OP_NOT_IN;
}

static struct jnode *parse_compare(struct jinja *j) {
    struct jnode *a = parse_sum(j), *n = NULL, **end = NULL;
    for (int op; !j->err && (op = comparison(j)) != 0;) {
        if (!n) {
            n = jnode_new(j, N_COMPARE);
            if (j->err) return n;
            n->a = a;
            end = &n->list;
        }
        struct jnode *operand = jnode_new(j, N_OPERAND), *b = parse_sum(j);
        if (j->err) return n;
        operand->op = op;
        operand->a = b;
        *end = operand;
        end = &operand->next;
    }
    return n ? n : a;
}

static struct jnode *parse_not(struct jinja *j) {
    if (!jparse_word(j, "not")) return parse_compare(j);
    struct jnode *n = jnode_new(j, N_NOT);
    if (jinja_enter(j) != 0) return n;
    struct jnode *a = parse_not(j);
    jinja_leave(j);
    if (!j->err) n->a = a;
    return n;
}

static struct jnode *parse_logic(struct jinja *j, struct jnode *(*part)(struct jinja *), const char *word, enum jnode_kind kind) {
    struct jnode *a = part(j);
    while (jparse_word(j, word)) {
        struct jnode *n = jnode_new(j, kind), *b = part(j);
        if (j->err) return n;
        n->a = a;
        n->b = b;
        a = n;
    }
    return a;
}
static struct jnode *parse_and(struct jinja *j) { return parse_logic(j, parse_not, "and", N_AND); }
static struct jnode *parse_or(struct jinja *j) { return parse_logic(j, parse_and, "or", N_OR); }

struct jnode *jparse_expr(struct jinja *j) {
    if (jinja_enter(j) != 0) return jnode_new(j, N_VALUE);
    struct jnode *a = parse_or(j);
    while (jparse_word(j, "if")) {
        struct jnode *n = jnode_new(j, N_COND), *b = parse_or(j), *c = jparse_word(j, "else") ? jparse_expr(j) : NULL;
        if (j->err) break;
        n->a = a;
        n->b = b;
        n->c = c;
        a = n;
    }
    jinja_leave(j);
    return a;
}

/* One expression, or several with commas: a tuple. Values of a loop are not conditional: their `if` is the loop's. */
struct jnode *jparse_tuple(struct jinja *j, int conditional) {
    struct jnode *first = conditional ? jparse_expr(j) : parse_or(j), **end = &first->next;
    if (j->err || j->token->kind != T_OP || j->token->op != ',') return first;
    struct jnode *n = jnode_new(j, N_TUPLE);
    while (jparse_op(j, ',')) {
        const struct jtoken *t = j->token;
        if (t->kind == T_PRINT_CLOSE || t->kind == T_BLOCK_CLOSE || (t->kind == T_OP && t->op == ')')) break;
        struct jnode *more = conditional ? jparse_expr(j) : parse_or(j);
        if (j->err) return n;
        *end = more;
        end = &more->next;
    }
    n->list = first;
    return n;
}
