/* math/attend.c - pages of keys and values, and the driver of attention: tiles of query rows over chunks of positions. */
#include "math/attend.h"

#include <math.h>
#include <string.h>

#include "math/float_bits.h"
#include "math/kern_table.h"
#include "math/scalar.h"

enum { TILE = 12, CHUNK_PAGES = KV_CHUNK / KV_PAGE }; /* query rows computed together; pages of a chunk */

static uint32_t padded(uint32_t head_dim) { return (head_dim + 15) & ~15u; }
static size_t keys_bytes(uint32_t head_dim) { return (size_t)KV_PAGE * head_dim * 2; }

size_t kv_page_bytes(uint32_t head_dim) { return keys_bytes(head_dim) + (size_t)KV_PAGE * padded(head_dim) * 2; }

int kv_store(const struct kern *k, uint8_t *page, uint32_t slot, uint32_t head_dim, const float *key, const float *value) {
    uint16_t half[HEAD_DIM_MAX];
    if (!k->finite(key, head_dim) || !k->finite(value, head_dim)) return ERR_NONFINITE;
    k->to_f16(half, key, head_dim);
    uint8_t *to = page + (size_t)(slot / 16) * head_dim * 32 + slot % 16 * 2;
    for (uint32_t d = 0; d < head_dim; d++) memcpy(to + 32 * (size_t)d, &half[d], 2);
    k->to_f16(half, value, head_dim);
    to = page + keys_bytes(head_dim) + (size_t)slot * padded(head_dim) * 2;
    memcpy(to, half, head_dim * 2u);
    memset(to + head_dim * 2u, 0, (padded(head_dim) - head_dim) * 2u);
    return 0;
}

/* Query rows are numbered token * heads + head, so that a tile shares keys over heads and over neighbouring tokens. */
struct tile {
    uint32_t width;
    uint32_t pos[TILE];  /* absolute position of each row */
    uint32_t from[TILE]; /* its first key */
    float max[TILE], sum[TILE];
    _Alignas(64) float q[TILE * HEAD_DIM_MAX]; /* [dimension][row] */
    _Alignas(64) float s[TILE * KV_CHUNK];     /* scores, then weights, of a chunk */
    _Alignas(64) float oc[TILE * HEAD_DIM_MAX];
    _Alignas(64) float o[TILE * HEAD_DIM_MAX];
};

static void tile_load(struct tile *t, const struct attend *a, uint32_t first_row, uint32_t width) {
    t->width = width;
    for (uint32_t r = 0; r < width; r++) {
        uint32_t token = (first_row + r) / a->heads, head = (first_row + r) % a->heads;
        const float *q = a->q + token * a->q_stride + (size_t)head * a->head_dim;
        t->pos[r] = a->first_pos + token;
        t->from[r] = a->window != 0 && t->pos[r] + 1 > a->window ? t->pos[r] + 1 - a->window : 0;
        for (uint32_t d = 0; d < a->head_dim; d++) t->q[d * width + r] = q[d];
    }
}

/* Adds one chunk's part of row r (rule 11): oc, with its maximum m and sum l. */
static void merge_row(const struct kern *k, struct tile *t, uint32_t r, int first, uint32_t dim, float m, float l) {
    float *o = t->o + r * HEAD_DIM_MAX;
    const float *oc = t->oc + r * HEAD_DIM_MAX;
    if (first) {
        memcpy(o, oc, dim * sizeof *o);
        t->max[r] = m;
        t->sum[r] = l;
        return;
    }
    float max = t->max[r] > m ? t->max[r] : m, a = canon_exp(t->max[r] - max), b = canon_exp(m - max);
    t->sum[r] = fmaf(l, b, t->sum[r] * a);
    k->merge(o, oc, dim, a, b);
    t->max[r] = max;
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
        k->scores(page, groups < KV_PAGE / 16 ? groups : KV_PAGE / 16, a->head_dim, t->q, t->width, t->s + i);
        v[i / KV_PAGE] = page + keys_bytes(a->head_dim);
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
    k->values(v, from, end, padded(a->head_dim), t->s, t->width, t->oc);
    for (uint32_t r = 0; r < t->width; r++)
        if (used[r]) merge_row(k, t, r, t->from[r] >= base, padded(a->head_dim), m[r], l[r]);
    return 0;
}

int attend_f16(const struct kern *k, const struct attend *a) {
    struct tile t;
    uint32_t rows = a->heads * a->tokens;
    for (uint32_t first = 0; first < rows; first += TILE) {
        tile_load(&t, a, first, rows - first < TILE ? rows - first : TILE);
        for (uint32_t base = t.from[0] / KV_CHUNK * KV_CHUNK; base <= t.pos[t.width - 1]; base += KV_CHUNK)
            if (tile_chunk(k, &t, a, base) != 0) return ERR_NONFINITE;
        for (uint32_t r = 0; r < t.width; r++) {
            uint32_t token = (first + r) / a->heads, head = (first + r) % a->heads;
            k->divide(a->out + token * a->out_stride + (size_t)head * a->head_dim, t.o + r * HEAD_DIM_MAX, a->head_dim, t.sum[r]);
        }
    }
    return 0;
}
