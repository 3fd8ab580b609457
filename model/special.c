/* model/special.c - special tokens in text. Candidates are sorted by text; at each position the range of those that still
 * fit is narrowed byte by byte, so the cost per position is the length of the longest beginning that fits. */
#include "model/vocab_parts.h"

#include <stdlib.h>
#include <string.h>

static int by_text(const void *a, const void *b, void *ctx) {
    const struct vocab *v = ctx;
    struct gguf_str x = v->token[*(const uint32_t *)a].text, y = v->token[*(const uint32_t *)b].text;
    int c = memcmp(x.p, y.p, x.n < y.n ? x.n : y.n);
    return c ? c : x.n < y.n ? -1 : x.n > y.n;
}

static int is_special(const struct vocab_token *t) {
    return t->text.n > 0 && (t->type == TOKEN_CONTROL || t->type == TOKEN_UNKNOWN || t->type == TOKEN_USER);
}

int special_init(struct vocab *v) {
    for (uint32_t i = 0; i < v->count; i++) v->special_count += (size_t)is_special(&v->token[i]);
    v->special = mem_zalloc(v->special_count, sizeof *v->special);
    if (!v->special) return ERR_NOMEM;
    size_t at = 0;
    for (uint32_t i = 0; i < v->count; i++) {
        if (!is_special(&v->token[i])) continue;
        v->special[at++] = i;
        v->special_first[(uint8_t)v->token[i].text.p[0]] = 1;
    }
    qsort_r(v->special, v->special_count, sizeof *v->special, by_text, v);
    return 0;
}

/* First index in [lo, hi) whose byte at depth is at least c; all of them are longer than depth. */
static size_t lower(const struct vocab *v, size_t lo, size_t hi, size_t depth, unsigned c) {
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if ((uint8_t)v->token[v->special[mid]].text.p[depth] < c)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

int32_t special_at(const struct vocab *v, const uint8_t *text, size_t at, size_t n, size_t until) {
    size_t lo = 0, hi = v->special_count;
    int32_t best = -1;
    if (at >= n || !v->special_first[text[at]]) return -1; /* most bytes of a text */
    for (size_t depth = 0; at + depth < n && lo < hi; depth++) {
        size_t from = lower(v, lo, hi, depth, text[at + depth]);
        hi = lower(v, from, hi, depth, text[at + depth] + 1u);
        lo = from;
        if (lo == hi) break;
        const struct vocab_token *t = &v->token[v->special[lo]]; /* the shortest of the range sorts first */
        if (t->text.n != depth + 1) continue;
        if (t->type == TOKEN_USER || at + depth + 1 <= until) best = (int32_t)v->special[lo];
        lo++;
    }
    return best;
}
