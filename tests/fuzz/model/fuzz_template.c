/* Fuzz: template texts to detect, and conversations in every format. Bytes: format, vocabulary, then messages of
 * {role, length, bytes}; the same bytes serve as a template's text. The number of control tokens depends on the roles alone. */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/model/fuzz_vocab.h"

#include "model/template.h"

enum { MESSAGES = 12 };

static struct vocab *vocabs[2];

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    vocabs[0] = fuzz_vocab(NULL);
    vocabs[1] = fuzz_vocab("llama-bpe");
    return 0;
}

static size_t controls(const struct vocab *v, const struct ids *l) {
    size_t count = 0;
    for (size_t i = 0; i < l->count; i++) count += vocab_type(v, l->id[i]) == TOKEN_CONTROL;
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    if (n < 2) return 0;
    const struct vocab *v = vocabs[data[1] & 1];
    struct chat_template t;
    template_detect_text(&t, (const char *)data, n, v);
    CHECK(template_name(t.format)[0] != 0);
    t.format = (enum template_format)(data[0] % (TEMPLATE_ZEPHYR + 1));
    t.runs = 0; /* the writers; fuzz_jinja runs templates */
    struct gen_message m[MESSAGES], plain[MESSAGES];
    size_t count = 0;
    for (size_t at = 2; at + 2 <= n && count < MESSAGES; count++) {
        size_t len = data[at + 1] < n - at - 2 ? data[at + 1] : n - at - 2;
        m[count] = (struct gen_message){(enum gen_role)(data[at] % 4), {(const char *)data + at + 2, len}};
        plain[count] = (struct gen_message){m[count].role, {"x", 1}};
        at += 2 + len;
    }
    struct ids hostile, harmless;
    struct why why = {{0}};
    ids_init(&hostile, 1 << 16);
    ids_init(&harmless, 1 << 16);
    int r = template_render(&t, v, m, count, data[1], &hostile, &why),
        p = template_render(&t, v, plain, count, data[1], &harmless, NULL);
    CHECK(r == p && (r == 0 || why.text[0]));
    CHECK(controls(v, &hostile) == controls(v, &harmless));
    ids_release(&hostile);
    ids_release(&harmless);
    return 0;
}
