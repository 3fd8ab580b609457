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

struct flags {
    uint8_t nullable; /* matches the empty text */
    uint8_t finite;   /* matches some finite text */
};

static struct flags flags_of(const struct gram_text *t, const struct flags *rule, uint32_t item) {
    const struct gram_item *it = &t->item[item];
    struct flags f = {1, 1}, child;
    switch (it->kind) {
    case ITEM_TEXT: f.nullable = it->count == 0; return f;
    case ITEM_CLASS: f.nullable = 0; return f;
    case ITEM_RULE: return rule[it->first];
    case ITEM_REPEAT:
        child = flags_of(t, rule, it->first);
        if (it->max == 0) return f;
        f.nullable = it->min == 0 || child.nullable;
        f.finite = it->min == 0 || child.finite;
        return f;
    case ITEM_SEQ:
        for (uint32_t c = it->first; c; c = t->item[c].next) {
            child = flags_of(t, rule, c);
            f.nullable &= child.nullable;
            f.finite &= child.finite;
        }
        return f;
    default:
        f = (struct flags){0, 0};
        for (uint32_t c = it->first; c; c = t->item[c].next) {
            child = flags_of(t, rule, c);
            f.nullable |= child.nullable;
            f.finite |= child.finite;
        }
        return f;
    }
}

/* Goes over the rules until nothing changes, forwards and backwards by turns: rules mostly use what stands near them. */
static void find_flags(const struct gram_text *t, struct flags *rule) {
    size_t n = t->rules;
    for (int changed = 1, backwards = 1; changed; backwards ^= 1) {
        changed = 0;
        for (size_t k = 1; k < n; k++) {
            size_t i = backwards ? n - k : k;
            if (rule[i].nullable && rule[i].finite) continue;
            struct flags f = flags_of(t, rule, t->rule[i].body);
            changed |= f.nullable != rule[i].nullable || f.finite != rule[i].finite;
            rule[i] = f;
        }
    }
}

/* ---- left recursion ---- */

/* For each rule, the rules that it may call before it has taken a byte. */
struct left {
    const struct gram_text *t;
    const struct flags *flags;
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
        return l->flags[it->first].nullable;
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

static int check_left(const struct gram_text *t, const struct flags *flags, struct why *why) {
    struct left l = {.t = t, .flags = flags};
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
    struct flags *flags = mem_zalloc(t->rules, sizeof *flags);
    if (!flags) return why_set(why, ERR_NOMEM, "no memory to check a grammar");
    find_flags(t, flags);
    int r = check_left(t, flags, why);
    for (uint32_t i = 1; r == 0 && i < t->rules; i++)
        if (!flags[i].finite) r = rule_error(&t->rule[i], "has no end: no finite text matches it", why);
    free(flags);
    return r;
}
