/* tests/fuzz/model/fuzz_vocab.h - a vocabulary for the fuzz targets that need one, built in memory. */
#ifndef TESTS_FUZZ_VOCAB_H
#define TESTS_FUZZ_VOCAB_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/byte_level.h"
#include "model/gguf_write.h"
#include "model/vocab.h"

static const char *const fuzz_words[] = {"th", "he", "the", "in", "ing", "ab", "abc", "bc", "aa", "aaaa", "11"};
static const char *const fuzz_merges[] = {"t h", "h e", "th e", "i n", "in g", "a b", "ab c", "b c", "a a", "aa aa", "1 1"};
static const char *const fuzz_controls[] = {
    "<s>",    "</s>",    "<|im_start|>", "<|im_end|>", "<|eot_id|>",      "<|start_header_id|>", "<|end_header_id|>",
    "[INST]", "[/INST]", "<|user|>",     "<|end|>",    "<start_of_turn>", "<end_of_turn>"};
enum { FUZZ_WORDS = 11, FUZZ_CONTROLS = 13, FUZZ_TOKENS = 256 + FUZZ_WORDS + FUZZ_CONTROLS };

/* pre NULL: SentencePiece. Aborts when anything fails. */
static inline struct vocab *fuzz_vocab(const char *pre) {
    struct gguf_str text[FUZZ_TOKENS], merge[FUZZ_WORDS];
    static char bytes[256][8];
    int32_t type[FUZZ_TOKENS];
    float score[FUZZ_TOKENS];
    char path[64];
    struct gguf_writer *w = NULL;
    static struct gguf files[16]; /* open as long as the vocabularies: the whole run */
    static int used;
    struct gguf *g = &files[used++ & 15];
    struct vocab *v = NULL;
    for (unsigned i = 0; i < FUZZ_TOKENS; i++) {
        const char *s = i < 256 ? bytes[i] : i < 256 + FUZZ_WORDS ? fuzz_words[i - 256] : fuzz_controls[i - 256 - FUZZ_WORDS];
        uint8_t byte = (uint8_t)i;
        if (i < 256 && pre)
            bytes[i][byte_level_encode(&byte, 1, bytes[i])] = 0;
        else if (i < 256)
            snprintf(bytes[i], 8, "<0x%02X>", i);
        text[i] = (struct gguf_str){s, strlen(s)};
        type[i] = i < 256 ? (pre ? TOKEN_NORMAL : TOKEN_BYTE) : i < 256 + FUZZ_WORDS ? TOKEN_NORMAL : TOKEN_CONTROL;
        score[i] = -(float)i;
    }
    for (unsigned i = 0; i < FUZZ_WORDS; i++) merge[i] = (struct gguf_str){fuzz_merges[i], strlen(fuzz_merges[i])};
    snprintf(path, sizeof path, "/tmp/lull-fuzz-%ld-%s", (long)getpid(), pre ? pre : "spm");
    if (gguf_writer_new(&w, path, NULL) != 0) abort();
    gguf_put_text(w, "tokenizer.ggml.model", pre ? "gpt2" : "llama");
    if (pre) gguf_put_text(w, "tokenizer.ggml.pre", pre);
    gguf_put_strs(w, "tokenizer.ggml.tokens", text, FUZZ_TOKENS);
    gguf_put_i32s(w, "tokenizer.ggml.token_type", type, FUZZ_TOKENS);
    gguf_put_f32s(w, "tokenizer.ggml.scores", score, FUZZ_TOKENS);
    gguf_put_strs(w, "tokenizer.ggml.merges", merge, FUZZ_WORDS);
    gguf_put_u32(w, "tokenizer.ggml.bos_token_id", 256 + FUZZ_WORDS);
    gguf_put_u32(w, "tokenizer.ggml.eos_token_id", 257 + FUZZ_WORDS);
    if (gguf_writer_finish(w, NULL) != 0) abort();
    gguf_writer_free(w);
    if (gguf_open(g, path, NULL) != 0 || vocab_open(&v, g, NULL) != 0) abort();
    unlink(path);
    return v;
}

#endif
