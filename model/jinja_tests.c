/* model/jinja_tests.c - the tests behind `is`. */
#include "model/jinja_parts.h"

#include <string.h>

static int letters_are(struct jinja *j, struct jtext t, int upper) {
    int some = 0;
    jinja_walk(j, t);
    for (size_t i = 0; i < t.n; i++) {
        int letter = (t.p[i] | 32) >= 'a' && (t.p[i] | 32) <= 'z', is_upper = !(t.p[i] & 32);
        if (letter && is_upper != upper) return 0;
        some |= letter;
    }
    return some;
}

static int remainder_is(struct jinja *j, struct jval v, struct jval by, int64_t want) {
    struct jval r = jinja_binary(j, '%', v, by);
    return !j->err && jval_equal(j, r, jval_int(want));
}

/* What a value is, whatever else is asked. -1: no such test. */
static int kind_test(struct jtext name, struct jval v) {
    enum jkind k = v.kind;
    const struct {
        const char *name;
        int holds;
    } rows[] = {{"defined", k != J_UNDEFINED},
                {"undefined", k == J_UNDEFINED},
                {"none", k == J_NONE},
                {"string", k == J_TEXT},
                {"mapping", k == J_DICT},
                {"iterable", k == J_TEXT || k == J_LIST || k == J_DICT || k == J_UNDEFINED || k == J_LOOP},
                {"sequence", k == J_TEXT || (k == J_LIST && !v.u.list->lazy) || k == J_DICT || k == J_UNDEFINED},
                {"number", k == J_INT || k == J_FLOAT || k == J_BOOL},
                {"integer", k == J_INT},
                {"float", k == J_FLOAT},
                {"boolean", k == J_BOOL},
                {"true", k == J_BOOL && v.u.i},
                {"false", k == J_BOOL && !v.u.i},
                {"callable", k == J_MACRO || k == J_BUILTIN || k == J_METHOD || k == J_UNDEFINED},
                {"escaped", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (jtext_is(name, rows[i].name)) return rows[i].holds;
    return -1;
}

static int ordered(struct jinja *j, struct jval a, struct jval b, const char *signs) {
    int order = jval_order(j, a, b);
    return strchr(signs, order < 0 ? '<' : order > 0 ? '>' : '=') != NULL && order != 2;
}

int jinja_test(struct jinja *j, struct jtext name, struct jval v, const struct jargs *a) {
    char words[68];
    static const struct {
        const char *name, *means;
    } two[] = {{"equalto", "=="}, {"eq", "=="}, {"==", "=="}, {"ne", "!="},         {"!=", "!="},      {"in", "in"},
               {"lt", "<"},       {"<", "<"},   {"le", "<="}, {"<=", "<="},         {"lessthan", "<"}, {"gt", ">"},
               {">", ">"},        {"ge", ">="}, {">=", ">="}, {"greaterthan", ">"}, {"sameas", "is"},  {"divisibleby", "%"}};
    int known = j->err ? 0 : kind_test(name, v);
    if (known >= 0) return known;
    if (jtext_is(name, "lower") || jtext_is(name, "upper"))
        return v.kind == J_TEXT && letters_are(j, v.u.text, jtext_is(name, "upper"));
    if (jtext_is(name, "odd")) return remainder_is(j, v, jval_int(2), 1);
    if (jtext_is(name, "even")) return remainder_is(j, v, jval_int(2), 0);
    for (size_t i = 0; i < sizeof two / sizeof two[0]; i++) {
        if (!jtext_is(name, two[i].name)) continue;
        const struct jval *other = jargs_get(a, 0, NULL);
        const char *m = two[i].means;
        if (!other) return jinja_fail(j, ERR_UNSUPPORTED, "the test \"%s\" needs a value", two[i].name), 0;
        if (strcmp(m, "==") == 0) return jval_equal(j, v, *other);
        if (strcmp(m, "!=") == 0) return !jval_equal(j, v, *other);
        if (strcmp(m, "in") == 0) return jval_holds(j, *other, v);
        if (strcmp(m, "is") == 0) return v.kind == other->kind && jval_equal(j, v, *other);
        if (strcmp(m, "%") == 0) return remainder_is(j, v, *other, 0);
        return ordered(j, v, *other, m);
    }
    jinja_fail(j, ERR_UNSUPPORTED, "there is no test \"%s\"", jinja_own_words(name, words));
    return 0;
}
