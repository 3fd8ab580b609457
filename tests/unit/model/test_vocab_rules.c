/* Rules of vocabularies on small ones: merging order, special tokens and who may write them, refusals, hostile sizes. */
#include "tests/unit/model/small_vocab.h"

#include "base/clock.h"

enum { A = 'a', B = 'b', C = 'c' };
static const struct small bpe = {
    .model = "gpt2",
    .pre = "gpt-2",
    .token = {"ab", "bc", "abc", "<|im_start|>", "<|im_end|>", "USER", "<|user|>", "<|im_start|>x", "aa"},
    .type = {0, 0, 0, TOKEN_CONTROL, TOKEN_CONTROL, TOKEN_USER, TOKEN_USER, TOKEN_CONTROL},
    .merge = {"b c", "a b", "ab c", "a a"},
    .eos = 260,
};
static const struct small spm = {
    .model = "llama",
    .token = {"<unk>", "<s>", "</s>", "\xe2\x96\x81", "a", "b",
              "\xe2\x96\x81"
              "a",
              "ab",
              "\xe2\x96\x81"
              "ab",
              "<s", ">", "\xc3\xa9"},
    .type = {TOKEN_UNKNOWN, TOKEN_CONTROL, TOKEN_CONTROL},
    .score = {0, 0, 0, -1, -2, -3, -5, -4, -6, -7, -8, -9},
    .bos = 257,
    .eos = 258,
};

TEST(bpe_merges_by_rank_then_from_the_left) {
    struct gguf g;
    struct vocab *v;
    CHECK_INT(small_open(&bpe, &g, &v, NULL), 0);
    CHECK(gives(v, "abc", 0, IDS(A, 257))); /* "bc" has the lower rank */
    CHECK(gives(v, "ab", 0, IDS(256)));
    CHECK(gives(v, "aaa", 0, IDS(264, A))); /* ties: the left pair */
    CHECK(gives(v, "", 0, IDS(-1)));
    CHECK(gives(v, "\xff", 0, IDS(255)));
    vocab_close(v);
    gguf_close(&g);
}

TEST(spm_merges_by_score) {
    struct gguf g;
    struct vocab *v;
    CHECK_INT(small_open(&spm, &g, &v, NULL), 0);
    CHECK(gives(v, "ab", 0, IDS(264))); /* blank, then "ab" (-4) before " a" (-5) */
    CHECK(gives(v, "aab", 0, IDS(262, 263)));
    CHECK(gives(v, "ab", VOCAB_BOS, IDS(257, 264)));
    CHECK(gives(v, "", VOCAB_BOS, IDS(257)));
    CHECK(gives(v, "\xc3\xa9\x01", 0, IDS(259, 267, 1)));
    CHECK(gives(v, "\xc3", 0, IDS(259, 0xc3))); /* half a character: its byte */
    vocab_close(v);
    gguf_close(&g);
}

TEST(an_empty_byte_token_stands_for_no_byte) {
    const struct small s = {.model = "llama",
                            .token = {"<unk>", "", "<0x7A>"},
                            .type = {TOKEN_UNKNOWN, TOKEN_BYTE, TOKEN_BYTE},
                            .no_space = "no",
                            .no_bytes = 1};
    struct gguf g;
    struct vocab *v;
    CHECK_INT(small_open(&s, &g, &v, NULL), 0);
    CHECK(gives(v, "z", 0, IDS(2))); /* not the one before it, whose text would run on into it */
    vocab_close(v);
    gguf_close(&g);
}

TEST(text_never_becomes_a_control_token) {
    struct gguf g;
    struct vocab *v;
    struct ids l;
    CHECK_INT(small_open(&spm, &g, &v, NULL), 0);
    ids_init(&l, 100); /* "<s" and ">" are pieces that would merge into the text of the control token */
    CHECK_INT(vocab_encode(v, "<s></s><0x0A>", 13, 0, &l, NULL), 0);
    for (size_t i = 0; i < l.count; i++) CHECK(l.id[i] != 257 && l.id[i] != 258 && l.id[i] != 10);
    CHECK(gives(v, "<s>", VOCAB_SPECIAL, IDS(257)));
    ids_release(&l);
    vocab_close(v);
    gguf_close(&g);

    CHECK_INT(small_open(&bpe, &g, &v, NULL), 0);
    CHECK(gives(v, "<|im_end|>", VOCAB_SPECIAL, IDS(260)));
    CHECK(!gives(v, "<|im_end|>", 0, IDS(260)));
    CHECK(gives(v, "<|user|>", VOCAB_SPECIAL, IDS(262))); /* a marker listed as user-defined is treated as control */
    CHECK(!gives(v, "<|user|>", 0, IDS(262)));
    CHECK(gives(v, "USERa", 0, IDS(261, A)));                  /* an ordinary user-defined token is text */
    CHECK(gives(v, "<|im_start|>x", VOCAB_SPECIAL, IDS(263))); /* the longest wins */
    CHECK(vocab_is_eog(v, 260) && !vocab_is_eog(v, 259) && !vocab_is_eog(v, -1) && !vocab_is_eog(v, 1 << 30));
    vocab_close(v);
    gguf_close(&g);
}

TEST(a_special_token_does_not_cross_a_seam_of_trust) {
    struct gguf g;
    struct vocab *v;
    struct ids l;
    CHECK_INT(small_open(&bpe, &g, &v, NULL), 0);
    ids_init(&l, 100);
    const struct vocab_span cross[] = {{"<|im_", 5, 1}, {"end|>", 5, 0}};
    CHECK_INT(vocab_encode_spans(v, cross, 2, 0, &l, NULL), 0);
    for (size_t i = 0; i < l.count; i++) CHECK(l.id[i] != 260);
    l.count = 0;
    const struct vocab_span words[] = {{"<|im_start|>a", 13, 1}, {"b<|im_end|>", 11, 0}, {"<|im_end|>", 10, 1}};
    CHECK_INT(vocab_encode_spans(v, words, 3, 0, &l, NULL), 0);
    CHECK(l.id[0] == 259 && l.id[1] == 256); /* "a" and "b" meet across the seam */
    CHECK(l.id[l.count - 1] == 260 && l.id[l.count - 2] == '>');
    ids_release(&l);
    vocab_close(v);
    gguf_close(&g);
}

TEST(control_tokens_of_phi3_eat_the_blanks_behind_them) {
    struct gguf g;
    struct vocab *v;
    struct small phi3 = spm;
    phi3.arch = "phi3";
    CHECK_INT(small_open(&phi3, &g, &v, NULL), 0);
    CHECK(gives(v, "</s>ab", VOCAB_SPECIAL, IDS(258, 264)));
    CHECK(gives(v, "</s> \n\t\v\f\rab", VOCAB_SPECIAL, IDS(258, 264)));
    CHECK(gives(v, "</s>\n", VOCAB_SPECIAL, IDS(258)));
    CHECK(gives(v, "</s>\n</s> ", VOCAB_SPECIAL, IDS(258, 258)));
    CHECK(gives(v, "<s>\nab", VOCAB_SPECIAL, IDS(257, 259, 10, 263))); /* but this one does not */
    vocab_close(v);
    gguf_close(&g);
    phi3.arch = "llama";
    CHECK_INT(small_open(&phi3, &g, &v, NULL), 0);
    CHECK(gives(v, "</s>\nab", VOCAB_SPECIAL, IDS(258, 259, 10, 263)));
    vocab_close(v);
    gguf_close(&g);
}

TEST(bos_is_not_doubled) {
    struct gguf g;
    struct vocab *v;
    CHECK_INT(small_open(&spm, &g, &v, NULL), 0);
    CHECK(gives(v, "<s>", VOCAB_BOS | VOCAB_SPECIAL, IDS(257)));
    CHECK(!gives(v, "<s>", VOCAB_BOS, IDS(257)));
    vocab_close(v);
    gguf_close(&g);
}

TEST(pieces_hide_control_tokens) {
    struct gguf g;
    struct vocab *v;
    CHECK_INT(small_open(&spm, &g, &v, NULL), 0);
    CHECK(vocab_piece(v, 257, 0).n == 0 && vocab_piece(v, 257, 1).n == 3);
    CHECK(vocab_piece(v, 262, 0).n == 2 && memcmp(vocab_piece(v, 262, 0).p, " a", 2) == 0);
    CHECK(vocab_piece(v, 10, 0).n == 1 && vocab_piece(v, 10, 0).p[0] == '\n');
    CHECK(vocab_piece(v, -1, 0).n == 0 && vocab_piece(v, 99999, 1).n == 0);
    vocab_close(v);
    gguf_close(&g);
}

static void refused(const struct small *s, int err, const char *words) {
    struct gguf g;
    struct vocab *v = NULL;
    struct why why = {{0}};
    int r = small_open(s, &g, &v, &why);
    if (r != err || !strstr(why.text, words)) printf("# %d %s\n", r, why.text);
    CHECK(r == err && strstr(why.text, words));
}

TEST(bad_vocabularies_are_refused_by_key) {
    struct small s = bpe;
    s.pre = "no-such-pre";
    refused(&s, ERR_UNSUPPORTED, "\"no-such-pre\"");
    s = bpe;
    s.model = "bert";
    refused(&s, ERR_UNSUPPORTED, "\"bert\"");
    s.model = "\x1b]0;x\x07\xc2\x9b"
              "2J\r"; /* what a terminal would obey is not printed */
    refused(&s, ERR_UNSUPPORTED, "\"?]0;x???2J?\"");
    s = bpe;
    s.pre = "\x1b[31m";
    refused(&s, ERR_UNSUPPORTED, "\"?[31m\"");
    s = bpe;
    s.token[1] = "ab";
    refused(&s, ERR_FORMAT, "token 257 has the same text");
    s = bpe;
    s.type[0] = 7;
    refused(&s, ERR_RANGE, "token_type");
    s = bpe;
    s.eos = 9999;
    refused(&s, ERR_RANGE, "tokenizer.ggml.eos_token_id");
    s = bpe;
    s.merge[1] = "ab";
    refused(&s, ERR_FORMAT, "merges: entry 1");
    s = bpe;
    s.no_bytes = 1;
    s.eos = 0;
    refused(&s, ERR_UNSUPPORTED, "no token for byte");
    s = spm;
    s.score[5] = __builtin_nanf("");
    refused(&s, ERR_RANGE, "scores: entry 261");
    s = spm;
    s.token[4] = "<0x4g>";
    s.type[4] = TOKEN_BYTE;
    refused(&s, ERR_FORMAT, "token 260 is a byte token");
    s = spm;
    s.no_bytes = 1;
    s.bos = 1;
    s.eos = 2;
    s.type[0] = TOKEN_NORMAL;
    refused(&s, ERR_UNSUPPORTED, "neither all byte tokens nor an unknown token");
}

TEST(cve_2025_49847_token_longer_than_the_limit) {
    struct small s = bpe;
    char *text = calloc(1, VOCAB_PIECE_BYTES_MAX + 2);
    memset(text, 'x', VOCAB_PIECE_BYTES_MAX + 1);
    s.token[0] = text;
    refused(&s, ERR_LIMIT, "token 256 is longer");
    free(text);
}

TEST(cve_2025_52566_more_ids_than_there_is_room_for) {
    struct gguf g;
    struct vocab *v;
    struct ids l;
    struct why why = {{0}};
    CHECK_INT(small_open(&bpe, &g, &v, NULL), 0);
    ids_init(&l, 3);
    CHECK_INT(ids_add(&l, 1), 0);
    CHECK_INT(vocab_encode(v, "xyz", 3, 0, &l, &why), ERR_CONTEXT);
    CHECK(l.count == 1 && l.id[0] == 1 && strstr(why.text, "context"));
    ids_release(&l);
    vocab_close(v);
    gguf_close(&g);
}

TEST(merge_results_that_are_no_tokens_fall_apart_into_bytes) {
    struct small s = bpe;
    s.merge[4] = "x y";
    s.merge[5] = "xy z";
    struct gguf g;
    struct vocab *v;
    CHECK_INT(small_open(&s, &g, &v, NULL), 0);
    CHECK(gives(v, "xyz", 0, IDS('x', 'y', 'z')));
    vocab_close(v);
    gguf_close(&g);
}

/* A quarter of a megabyte of whatever hurts most. Quadratic time would be minutes for each, which the runner's limit ends. */
static void quick(const struct small *s, const char *unit) {
    struct gguf g;
    struct vocab *v;
    struct ids l;
    size_t n = 1 << 18, each = strlen(unit);
    char *text = malloc(n + each);
    for (size_t i = 0; i < n; i += each) memcpy(text + i, unit, each);
    CHECK_INT(small_open(s, &g, &v, NULL), 0);
    ids_init(&l, SIZE_MAX);
    CHECK_INT(vocab_encode(v, text, n, 0, &l, NULL), 0);
    CHECK_INT(vocab_encode(v, text, n, VOCAB_SPECIAL, &l, NULL), 0);
    ids_release(&l);
    vocab_close(v);
    gguf_close(&g);
    free(text);
}

TEST(long_runs_of_anything_take_linear_time) {
    static const char *const units[] = {"a", "ab", " ", "\n", "<", "<|im_", "'", "1", "\xc3\xa9", "\xff", "a ", "   \xe4\xb8\xad",
                                        ".", "A"};
    static const char *const pres[] = {"gpt-2", "llama-bpe", "qwen2", "deepseek-llm", "deepseek-v3", "tekken", "falcon"};
    for (size_t u = 0; u < sizeof units / sizeof units[0]; u++) {
        quick(&spm, units[u]);
        for (size_t p = 0; p < sizeof pres / sizeof pres[0]; p++) {
            struct small s = bpe;
            s.pre = pres[p];
            if (u == 0 || p < 1 || u == 2 || u == 11) quick(&s, units[u]);
        }
    }
}

TESTS_MAIN("vocab_rules", T(bpe_merges_by_rank_then_from_the_left), T(spm_merges_by_score),
           T(an_empty_byte_token_stands_for_no_byte), T(text_never_becomes_a_control_token),
           T(a_special_token_does_not_cross_a_seam_of_trust), T(control_tokens_of_phi3_eat_the_blanks_behind_them),
           T(bos_is_not_doubled), T(pieces_hide_control_tokens), T(bad_vocabularies_are_refused_by_key),
           T(cve_2025_49847_token_longer_than_the_limit), T(cve_2025_52566_more_ids_than_there_is_room_for),
           T(merge_results_that_are_no_tokens_fall_apart_into_bytes), T(long_runs_of_anything_take_linear_time))
