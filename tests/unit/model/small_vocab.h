/* tests/unit/model/small_vocab.h - a vocabulary of a few tokens, written down in the test that uses it. */
#ifndef TESTS_SMALL_VOCAB_H
#define TESTS_SMALL_VOCAB_H

#include "tests/check.h"

#include <stdlib.h>
#include <unistd.h>

#include "model/byte_level.h"
#include "model/gguf_write.h"
#include "model/vocab.h"

struct small {
    const char *model, *pre; /* pre NULL: not written */
    const char *token[64];   /* after the 256 bytes, which come first; NULL ends */
    int32_t type[64];        /* 0 counts as TOKEN_NORMAL */
    float score[64];
    const char *merge[64];
    int32_t bos, eos;     /* 0: not written */
    const char *no_space; /* add_space_prefix false */
    const char *chat;     /* tokenizer.chat_template */
    int no_bytes;
    const char *arch; /* general.architecture; NULL: not written */
};

/* Opens s; the file is unlinked at once. g stays open for v. */
static inline int small_open(const struct small *s, struct gguf *g, struct vocab **v, struct why *why) {
    static int number;
    char path[64], bytes[256][8];
    struct gguf_str text[320], merge[64];
    int32_t type[320];
    float score[320] = {0};
    size_t n = 0, merges = 0;
    int spm = strcmp(s->model, "llama") == 0;
    struct gguf_writer *w;
    snprintf(path, sizeof path, "/tmp/lull-vocab-%ld-%d", (long)getpid(), number++);
    for (unsigned b = 0; b < 256 && !s->no_bytes; b++, n++) {
        uint8_t byte = (uint8_t)b;
        if (spm)
            snprintf(bytes[b], 8, "<0x%02X>", b);
        else
            bytes[b][byte_level_encode(&byte, 1, bytes[b])] = 0;
        text[n] = (struct gguf_str){bytes[b], strlen(bytes[b])};
        type[n] = spm ? TOKEN_BYTE : TOKEN_NORMAL;
    }
    for (size_t i = 0; i < 64 && s->token[i]; i++, n++) {
        text[n] = (struct gguf_str){s->token[i], strlen(s->token[i])};
        type[n] = s->type[i] ? s->type[i] : TOKEN_NORMAL;
        score[n] = s->score[i];
    }
    for (; merges < 64 && s->merge[merges]; merges++)
        merge[merges] = (struct gguf_str){s->merge[merges], strlen(s->merge[merges])};
    assert_int_equal(gguf_writer_new(&w, path, why), 0);
    if (s->arch) gguf_put_text(w, "general.architecture", s->arch);
    gguf_put_text(w, "tokenizer.ggml.model", s->model);
    if (s->pre) gguf_put_text(w, "tokenizer.ggml.pre", s->pre);
    gguf_put_strs(w, "tokenizer.ggml.tokens", text, n);
    gguf_put_i32s(w, "tokenizer.ggml.token_type", type, n);
    gguf_put_f32s(w, "tokenizer.ggml.scores", score, n);
    gguf_put_strs(w, "tokenizer.ggml.merges", merge, merges);
    if (s->bos) gguf_put_u32(w, "tokenizer.ggml.bos_token_id", (uint32_t)s->bos);
    if (s->eos) gguf_put_u32(w, "tokenizer.ggml.eos_token_id", (uint32_t)s->eos);
    if (s->no_space) gguf_put_bool(w, "tokenizer.ggml.add_space_prefix", 0);
    if (s->chat) gguf_put_text(w, "tokenizer.chat_template", s->chat);
    assert_int_equal(gguf_writer_finish(w, why), 0);
    gguf_writer_free(w);
    int r = gguf_open(g, path, why);
    unlink(path);
    if (r == 0) r = vocab_open(v, g, why);
    if (r != 0) gguf_close(g);
    return r;
}

/* 1 if encoding text gives exactly the ids up to -1. */
static inline int gives(const struct vocab *v, const char *text, unsigned flags, const int32_t *want) {
    struct ids l;
    ids_init(&l, 4096);
    int ok = vocab_encode(v, text, strlen(text), flags, &l, NULL) == 0;
    size_t n = 0;
    while (want[n] >= 0) n++;
    ok &= l.count == n && (n == 0 || memcmp(l.id, want, n * sizeof *want) == 0);
    if (!ok) {
        printf("# ids:");
        for (size_t i = 0; i < l.count; i++) printf(" %d", (int)l.id[i]);
        printf("\n");
    }
    ids_release(&l);
    return ok;
}
#define IDS(...) ((const int32_t[]){__VA_ARGS__, -1})

#endif
