/* Fuzz: a GGUF file from a stranger, everything that reads one: container, getters, vocabulary, template. */
#include "tests/fuzz/fuzz.h"

#include "model/gguf.h"
#include "model/template.h"
#include "model/vocab.h"

static void read_keys(const struct gguf *g) {
    for (size_t i = 0; i < g->kv_count; i++) {
        char key[GGUF_KEY_BYTES_MAX + 1];
        uint32_t u;
        float f;
        int b;
        struct gguf_str s;
        size_t cursor = 0;
        memcpy(key, g->kv[i].key.p, g->kv[i].key.n);
        key[g->kv[i].key.n] = 0;
        CHECK(gguf_find(g, key) == &g->kv[i]);
        (void)gguf_u32(g, key, 0, 100, &u, NULL);
        (void)gguf_f32(g, key, -1, 1, &f, NULL);
        (void)gguf_bool(g, key, &b, NULL);
        (void)gguf_text(g, key, &s, NULL);
        uint64_t count = 0;
        if (g->kv[i].type == GGUF_ARRAY && g->kv[i].elem == GGUF_STRING) {
            while (gguf_next_str(&g->kv[i], &cursor, &s)) count++;
            CHECK(count == g->kv[i].count);
        }
    }
}

static void read_tensors(const struct gguf *g) {
    const uint8_t *free_from = g->file;
    for (size_t i = 0; i < g->tensor_count; i++) {
        const struct gguf_tensor *t = &g->tensor[i];
        CHECK(gguf_tensor(g, t->name) == t);
        CHECK(t->data >= free_from && t->bytes <= (size_t)(g->file + g->size - t->data));
        free_from = t->data + t->bytes;
    }
}

static void use_vocab(const struct gguf *g) {
    static const char text[] = "Hi <|im_end|> it's\n 42 \xc3\xa9\xff\xe4\xb8\xad";
    struct vocab *v = NULL;
    if (vocab_open(&v, g, NULL) != 0) return;
    struct ids l;
    ids_init(&l, 4096);
    if (vocab_encode(v, text, sizeof text - 1, VOCAB_BOS, &l, NULL) == 0)
        for (size_t i = 0; i < l.count; i++)
            CHECK((uint32_t)l.id[i] < vocab_size(v) && vocab_piece(v, l.id[i], 1).n <= vocab_piece_max(v));
    struct chat_template t;
    struct gen_message m = {ROLE_USER, {text, sizeof text - 1}};
    template_detect(&t, g, v);
    (void)template_render(&t, v, &m, 1, 0, &l, NULL);
    ids_release(&l);
    vocab_close(v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct gguf g;
    struct why why = {{0}};
    int r = gguf_parse(&g, data, n, &why);
    CHECK(r == 0 || why.text[0] || r == ERR_NOMEM);
    if (r != 0) return 0;
    read_keys(&g);
    read_tensors(&g);
    use_vocab(&g);
    gguf_close(&g);
    return 0;
}
