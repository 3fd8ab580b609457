/* tests/unit/model/vocab_vectors.h - vocabularies for tests: from GGUF files, and from tiktoken rank files, which are turned
 * into a GGUF file first, merges included. */
#ifndef TESTS_VOCAB_VECTORS_H
#define TESTS_VOCAB_VECTORS_H

#include "tests/check.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "model/byte_level.h"
#include "model/gguf_write.h"
#include "model/vocab.h"

#define TOKENIZER_DATA   "tests/data/tokenizers/"
#define TOKENIZER_SHARED "../shared/vectors/tokenizers/"

struct opened {
    struct gguf g;
    struct vocab *v;
};

static inline int opened_file(struct opened *o, const char *path) {
    struct why why = {{0}};
    *o = (struct opened){0};
    int r = gguf_open(&o->g, path, &why);
    if (r == 0) r = vocab_open(&o->v, &o->g, &why);
    if (r != 0) printf("# %s\n", why_text(&why, r));
    return r;
}

static inline void opened_close(struct opened *o) {
    vocab_close(o->v);
    gguf_close(&o->g);
}

/* A temporary file's name; the caller unlinks it. */
static inline void temp_name(char out[64], const char *what) {
    snprintf(out, 64, "/tmp/lull-test-%s-%ld.gguf", what, (long)getpid());
}

/* ---- tiktoken ---- */

struct ranks {
    struct gguf_str *bytes;
    uint32_t count;
    struct strmap map;
    uint8_t *store;
};

static inline int base64_value(uint8_t c) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

static inline int ranks_read(struct ranks *r, const char *path) {
    struct buf b;
    struct why why;
    if (file_read(&b, path, 16 << 20, &why) != 0) return ERR_NOTFOUND;
    *r = (struct ranks){.bytes = calloc(200000, sizeof *r->bytes), .store = malloc(b.len)};
    uint8_t *to = r->store;
    assert_int_equal(strmap_init(&r->map, 200000), 0);
    for (const uint8_t *p = b.data, *end = p + b.len; p < end && r->count < 200000; r->count++) {
        uint32_t bits = 0, have = 0;
        uint8_t *from = to;
        for (; p < end && *p != ' '; p++) {
            int v = base64_value(*p);
            if (v < 0) continue;
            bits = bits << 6 | (uint32_t)v;
            have += 6;
            if (have >= 8) *to++ = (uint8_t)(bits >> (have -= 8));
        }
        while (p < end && *p++ != '\n') {}
        r->bytes[r->count] = (struct gguf_str){(char *)from, (size_t)(to - from)};
        assert_int_equal(strmap_add(&r->map, (char *)from, (size_t)(to - from), r->count), 0);
    }
    buf_release(&b);
    return 0;
}

static inline void ranks_release(struct ranks *r) {
    free(r->bytes);
    free(r->store);
    strmap_release(&r->map);
}

/* Where the last merge that makes token t joins its two halves: BPE over its bytes with lower ranks only. 0: no merge makes
 * it, as for some of Llama 3's, which it finds as whole words. */
static inline size_t ranks_seam(const struct ranks *r, uint32_t t) {
    struct gguf_str s = r->bytes[t];
    size_t cut[300], parts = s.n;
    assert_true(s.n < 299);
    for (size_t i = 0; i <= s.n; i++) cut[i] = i;
    while (parts > 2) {
        int64_t best = INT64_MAX;
        size_t at = 0;
        for (size_t i = 0; i + 2 <= parts; i++) {
            int64_t rank = strmap_find(&r->map, s.p + cut[i], cut[i + 2] - cut[i]);
            if (rank >= 0 && rank < best && rank < t) best = rank, at = i;
        }
        if (best == INT64_MAX) return 0;
        memmove(cut + at + 1, cut + at + 2, (parts - at - 1) * sizeof cut[0]);
        parts--;
    }
    return cut[1];
}

/* Writes the ranks and `specials` (control tokens, NULL-terminated) as a GGUF vocabulary. */
static inline int ranks_to_gguf(const struct ranks *r, const char *pre, const char *const *specials, const char *path) {
    uint32_t count = r->count, merges = 0;
    struct gguf_str *text = calloc(count + 300u, sizeof *text), *merge = calloc(count, sizeof *merge);
    int32_t *type = calloc(count + 300u, sizeof *type);
    char *store = malloc(16 << 20), *to = store;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *p = (const uint8_t *)r->bytes[i].p;
        size_t n = r->bytes[i].n;
        text[i] = (struct gguf_str){to, byte_level_encode(p, n, to)};
        to += text[i].n;
        type[i] = TOKEN_NORMAL;
        if (n < 2) continue;
        size_t seam = ranks_seam(r, i);
        if (seam == 0) continue;
        char *from = to;
        to += byte_level_encode(p, seam, to);
        *to++ = ' ';
        to += byte_level_encode(p + seam, n - seam, to);
        merge[merges++] = (struct gguf_str){from, (size_t)(to - from)};
    }
    for (; *specials; specials++, count++) {
        text[count] = (struct gguf_str){*specials, strlen(*specials)};
        type[count] = TOKEN_CONTROL;
    }
    struct gguf_writer *w;
    struct why why = {{0}};
    int e = gguf_writer_new(&w, path, &why);
    if (e == 0) {
        gguf_put_text(w, "general.architecture", "llama");
        gguf_put_text(w, "tokenizer.ggml.model", "gpt2");
        gguf_put_text(w, "tokenizer.ggml.pre", pre);
        gguf_put_strs(w, "tokenizer.ggml.tokens", text, count);
        gguf_put_i32s(w, "tokenizer.ggml.token_type", type, count);
        gguf_put_strs(w, "tokenizer.ggml.merges", merge, merges);
        gguf_put_u32(w, "tokenizer.ggml.bos_token_id", r->count);
        e = gguf_writer_finish(w, &why);
        gguf_writer_free(w);
    }
    free(text);
    free(merge);
    free(type);
    free(store);
    return e;
}

/* ERR_NOTFOUND when the rank file is not there. */
static inline int opened_ranks(struct opened *o, const char *rank_path, const char *pre, const char *const *specials) {
    struct ranks r;
    char path[64];
    int e = ranks_read(&r, rank_path);
    if (e != 0) return e;
    temp_name(path, pre);
    e = ranks_to_gguf(&r, pre, specials, path);
    ranks_release(&r);
    if (e == 0) e = opened_file(o, path);
    unlink(path);
    return e;
}

static const char *const qwen_specials[] = {"<|endoftext|>", "<|im_start|>", "<|im_end|>", NULL};
static const char *const llama3_specials[] = {
    "<|begin_of_text|>",   "<|end_of_text|>",   "<|r2|>", "<|r3|>",     "<|r4|>", "<|r5|>",
    "<|start_header_id|>", "<|end_header_id|>", "<|r8|>", "<|eot_id|>", NULL};

#endif
