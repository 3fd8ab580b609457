/* model/vocab.c - text to ids and back over an opened vocabulary; see vocab.h. */
#include "model/vocab_parts.h"

#include <stdlib.h>
#include <string.h>

enum vocab_kind vocab_kind(const struct vocab *v) { return v->kind; }
const char *vocab_pre(const struct vocab *v) { return v->pre; }
uint32_t vocab_size(const struct vocab *v) { return v->count; }
int32_t vocab_bos(const struct vocab *v) { return v->bos; }
int32_t vocab_eos(const struct vocab *v) { return v->eos; }
int32_t vocab_unk(const struct vocab *v) { return v->unk; }
int vocab_adds_bos(const struct vocab *v) { return v->add_bos && v->bos >= 0; }
int vocab_adds_eos(const struct vocab *v) { return v->add_eos && v->eos >= 0; }
int vocab_adds_space(const struct vocab *v) { return v->add_space; }
size_t vocab_piece_max(const struct vocab *v) { return v->piece_max; }

static int in_range(const struct vocab *v, int32_t id) { return id >= 0 && (uint32_t)id < v->count; }

int vocab_is_eog(const struct vocab *v, int32_t id) { return in_range(v, id) && v->token[id].eog; }

enum token_type vocab_type(const struct vocab *v, int32_t id) { return (enum token_type)v->token[id].type; }

int32_t vocab_find(const struct vocab *v, const char *text, size_t n) { return (int32_t)strmap_find(&v->by_text, text, n); }

struct gguf_str vocab_piece(const struct vocab *v, int32_t id, int specials) {
    if (!in_range(v, id)) return (struct gguf_str){"", 0};
    const struct vocab_token *t = &v->token[id];
    int hidden = t->type == TOKEN_CONTROL || t->type == TOKEN_UNKNOWN || t->type == TOKEN_UNUSED;
    if (hidden) return specials ? t->text : (struct gguf_str){"", 0};
    return t->piece;
}

/* ---- encoding ---- */

struct encoding {
    const struct vocab *v;
    const uint8_t *text;
    size_t n;
    struct merger merger;
    struct ids *out;
};

static int ordinary(struct encoding *e, size_t from, size_t to) {
    if (from == to) return 0;
    if (e->v->kind == VOCAB_SPM) return spm_encode(e->v, e->text + from, to - from, &e->merger, e->out);
    return bpe_encode(e->v, e->text + from, to - from, &e->merger, e->out);
}

static int is_blank(uint8_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* The spans say where control tokens may stand; the ordinary text between special tokens is encoded across their seams. */
static int encode_joined(struct encoding *e, const struct vocab_span *s, size_t count) {
    size_t from = 0, at = 0, span = 0, span_end = count ? s[0].n : 0;
    int r = 0;
    while (r == 0 && at < e->n) {
        while (at >= span_end) span_end += s[++span].n;
        int32_t id = special_at(e->v, e->text, at, e->n, s[span].trusted ? span_end : at);
        if (id < 0) {
            at++;
            continue;
        }
        r = ordinary(e, from, at);
        if (r == 0) r = ids_add(e->out, id);
        at += e->v->token[id].text.n;
        while (e->v->token[id].eats_blanks && at < e->n && is_blank(e->text[at])) at++;
        from = at;
    }
    return r == 0 ? ordinary(e, from, e->n) : r;
}

/* Text that begins with a trusted BOS does not get a second one. */
static int wants_bos(const struct encoding *e, const struct vocab_span *s, size_t count, unsigned flags) {
    if (!(flags & VOCAB_BOS) || !vocab_adds_bos(e->v)) return 0;
    while (count && s->n == 0) s++, count--;
    return !count || !s->trusted || special_at(e->v, e->text, 0, e->n, s->n) != e->v->bos;
}

static int join(struct buf *b, const struct vocab_span *s, size_t count) {
    int r = 0;
    for (size_t i = 0; r == 0 && i < count; i++) r = buf_add(b, s[i].p, s[i].n);
    return r;
}

int vocab_encode_spans(const struct vocab *v, const struct vocab_span *s, size_t count, unsigned flags, struct ids *out,
                       struct why *why) {
    size_t total = 0, had = out->count;
    for (size_t i = 0; i < count; i++)
        if (__builtin_add_overflow(total, s[i].n, &total) || total > VOCAB_TEXT_BYTES_MAX)
            return why_set(why, ERR_LIMIT, "the text is longer than %d bytes", VOCAB_TEXT_BYTES_MAX);
    if (total / v->piece_max > out->max - out->count) /* no id stands for more bytes: not worth the work */
        return why_set(why, ERR_CONTEXT, "the text does not fit the context");
    struct buf joined;
    buf_init(&joined, VOCAB_TEXT_BYTES_MAX);
    struct encoding e = {.v = v, .n = total, .out = out};
    merger_init(&e.merger);
    int r = count > 1 ? join(&joined, s, count) : 0;
    e.text = count > 1 ? joined.data : count ? (const uint8_t *)s[0].p : NULL;
    if (r == 0 && wants_bos(&e, s, count, flags)) r = ids_add(out, v->bos);
    if (r == 0) r = encode_joined(&e, s, count);
    merger_release(&e.merger);
    buf_release(&joined);
    if (r == ERR_CONTEXT) why_set(why, r, "the text does not fit the context");
    if (r != 0) out->count = had;
    return r;
}

int vocab_encode(const struct vocab *v, const char *text, size_t n, unsigned flags, struct ids *out, struct why *why) {
    struct vocab_span s = {.p = text, .n = n, .trusted = (flags & VOCAB_SPECIAL) != 0};
    return vocab_encode_spans(v, &s, 1, flags, out, why);
}
