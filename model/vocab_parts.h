/* model/vocab_parts.h - inside of struct vocab, shared by the files that make it up: vocab*.c, spm.c, bpe.c, special.c. */
#ifndef MODEL_VOCAB_PARTS_H
#define MODEL_VOCAB_PARTS_H

#include "base/mem.h"
#include "model/merge.h"
#include "model/pretok.h"
#include "model/strmap.h"
#include "model/vocab.h"

struct vocab_token {
    struct gguf_str text;  /* as in the file */
    struct gguf_str piece; /* the bytes it stands for */
    float score;           /* SentencePiece */
    uint8_t type;          /* enum token_type */
    uint8_t eog;
    uint8_t eats_blanks; /* a special token that takes the white space behind it along */
};

/* BPE: merging symbols left and right gives `result`; rank = index in the file's list, lower first. */
struct bpe_rule {
    uint32_t left, right, rank, result; /* rank UINT32_MAX: free slot */
};

struct vocab {
    enum vocab_kind kind;
    char pre[32];
    uint32_t count;
    struct vocab_token *token;
    struct strmap by_text;  /* every token */
    struct strmap by_piece; /* SentencePiece: pieces that text may become (normal, user, unused) by their bytes, blanks plain */
    uint8_t *pieces;        /* bytes of pieces that differ from the token's text */
    size_t piece_max;
    int32_t bos, eos, unk;
    int add_bos, add_eos, add_space;

    /* special tokens found before anything else, sorted by text (special.c) */
    uint32_t *special;
    size_t special_count;
    uint8_t special_first[256]; /* 1: some of them begins with this byte */

    int32_t byte_id[256]; /* token of one byte, -1: none */

    /* BPE. Symbols are token ids, then numbers from `count` on for merge results that are no tokens. */
    const struct pretok *pretok;
    struct bpe_rule *rule;
    size_t rule_mask;
    struct strmap by_word; /* tokens that ordinary text may become, in byte-level spelling */
    uint32_t extra_count;  /* symbols beyond the tokens */
    char *joined;          /* texts of those that are merge results */
};

int special_init(struct vocab *v);
/* The longest special token that starts at text[at]: its id, or -1. Control tokens count only where all their bytes are
 * trusted: until is the end of the trusted stretch that covers `at`, or `at` when it is not trusted. */
int32_t special_at(const struct vocab *v, const uint8_t *text, size_t at, size_t n, size_t until);

/* The two encoders take one stretch without special tokens. */
int spm_encode(const struct vocab *v, const uint8_t *text, size_t n, struct merger *m, struct ids *out);
int bpe_encode(const struct vocab *v, const uint8_t *text, size_t n, struct merger *m, struct ids *out);
int spm_init(struct vocab *v, struct why *why);
int bpe_init(struct vocab *v, const struct gguf *g, struct why *why);
void bpe_release(struct vocab *v);

#endif
