/* tests/unit/model/grammar_util.h - grammars for the tests: parsed, walked, and made at random with their trees, which a test may
 * go through by itself. */
#ifndef TESTS_GRAMMAR_UTIL_H
#define TESTS_GRAMMAR_UTIL_H

#include "tests/check.h"

#include "base/mem.h"
#include "model/grammar_match.h"

static inline struct grammar *parse(const char *text) {
    struct grammar *g;
    struct why why = {{0}};
    int r = grammar_parse(&g, text, strlen(text), &why);
    if (r != 0) printf("# %s: %s\n", text, why.text);
    CHECK_INT(r, 0);
    return g;
}

/* 0: dead on the way; 1: a beginning; 2: a whole text. */
static inline int match_bytes(struct gram_match *m, const char *text, size_t n) {
    m->root = 2; /* the first state of a matcher that was never emptied */
    if (gram_match_advance(m, (const uint8_t *)text, n) != 0) return 0;
    CHECK_INT(m->emptied, 0);
    return 1 + m->state[m->root].accepts;
}
static inline int match(struct gram_match *m, const char *text) { return match_bytes(m, text, strlen(text)); }

/* ---- random grammars ---- */

enum kind { CHAR, ANY_BUT, REF, SEQ, OR, REP };
struct tree {
    enum kind kind;
    int a, b, min, max; /* CHAR, ANY_BUT: letter a; REF: rule a; max -1: no end */
};
enum { TREES = 256, RULES = 4, LETTERS = 4, LONGEST = 8 };
static const char *const letter[LETTERS] = {"a", "b", "\xc3\xa9", "\xe2\x82\xac"};
static struct tree tree[TREES];
static int trees, rule_tree[RULES];
static uint64_t seed;

static inline uint32_t rnd(uint32_t n) {
    uint64_t z = (seed += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (uint32_t)((z ^ z >> 31) >> 33) % n;
}

static inline int make_tree(int depth) {
    int at = trees++;
    struct tree t = {.kind = depth == 0 || trees > TREES - 16 ? (enum kind)rnd(3) : (enum kind)rnd(6)};
    if (t.kind <= ANY_BUT) t.a = (int)rnd(LETTERS);
    if (t.kind == REF) t.a = (int)rnd(RULES);
    if (t.kind >= SEQ) t.a = make_tree(depth - 1);
    if (t.kind == SEQ || t.kind == OR) t.b = make_tree(depth - 1);
    t.min = (int)rnd(3);
    t.max = rnd(3) ? t.min + (int)rnd(3) : -1;
    tree[at] = t;
    return at;
}

static inline void print_tree(struct buf *b, int at) {
    const struct tree *t = &tree[at];
    switch (t->kind) {
    case CHAR: buf_addf(b, " \"%s\"", letter[t->a]); break;
    case ANY_BUT: buf_addf(b, " [^%s]", letter[t->a]); break;
    case REF: buf_addf(b, t->a ? " r%d" : " root", t->a); break;
    default:
        buf_addf(b, " (");
        print_tree(b, t->a);
        if (t->kind == OR) buf_addf(b, " |");
        if (t->kind != REP) print_tree(b, t->b);
        buf_addf(b, ")");
        if (t->kind == REP && t->max < 0)
            buf_addf(b, t->min == 0 ? "*" : t->min == 1 ? "+" : "{%d,}", t->min);
        else if (t->kind == REP)
            buf_addf(b, "{%d,%d}", t->min, t->max);
    }
}

/* A grammar of the rules rule_tree, or NULL: these are not one. */
static inline struct grammar *make_grammar(void) {
    struct buf b;
    struct grammar *g;
    trees = 0;
    buf_init(&b, 1 << 16);
    for (int i = 0; i < RULES; i++) {
        rule_tree[i] = make_tree(3);
        buf_addf(&b, i ? "r%d ::=" : "root ::=", i);
        print_tree(&b, rule_tree[i]);
        buf_addf(&b, "\n");
    }
    int r = grammar_parse(&g, (const char *)b.data, b.len, NULL);
    CHECK(r == 0 || r == ERR_FORMAT); /* left recursion, or no end: nothing else can be wrong */
    buf_release(&b);
    return g;
}

#endif
