/* Fuzz: any bytes through every pre-tokenizer and SentencePiece, and back. The first byte chooses the family, the second how
 * the rest is cut into trusted and other stretches. No id of a control token may come from untrusted text, and the pieces
 * must spell the text; streaming must give the same text as the pieces, whatever the stop strings. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/model/fuzz_vocab.h"

#include "base/utf8.h"
#include "model/textout.h"

static const char *const pres[] = {NULL,      "llama-bpe",   "qwen2",          "qwen35",       "gpt-2",  "starcoder", "falcon",
                                   "default", "deepseek-v3", "deepseek-coder", "deepseek-llm", "tekken", "gpt-4o"};
enum { PRES = sizeof pres / sizeof pres[0] };

static void spells(const struct vocab *v, const struct ids *l, const uint8_t *text, size_t n) {
    size_t at = 0, blank = vocab_adds_space(v) && n;
    for (size_t i = 0; i < l->count; i++) {
        struct gguf_str p = vocab_piece(v, l->id[i], 0);
        CHECK(vocab_type(v, l->id[i]) != TOKEN_CONTROL);
        for (size_t k = 0; k < p.n; k++, at++) {
            if (blank && at == 0)
                CHECK(p.p[k] == ' ');
            else
                CHECK(at - blank < n && (uint8_t)p.p[k] == text[at - blank]);
        }
    }
    CHECK(at == n + blank);
}

/* The bytes that streaming releases are UTF-8, and without stop strings as long as the text demands. */
static void streams(const struct vocab *v, const struct ids *l, const uint8_t *text, size_t n) {
    struct gen_text stop = {(const char *)text + n / 2, n / 2 < n && utf8_valid(text + n / 2, n - n / 2 < 4 ? n - n / 2 : 4)
                                                            ? (n - n / 2 < 4 ? n - n / 2 : 4)
                                                            : 0};
    struct textout_opts o = {.stop = &stop, .stop_count = 1, .at_start = 1};
    struct textout t;
    const uint8_t *out;
    size_t len, total = 0;
    int stopped = 0;
    CHECK(textout_init(&t, v, &o, NULL) == 0);
    for (size_t i = 0; i < l->count; i++) {
        stopped = textout_feed(&t, l->id[i], &out, &len) == TEXTOUT_STOPPED;
        CHECK(utf8_valid(out, len));
        total += len;
    }
    textout_end(&t, &out, &len);
    CHECK(utf8_valid(out, len));
    total += len;
    if (!stopped && utf8_valid(text, n)) CHECK(total == n);
    textout_release(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static struct vocab *vocabs[PRES];
    if (n < 2) return 0;
    size_t k = data[0] % PRES, cut = data[1];
    if (!vocabs[k]) vocabs[k] = fuzz_vocab(pres[k]);
    const struct vocab *v = vocabs[k];
    const uint8_t *text = data + 2;
    n -= 2;
    struct ids l;
    ids_init(&l, 2 * n + 16);
    CHECK(vocab_encode(v, (const char *)text, n, 0, &l, NULL) == 0);
    spells(v, &l, text, n);
    streams(v, &l, text, n);
    l.count = 0;
    if (cut > n) cut = n;
    const struct vocab_span spans[] = {{(const char *)text, cut, 1}, {(const char *)text + cut, n - cut, 0}};
    CHECK(vocab_encode_spans(v, spans, 2, VOCAB_BOS, &l, NULL) == 0);
    ids_release(&l);
    return 0;
}
