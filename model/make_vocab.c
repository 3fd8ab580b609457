/* model/make_vocab.c - made-up vocabularies that real loaders accept: bytes, then syllables counted through the alphabet, then
 * the family's special tokens at their usual places. */
#include "model/make_parts.h"
#include "base/mem.h"
#include "model/byte_level.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 40 };
struct words {
    struct gguf_str *text, *merge;
    float *score;
    int32_t *type;
    char (*bytes)[TEXT_BYTES], (*merge_bytes)[TEXT_BYTES];
    uint32_t count, merges;
};

static void words_release(struct words *w) {
    free(w->text);
    free(w->merge);
    free(w->score);
    free(w->type);
    free(w->bytes);
    free(w->merge_bytes);
}

static int words_init(struct words *w, uint32_t count) {
    *w = (struct words){.text = mem_zalloc(count, sizeof *w->text), .merge = mem_zalloc(count, sizeof *w->merge)};
    w->score = mem_zalloc(count, sizeof *w->score);
    w->type = mem_zalloc(count, sizeof *w->type);
    w->bytes = mem_zalloc(count, sizeof *w->bytes);
    w->merge_bytes = mem_zalloc(count, sizeof *w->merge_bytes);
    return w->text && w->merge && w->score && w->type && w->bytes && w->merge_bytes ? 0 : ERR_NOMEM;
}

static void add(struct words *w, const char *text, size_t n, int32_t type) {
    uint32_t i = w->count++;
    memcpy(w->bytes[i], text, n);
    w->text[i] = (struct gguf_str){w->bytes[i], n};
    w->score[i] = -(float)i;
    w->type[i] = type;
}

static void add_text(struct words *w, const char *text, int32_t type) { add(w, text, strlen(text), type); }

/* The number-th of all words over a..z, shortest first: a, b, .. z, aa, ab, .. */
static size_t word_of(uint32_t number, char out[8]) {
    size_t n = 1;
    uint32_t many = 26;
    for (; number >= many; many *= 26, n++) number -= many;
    for (size_t i = n; i-- > 0; number /= 26) out[i] = (char)('a' + number % 26);
    return n;
}

static void spm_words(struct words *w, uint32_t count) {
    char text[TEXT_BYTES];
    add_text(w, "<unk>", 2);
    add_text(w, "<s>", 3);
    add_text(w, "</s>", 3);
    for (int b = 0; b < 256; b++) {
        snprintf(text, sizeof text, "<0x%02X>", (unsigned)b);
        add_text(w, text, 6);
    }
    add_text(w, "\xe2\x96\x81", 1);
    for (uint32_t i = 0; w->count < count; i++) { /* each word bare, then with a blank in front */
        memcpy(text, "\xe2\x96\x81", 3);
        size_t n = word_of(i / 2, text + 3);
        add(w, i % 2 ? text : text + 3, i % 2 ? n + 3 : n, 1);
    }
}

/* Each word is made of two shorter ones, halves as even as they go; the shorter ones came before it. */
static void bpe_words(struct words *w, uint32_t count) {
    for (unsigned b = 0; b < 256; b++) {
        uint8_t byte = (uint8_t)b;
        char text[2];
        add(w, text, byte_level_encode(&byte, 1, text), 1);
    }
    for (uint32_t i = 26; w->count < count; i++) {
        char text[8], pair[9];
        size_t n = word_of(i, text), left = (n + 1) / 2;
        add(w, text, n, 1);
        memcpy(pair, text, left);
        pair[left] = ' ';
        memcpy(pair + left + 1, text + left, n - left);
        memcpy(w->merge_bytes[w->merges], pair, n + 1);
        w->merge[w->merges] = (struct gguf_str){w->merge_bytes[w->merges], n + 1};
        w->merges++;
    }
}

static void fill_up(struct words *w, uint32_t count, const char *format_name, int32_t type) {
    char text[TEXT_BYTES];
    while (w->count < count) {
        snprintf(text, sizeof text, "<|%s_%u|>", format_name, w->count);
        add_text(w, text, type);
    }
}

static void llama3_specials(struct words *w, uint32_t count) {
    static const char *const names[] = {"<|begin_of_text|>",   "<|end_of_text|>",   NULL,         NULL,        NULL, NULL,
                                        "<|start_header_id|>", "<|end_header_id|>", "<|eom_id|>", "<|eot_id|>"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i])
            add_text(w, names[i], 3);
        else
            fill_up(w, w->count + 1, "reserved", 3);
    }
    fill_up(w, count, "reserved", 3);
}

static void qwen2_specials(struct words *w, uint32_t count) {
    add_text(w, "<|endoftext|>", 3);
    add_text(w, "<|im_start|>", 3);
    add_text(w, "<|im_end|>", 3);
    fill_up(w, count, "pad", 5);
}

/* Phi-3 and 3.5 have Llama 2's words, and these behind them. */
static void phi3_specials(struct words *w) {
    static const char *const names[] = {"<|endoftext|>", "<|assistant|>", "<|system|>", "<|end|>", "<|user|>"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) add_text(w, names[i], 3);
}

static void put_words(struct gguf_writer *w, const struct words *words, const char *model, const char *pre) {
    gguf_put_text(w, "tokenizer.ggml.model", model);
    if (pre) gguf_put_text(w, "tokenizer.ggml.pre", pre);
    gguf_put_strs(w, "tokenizer.ggml.tokens", words->text, words->count);
    gguf_put_i32s(w, "tokenizer.ggml.token_type", words->type, words->count);
    if (pre)
        gguf_put_strs(w, "tokenizer.ggml.merges", words->merge, words->merges);
    else
        gguf_put_f32s(w, "tokenizer.ggml.scores", words->score, words->count);
}

static void put_ids(struct gguf_writer *w, uint32_t bos, uint32_t eos, int add_bos) {
    gguf_put_u32(w, "tokenizer.ggml.bos_token_id", bos);
    gguf_put_u32(w, "tokenizer.ggml.eos_token_id", eos);
    gguf_put_bool(w, "tokenizer.ggml.add_bos_token", add_bos);
}

static const char phi3_text[] = "{% for m in messages %}{{ '<|' + m['role'] + '|>\n' + m['content'] + '<|end|>\n' }}{% endfor %}"
                                "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}";
static const char zephyr_text[] =
    "{% for m in messages %}{{ '<|' + m['role'] + '|>\n' + m['content'] + eos_token + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}{# <|user|> #}";
static const char llama3_text[] = "{{ bos_token }}{% for m in messages %}{{ '<|start_header_id|>' + m['role'] + "
                                  "'<|end_header_id|>\n\n' + m['content'] | trim + "
                                  "'<|eot_id|>' }}{% endfor %}{% if add_generation_prompt %}{{ "
                                  "'<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}";
static const char chatml_text[] =
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

int make_vocab(struct gguf_writer *w, const struct make_shape *s) {
    struct words words;
    int r = words_init(&words, s->vocab);
    if (r == 0 && s->vocabulary == MAKE_LLAMA2) {
        spm_words(&words, s->vocab);
        put_words(w, &words, "llama", NULL);
        put_ids(w, 1, 2, 1);
        gguf_put_u32(w, "tokenizer.ggml.unknown_token_id", 0);
        gguf_put_text(w, "tokenizer.chat_template", zephyr_text);
    } else if (r == 0 && s->vocabulary == MAKE_PHI3) {
        spm_words(&words, s->vocab - 5);
        phi3_specials(&words);
        put_words(w, &words, "llama", NULL);
        put_ids(w, 1, s->vocab - 5, 1);
        gguf_put_u32(w, "tokenizer.ggml.unknown_token_id", 0);
        gguf_put_text(w, "tokenizer.chat_template", phi3_text);
    } else if (r == 0 && s->vocabulary == MAKE_LLAMA3) {
        bpe_words(&words, 128000);
        llama3_specials(&words, s->vocab);
        put_words(w, &words, "gpt2", "llama-bpe");
        put_ids(w, 128000, 128009, 1);
        gguf_put_text(w, "tokenizer.chat_template", llama3_text);
    } else if (r == 0) {
        bpe_words(&words, 151643);
        qwen2_specials(&words, s->vocab);
        put_words(w, &words, "gpt2", "qwen2");
        put_ids(w, 151643, 151645, 0);
        gguf_put_text(w, "tokenizer.chat_template", chatml_text);
    }
    words_release(&words);
    return r;
}
