/* model/bpe.c - byte-level BPE: words from the pre-tokenizer, merged by the file's list of rules, lowest rank first.
 *
 * Rules name texts. They are turned into numbers when a vocabulary is opened: a symbol is a token, or, where a rule's part
 * or result is no token, a number beyond the tokens, which falls apart into single bytes when it is left at the end. */
#include "model/byte_level.h"
#include "model/vocab_parts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MERGES "tokenizer.ggml.merges"
enum { MERGES_MAX = 1 << 22 };

/* ---- opening ---- */

/* Control tokens are no words, whatever their text: nothing but their own spelling in trusted text may give them. */
static int add_words(struct vocab *v) {
    int r = 0;
    for (uint32_t i = 0; r == 0 && i < v->count; i++) {
        const struct vocab_token *t = &v->token[i];
        if (t->type == TOKEN_CONTROL || t->type == TOKEN_UNKNOWN || t->text.n == 0) continue;
        r = strmap_add(&v->by_word, t->text.p, t->text.n, i);
    }
    return r;
}

/* Published vocabularies lack some control characters and bytes of rare scripts, but never plain ASCII. */
static int find_bytes(struct vocab *v, struct why *why) {
    for (unsigned b = 0; b < 256; b++) {
        uint8_t byte = (uint8_t)b;
        char text[2];
        v->byte_id[b] = (int32_t)strmap_find(&v->by_word, text, byte_level_encode(&byte, 1, text));
        if (v->byte_id[b] < 0 && b >= 0x20 && b < 0x7f)
            return why_set(why, ERR_UNSUPPORTED, "the vocabulary has no token for byte 0x%02x", b);
    }
    return 0;
}

/* The symbol with this text; made up when no token has it. text must stay where it is. */
static int symbol_of(struct vocab *v, const char *text, size_t n, uint32_t *out) {
    int64_t found = strmap_find(&v->by_word, text, n);
    if (found >= 0) {
        *out = (uint32_t)found;
        return 0;
    }
    *out = v->count + v->extra_count;
    v->extra_count++;
    return strmap_add(&v->by_word, text, n, *out);
}

static struct bpe_rule *rule_slot(const struct vocab *v, uint32_t left, uint32_t right) {
    uint64_t h = ((uint64_t)left << 32 | right) * 0x9e3779b97f4a7c15u;
    for (size_t i = (size_t)(h >> 20) & v->rule_mask;; i = (i + 1) & v->rule_mask) {
        struct bpe_rule *p = &v->rule[i];
        if (p->rank == UINT32_MAX || (p->left == left && p->right == right)) return p;
    }
}

/* "left right": one blank between two parts, neither empty. Joined texts that are no token live in v->joined. */
static int add_rule(struct vocab *v, struct gguf_str s, uint32_t rank, char **joined, struct why *why) {
    const char *blank = s.n > 2 ? memchr(s.p + 1, ' ', s.n - 2) : NULL;
    if (!blank || s.n > 2 * VOCAB_PIECE_BYTES_MAX)
        return why_set(why, ERR_FORMAT, "key " MERGES ": entry %" PRIu32 " is not two parts with a blank between", rank);
    size_t left_n = (size_t)(blank - s.p), right_n = s.n - left_n - 1;
    uint32_t left, right, result;
    char *text = *joined;
    memcpy(text, s.p, left_n);
    memcpy(text + left_n, blank + 1, right_n);
    int r = symbol_of(v, s.p, left_n, &left);
    if (r == 0) r = symbol_of(v, blank + 1, right_n, &right);
    uint32_t before = v->extra_count;
    if (r == 0) r = symbol_of(v, text, s.n - 1, &result);
    if (r != 0) return r;
    if (v->extra_count > before) *joined += s.n - 1;
    struct bpe_rule *slot = rule_slot(v, left, right);
    if (slot->rank == UINT32_MAX) *slot = (struct bpe_rule){left, right, rank, result}; /* of two equal rules the first counts */
    return 0;
}

static int add_rules(struct vocab *v, const struct gguf_kv *merges, struct why *why) {
    size_t slots = 16, cursor = 0;
    while (slots < merges->count * 2) slots *= 2;
    v->rule = malloc(slots * sizeof *v->rule);
    v->joined = malloc(merges->bytes + 1);
    if (!v->rule || !v->joined) return ERR_NOMEM;
    memset(v->rule, 0xff, slots * sizeof *v->rule);
    v->rule_mask = slots - 1;
    char *joined = v->joined;
    int r = 0;
    struct gguf_str s;
    for (uint32_t rank = 0; r == 0 && gguf_next_str(merges, &cursor, &s); rank++) r = add_rule(v, s, rank, &joined, why);
    return r;
}

int bpe_init(struct vocab *v, const struct gguf *g, struct why *why) {
    const struct gguf_kv *merges = NULL;
    int r = gguf_array(g, MERGES, GGUF_STRING, &merges, why);
    if (r != 0) return r;
    if (merges->count > MERGES_MAX) return why_set(why, ERR_LIMIT, "key " MERGES " has more than %d entries", MERGES_MAX);
    r = strmap_init(&v->by_word, v->count + (size_t)merges->count * 3);
    if (r == 0) r = add_words(v);
    if (r == 0) r = find_bytes(v, why);
    if (r == 0) r = add_rules(v, merges, why);
    return r;
}

void bpe_release(struct vocab *v) {
    free(v->rule);
    free(v->joined);
}

/* ---- encoding ---- */

struct bpe_run {
    const struct vocab *v;
    struct merger *m;
    struct ids *out;
};

static int bpe_rule_of(const void *ctx, const uint8_t *text, const struct merge_symbol *a, const struct merge_symbol *b,
                       uint32_t *key, uint32_t *result) {
    (void)text;
    const struct bpe_rule *p = rule_slot(ctx, a->id, b->id);
    if (p->rank == UINT32_MAX) return 0;
    *key = p->rank;
    *result = p->result;
    return 1;
}

/* A byte that the vocabulary lacks becomes the unknown token, or U+FFFD as far as that can be spelled. */
static int emit_byte(const struct vocab *v, uint8_t byte, struct ids *out) {
    static const uint8_t replacement[] = {0xef, 0xbf, 0xbd};
    if (v->byte_id[byte] >= 0) return ids_add(out, v->byte_id[byte]);
    if (v->unk >= 0) return ids_add(out, v->unk);
    int r = 0;
    for (size_t i = 0; r == 0 && i < sizeof replacement; i++)
        if (v->byte_id[replacement[i]] >= 0) r = ids_add(out, v->byte_id[replacement[i]]);
    return r;
}

static int whole_word(const struct bpe_run *b, const uint8_t *p, size_t n) {
    char spelled[2 * VOCAB_PIECE_BYTES_MAX];
    if (n > VOCAB_PIECE_BYTES_MAX) return -1;
    int64_t id = strmap_find(&b->v->by_word, spelled, byte_level_encode(p, n, spelled));
    mem_wipe(spelled, 2 * n);
    return id >= 0 && id < b->v->count ? (int)id : -1;
}

static int encode_word(void *ctx, const uint8_t *p, size_t n) {
    struct bpe_run *b = ctx;
    const struct vocab *v = b->v;
    int whole = v->pretok->ignore_merges ? whole_word(b, p, n) : -1;
    if (whole >= 0) return ids_add(b->out, whole);
    int r = merger_start(b->m, p, n);
    for (size_t i = 0; r == 0 && i < n; i++)
        merger_add(b->m, i, 1, v->byte_id[p[i]] < 0 ? MERGE_NONE : (uint32_t)v->byte_id[p[i]]);
    if (r == 0) merger_run(b->m, bpe_rule_of, v);
    for (uint32_t i = 0; r == 0 && i != MERGE_NONE; i = b->m->symbol[i].next) {
        const struct merge_symbol *s = &b->m->symbol[i];
        if (s->id < v->count)
            r = ids_add(b->out, (int32_t)s->id);
        else
            for (uint32_t j = 0; r == 0 && j < s->len; j++) r = emit_byte(v, p[s->start + j], b->out);
    }
    return r;
}

int bpe_encode(const struct vocab *v, const uint8_t *text, size_t n, struct merger *m, struct ids *out) {
    struct bpe_run b = {.v = v, .m = m, .out = out};
    return pretok_split(v->pretok, text, n, encode_word, &b);
}
