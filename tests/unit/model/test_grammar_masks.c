/* tests/unit/model/test_grammar_masks.c - which tokens a grammar allows: masks against every token tried one by one, where an
 * answer may end, and tables that fill up. */
#include "tests/unit/model/grammar_util.h"
#include "tests/unit/model/small_vocab.h"

#include "model/grammar_run.h"

static const struct small spm = {.model = "llama",
                                 .token = {"<s>", "</s>", "a", "b", "ab",
                                           "\xe2\x96\x81"
                                           "a",
                                           "\xe2\x96\x81", "\xc3\xa9", "aa", "ba", "\xe2\x82\xac", "abab",
                                           "\xc3\xa9"
                                           "b",
                                           "<tool>",
                                           "\xe2\x96\x81\xe2\x96\x81"
                                           "b"},
                                 .type = {TOKEN_CONTROL, TOKEN_CONTROL, [13] = TOKEN_CONTROL},
                                 .bos = 256,
                                 .eos = 257};
static const struct small bpe = {.model = "gpt2",
                                 .pre = "gpt-2",
                                 .token = {"<s>", "</s>", "ab", "abb", "ba"},
                                 .type = {TOKEN_CONTROL, TOKEN_CONTROL},
                                 .merge = {"a b", "ab b", "b a"},
                                 .bos = 256,
                                 .eos = 257};

struct setting {
    struct gguf file;
    struct vocab *v;
    struct gram_trie *trie;
};
static void set_up(struct setting *s, const struct small *from) {
    CHECK_INT(small_open(from, &s->file, &s->v, NULL), 0);
    CHECK_INT(gram_trie_new(&s->trie, s->v), 0);
}
static void tear_down(struct setting *s) {
    gram_trie_free(s->trie);
    vocab_close(s->v);
    gguf_close(&s->file);
}
static int allowed(const uint32_t *bits, int32_t id) { return bits[id / 32] >> id % 32 & 1; }

/* Every token after the text so far, one by one. blank: the text begins here and a blank in front does not count. */
static void compare_mask(const struct setting *s, struct gram_match *m, const uint32_t *bits, const char *text, int blank) {
    int here = match(m, text);
    char longer[256];
    size_t n = strlen(text);
    memcpy(longer, text, n);
    for (int32_t id = 0; id < (int32_t)vocab_size(s->v); id++) {
        struct gguf_str p = vocab_piece(s->v, id, 0);
        size_t skip = blank && p.n && p.p[0] == ' ';
        for (size_t i = skip; i < p.n; i++) longer[n + i - skip] = p.p[i];
        int want = vocab_is_eog(s->v, id) ? here == 2 : p.n > 0 && match_bytes(m, longer, n + p.n - skip) > 0;
        CHECK_INT(allowed(bits, id), want);
    }
}

static int walk(const struct setting *s, struct grammar *g, int *compared) {
    struct gram_run *r;
    struct gram_match *m;
    char text[256] = "";
    int steps = 0;
    CHECK_INT(gram_match_new(&m, g), 0);
    CHECK_INT(gram_run_new(&r, g, s->trie, s->v, 1), 0);
    for (; steps < 12; steps++) {
        const uint32_t *bits;
        CHECK_INT(gram_run_mask(r, &bits), 0);
        compare_mask(s, m, bits, text, steps == 0 && vocab_adds_space(s->v));
        (*compared)++;
        int32_t id = 0, count = 0;
        for (int32_t i = 1; i < (int32_t)vocab_size(s->v); i++) { /* one of them, longer ones rather */
            struct gguf_str p = vocab_piece(s->v, i, 0);
            if (allowed(bits, i) && !vocab_is_eog(s->v, i) && (p.n > 1 || p.p[0] == 'a' || p.p[0] == 'b') &&
                rnd((uint32_t)++count) == 0)
                id = i;
        }
        if (!count) break;
        struct gguf_str p = vocab_piece(s->v, id, 0);
        size_t skip = steps == 0 && vocab_adds_space(s->v) && p.p[0] == ' ';
        strncat(text, p.p + skip, p.n - skip);
        gram_run_accept(r, id);
        CHECK_INT(r->err, 0);
    }
    gram_match_free(m);
    gram_run_free(r);
    return steps;
}

TEST(masks_are_those_of_trying_every_token) {
    const struct small *both[] = {&spm, &bpe};
    int compared = 0, steps = 0;
    for (size_t k = 0; k < 2; k++) {
        struct setting s;
        set_up(&s, both[k]);
        seed = 77;
        for (int grammars = 0; grammars < 60;) {
            struct grammar *g = make_grammar();
            if (!g) continue;
            grammars++;
            steps += walk(&s, g, &compared);
        }
        tear_down(&s);
    }
    printf("# %d masks compared, %d tokens taken\n", compared, steps);
    CHECK(steps > 300);
}

TEST(an_answer_may_end_where_the_grammar_may) {
    struct setting s;
    struct gram_run *r;
    const uint32_t *bits;
    set_up(&s, &spm);
    CHECK_INT(gram_run_new(&r, parse("root ::= \"ab\" \"a\"?"), s.trie, s.v, 0), 0);
    CHECK(gram_run_mask(r, &bits) == 0 && !allowed(bits, 257) && allowed(bits, 260) && !gram_run_may_end(r));
    gram_run_accept(r, 260); /* ab */
    CHECK(gram_run_mask(r, &bits) == 0 && allowed(bits, 257) && allowed(bits, 258) && !allowed(bits, 259));
    CHECK(!allowed(bits, 256) && !allowed(bits, 269)); /* control tokens that end nothing have no text */
    gram_run_accept(r, 258);                           /* a */
    CHECK(gram_run_mask(r, &bits) == 0 && allowed(bits, 257) && !allowed(bits, 258));
    gram_run_accept(r, 259); /* b is forbidden: the answer has failed, and stays so */
    CHECK_INT(r->err, ERR_RANGE);
    CHECK_INT(gram_run_mask(r, &bits), ERR_RANGE);
    gram_run_free(r);
    tear_down(&s);
}

TEST(a_vocabulary_that_cannot_go_on_is_an_error) {
    static const struct small few = {
        .model = "llama", .token = {"<unk>", "</s>", "a", "ab"}, .type = {TOKEN_UNKNOWN, TOKEN_CONTROL}, .no_bytes = 1, .eos = 1};
    struct setting s;
    struct gram_run *r;
    const uint32_t *bits;
    set_up(&s, &few);
    CHECK_INT(gram_run_new(&r, parse("root ::= \"a\" \"c\""), s.trie, s.v, 0), 0);
    CHECK(gram_run_mask(r, &bits) == 0 && allowed(bits, 2) && !allowed(bits, 3) && !allowed(bits, 0));
    gram_run_accept(r, 2);
    CHECK_INT(gram_run_mask(r, &bits), ERR_UNSUPPORTED);
    gram_run_free(r);
    tear_down(&s);
}

/* States without end: the tables are emptied on the way, and nothing but time may show it. */
TEST(full_tables_change_nothing) {
    struct setting s;
    struct gram_run *asked, *told;
    const uint32_t *bits, *other;
    set_up(&s, &bpe);
    CHECK_INT(gram_run_new(&asked, parse("root ::= ([ab] | \"\xc3\xa9\"){9000}"), s.trie, s.v, 0), 0);
    CHECK_INT(gram_run_new(&told, parse("root ::= ([ab] | \"\xc3\xa9\"){9000}"), s.trie, s.v, 0), 0);
    for (int i = 0; i < 9000; i++) {
        int32_t id = i % 3 ? vocab_find(s.v, "a", 1) : vocab_find(s.v, "b", 1);
        CHECK_INT(gram_run_mask(asked, &bits), 0);
        CHECK(allowed(bits, id) && allowed(bits, vocab_find(s.v, "ab", 2)) == (i < 8999) && !allowed(bits, 257));
        gram_run_accept(asked, id);
        gram_run_accept(told, id);
        if (i % 500) continue;
        CHECK(gram_run_mask(told, &other) == 0 && gram_run_mask(asked, &bits) == 0);
        CHECK_MEM(bits, other, (vocab_size(s.v) + 31) / 32 * 4);
    }
    CHECK(asked->m->emptied > 0 && gram_run_may_end(asked) && gram_run_may_end(told));
    gram_run_free(asked);
    gram_run_free(told);
    tear_down(&s);
}

/* The same grammars with little room: masks are the same as long as none fails, and none fails for another reason. */
TEST(little_room_changes_nothing_but_where_it_fails) {
    static const struct gram_room little = {32, 64, 1100, 400};
    struct setting s;
    int same = 0, failed = 0, emptied = 0;
    set_up(&s, &bpe);
    seed = 5;
    for (int grammars = 0; grammars < 200;) {
        struct gram_run *full, *small;
        const uint32_t *bits, *other;
        uint64_t state = seed;
        struct grammar *g = make_grammar(), *again;
        if (!g) continue;
        grammars++;
        seed = state;
        again = make_grammar();
        CHECK(again != NULL && gram_run_new(&full, g, s.trie, s.v, 0) == 0);
        int r = gram_run_new_in(&small, again, s.trie, s.v, 0, &little);
        CHECK(r == 0 || r == ERR_LIMIT);
        for (int steps = 0; steps < 12 && r == 0; steps++) {
            CHECK_INT(gram_run_mask(full, &bits), 0);
            r = gram_run_mask(small, &other);
            CHECK(r == 0 || r == ERR_LIMIT);
            if (r != 0) break;
            CHECK_MEM(bits, other, (vocab_size(s.v) + 31) / 32 * 4);
            same++;
            int32_t id = 0, count = 0;
            for (int32_t i = 1; i < (int32_t)vocab_size(s.v); i++)
                if (allowed(bits, i) && !vocab_is_eog(s.v, i) && rnd((uint32_t)++count) == 0) id = i;
            if (!count) break;
            gram_run_accept(full, id);
            gram_run_accept(small, id);
            CHECK(full->err == 0 && (small->err == 0 || small->err == ERR_LIMIT));
        }
        failed += r != 0;
        emptied += small && small->m->emptied;
        gram_run_free(full);
        gram_run_free(small);
    }
    printf("# %d masks the same, %d runs at their limit, %d emptied\n", same, failed, emptied);
    CHECK(same > 300 && failed > 0 && emptied > 10);
    tear_down(&s);
}

TESTS_MAIN("grammar_masks", T(masks_are_those_of_trying_every_token), T(an_answer_may_end_where_the_grammar_may),
           T(a_vocabulary_that_cannot_go_on_is_an_error), T(full_tables_change_nothing),
           T(little_room_changes_nothing_but_where_it_fails))
