/* model/grammar_check.c - refuses grammars that a matcher could not go through: undefined rules, left recursion, rules without
 * end. What remains has finite closures (no rule comes back to itself before a byte was taken) and no dead ends. */
#include "base/mem.h"
#include "model/grammar_parts.h"

#include <stdlib.h>
#include <string.h>

static int rule_error(const struct gram_rule *r, const char *what, struct why *why) {
    return why_set(why, ERR_FORMAT, "grammar, line %u, column %u: rule %.*s %s", r->line, r->column, (int)r->name_len, r->name,
                   what);
}

/* ---- two properties of rules, found as the least sets that fulfil their definition ---- */

enum property { NULLABLE, FINITE }; /* matches the empty text; matches some finite text */
#define NEVER   UINT32_MAX
#define OF_RULE 0x80000000u

/* Each item waits for some of its parts to have the property, and tells what it is part of when it has it itself: linear,
 * where going over all rules until nothing changes would take as often as there are rules. */
struct spread {
    const struct gram_text *t;
    uint32_t *above; /* of each item: what it is part of, or OF_RULE + the rule whose body it is */
    uint32_t *waits; /* of each item: for so many parts, or NEVER */
    uint32_t *next;  /* of each item that names a rule: the next one that names it */
    uint32_t *named; /* of each rule: the first item that names it */
    uint32_t *todo;  /* items that have the property, and did not tell */
    size_t todos;
};

static void link_items(struct spread *s) {
    const struct gram_text *t = s->t;
    for (uint32_t i = 1; i < t->items; i++) {
        const struct gram_item *it = &t->item[i];
        if (it->kind == ITEM_RULE) {
            s->next[i] = s->named[it->first];
            s->named[it->first] = i;
        } else if (it->kind == ITEM_REPEAT) {
            s->above[it->first] = i;
        } else if (it->kind == ITEM_SEQ || it->kind == ITEM_ALT) {
            for (uint32_t c = it->first; c; c = t->item[c].next) s->above[c] = i;
        }
    }
    for (uint32_t i = 1; i < t->rules; i++) s->above[t->rule[i].body] = OF_RULE + i;
}

static uint32_t parts_needed(const struct gram_text *t, const struct gram_item *it, enum property p) {
    uint32_t n = 0;
    switch (it->kind) {
    case ITEM_TEXT: return p == NULLABLE && it->count ? NEVER : 0;
    case ITEM_CLASS: return p == NULLABLE ? NEVER : 0;
    case ITEM_REPEAT: return it->min ? 1 : 0;
    case ITEM_SEQ:
        for (uint32_t c = it->first; c; c = t->item[c].next) n++;
        return n;
    default: return 1; /* the rule, or one of the alternatives */
    }
}

static void one_less(struct spread *s, uint32_t item) {
    if (s->waits[item] == 0 || s->waits[item] == NEVER || --s->waits[item]) return;
    s->todo[s->todos++] = item;
}

/* Sets the flags of the rules that have the property. */
static void find(struct spread *s, enum property p, uint8_t *rule) {
    s->todos = 0;
    for (uint32_t i = 1; i < s->t->items; i++) {
        s->waits[i] = parts_needed(s->t, &s->t->item[i], p);
        if (s->waits[i] == 0) s->todo[s->todos++] = i;
    }
    while (s->todos) {
        uint32_t above = s->above[s->todo[--s->todos]];
        if (!(above & OF_RULE)) {
            one_less(s, above);
            continue;
        }
        rule[above - OF_RULE] = 1;
        for (uint32_t i = s->named[above - OF_RULE]; i; i = s->next[i]) one_less(s, i);
    }
}

/* nullable and finite: of each rule. */
static int find_flags(const struct gram_text *t, uint8_t *nullable, uint8_t *finite) {
    struct spread s = {.t = t,
                       .above = mem_zalloc(t->items, sizeof *s.above),
                       .waits = mem_zalloc(t->items, sizeof *s.waits),
                       .next = mem_zalloc(t->items, sizeof *s.next),
                       .named = mem_zalloc(t->rules, sizeof *s.named),
                       .todo = mem_zalloc(t->items, sizeof *s.todo)};
    int r = s.above && s.waits && s.next && s.named && s.todo ? 0 : ERR_NOMEM;
    if (r == 0) {
        link_items(&s);
        find(&s, NULLABLE, nullable);
        find(&s, FINITE, finite);
    }
    free(s.above);
    free(s.waits);
    free(s.next);
    free(s.named);
    free(s.todo);
    return r;
}

/* ---- left recursion ---- */

/* For each rule, the rules that it may call before it has taken a byte. */
struct left {
    const struct gram_text *t;
    const uint8_t *nullable;
    uint32_t *call;
    size_t calls, calls_cap;
    int err;
};

/* Adds the calls of an item that stands leftmost; returns whether what follows is leftmost too. */
static int left_calls(struct left *l, uint32_t item) {
    const struct gram_item *it = &l->t->item[item];
    int through = 0;
    switch (it->kind) {
    case ITEM_RULE:
        if (l->err == 0) l->err = gram_grow((void **)&l->call, &l->calls_cap, l->calls, GRAMMAR_ITEMS_MAX, sizeof *l->call);
        if (l->err == 0) l->call[l->calls++] = it->first;
        return l->nullable[it->first];
    case ITEM_REPEAT:
        if (it->max == 0) return 1;
        through = left_calls(l, it->first);
        return through || it->min == 0;
    case ITEM_SEQ:
        for (uint32_t c = it->first; c; c = l->t->item[c].next)
            if (!left_calls(l, c)) return 0;
        return 1;
    case ITEM_ALT:
        for (uint32_t c = it->first; c; c = l->t->item[c].next) through |= left_calls(l, c);
        return through;
    default: return it->kind == ITEM_TEXT && it->count == 0;
    }
}

struct walk {
    uint32_t *begin; /* of each rule's calls in left.call; begin[rules] is their end */
    uint32_t *next;  /* the call to look at next */
    uint32_t *path;
    uint8_t *colour; /* 0 new, 1 on the path, 2 done */
};

/* A rule that calls itself leftmost, directly or by others; 0: there is none. Depth first, without recursion of our own. */
static uint32_t find_cycle(const struct left *l, struct walk *w) {
    for (uint32_t from = 1; from < l->t->rules; from++) {
        size_t depth = 0;
        if (w->colour[from] == 0) w->path[depth++] = from, w->colour[from] = 1;
        while (depth) {
            uint32_t at = w->path[depth - 1];
            if (w->next[at] == w->begin[at + 1]) {
                w->colour[at] = 2;
                depth--;
                continue;
            }
            uint32_t to = l->call[w->next[at]++];
            if (w->colour[to] == 1) return to;
            if (w->colour[to] == 0) w->path[depth++] = to, w->colour[to] = 1;
        }
    }
    return 0;
}

static int check_left(const struct gram_text *t, const uint8_t *nullable, struct why *why) {
    struct left l = {.t = t, .nullable = nullable};
    struct walk w = {mem_zalloc(t->rules + 1, 4), mem_zalloc(t->rules, 4), mem_zalloc(t->rules, 4), mem_zalloc(t->rules, 1)};
    int r = w.begin && w.next && w.path && w.colour ? 0 : ERR_NOMEM;
    for (uint32_t i = 1; r == 0 && i < t->rules; i++) {
        w.begin[i] = w.next[i] = (uint32_t)l.calls;
        (void)left_calls(&l, t->rule[i].body);
        r = l.err;
    }
    if (r == 0) {
        w.begin[t->rules] = (uint32_t)l.calls;
        uint32_t bad = find_cycle(&l, &w);
        if (bad) r = rule_error(&t->rule[bad], "is left-recursive: it begins with itself", why);
    } else {
        why_set(why, r, "no memory to check a grammar");
    }
    free(l.call);
    free(w.begin);
    free(w.next);
    free(w.path);
    free(w.colour);
    return r;
}

int gram_text_check(const struct gram_text *t, uint32_t *root, struct why *why) {
    *root = 0;
    for (uint32_t i = 1; i < t->rules; i++) {
        if (!t->rule[i].body) return rule_error(&t->rule[i], "is not defined", why);
        if (t->rule[i].name_len == 4 && memcmp(t->rule[i].name, "root", 4) == 0) *root = i;
    }
    if (!*root) return why_set(why, ERR_FORMAT, "grammar: there is no rule root");
    uint8_t *nullable = mem_zalloc(t->rules, 1), *finite = mem_zalloc(t->rules, 1);
    int r = nullable && finite ? find_flags(t, nullable, finite) : ERR_NOMEM;
    if (r != 0)
        why_set(why, r, "no memory to check a grammar");
    else
        r = check_left(t, nullable, why);
    for (uint32_t i = 1; r == 0 && i < t->rules; i++)
        if (!finite[i]) r = rule_error(&t->rule[i], "has no end: no finite text matches it", why);
    free(nullable);
    free(finite);
    return r;
}
