/* model/jinja_parse.c - statements to trees: a table of the tags that begin one, and the words that may end it. */
#include "model/jinja_parts.h"

#include <string.h>

static struct jnode *body(struct jinja *j, const char *const *ends);
static struct jnode *statement(struct jinja *j);

static void close_tag(struct jinja *j) {
    if (j->err || j->token->kind != T_BLOCK_CLOSE)
        jparse_unexpected(j);
    else
        j->token++;
}

/* Past {% WORD %}, which body() has found; the word is next. */
static void end_tag(struct jinja *j, const char *word) {
    if (!jparse_word(j, word)) jparse_unexpected(j);
    close_tag(j);
}

/* NAME, a.b, or several of them with commas. */
struct jnode *jparse_target(struct jinja *j) {
    struct jnode *first = NULL, **end = &first;
    int bracket = jparse_op(j, '('), count = 0;
    do {
        if (count && j->token->kind == T_OP && j->token->op != '(') break;
        struct jnode *n;
        if (j->token->kind == T_OP && j->token->op == '(') {
            if (jinja_enter(j) != 0) return jnode_new(j, N_TUPLE);
            n = jparse_target(j);
            jinja_leave(j);
        } else {
            n = jnode_new(j, N_NAME);
            struct jtext text = jparse_name(j);
            if (!j->err) n->text = text;
            if (jparse_op(j, '.')) {
                struct jnode *member = jnode_new(j, N_ATTR);
                text = jparse_name(j);
                if (j->err) return member;
                member->a = n;
                member->text = text;
                n = member;
            }
        }
        if (j->err) return n;
        *end = n;
        end = &n->next;
        count++;
    } while (jparse_op(j, ','));
    if (bracket) jparse_need_op(j, ')');
    if (count == 1 && !bracket) return first;
    struct jnode *all = jnode_new(j, N_TUPLE);
    if (!j->err) all->list = first;
    return all;
}

static struct jnode *parse_if(struct jinja *j) {
    static const char *const ends[] = {"elif", "else", "endif", NULL};
    struct jnode *n = jnode_new(j, N_IF), **end = &n->list;
    int last = 0;
    do {
        struct jnode *branch = jnode_new(j, N_BRANCH), *condition = last ? NULL : jparse_tuple(j, 1);
        close_tag(j);
        struct jnode *inside = body(j, ends);
        if (j->err) return n;
        branch->a = condition;
        branch->list = inside;
        *end = branch;
        end = &branch->next;
        if (!last && jparse_word(j, "elif")) continue;
        if (last || !jparse_word(j, "else")) break;
        last = 1;
    } while (!j->err);
    end_tag(j, "endif");
    return n;
}

static struct jnode *parse_for(struct jinja *j) {
    static const char *const ends[] = {"else", "endfor", NULL}, *const last[] = {"endfor", NULL};
    struct jnode *n = jnode_new(j, N_FOR), *target = jparse_target(j);
    if (!jparse_word(j, "in")) jparse_unexpected(j);
    struct jnode *over = j->err ? NULL : jparse_tuple(j, 0), *condition = jparse_word(j, "if") ? jparse_expr(j) : NULL;
    if (jparse_is_word(j, "recursive")) jinja_fail(j, ERR_UNSUPPORTED, "recursive loops are not supported");
    close_tag(j);
    struct jnode *inside = body(j, ends), *otherwise = NULL;
    if (jparse_word(j, "else")) {
        close_tag(j);
        otherwise = body(j, last);
    }
    end_tag(j, "endfor");
    if (j->err) return n;
    n->a = target;
    n->b = over;
    n->c = condition;
    n->list = inside;
    n->list2 = otherwise;
    return n;
}

static struct jnode *parse_set(struct jinja *j) {
    static const char *const ends[] = {"endset", NULL};
    struct jnode *n = jnode_new(j, N_SET), *target = jparse_target(j), *value, *inside = NULL;
    if (jparse_op(j, '=')) {
        value = jparse_tuple(j, 1);
        close_tag(j);
    } else {
        value = jparse_filters(j, jnode_new(j, N_BODY));
        close_tag(j);
        inside = body(j, ends);
        end_tag(j, "endset");
        if (!j->err) n->kind = N_SETBODY;
    }
    if (j->err) return n;
    n->a = target;
    n->b = value;
    n->list = inside;
    return n;
}

/* (a, b=1) */
static struct jnode *params(struct jinja *j) {
    struct jnode *first = NULL, **end = &first;
    while (!j->err && !jparse_op(j, ')')) {
        struct jnode *p = jnode_new(j, N_PARAM);
        struct jtext text = jparse_name(j);
        struct jnode *value = jparse_op(j, '=') ? jparse_expr(j) : NULL;
        if (j->err) break;
        p->text = text;
        p->a = value;
        *end = p;
        end = &p->next;
        if (!jparse_op(j, ',') && jparse_need_op(j, ')') == 0) break;
    }
    return first;
}

static struct jnode *parse_macro(struct jinja *j) {
    static const char *const ends[] = {"endmacro", NULL};
    struct jnode *n = jnode_new(j, N_MACRO);
    struct jtext name = jparse_name(j);
    struct jnode *names = jparse_need_op(j, '(') == 0 ? params(j) : NULL;
    close_tag(j);
    struct jnode *inside = body(j, ends);
    if (jparse_word(j, "endmacro") && j->token->kind == T_NAME) j->token++; /* {% endmacro NAME %} */
    close_tag(j);
    if (j->err) return n;
    n->text = name;
    n->list2 = names;
    n->list = inside;
    return n;
}

/* {% call(args) macro(...) %}...{% endcall %}: the macro gets `caller`, a macro made of the body. */
static struct jnode *parse_call(struct jinja *j) {
    static const char *const ends[] = {"endcall", NULL};
    struct jnode *n = jnode_new(j, N_CALLBODY), *names = jparse_op(j, '(') ? params(j) : NULL, *call = jparse_expr(j);
    if (!j->err && call->kind != N_CALL) jparse_unexpected(j);
    close_tag(j);
    struct jnode *inside = body(j, ends);
    end_tag(j, "endcall");
    if (j->err) return n;
    n->a = call;
    n->list2 = names;
    n->list = inside;
    return n;
}

static struct jnode *parse_filter(struct jinja *j) {
    static const char *const ends[] = {"endfilter", NULL};
    struct jnode *n = jnode_new(j, N_FILTERBODY);
    struct jtoken *first = j->token - 1; /* reads "filter a|b" as "| a | b" */
    first->kind = T_OP;
    first->op = '|';
    j->token = first;
    struct jnode *chain = jparse_filters(j, jnode_new(j, N_BODY));
    close_tag(j);
    struct jnode *inside = body(j, ends);
    end_tag(j, "endfilter");
    if (j->err) return n;
    n->b = chain;
    n->list = inside;
    return n;
}

static struct jnode *parse_with(struct jinja *j) {
    static const char *const ends[] = {"endwith", NULL};
    struct jnode *n = jnode_new(j, N_SCOPE), *first = NULL, **end = &first;
    while (!j->err && j->token->kind == T_NAME) {
        struct jnode *k = jnode_new(j, N_KEYWORD);
        struct jtext text = jparse_name(j);
        struct jnode *value = jparse_need_op(j, '=') == 0 ? jparse_expr(j) : NULL;
        if (j->err) break;
        k->text = text;
        k->a = value;
        *end = k;
        end = &k->next;
        if (!jparse_op(j, ',')) break;
    }
    close_tag(j);
    struct jnode *inside = body(j, ends);
    end_tag(j, "endwith");
    if (j->err) return n;
    n->list2 = first;
    n->list = inside;
    return n;
}

/* Marks what an assistant said, for training; here it only groups. */
static struct jnode *parse_generation(struct jinja *j) {
    static const char *const ends[] = {"endgeneration", NULL};
    struct jnode *n = jnode_new(j, N_SCOPE);
    close_tag(j);
    struct jnode *inside = body(j, ends);
    end_tag(j, "endgeneration");
    if (!j->err) n->list = inside;
    return n;
}

static struct jnode *parse_break(struct jinja *j) {
    struct jnode *n = jnode_new(j, N_BREAK);
    close_tag(j);
    return n;
}
static struct jnode *parse_continue(struct jinja *j) {
    struct jnode *n = jnode_new(j, N_CONTINUE);
    close_tag(j);
    return n;
}

static struct jnode *statement(struct jinja *j) {
    static const struct {
        const char *word;
        struct jnode *(*parse)(struct jinja *);
    } tags[] = {{"if", parse_if},       {"for", parse_for},          {"set", parse_set},   {"macro", parse_macro},
                {"call", parse_call},   {"filter", parse_filter},    {"with", parse_with}, {"generation", parse_generation},
                {"break", parse_break}, {"continue", parse_continue}};
    char words[68];
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++)
        if (jparse_word(j, tags[i].word)) return tags[i].parse(j);
    if (j->token->kind == T_NAME)
        jinja_fail(j, ERR_UNSUPPORTED, "{%% %s %%} is not supported", jinja_own_words(j->token->text, words));
    jparse_unexpected(j);
    return jnode_new(j, N_DATA);
}

/* {% WORD with WORD among `ends` comes next: takes the opening mark. */
static int at_end(struct jinja *j, const char *const *ends) {
    if (j->token->kind != T_BLOCK_OPEN || j->token[1].kind != T_NAME) return 0;
    for (; ends && *ends; ends++)
        if (jtext_is(j->token[1].text, *ends)) {
            j->token++;
            return 1;
        }
    return 0;
}

/* Statements up to one of `ends`, whose word is then next; without `ends`, to the end of the template. */
static struct jnode *body(struct jinja *j, const char *const *ends) {
    struct jnode *first = NULL, **end = &first;
    if (jinja_enter(j) != 0) return NULL;
    while (!j->err && !at_end(j, ends)) {
        struct jtoken *t = j->token;
        struct jnode *n;
        j->line = t->line;
        if (t->kind == T_END && !ends) break;
        if (t->kind == T_DATA) {
            n = jnode_new(j, N_DATA);
            if (j->err) break;
            n->text = t->text;
            j->token++;
        } else if (t->kind == T_PRINT_OPEN) {
            j->token++;
            n = jnode_new(j, N_PRINT);
            struct jnode *value = jparse_tuple(j, 1);
            if (!j->err && j->token->kind != T_PRINT_CLOSE) jparse_unexpected(j);
            if (j->err) break;
            n->a = value;
            j->token++;
        } else if (t->kind == T_BLOCK_OPEN) {
            j->token++;
            n = statement(j);
        } else {
            jparse_unexpected(j);
            break;
        }
        if (j->err) break;
        *end = n;
        end = &n->next;
    }
    jinja_leave(j);
    return first;
}

struct jnode *jinja_parse(struct jinja *j) {
    return body(j, NULL);
}
