/* Streaming text: whole characters, replacement, stop strings across tokens, and the same text however it is cut. */
#include "tests/unit/model/small_vocab.h"

#include "base/utf8.h"
#include "model/textout.h"

static const struct small bpe = {
    .model = "gpt2",
    .pre = "gpt-2",
    .token = {"<|im_end|>", "stop", "hello"},
    .type = {TOKEN_CONTROL},
    .eos = 256,
};
static const struct small spm = {
    .model = "llama",
    .token = {"<unk>", "<s>", "</s>", "\xe2\x96\x81hi", "\xe2\x96\x81", "x"},
    .type = {TOKEN_UNKNOWN, TOKEN_CONTROL, TOKEN_CONTROL},
};

struct fixture {
    struct gguf g;
    struct vocab *v;
    struct textout t;
};

static void open_bpe(struct fixture *f) { CHECK_INT(small_open(&bpe, &f->g, &f->v, NULL), 0); }

static void close_all(struct fixture *f) {
    vocab_close(f->v);
    gguf_close(&f->g);
}

/* Feeds ids up to -1 and gathers all text; returns 1 if a stop string ended it. */
static int collect(struct fixture *f, const char *const *stops, const int32_t *ids, int at_start, char *out) {
    struct gen_text stop[GEN_STOPS_MAX];
    struct textout_opts o = {.stop = stop, .at_start = at_start};
    for (; stops && stops[o.stop_count]; o.stop_count++)
        stop[o.stop_count] = (struct gen_text){stops[o.stop_count], strlen(stops[o.stop_count])};
    const uint8_t *text;
    size_t n, len = 0;
    int stopped = 0;
    CHECK_INT(textout_init(&f->t, f->v, &o, NULL), 0);
    for (; *ids >= 0; ids++) {
        stopped = textout_feed(&f->t, *ids, &text, &n);
        CHECK(utf8_valid(text, n));
        memcpy(out + len, text, n);
        len += n;
    }
    textout_end(&f->t, &text, &n);
    memcpy(out + len, text, n);
    out[len + n] = 0;
    textout_release(&f->t);
    return stopped;
}

TEST(characters_wait_until_they_are_whole) {
    struct fixture f;
    struct textout_opts o = {0};
    const uint8_t *text;
    size_t n;
    open_bpe(&f);
    CHECK_INT(textout_init(&f.t, f.v, &o, NULL), 0);
    const int32_t euro[] = {0xe2, 0x82, 0xac};
    for (int i = 0; i < 3; i++) {
        textout_feed(&f.t, euro[i], &text, &n);
        CHECK(n == (i < 2 ? 0u : 3u));
    }
    CHECK_MEM(text, "\xe2\x82\xac", 3);
    textout_release(&f.t);
    close_all(&f);
}

TEST(invalid_sequences_become_one_replacement_per_part) {
    struct fixture f;
    char out[100];
    open_bpe(&f);
    collect(&f, NULL, IDS(0xe2, 0x82, 'a'), 0, out);
    CHECK_STR(out, "\xef\xbf\xbd"
                   "a");
    collect(&f, NULL, IDS(0xff, 0xc0, 'a', 0xf0, 0x9f), 0, out); /* the last part is cut off by the end */
    CHECK_STR(out, "\xef\xbf\xbd\xef\xbf\xbd"
                   "a"
                   "\xef\xbf\xbd");
    collect(&f, NULL, IDS(0xe2, 0xe2, 0x82, 0xac), 0, out);
    CHECK_STR(out, "\xef\xbf\xbd\xe2\x82\xac");
    collect(&f, NULL, IDS(0xed, 0xa0, 0x80), 0, out); /* a surrogate: three parts */
    CHECK_STR(out, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    close_all(&f);
}

TEST(stop_strings_are_found_across_tokens) {
    struct fixture f;
    char out[100];
    static const char *const stops[] = {"stop!", "zz", NULL};
    open_bpe(&f);
    CHECK(collect(&f, stops, IDS('a', 257, '!', 'b'), 0, out));
    CHECK_STR(out, "a");
    CHECK(!collect(&f, stops, IDS('a', 257, 'x', 'z'), 0, out));
    CHECK_STR(out, "astopxz");
    CHECK(!collect(&f, stops, IDS('s', 't', 'o', 'p'), 0, out)); /* held back, then released at the end */
    CHECK_STR(out, "stop");
    close_all(&f);
}

TEST(of_several_stop_strings_the_first_to_end_wins) {
    struct fixture f;
    char out[100];
    static const char *const stops[] = {"abcd", "bc", "c", "", NULL};
    open_bpe(&f);
    CHECK(collect(&f, stops, IDS('x', 'a', 'b', 'c', 'd'), 0, out));
    CHECK_STR(out, "xa"); /* "bc" and "c" end together: the longer one cuts */
    static const char *const again[] = {"aab", NULL};
    CHECK(collect(&f, again, IDS('a', 'a', 'a', 'b'), 0, out));
    CHECK_STR(out, "a");
    close_all(&f);
}

TEST(only_what_could_become_a_stop_string_is_held_back) {
    struct fixture f;
    struct gen_text stop = {"\n\nUser:", 7};
    struct textout_opts o = {.stop = &stop, .stop_count = 1};
    const uint8_t *text;
    size_t n;
    open_bpe(&f);
    CHECK_INT(textout_init(&f.t, f.v, &o, NULL), 0);
    textout_feed(&f.t, 'h', &text, &n);
    CHECK_INT(n, 1);
    textout_feed(&f.t, '\n', &text, &n);
    CHECK_INT(n, 0);
    textout_feed(&f.t, '\n', &text, &n);
    CHECK_INT(n, 0);
    textout_feed(&f.t, '\n', &text, &n); /* the first newline is free now */
    CHECK(n == 1 && text[0] == '\n');
    textout_feed(&f.t, 'x', &text, &n);
    CHECK(n == 3 && memcmp(text, "\n\nx", 3) == 0);
    textout_release(&f.t);
    close_all(&f);
}

TEST(nothing_follows_a_stop_string) {
    struct fixture f;
    struct gen_text stop = {"x", 1};
    struct textout_opts o = {.stop = &stop, .stop_count = 1};
    const uint8_t *text;
    size_t n;
    open_bpe(&f);
    CHECK_INT(textout_init(&f.t, f.v, &o, NULL), 0);
    CHECK_INT(textout_feed(&f.t, 'x', &text, &n), TEXTOUT_STOPPED);
    CHECK_INT(textout_feed(&f.t, 'y', &text, &n), TEXTOUT_STOPPED);
    CHECK_INT(n, 0);
    textout_end(&f.t, &text, &n);
    CHECK_INT(n, 0);
    textout_release(&f.t);
    close_all(&f);
}

TEST(the_blank_of_sentencepiece_goes_only_at_the_start) {
    struct fixture f;
    char out[100];
    CHECK_INT(small_open(&spm, &f.g, &f.v, NULL), 0);
    collect(&f, NULL, IDS(259, 259), 1, out);
    CHECK_STR(out, "hi hi");
    collect(&f, NULL, IDS(259, 259), 0, out);
    CHECK_STR(out, " hi hi");
    collect(&f, NULL, IDS(257, 260, 260, 261), 1, out);
    CHECK_STR(out, " x");
    collect(&f, NULL, IDS(' ', 'x'), 1, out); /* a byte token's blank counts as one */
    CHECK_STR(out, "x");
    close_all(&f);
}

TEST(a_successor_that_feeds_the_same_ids_goes_on_with_the_same_text) {
    struct fixture f;
    struct gen_text stop = {"abab!", 5};
    struct textout_opts o = {.stop = &stop, .stop_count = 1};
    const int32_t ids[] = {'a', 0xe2, 0x82, 0xac, 'a', 'b', 'a', 'b', 'a', 0xf0, 0x9f, 'a', 'b', 'a', 'b', '!', 'q'};
    enum { N = sizeof ids / sizeof ids[0] };
    const uint8_t *text;
    size_t n, whole_len = 0, at[N + 1] = {0};
    uint8_t whole[200];
    open_bpe(&f);
    CHECK_INT(textout_init(&f.t, f.v, &o, NULL), 0);
    for (size_t i = 0; i < N; i++) {
        textout_feed(&f.t, ids[i], &text, &n);
        memcpy(whole + whole_len, text, n);
        at[i + 1] = whole_len += n;
    }
    textout_release(&f.t);
    for (size_t cut = 0; cut <= N; cut++) {
        uint8_t rest[200];
        size_t len = 0;
        CHECK_INT(textout_init(&f.t, f.v, &o, NULL), 0);
        for (size_t i = 0; i < N; i++) {
            textout_feed(&f.t, ids[i], &text, &n);
            if (i < cut) continue;
            memcpy(rest + len, text, n);
            len += n;
        }
        textout_release(&f.t);
        CHECK(len == whole_len - at[cut]);
        CHECK_MEM(rest, whole + at[cut], len);
    }
    close_all(&f);
}

TEST(bad_stop_strings_are_refused) {
    struct fixture f;
    struct gen_text stops[17] = {{"\xff", 1}};
    char longer[GEN_STOP_BYTES_MAX + 1];
    struct textout_opts o = {.stop = stops, .stop_count = 1};
    open_bpe(&f);
    CHECK_INT(textout_init(&f.t, f.v, &o, NULL), ERR_FORMAT);
    o.stop_count = 17;
    CHECK_INT(textout_init(&f.t, f.v, &o, NULL), ERR_LIMIT);
    memset(longer, 'a', sizeof longer);
    stops[0] = (struct gen_text){longer, sizeof longer};
    o.stop_count = 1;
    CHECK_INT(textout_init(&f.t, f.v, &o, NULL), ERR_LIMIT);
    stops[0].n--;
    CHECK_INT(textout_init(&f.t, f.v, &o, NULL), 0);
    textout_release(&f.t);
    close_all(&f);
}

TEST(control_tokens_show_only_when_asked) {
    struct fixture f;
    struct textout_opts o = {.specials = 1};
    const uint8_t *text;
    size_t n;
    char out[100];
    open_bpe(&f);
    collect(&f, NULL, IDS('a', 256, 'b'), 0, out);
    CHECK_STR(out, "ab");
    CHECK_INT(textout_init(&f.t, f.v, &o, NULL), 0);
    textout_feed(&f.t, 256, &text, &n);
    CHECK(n == 10 && memcmp(text, "<|im_end|>", 10) == 0);
    textout_release(&f.t);
    close_all(&f);
}

TESTS_MAIN("textout", T(characters_wait_until_they_are_whole), T(invalid_sequences_become_one_replacement_per_part),
           T(stop_strings_are_found_across_tokens), T(of_several_stop_strings_the_first_to_end_wins),
           T(only_what_could_become_a_stop_string_is_held_back), T(nothing_follows_a_stop_string),
           T(the_blank_of_sentencepiece_goes_only_at_the_start),
           T(a_successor_that_feeds_the_same_ids_goes_on_with_the_same_text), T(bad_stop_strings_are_refused),
           T(control_tokens_show_only_when_asked))
