/* model/vocab_open.c - reads tokenizer.ggml.* of a model file into a struct vocab, checking every list and number. */
#include "model/byte_level.h"
#include "model/vocab_parts.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define KEY "tokenizer.ggml."

static int is(struct gguf_str s, const char *text) { return s.n == strlen(text) && memcmp(s.p, text, s.n) == 0; }

/* A text of the file for an error message: it must not steer a terminal. */
enum { SHOWN_BYTES = 41 };
static const char *shown(char out[SHOWN_BYTES], struct gguf_str s) {
    size_t n = s.n < SHOWN_BYTES - 1 ? s.n : SHOWN_BYTES - 1;
    for (size_t i = 0; i < n; i++) out[i] = s.p[i] >= 0x20 && s.p[i] < 0x7f ? s.p[i] : '?';
    out[n] = 0;
    return out;
}

static int read_kind(struct vocab *v, const struct gguf *g, struct why *why) {
    struct gguf_str model = {0}, pre = {"default", 7};
    char text[SHOWN_BYTES];
    int r = gguf_text(g, KEY "model", &model, why);
    if (r != 0) return r;
    if (is(model, "llama")) {
        v->kind = VOCAB_SPM;
        return 0;
    }
    if (!is(model, "gpt2"))
        return why_set(why, ERR_UNSUPPORTED,
                       "key " KEY "model: tokenizer \"%s\" is not supported; \"llama\" (SentencePiece) and \"gpt2\" (BPE) are",
                       shown(text, model));
    v->kind = VOCAB_BPE;
    r = gguf_optional(gguf_text(g, KEY "pre", &pre, why));
    if (r != 0) return r;
    v->pretok = pretok_find(pre.p, pre.n);
    if (!v->pretok || pre.n >= sizeof v->pre)
        return why_set(why, ERR_UNSUPPORTED, "key " KEY "pre: pre-tokenizer \"%s\" is not supported", shown(text, pre));
    memcpy(v->pre, pre.p, pre.n);
    return 0;
}

/* An optional list that goes along with the tokens. */
static int read_parallel(const struct gguf *g, const char *key, enum gguf_type elem, uint32_t count, const struct gguf_kv **out,
                         struct why *why) {
    int r = gguf_optional(gguf_array(g, key, elem, out, why));
    if (r == 0 && *out && (*out)->count != count)
        return why_set(why, ERR_FORMAT, "key %s has %" PRIu64 " entries for %" PRIu32 " tokens", key, (*out)->count, count);
    return r;
}

static int read_token(struct vocab *v, uint32_t i, const struct gguf_kv *types, const struct gguf_kv *scores, struct why *why) {
    struct vocab_token *t = &v->token[i];
    uint32_t type = types ? gguf_u32_at(types, i) : TOKEN_NORMAL;
    if (t->text.n > VOCAB_PIECE_BYTES_MAX)
        return why_set(why, ERR_LIMIT, "token %" PRIu32 " is longer than %d bytes", i, VOCAB_PIECE_BYTES_MAX);
    if (type < TOKEN_NORMAL || type > TOKEN_BYTE)
        return why_set(why, ERR_RANGE, "key " KEY "token_type: entry %" PRIu32 " is unknown", i);
    t->type = (uint8_t)type;
    t->score = scores ? gguf_f32_at(scores, i) : 0;
    if (isnan(t->score)) return why_set(why, ERR_RANGE, "key " KEY "scores: entry %" PRIu32 " is not a number", i);
    if (t->text.n == 0) return 0; /* placeholders; no text ever becomes them */
    if (strmap_add(&v->by_text, t->text.p, t->text.n, i) != 0)
        return why_set(why, ERR_FORMAT, "token %" PRIu32 " has the same text as an earlier one", i);
    return 0;
}

static int read_tokens(struct vocab *v, const struct gguf *g, struct why *why) {
    const struct gguf_kv *tokens = NULL, *types = NULL, *scores = NULL;
    int r = gguf_array(g, KEY "tokens", GGUF_STRING, &tokens, why);
    if (r != 0) return r;
    if (tokens->count < 1 || tokens->count > VOCAB_TOKENS_MAX)
        return why_set(why, ERR_LIMIT, "key " KEY "tokens has %" PRIu64 " entries; 1 to %d are possible", tokens->count,
                       VOCAB_TOKENS_MAX);
    v->count = (uint32_t)tokens->count;
    r = read_parallel(g, KEY "token_type", GGUF_I32, v->count, &types, why);
    if (r == 0) r = read_parallel(g, KEY "scores", GGUF_F32, v->count, &scores, why);
    if (r == 0) r = strmap_init(&v->by_text, v->count);
    if (r == 0 && !(v->token = mem_zalloc(v->count, sizeof *v->token))) r = ERR_NOMEM;
    size_t cursor = 0;
    for (uint32_t i = 0; r == 0 && i < v->count; i++) {
        gguf_next_str(tokens, &cursor, &v->token[i].text);
        r = read_token(v, i, types, scores, why);
    }
    return r;
}

/* ---- special ids ---- */

static int read_id(const struct vocab *v, const struct gguf *g, const char *key, int32_t *id, struct why *why) {
    uint32_t n = 0;
    int r = gguf_u32(g, key, 0, v->count - 1, &n, why);
    if (r == 0) *id = (int32_t)n;
    return gguf_optional(r);
}

/* SentencePiece files that name no ids have them where its trainer puts them. */
static int32_t usual(const struct vocab *v, int32_t id, enum token_type type) {
    return v->kind == VOCAB_SPM && (uint32_t)id < v->count && v->token[id].type == type ? id : -1;
}

static int read_ids(struct vocab *v, const struct gguf *g, struct why *why) {
    int32_t eot = -1, eom = -1;
    v->unk = usual(v, 0, TOKEN_UNKNOWN);
    v->bos = usual(v, 1, TOKEN_CONTROL);
    v->eos = usual(v, 2, TOKEN_CONTROL);
    v->add_bos = v->kind == VOCAB_SPM || v->pretok->add_bos;
    v->add_space = v->kind == VOCAB_SPM;
    int r = read_id(v, g, KEY "bos_token_id", &v->bos, why);
    if (r == 0) r = read_id(v, g, KEY "eos_token_id", &v->eos, why);
    if (r == 0) r = read_id(v, g, KEY "unknown_token_id", &v->unk, why);
    if (r == 0) r = read_id(v, g, KEY "eot_token_id", &eot, why);
    if (r == 0) r = read_id(v, g, KEY "eom_token_id", &eom, why);
    if (r == 0) r = gguf_optional(gguf_bool(g, KEY "add_bos_token", &v->add_bos, why));
    if (r == 0) r = gguf_optional(gguf_bool(g, KEY "add_eos_token", &v->add_eos, why));
    if (r == 0 && v->kind == VOCAB_SPM) r = gguf_optional(gguf_bool(g, KEY "add_space_prefix", &v->add_space, why));
    if (r != 0) return r;
    const int32_t ends[] = {v->eos, eot, eom};
    for (size_t i = 0; i < 3; i++)
        if (ends[i] >= 0) v->token[ends[i]].eog = 1;
    return 0;
}

static struct vocab_token *named(struct vocab *v, const char *text) {
    int32_t id = vocab_find(v, text, strlen(text));
    return id < 0 ? NULL : &v->token[id];
}

/* Texts that end an answer in some family, whatever the file's ids say; some files forget to mark them as control tokens. */
static void mark_ends(struct vocab *v) {
    static const char *const ends[] = {"<|eot_id|>",    "<|im_end|>", "<|end|>",         "<|endoftext|>",
                                       "<end_of_turn>", "<|eom_id|>", "<|end_of_text|>", "<EOT>",
                                       "_<EOT>",        "<|return|>", "<|call|>",        "<｜end▁of▁sentence｜>"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        struct vocab_token *t = named(v, ends[i]);
        if (!t) continue;
        t->eog = 1;
        if (t->type == TOKEN_NORMAL || t->type == TOKEN_USER) t->type = TOKEN_CONTROL;
    }
    struct vocab_token *s = named(v, "</s>"), *end = named(v, "<|end|>");
    if (s && s->type == TOKEN_CONTROL) s->eog = 1;                           /* as an ordinary token it is HTML */
    if (end && named(v, "<|return|>") && named(v, "<|call|>")) end->eog = 0; /* gpt-oss: ends a message, not the turn */
}

/* Turn markers that some files list as user-defined, which text from a user may become. They must not. */
static void mark_markers(struct vocab *v) {
    static const char *const markers[] = {"<|im_start|>",
                                          "<start_of_turn>",
                                          "<|start_header_id|>",
                                          "<|end_header_id|>",
                                          "<|user|>",
                                          "<|assistant|>",
                                          "<|system|>",
                                          "<|begin_of_text|>",
                                          "[INST]",
                                          "[/INST]",
                                          "[SYSTEM_PROMPT]",
                                          "[/SYSTEM_PROMPT]",
                                          "<s>",
                                          "</s>"};
    for (size_t i = 0; i < sizeof markers / sizeof markers[0]; i++) {
        struct vocab_token *t = named(v, markers[i]);
        if (t && t->type == TOKEN_USER) t->type = TOKEN_CONTROL;
    }
}

/* The files do not say which tokens eat blanks: Phi-3's tokenizer has it set for its control tokens, but for these. */
static void mark_blank_eaters(struct vocab *v, const struct gguf *g) {
    static const char *const others[] = {"<unk>", "<s>", "<|endoftext|>"};
    struct gguf_str arch;
    if (v->kind != VOCAB_SPM || gguf_text(g, "general.architecture", &arch, NULL) != 0 || !is(arch, "phi3")) return;
    for (uint32_t i = 0; i < v->count; i++)
        v->token[i].eats_blanks = v->token[i].type == TOKEN_CONTROL || v->token[i].type == TOKEN_USER;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct vocab_token *t = named(v, others[i]);
        if (t) t->eats_blanks = 0;
    }
}

/* ---- pieces ---- */

static int hex_digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int byte_of(struct gguf_str s) {
    if (s.n != 6 || memcmp(s.p, "<0x", 3) != 0 || s.p[5] != '>') return -1;
    int hi = hex_digit(s.p[3]), lo = hex_digit(s.p[4]);
    return hi < 0 || lo < 0 ? -1 : hi << 4 | lo;
}

/* U+2581 (E2 96 81) becomes a blank. */
static size_t plain_blanks(struct gguf_str s, uint8_t *to) {
    size_t n = 0;
    for (size_t i = 0; i < s.n;) {
        int blank = s.n - i >= 3 && memcmp(s.p + i, "\xe2\x96\x81", 3) == 0;
        to[n++] = blank ? ' ' : (uint8_t)s.p[i];
        i += blank ? 3 : 1;
    }
    return n;
}

/* Writes the piece of a token to `to`, which has room for its text; returns the length, or -1: a byte token that is none. */
static int64_t make_piece(const struct vocab *v, const struct vocab_token *t, uint8_t *to) {
    if (t->type == TOKEN_BYTE) {
        int b = byte_of(t->text);
        if (b < 0) return -1;
        *to = (uint8_t)b;
        return 1;
    }
    if (v->kind == VOCAB_SPM) return (int64_t)plain_blanks(t->text, to);
    int64_t n = t->type == TOKEN_NORMAL || t->type == TOKEN_UNUSED ? byte_level_decode(t->text, to) : -1;
    if (n >= 0) return n;
    memcpy(to, t->text.p, t->text.n); /* added tokens are spelled as they read */
    return (int64_t)t->text.n;
}

static int make_pieces(struct vocab *v, struct why *why) {
    size_t total = 0;
    for (uint32_t i = 0; i < v->count; i++) total += v->token[i].text.n;
    v->pieces = malloc(total + 1);
    if (!v->pieces) return ERR_NOMEM;
    uint8_t *to = v->pieces;
    v->piece_max = 4; /* one character may become one unknown token */
    for (uint32_t i = 0; i < v->count; i++) {
        struct vocab_token *t = &v->token[i];
        int64_t n = t->text.n ? make_piece(v, t, to) : 0;
        if (n < 0) return why_set(why, ERR_FORMAT, "token %" PRIu32 " is a byte token, but not of the form <0x0A>", i);
        t->piece = (struct gguf_str){(const char *)to, (size_t)n};
        to += n;
        if (t->text.n > v->piece_max) v->piece_max = t->text.n;
    }
    return 0;
}

int vocab_open(struct vocab **out, const struct gguf *g, struct why *why) {
    struct vocab *v = mem_zalloc(1, sizeof *v);
    if (!v) return ERR_NOMEM;
    int r = read_kind(v, g, why);
    if (r == 0) r = read_tokens(v, g, why);
    if (r == 0) r = read_ids(v, g, why);
    if (r == 0) {
        mark_ends(v);
        mark_markers(v);
        mark_blank_eaters(v, g);
        r = make_pieces(v, why);
    }
    if (r == 0) r = special_init(v);
    if (r == 0) r = v->kind == VOCAB_SPM ? spm_init(v, why) : bpe_init(v, g, why);
    if (r != 0)
        vocab_close(v);
    else
        *out = v;
    return r;
}

void vocab_close(struct vocab *v) {
    if (!v) return;
    bpe_release(v);
    strmap_release(&v->by_text);
    strmap_release(&v->by_piece);
    strmap_release(&v->by_word);
    free(v->token);
    free(v->pieces);
    free(v->special);
    free(v);
}
