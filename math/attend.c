/* math/attend.c - the driver of attention: tiles of query rows over chunks of positions. */
#include "math/attend.h"

#include <math.h>
#include <string.h>

#include "math/kern_table.h"

enum { TILE = ACTS_PANEL, CHUNK_PAGES = KV_CHUNK / KV_PAGE }; /* query rows computed together; pages of a chunk */

/* Query rows are numbered token * heads + head, so that a tile shares keys over heads and over neighbouring tokens. */
struct tile {
    uint32_t width;
    uint32_t pos[TILE];  /* absolute position of each row */
    uint32_t from[TILE]; /* its first key */
    float max[TILE], sum[TILE];
    _Alignas(64) float q[TILE * HEAD_DIM_MAX]; /* f16: [dimension][row]; q8: a panel of activations (matrix.h) */
    _Alignas(64) float s[TILE * KV_CHUNK];     /* scores, then weights, of a chunk */
    _Alignas(64) float oc[TILE * HEAD_DIM_MAX];
    _Alignas(64) float o[TILE * HEAD_DIM_MAX];
};

/* ERR_NONFINITE if a row to be quantised holds a NaN or an infinity; in f16 that shows in the scores. */
static int tile_load(struct tile *t, const struct kern *k, const struct attend *a, uint32_t first_row, uint32_t width) {
    struct acts panel;
    uint8_t bad[TILE] = {0}, any = 0;
    t->width = width;
    if (a->format == KV_Q8) acts_init(&panel, ACT_Q32, a->head_dim, width, t->q);
    for (uint32_t r = 0; r < width; r++) {
        uint32_t token = (first_row + r) / a->heads, head = (first_row + r) % a->heads;
        const float *q = a->q + token * a->q_stride + (size_t)head * a->head_dim;
        t->pos[r] = a->first_pos + token;
        t->from[r] = a->window != 0 && t->pos[r] + 1 > a->window ? t->pos[r] + 1 - a->window : 0;
        if (a->format == KV_Q8)
            acts_fill(k, &panel, r, r + 1, q, 0, bad);
        else
            for (uint32_t d = 0; d < a->head_dim; d++) t->q[d * width + r] = q[d];
        any |= bad[r];
    }
    return any ? ERR_NONFINITE : 0;
}

/* Scores of `groups` groups of 16 positions, before the scale; s[row * KV_CHUNK + position]. */
static void page_scores(const struct kern *k, const struct tile *t, const struct attend *a, const uint8_t *page, uint32_t groups,
                        float *s) {
    if (a->format == KV_F16) {
        k->scores(page, groups, a->head_dim, t->q, t->width, s);
        return;
    }
    _Alignas(64) float out[TILE * 16];
    size_t bytes = kv_keys_bytes(KV_Q8, a->head_dim);
    for (uint32_t g = 0; g < groups; g++) {
        k->tile[WK_Q8_0](page + g * bytes, a->head_dim, (const uint8_t *)t->q, t->width, out);
        for (uint32_t r = 0; r < t->width; r++) memcpy(s + r * KV_CHUNK + 16 * g, out + 16 * r, 16 * sizeof *s);
    }
}

/* Adds one chunk's parts (rule 11): oc, with each row's maximum m and sum l, for rows that have a key in it. */
static void merge_rows(const struct kern *k, struct tile *t, uint32_t base, uint32_t dim, const uint8_t *used, const float *m,
                       const float *l) {
    float shrink[2 * TILE] = {0}; /* arguments of exp: the old part's, then the new part's */
    for (uint32_t r = 0; r < t->width; r++) {
        float max = t->from[r] >= base || m[r] > t->max[r] ? m[r] : t->max[r];
        if (!used[r]) continue;
        if (t->from[r] < base) shrink[r] = t->max[r] - max;
        shrink[TILE + r] = m[r] - max;
        t->max[r] = max;
    }
    k->exp(shrink, shrink, 2 * TILE);
    for (uint32_t r = 0; r < t->width; r++) {
        float *o = t->o + r * HEAD_DIM_MAX, a = shrink[r], b = shrink[TILE + r];
        const float *oc = t->oc + r * HEAD_DIM_MAX;
        if (!used[r]) continue;
        if (t->from[r] >= base) { /* the row's first chunk: nothing to merge with */
            memcpy(o, oc, dim * sizeof *o);
            t->sum[r] = l[r];
            continue;
        }
        t->sum[r] = fmaf(l[r], b, t->sum[r] * a);
        k->merge(o, oc, dim, a, b);
    }
}

/* One chunk, starting at absolute position `base`, for all rows of the tile that have a key in it. */
static int tile_chunk(const struct kern *k, struct tile *t, const struct attend *a, uint32_t base) {
    uint32_t last = t->pos[t->width - 1] - base, from = KV_CHUNK; /* rows are in order of position */
    uint32_t end = last < KV_CHUNK ? last + 1 : KV_CHUNK;
    float m[TILE] = {0}, l[TILE] = {0};
    uint8_t used[TILE];
    const uint8_t *v[CHUNK_PAGES] = {NULL};
    for (uint32_t i = 0; i < end; i += KV_PAGE) {
        const uint8_t *page = a->pages[(base + i) / KV_PAGE] + a->page_offset;
        uint32_t groups = (end - i + 15) / 16;
        page_scores(k, t, a, page, groups < KV_PAGE / 16 ? groups : KV_PAGE / 16, t->s + i);
        v[i / KV_PAGE] = page + kv_values_at(a->format, a->head_dim);
    }
    for (uint32_t r = 0; r < t->width; r++) {
        float *s = t->s + r * KV_CHUNK;
        uint32_t lo = t->from[r] > base ? t->from[r] - base : 0;
        uint32_t hi = t->pos[r] < base ? 0 : t->pos[r] - base + 1 < KV_CHUNK ? t->pos[r] - base + 1 : KV_CHUNK;
        used[r] = lo < hi;
        if (!used[r]) {
            memset(s, 0, KV_CHUNK * sizeof *s);
            continue;
        }
        if (k->softmax(s, lo, hi, a->scale, a->softcap, &m[r], &l[r]) != 0) return ERR_NONFINITE;
        uint32_t written = (hi + 63) & ~63u;
        memset(s + written, 0, (KV_CHUNK - written) * sizeof *s);
        from = lo < from ? lo : from;
    }
    uint32_t dim = kv_dim_padded(a->head_dim);
    (a->format == KV_Q8 ? k->values_q8 : k->values)(v, from, end, dim, t->s, t->width, t->oc);
    merge_rows(k, t, base, dim, used, m, l);
    return 0;
}

int attend(const struct kern *k, const struct attend *a) {
    struct tile t;
    uint32_t rows = a->heads * a->tokens;
    for (uint32_t first = 0; first < rows; first += TILE) {
        if (tile_load(&t, k, a, first, rows - first < TILE ? rows - first : TILE) != 0) return ERR_NONFINITE;
        for (uint32_t base = t.from[0] / KV_CHUNK * KV_CHUNK; base <= t.pos[t.width - 1]; base += KV_CHUNK)
            if (tile_chunk(k, &t, a, base) != 0) return ERR_NONFINITE;
        for (uint32_t r = 0; r < t.width; r++) {
            uint32_t token = (first + r) / a->heads, head = (first + r) % a->heads;
            k->divide(a->out + token * a->out_stride + (size_t)head * a->head_dim, t.o + r * HEAD_DIM_MAX, a->head_dim, t.sum[r]);
        }
    }
    return 0;
}
