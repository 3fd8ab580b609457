/* model/grammar_parse.c - a grammar's text to items: rules, alternatives, sequences, repetition.
 *
 * A parser by descent whose depth GRAMMAR_NEST_MAX bounds. A rule may be used before it is defined. */
#include "base/mem.h"
#include "model/grammar_parts.h"

#include <stdlib.h>
#include <string.h>

enum { REPEATS_OF_ONE = 8 }; /* x*?+ and so on: nesting that needs no parentheses */

int gram_grow(void **p, size_t *cap, size_t count, size_t max, size_t size) {
    if (count < *cap) return 0;
    if (count >= max) return ERR_LIMIT;
    size_t want = *cap ? 2 * *cap : 64;
    if (want > max) want = max;
    void *bigger = realloc(*p, want * size); /* max * size is far below SIZE_MAX */
    if (!bigger) return ERR_NOMEM;
    *p = bigger;
    *cap = want;
    return 0;
}

void gram_text_release(struct gram_text *t) {
    if (t->cp) mem_wipe(t->cp, t->cps_cap * sizeof *t->cp);
    free(t->item);
    free(t->cp);
    free(t->range);
    free(t->rule);
    *t = (struct gram_text){0};
}

static int add_item(struct gram_scan *s, struct gram_item it, uint32_t *out) {
    struct gram_text *t = s->t;
    int r = gram_grow((void **)&t->item, &t->items_cap, t->items, GRAMMAR_ITEMS_MAX, sizeof *t->item);
    if (r == ERR_LIMIT) return gram_error(s, r, "more items than are allowed");
    if (r != 0) return r;
    *out = (uint32_t)t->items;
    t->item[t->items++] = it;
    return 0;
}

/* The rule of that name, made when it is new. */
static int rule_named(struct gram_scan *s, const char *name, size_t n, uint32_t *out) {
    struct gram_text *t = s->t;
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < n; i++) h = (h ^ (uint8_t)name[i]) * 16777619u;
    uint32_t *head = &t->by_name[(h ^ h >> 16) % 1024];
    if (n > GRAMMAR_NAME_MAX) return gram_error(s, ERR_LIMIT, "the rule's name is too long");
    for (*out = *head; *out; *out = t->rule[*out].chain)
        if (t->rule[*out].name_len == n && memcmp(t->rule[*out].name, name, n) == 0) return 0;
    int r = gram_grow((void **)&t->rule, &t->rules_cap, t->rules, GRAMMAR_RULES_MAX + 1, sizeof *t->rule);
    if (r == ERR_LIMIT) return gram_error(s, r, "more rules than are allowed");
    if (r != 0) return r;
    *out = (uint32_t)t->rules++;
    t->rule[*out] = (struct gram_rule){
        .name = name, .name_len = (uint32_t)n, .line = s->line, .column = gram_column(s) - (uint32_t)n, .chain = *head};
    *head = *out;
    return 0;
}

static int alternatives(struct gram_scan *s, unsigned nest, uint32_t *out);

/* {m}, {m,}, {m,n}, with the brace at hand. */
static int braces(struct gram_scan *s, uint32_t *min, uint32_t *max) {
    s->at++;
    gram_blanks(s, 0);
    int r = gram_number(s, min);
    if (r != 0) return r;
    *max = *min;
    gram_blanks(s, 0);
    if (gram_peek(s) == ',') {
        s->at++;
        gram_blanks(s, 0);
        *max = GRAM_NO_END;
        if (gram_peek(s) != '}') r = gram_number(s, max);
        gram_blanks(s, 0);
    }
    if (r == 0 && gram_peek(s) != '}') r = gram_error(s, ERR_FORMAT, "} is missing");
    if (r == 0 && *max < *min) r = gram_error(s, ERR_FORMAT, "{m,n} with n below m");
    s->at++;
    return r;
}

/* Puts repetitions round the item, as many as stand there. */
static int repetitions(struct gram_scan *s, uint32_t *item) {
    for (unsigned count = 0;; count++) {
        struct gram_item it = {.kind = ITEM_REPEAT, .first = *item};
        int c = gram_peek(s), r = 0;
        if (c != '*' && c != '+' && c != '?' && c != '{') return 0;
        if (count == REPEATS_OF_ONE) return gram_error(s, ERR_LIMIT, "too many repetitions of one item");
        if (c == '{') {
            r = braces(s, &it.min, &it.max);
        } else {
            it.min = c == '+';
            it.max = c == '?' ? 1 : GRAM_NO_END;
            s->at++;
        }
        if (r == 0) r = add_item(s, it, item);
        if (r != 0) return r;
        gram_blanks(s, 0);
    }
}

/* One item. Returns 1 and sets *out, 0 when none begins here, ERR_*. */
static int item(struct gram_scan *s, unsigned nest, uint32_t *out) {
    struct gram_item it = {.kind = ITEM_RULE};
    int c = gram_peek(s), r;
    if (c == '"' || c == '[' || c == '.') {
        s->at++;
        r = c == '"' ? gram_literal(s, &it) : c == '[' ? gram_class(s, &it) : gram_any_char(s, &it);
    } else if (c == '(') {
        if (nest == GRAMMAR_NEST_MAX) return gram_error(s, ERR_LIMIT, "parentheses nest too deeply");
        s->at++;
        r = alternatives(s, nest + 1, out);
        if (r == 0 && gram_peek(s) != ')') r = gram_error(s, ERR_FORMAT, ") is missing");
        s->at += r == 0;
        return r == 0 ? 1 : r;
    } else if (c == '<' || c == '!') {
        return gram_error(s, ERR_UNSUPPORTED, "items that name tokens are not supported");
    } else {
        const char *name = (const char *)s->p + s->at;
        size_t n = gram_name(s);
        if (n == 0) return 0;
        r = rule_named(s, name, n, &it.first);
    }
    if (r == 0) r = add_item(s, it, out);
    return r == 0 ? 1 : r;
}

static int sequence(struct gram_scan *s, unsigned nest, uint32_t *out) {
    int r = add_item(s, (struct gram_item){.kind = ITEM_SEQ}, out);
    for (uint32_t last = 0, next = 0; r == 0; last = next) {
        gram_blanks(s, nest > 0);
        r = item(s, nest, &next);
        if (r == 0) return 0;
        if (r < 0) return r;
        gram_blanks(s, nest > 0);
        r = repetitions(s, &next);
        if (last)
            s->t->item[last].next = next;
        else
            s->t->item[*out].first = next;
    }
    return r;
}

static int alternatives(struct gram_scan *s, unsigned nest, uint32_t *out) {
    int r = add_item(s, (struct gram_item){.kind = ITEM_ALT}, out);
    for (uint32_t last = 0, next = 0; r == 0; last = next) {
        r = sequence(s, nest, &next);
        if (r != 0) return r;
        if (last)
            s->t->item[last].next = next;
        else
            s->t->item[*out].first = next;
        if (gram_peek(s) != '|') return 0;
        s->at++;
        gram_blanks(s, 1);
    }
    return r;
}

static int rule(struct gram_scan *s) {
    const char *name = (const char *)s->p + s->at;
    uint32_t number, body, line = s->line, column = gram_column(s);
    size_t n = gram_name(s);
    if (n == 0) return gram_error(s, ERR_FORMAT, "a rule's name is missing");
    int r = rule_named(s, name, n, &number);
    if (r != 0) return r;
    gram_blanks(s, 0);
    if (s->n - s->at < 3 || memcmp(s->p + s->at, "::=", 3) != 0) return gram_error(s, ERR_FORMAT, "::= is missing");
    s->at += 3;
    gram_blanks(s, 1);
    if (s->t->rule[number].body) return gram_error(s, ERR_FORMAT, "the rule is defined twice");
    r = alternatives(s, 0, &body);
    if (r != 0) return r;
    s->t->rule[number].body = body;
    s->t->rule[number].line = line;
    s->t->rule[number].column = column;
    gram_blanks(s, 0);
    if (gram_peek(s) >= 0 && gram_peek(s) != '\n') return gram_error(s, ERR_FORMAT, "neither an item nor the end of the rule");
    return 0;
}

int gram_text_parse(struct gram_text *t, const char *text, size_t n, struct why *why) {
    *t = (struct gram_text){.items = 1, .rules = 1}; /* number 0 means none */
    struct gram_scan s = {.p = (const uint8_t *)text, .n = n, .line = 1, .t = t, .why = why};
    if (n > GRAMMAR_BYTES_MAX) return why_set(why, ERR_LIMIT, "the grammar is longer than %d bytes", GRAMMAR_BYTES_MAX);
    t->item = mem_zalloc(64, sizeof *t->item);
    t->rule = mem_zalloc(64, sizeof *t->rule);
    t->items_cap = t->rules_cap = 64;
    int r = t->item && t->rule ? 0 : ERR_NOMEM;
    for (gram_blanks(&s, 1); r == 0 && s.at < s.n; gram_blanks(&s, 1)) r = rule(&s);
    if (r == ERR_NOMEM) why_set(why, r, "no memory for a grammar");
    return r;
}
