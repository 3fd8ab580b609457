/* tests/unit/model/test_grammar.c - grammars: what is refused and where, and what matches (a table, and random grammars against a
 * recogniser of the test's own). */
#include "tests/unit/model/grammar_util.h"

#include <stdlib.h>

#include "base/utf8.h"

/* ---- what is refused ---- */

TEST(hostile_grammars_are_refused_with_their_place) {
    static const struct {
        const char *text, *has;
        int err;
    } rows[] = {
        {"", "no rule root", ERR_FORMAT},
        {"x ::= \"a\"", "no rule root", ERR_FORMAT},
        {"root = \"a\"", "line 1, column 6: ::= is missing", ERR_FORMAT},
        {"root ::= x", "line 1, column 10: rule x is not defined", ERR_FORMAT},
        {"root ::= \"a\"\n\n root ::= \"b\"", "line 3, column 11: the rule is defined twice", ERR_FORMAT},
        {"root ::= root \"a\" | \"b\"", "line 1, column 1: rule root is left-recursive", ERR_FORMAT},
        {"root ::= x\nx ::= \"q\"? y\ny ::= [z]* x", "left-recursive", ERR_FORMAT},
        {"root ::= (\"a\"? root)", "left-recursive", ERR_FORMAT},
        {"root ::= \"a\" root", "has no end", ERR_FORMAT},
        {"root ::= \"a\"\nx ::= [b] y\ny ::= [c] x", "has no end", ERR_FORMAT},
        {"root ::= []", "a class that no character is in", ERR_FORMAT},
        {"root ::= [^\\U00000000-\\U0010ffff]", "a class that no character is in", ERR_FORMAT},
        {"root ::= [\\ud800-\\udfff]", "a class that no character is in", ERR_FORMAT},
        {"root ::= \"\\ud800\"", "a surrogate is no character", ERR_FORMAT},
        {"root ::= \"\\U00110000\"", "no such code point", ERR_FORMAT},
        {"root ::= [z-a]", "a range runs backwards", ERR_FORMAT},
        {"root ::= \"a", "the line ends within", ERR_FORMAT},
        {"root ::= [a", "the line ends within", ERR_FORMAT},
        {"root ::= [a\n]", "the line ends within", ERR_FORMAT},
        {"root ::= \"\\q\"", "line 1, column 12: unknown escape", ERR_FORMAT},
        {"root ::= \"\\x4\"", "hexadecimal", ERR_FORMAT},
        {"root ::= \"\xff\"", "not UTF-8", ERR_FORMAT},
        {"root ::= (\"a\"", ") is missing", ERR_FORMAT},
        {"root ::= \"a\")", "neither an item nor the end", ERR_FORMAT},
        {"root ::= *", "neither an item nor the end", ERR_FORMAT},
        {"root ::= \"a\"{2", "} is missing", ERR_FORMAT},
        {"root ::= \"a\"{}", "a number is missing", ERR_FORMAT},
        {"root ::= \"a\"{3,2}", "n below m", ERR_FORMAT},
        {"root ::= \"a\"{99999}", "more repetitions", ERR_LIMIT},
        {"root ::= \"a\"{4294967297}", "more repetitions", ERR_LIMIT},
        {"root ::= \"a\"**********", "too many repetitions", ERR_LIMIT},
        {"root ::= <think>", "not supported", ERR_UNSUPPORTED},
        {"root ::= !<[7]>", "not supported", ERR_UNSUPPORTED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct grammar *g;
        struct why why = {{0}};
        int r = grammar_parse(&g, rows[i].text, strlen(rows[i].text), &why);
        if (r != rows[i].err || !strstr(why.text, rows[i].has)) printf("# %s: %d %s\n", rows[i].text, r, why.text);
        CHECK_INT(r, rows[i].err);
        CHECK(strstr(why.text, rows[i].has) && !g);
    }
}

static int parse_made(const char *head, const char *open, int times, const char *middle, const char *close) {
    struct buf b;
    struct grammar *g;
    buf_init(&b, 8 << 20);
    CHECK_INT(buf_addf(&b, "%s", head), 0);
    for (int i = 0; i < times; i++) CHECK_INT(buf_addf(&b, "%s", open), 0);
    CHECK_INT(buf_addf(&b, "%s", middle), 0);
    for (int i = 0; i < times; i++) CHECK_INT(buf_addf(&b, "%s", close), 0);
    int r = grammar_parse(&g, (const char *)b.data, b.len, NULL);
    grammar_free(g);
    buf_release(&b);
    return r;
}

TEST(sizes_are_limited) {
    CHECK_INT(parse_made("root ::= ", "(", GRAMMAR_NEST_MAX, "\"a\"", ")"), 0);
    CHECK_INT(parse_made("root ::= ", "(", GRAMMAR_NEST_MAX + 1, "\"a\"", ")"), ERR_LIMIT);
    CHECK_INT(parse_made("root ::= ", "(", 60, "\"\"", "){2}"), 0);          /* nothing, 2^60 times */
    CHECK_INT(parse_made("root ::= ", "(", 6, "\"a\"", "{9999}){9999}"), 0); /* calls, not copies: they are few... */
    CHECK_INT(parse_made("root ::= ", "", 0, "((\"ab\"{16384}){16384})+", ""), 0);
    CHECK_INT(parse_made("root ::= ", "(\"ab\"{16384}", 20, "", ")"), ERR_LIMIT); /* ...but each repetition takes nodes */
    CHECK_INT(parse_made("root ::= ", "\"a\" ", GRAMMAR_ITEMS_MAX, "", ""), ERR_LIMIT);
    CHECK_INT(parse_made("root ::= \"a\"", " ", GRAMMAR_BYTES_MAX, "", ""), ERR_LIMIT);
    CHECK_INT(parse_made("", "a", GRAMMAR_NAME_MAX + 1, " ::= \"a\"\nroot ::= \"b\"", ""), ERR_LIMIT);
}

TEST(a_grammar_cut_anywhere_is_parsed_or_refused) {
    static const char text[] = "root ::= (\"a\\u00e9\" | [^b-d\\x41]{2,3}) y* # c\ny ::= .+ \"\\n\"? |\n  \"z\"";
    for (size_t n = 0; n < sizeof text; n++) {
        struct grammar *g;
        struct why why = {{0}};
        int r = grammar_parse(&g, text, n, &why);
        CHECK((r == 0) == (g != NULL) && (r == 0 || why.text[0]));
        grammar_free(g);
    }
}

/* Rules in an order in which each turn over all of them, up or down, would find one more: checked in one turn all the same. */
TEST(rules_in_any_order_are_checked) {
    enum { CHAIN = 8000 };
    for (int end = 0; end < 2; end++) {
        struct buf b;
        struct grammar *g;
        struct why why = {{0}};
        buf_init(&b, GRAMMAR_BYTES_MAX);
        buf_addf(&b, "root ::= r%d\n", CHAIN / 2);
        for (int i = 0; i < CHAIN; i++) { /* 0 is used by the last, that by 1, that by the last but one... */
            int uses = i < CHAIN / 2 ? CHAIN - i : CHAIN - 1 - i;
            if (i == 0)
                buf_addf(&b, "r0 ::= \"a\"%s\n", end ? "" : " r0");
            else
                buf_addf(&b, "r%d ::= [bc] r%d\n", i, uses);
        }
        int r = grammar_parse(&g, (const char *)b.data, b.len, &why);
        CHECK(end ? r == 0 : r == ERR_FORMAT && strstr(why.text, "has no end"));
        grammar_free(g);
        buf_release(&b);
    }
}

TEST(empty_alternatives_are_one) {
    struct grammar *g, *one = parse("root ::= (\"a\" | \"\")*");
    struct buf b;
    buf_init(&b, GRAMMAR_BYTES_MAX);
    buf_addf(&b, "root ::= (\"a\"");
    for (int i = 0; i < 20000; i++) buf_addf(&b, " | \"\"");
    buf_addf(&b, ")*");
    CHECK_INT(grammar_parse(&g, (const char *)b.data, b.len, NULL), 0);
    CHECK(g->links == one->links && g->nodes == one->nodes);
    buf_release(&b);
    grammar_free(g);
    grammar_free(one);
}

/* ---- what matches ---- */

TEST(texts_match_or_not) {
    static const struct {
        const char *grammar, *whole[5], *begin[5], *dead[5];
    } rows[] = {
        {"root ::= \"ab\" | \"ac\"", {"ab", "ac"}, {"", "a"}, {"b", "abc", "aa"}},
        {"root ::= [a-c]{2,3}", {"ab", "abc"}, {"", "c"}, {"abca", "d", "ad"}},
        {"root ::= [a-c]{2}", {"ab"}, {"a"}, {"abc"}},
        {"root ::= \"x\"{0} \"y\"", {"y"}, {""}, {"x"}},
        {"root ::= (\"ab\"){2,}", {"abab", "ababab"}, {"ab", "aba"}, {"abb"}},
        {"root ::= ((\"a\"*)*)+", {"", "a", "aaa"}, {NULL}, {"b"}},
        {"root ::= ([a]? [b]?)*", {"", "ba", "aabb"}, {NULL}, {"c"}},
        {"root ::= [^a\\n]", {"b", "\xc3\xa9", "\xf0\x9f\x98\x80"}, {"", "\xc3", "\xf0\x9f"}, {"a", "\n", "\xff", "\xc0\x80"}},
        {"root ::= .",
         {"\n", "\xe2\x82\xac", "\xf4\x8f\xbf\xbf"},
         {"\xe2\x82"},
         {"\xed\xa0\x80", "\xf4\x90", "\xe0\x80", "\xf8"}},
        {"root ::= [\xc3\xa0-\xc3\xbf]", {"\xc3\xa9"}, {"\xc3"}, {"a", "\xc3\x9f", "\xc4"}},
        {"root ::= [\\u0800-\\U00010001]",
         {"\xe0\xa0\x80", "\xf0\x90\x80\x81"},
         {"\xe0", "\xed\x9f"},
         {"\xf0\x90\x80\x82", "\xed\xa0"}},
        {"root ::= [a-]", {"-", "a"}, {""}, {"b"}},
        {"root ::= \"(\" root? \")\"", {"()", "((()))"}, {"((", "(()"}, {")", "())"}},
        {"root ::= x | y\nx ::= \"a\" x \"b\" | \"ab\"\ny ::= \"a\"+", {"aabb", "aaa"}, {""}, {"aabbb", "aba"}},
        {"# c\r\nroot ::= # d\r\n  \"a\" (\n \"b\" # e\n |\n \"c\") |\n \"d\"\r\n", {"ab", "ac", "d"}, {"a"}, {"ad"}},
        {"root ::= e \"a\" e\ne ::= \"\"", {"a"}, {""}, {"aa"}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct grammar *g = parse(rows[i].grammar);
        struct gram_match *m;
        CHECK_INT(gram_match_new(&m, g), 0);
        for (size_t k = 0; k < 5; k++) {
            const char *t[3] = {rows[i].dead[k], rows[i].begin[k], rows[i].whole[k]};
            for (int want = 0; want < 3; want++) {
                if (t[want] && match(m, t[want]) != want) printf("# %s: \"%s\" is not %d\n", rows[i].grammar, t[want], want);
                if (t[want]) CHECK_INT(match(m, t[want]), want);
            }
        }
        gram_match_free(m);
        grammar_free(g);
    }
}

/* Classes against their definition: every code point, and every beginning of its bytes, is alive exactly when the class says so. */
TEST(classes_take_exactly_their_code_points) {
    static const char *const text[] = {"[0-9]",
                                       "[^\\x00-\\u07fe]",
                                       "[\\u07ff-\\u0801\\uffff-\\U00010000]",
                                       "[\\U0003ffff-\\U00040000\\u1000-\\u103f]",
                                       "[^\\u0080-\\U0010fffe]",
                                       "."};
    static const struct gram_range range[][3] = {{{'0', '9'}},
                                                 {{0x7ff, 0x10ffff}},
                                                 {{0x7ff, 0x801}, {0xffff, 0x10000}},
                                                 {{0x1000, 0x103f}, {0x3ffff, 0x40000}},
                                                 {{0, 0x7f}, {0x10ffff, 0x10ffff}},
                                                 {{0, 0x10ffff}}};
    for (size_t k = 0; k < sizeof text / sizeof text[0]; k++) {
        char rule[64];
        snprintf(rule, sizeof rule, "root ::= %s", text[k]);
        struct grammar *g = parse(rule);
        struct gram_match *m;
        CHECK_INT(gram_match_new(&m, g), 0);
        static uint8_t want[1 << 22], seen[1 << 22]; /* by the first three bytes, less their fixed bits */
        memset(want, 0, sizeof want), memset(seen, 0, sizeof seen);
        for (int pass = 0; pass < 2; pass++)
            for (uint32_t cp = 0; cp <= 0x10ffff; cp++) {
                uint8_t utf8[4];
                if (cp >= 0xd800 && cp <= 0xdfff) continue;
                size_t n = utf8_put(utf8, cp);
                int in = 0;
                for (size_t i = 0; i < 3; i++) in |= range[k][i].hi && cp >= range[k][i].lo && cp <= range[k][i].hi;
                for (size_t len = 1; len <= n; len++) {
                    uint32_t key = (utf8[0] & 0x7fu) << 12 | (len > 1 ? utf8[1] & 0x3fu : 0) << 6 |
                                   (len > 2 ? utf8[2] & 0x3fu : 0) | (uint32_t)(len - 1) << 19;
                    if (utf8[0] < 0x80) key = 0x3fff80 | utf8[0];
                    if (pass == 0 && len < n) want[key] |= (uint8_t)in;
                    if (pass == 0 || (len < n && seen[key])) continue;
                    seen[key] = 1;
                    CHECK_INT(match_bytes(m, (char *)utf8, len), len == n ? 2 * in : want[key]);
                }
            }
        gram_match_free(m);
        grammar_free(g);
    }
}

/* ---- random grammars, and a recogniser that works on sets of positions ---- */

struct text {
    int letter[LONGEST], n;
};
/* Bit e: the tree can take the letters from..e-1. Grammars that are not left-recursive need no more than recursion. */
static unsigned ends(const struct text *x, int at, int from);
static unsigned ends_of_set(const struct text *x, int at, unsigned from) {
    unsigned all = 0;
    for (int i = 0; i <= x->n; i++)
        if (from >> i & 1) all |= ends(x, at, i);
    return all;
}
static unsigned ends(const struct text *x, int at, int from) {
    const struct tree *t = &tree[at];
    unsigned now = 1u << from, all;
    switch (t->kind) {
    case CHAR: return from < x->n && x->letter[from] == t->a ? 2u << from : 0;
    case ANY_BUT: return from < x->n && x->letter[from] != t->a ? 2u << from : 0;
    case REF: return ends(x, rule_tree[t->a], from);
    case SEQ: return ends_of_set(x, t->b, ends(x, t->a, from));
    case OR: return ends(x, t->a, from) | ends(x, t->b, from);
    default: break;
    }
    for (int i = 0; i < t->min; i++) now = ends_of_set(x, t->a, now);
    all = now;
    for (int i = t->min; t->max < 0 ? i < t->min + LONGEST + 1 : i < t->max; i++) all |= now = ends_of_set(x, t->a, now);
    return all;
}

TEST(random_grammars_match_what_a_plain_recogniser_does) {
    int grammars = 0, texts = 0, whole = 0;
    for (seed = 1; grammars < 400;) {
        struct grammar *g = make_grammar();
        struct gram_match *m;
        if (!g) continue;
        grammars++;
        CHECK_INT(gram_match_new(&m, g), 0);
        for (int i = 0; i < 100 && m->states < GRAM_STATES_MAX / 2; i++, texts++) {
            struct text x = {.n = (int)rnd(LONGEST + 1)};
            char s[4 * LONGEST + 1] = "";
            for (int k = 0; k < x.n; k++) strcat(s, letter[x.letter[k] = (int)rnd(rnd(2) ? LETTERS : 2)]);
            int want = ends(&x, rule_tree[0], 0) >> x.n & 1, got = match(m, s);
            CHECK_INT(got == 2, want);
            whole += want;
        }
        gram_match_free(m);
        grammar_free(g);
    }
    printf("# %d grammars, %d texts, %d of them whole\n", grammars, texts, whole);
    CHECK(whole > texts / 20 && whole < texts);
}

TEST(calls_deeper_than_the_limit_are_not_allowed) {
    struct grammar *g = parse("root ::= \"(\" root? \")\"");
    struct gram_match *m;
    int depth = 0;
    CHECK_INT(gram_match_new(&m, g), 0);
    while (gram_match_advance(m, (const uint8_t *)"(", 1) == 0) depth++;
    CHECK(depth > GRAM_DEPTH_MAX - 2 && depth <= GRAM_DEPTH_MAX + 1);
    for (int i = 0; i < depth; i++) CHECK_INT(gram_match_advance(m, (const uint8_t *)")", 1), 0);
    CHECK(m->state[m->root].accepts);
    gram_match_free(m);
    grammar_free(g);
}

TEST(ambiguity_ends_at_a_limit_and_not_in_a_hang) {
    /* after n letters some n*n/2 places are possible: the set outgrows a state, and the byte is dead */
    struct grammar *g = parse("root ::= x{1,2000}\nx ::= y{1,2000}\ny ::= z{1,2000}\nz ::= \"a\"");
    struct gram_match *m;
    int n = 0, r = 0;
    CHECK_INT(gram_match_new(&m, g), 0);
    while (n < 3000 && (r = gram_match_advance(m, (const uint8_t *)"a", 1)) == 0) n++;
    printf("# %d letters\n", n);
    CHECK(n > 0 && (n == 3000 || r == ERR_RANGE || r == ERR_LIMIT));
    gram_match_free(m);
    grammar_free(g);
    g = parse("root ::= x{0,2000}\nx ::= y{0,2000}\ny ::= \"a\"?"); /* already in front of the first letter */
    CHECK_INT(gram_match_new(&m, g), ERR_LIMIT);
    grammar_free(g);
}

TESTS_MAIN("grammar", T(hostile_grammars_are_refused_with_their_place), T(sizes_are_limited),
           T(a_grammar_cut_anywhere_is_parsed_or_refused), T(rules_in_any_order_are_checked), T(empty_alternatives_are_one),
           T(texts_match_or_not), T(classes_take_exactly_their_code_points),
           T(random_grammars_match_what_a_plain_recogniser_does), T(calls_deeper_than_the_limit_are_not_allowed),
           T(ambiguity_ends_at_a_limit_and_not_in_a_hang))
