/* model/spm.c - SentencePiece's BPE: starting from characters, the adjacent pair whose concatenation is the piece with the
 * highest score merges first, the leftmost of equals. What is no piece becomes byte tokens.
 *
 * Pieces are compared in the text's own spelling, with plain blanks: U+2581 in the vocabulary was replaced when it was
 * opened. A U+2581 that a text really contains stays itself and becomes what the vocabulary has for it. */
#include "base/utf8.h"
#include "model/vocab_parts.h"

#include <string.h>

/* Pieces that text may become: never control or byte tokens, whatever the text spells. */
static int reachable(const struct vocab_token *t) {
    return t->type == TOKEN_NORMAL || t->type == TOKEN_USER || t->type == TOKEN_UNUSED;
}

static int byte_tokens(struct vocab *v) {
    int have = 0;
    memset(v->byte_id, 0xff, sizeof v->byte_id);
    for (uint32_t i = 0; i < v->count; i++) {
        const struct vocab_token *t = &v->token[i];
        if (t->type != TOKEN_BYTE || t->piece.n != 1) continue; /* an empty one stands for no byte */
        uint8_t b = (uint8_t)t->piece.p[0];
        if (v->byte_id[b] < 0) v->byte_id[b] = (int32_t)i, have++;
    }
    return have;
}

int spm_init(struct vocab *v, struct why *why) {
    int r = strmap_init(&v->by_piece, v->count);
    for (uint32_t i = 0; r == 0 && i < v->count; i++) {
        const struct vocab_token *t = &v->token[i];
        if (!reachable(t) || t->piece.n == 0) continue;
        r = strmap_add(&v->by_piece, t->piece.p, t->piece.n, i);
        if (r == ERR_EXISTS) r = 0; /* "_" spelled with U+2581 and with a blank: the first one counts */
    }
    if (r == 0 && byte_tokens(v) != 256 && v->unk < 0)
        r = why_set(why, ERR_UNSUPPORTED, "the vocabulary has neither all byte tokens nor an unknown token");
    return r;
}

/* Bits of a float in an order where a higher score is a lower number. Scores are never NaN here; -0 counts as 0. */
static uint32_t score_key(float score) {
    uint32_t bits;
    score += 0.0f;
    memcpy(&bits, &score, sizeof bits);
    return bits & 0x80000000u ? bits : ~bits & 0x7fffffffu;
}

static int spm_rule(const void *ctx, const uint8_t *text, const struct merge_symbol *a, const struct merge_symbol *b,
                    uint32_t *key, uint32_t *result) {
    const struct vocab *v = ctx;
    size_t n = (size_t)a->len + b->len;
    if (n > v->piece_max) return 0;
    int64_t id = strmap_find(&v->by_piece, (const char *)text + a->start, n);
    if (id < 0) return 0;
    *key = score_key(v->token[id].score);
    *result = (uint32_t)id;
    return 1;
}

/* One character without a piece: its bytes, or the unknown token for all of it. */
static int emit_bytes(const struct vocab *v, const uint8_t *p, size_t n, struct ids *out) {
    int whole = 1, r = 0;
    for (size_t i = 0; i < n; i++) whole &= v->byte_id[p[i]] >= 0;
    if (!whole) return ids_add(out, v->unk);
    for (size_t i = 0; i < n && r == 0; i++) r = ids_add(out, v->byte_id[p[i]]);
    return r;
}

static int merge_text(const struct vocab *v, const uint8_t *text, size_t n, struct merger *m, struct ids *out) {
    int r = merger_start(m, text, n);
    for (size_t at = 0; r == 0 && at < n;) {
        uint32_t cp;
        int len = utf8_get(text + at, n - at, &cp);
        size_t bytes = len < 1 ? 1 : (size_t)len; /* what is not UTF-8 goes byte by byte */
        int64_t id = strmap_find(&v->by_piece, (const char *)text + at, bytes);
        merger_add(m, at, bytes, id < 0 ? MERGE_NONE : (uint32_t)id);
        at += bytes;
    }
    if (r == 0) merger_run(m, spm_rule, v);
    for (uint32_t i = 0; r == 0 && i != MERGE_NONE && i < m->count; i = m->symbol[i].next) {
        const struct merge_symbol *s = &m->symbol[i];
        r = s->id != MERGE_NONE ? ids_add(out, (int32_t)s->id) : emit_bytes(v, text + s->start, s->len, out);
    }
    return r;
}

/* Every stretch follows a special token or begins the text: each gets the blank. */
int spm_encode(const struct vocab *v, const uint8_t *text, size_t n, struct merger *m, struct ids *out) {
    if (!v->add_space) return merge_text(v, text, n, m, out);
    struct buf b;
    buf_init(&b, n + 1);
    int r = buf_add(&b, " ", 1);
    if (r == 0) r = buf_add(&b, text, n);
    if (r == 0) r = merge_text(v, b.data, b.len, m, out);
    buf_release(&b);
    return r;
}
