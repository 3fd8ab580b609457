/* model/vocab.h - a model's vocabulary: text to token ids and back. SentencePiece ("llama") and byte-level BPE ("gpt2").
 *
 * A vocabulary is read-only after it is opened and may be used by several threads at once. Its texts point into the model
 * file, which must stay open. Encoding takes time close to linear in the text, whatever the text is. */
#ifndef MODEL_VOCAB_H
#define MODEL_VOCAB_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/gguf.h"
#include "model/ids.h"

enum vocab_kind { VOCAB_SPM, VOCAB_BPE };
/* Numbers of tokenizer.ggml.token_type. */
enum token_type { TOKEN_NORMAL = 1, TOKEN_UNKNOWN, TOKEN_CONTROL, TOKEN_USER, TOKEN_UNUSED, TOKEN_BYTE };
enum {
    VOCAB_TOKENS_MAX = 1 << 21,
    VOCAB_PIECE_BYTES_MAX = 4096,    /* longer token texts are refused */
    VOCAB_TEXT_BYTES_MAX = 16 << 20, /* longest text of one call */
};

struct vocab; /* model/vocab_parts.h, for the files that make it up */

/* Reads tokenizer.ggml.* . ERR_NOTFOUND, ERR_FORMAT, ERR_RANGE, ERR_LIMIT, ERR_UNSUPPORTED (tokenizer or pre-tokenizer we
 * do not have, named in why), ERR_NOMEM. */
int vocab_open(struct vocab **out, const struct gguf *g, struct why *why);
void vocab_close(struct vocab *v); /* NULL is fine */

enum vocab_kind vocab_kind(const struct vocab *v);
const char *vocab_pre(const struct vocab *v); /* pre-tokenizer's name, "" for SentencePiece */
uint32_t vocab_size(const struct vocab *v);
/* Ids of special tokens, -1 when there is none. */
int32_t vocab_bos(const struct vocab *v);
int32_t vocab_eos(const struct vocab *v);
int32_t vocab_unk(const struct vocab *v);
int vocab_adds_bos(const struct vocab *v); /* a prompt starts with BOS */
int vocab_adds_eos(const struct vocab *v);
int vocab_adds_space(const struct vocab *v);         /* SentencePiece: text gets a blank in front, and loses it on the way back */
int vocab_is_eog(const struct vocab *v, int32_t id); /* ends an answer; 0 for ids out of range */
enum token_type vocab_type(const struct vocab *v, int32_t id); /* id in range */
/* The token with exactly this text as the file spells it, or -1. */
int32_t vocab_find(const struct vocab *v, const char *text, size_t n);
size_t vocab_piece_max(const struct vocab *v); /* bytes of the longest piece */

/* The bytes that a token stands for: a blank for U+2581, one byte for <0x0A>, byte-level text mapped back. Control, unknown
 * and unused tokens are empty unless `specials`, then their text. Empty for ids out of range. */
struct gguf_str vocab_piece(const struct vocab *v, int32_t id, int specials);

/* One stretch of text. In trusted stretches (a template's own words) texts of control tokens become those tokens; in others,
 * which come from a user, they never do. Adjacent stretches are tokenized as one text: a word may cross the seam, a
 * special token may not. */
struct vocab_span {
    const char *p;
    size_t n;
    int trusted;
};
enum { VOCAB_BOS = 1, VOCAB_SPECIAL = 2 };
/* Appends the ids of the text to out: with VOCAB_BOS the BOS token first (if the vocabulary has one and wants it, and not
 * when trusted text already begins with it); with VOCAB_SPECIAL the text is trusted. Any bytes are accepted; what is not
 * valid UTF-8 is kept byte by byte. ERR_CONTEXT (more than out->max ids), ERR_LIMIT, ERR_NOMEM; out is then as before. */
int vocab_encode(const struct vocab *v, const char *text, size_t n, unsigned flags, struct ids *out, struct why *why);
int vocab_encode_spans(const struct vocab *v, const struct vocab_span *s, size_t count, unsigned flags, struct ids *out,
                       struct why *why);

#endif
