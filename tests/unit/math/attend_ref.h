/* tests/unit/math/attend_ref.h - keys, values and queries of one kv head in pages, and attention over them transcribed from
 * rules 10 and 11, one output after another. */
#ifndef TESTS_ATTEND_REF_H
#define TESTS_ATTEND_REF_H

#include "tests/check.h"

#include <math.h>

#include "base/err.h"
#include "math/attend.h"
#include "math/float_bits.h"
#include "math/scalar.h"
#include "tests/unit/math/math_util.h"

struct cache {
    enum kv_format format;
    uint32_t dim, heads, positions;
    float *k, *v, *q; /* as given, before they are stored */
    const uint8_t **pages;
    uint8_t *mem;
    size_t offset;
};

static inline size_t cache_page_room(enum kv_format f, uint32_t dim) { return kv_page_bytes(f, dim) + 64; }

/* Fills pages from c->k and c->v with kernel k. */
static inline void cache_store(struct cache *c, const struct kern *k) {
    for (uint32_t p = 0; p < c->positions; p++) {
        uint8_t *page = c->mem + (c->pages[p / KV_PAGE] - c->mem) + c->offset;
        CHECK_INT(kv_store(k, c->format, page, p % KV_PAGE, c->dim, c->k + p * c->dim, c->v + p * c->dim), 0);
    }
}

static inline void cache_new(struct cache *c, enum kv_format f, const struct kern *k, uint32_t dim, uint32_t heads,
                             uint32_t positions, uint64_t seed) {
    struct rng r = {seed};
    uint32_t pages = (positions + KV_PAGE - 1) / KV_PAGE;
    size_t size = cache_page_room(f, dim);
    *c = (struct cache){.format = f, .dim = dim, .heads = heads, .positions = positions, .offset = 64};
    c->k = malloc(sizeof(float) * dim * positions), c->v = malloc(sizeof(float) * dim * positions);
    c->q = malloc(sizeof(float) * dim * heads * positions), c->pages = malloc(pages * sizeof *c->pages);
    c->mem = aligned(pages * size);
    rng_fill(&r, c->k, (size_t)dim * positions, 2.0f);
    rng_fill(&r, c->v, (size_t)dim * positions, 70000.0f / (float)(1 + rng_u32(&r) % 70000)); /* some saturate in f16 */
    rng_fill(&r, c->q, (size_t)dim * heads * positions, 3.0f);
    memset(c->mem, 0xff, pages * size); /* what no one stored is NaN: it must not matter */
    for (uint32_t p = 0; p < pages; p++) c->pages[p] = c->mem + (pages - 1 - p) * size; /* any order */
    cache_store(c, k);
}
static inline void cache_free(struct cache *c) {
    free(c->k), free(c->v), free(c->q), free((void *)(uintptr_t)c->pages), free(c->mem);
}

static inline float half_of(float x) { return f16_to_f32(f32_to_f16_sat(x)); }

/* Rule 2 for blocks of 32: integers (as floats) and a scale for each block. */
static inline void quantise_ref(const float *x, uint32_t n, float *a, float *da) {
    for (uint32_t b = 0; b < n / 32; b++, x += 32, a += 32) {
        float amax = 0.0f;
        for (int i = 0; i < 32; i++) amax = fabsf(x[i]) > amax ? fabsf(x[i]) : amax;
        for (int i = 0; i < 32; i++) a[i] = amax < 0x1p-100f ? 0.0f : nearbyintf(x[i] * (127.0f / amax));
        da[b] = amax < 0x1p-100f ? 0.0f : amax / 127.0f;
    }
}

/* What the pages hold of x, as floats. f16: values; q8: integers, and the rounded scale of each block. */
static inline void stored_ref(enum kv_format f, const float *x, size_t n, float *value, float *scale) {
    if (f == KV_F16)
        for (size_t i = 0; i < n; i++) value[i] = half_of(x[i]);
    else
        quantise_ref(x, (uint32_t)n, value, scale);
    for (size_t b = 0; f == KV_Q8 && b < n / 32; b++) scale[b] = half_of(scale[b]);
}

/* What attention reads: keys, values and one query. */
struct ref {
    float *k, *kd, *v, *vd; /* [position][dimension] and [position][block] */
    float q[HEAD_DIM_MAX], qd[HEAD_DIM_MAX / 32];
};
static inline void ref_new(struct ref *r, const struct cache *c) {
    size_t n = (size_t)c->dim * c->positions;
    *r = (struct ref){malloc(n * 4), malloc(n * 4), malloc(n * 4), malloc(n * 4), {0}, {0}};
    stored_ref(c->format, c->k, n, r->k, r->kd);
    stored_ref(c->format, c->v, n, r->v, r->vd);
}
static inline void ref_free(struct ref *r) { free(r->k), free(r->kd), free(r->v), free(r->vd); }

/* q . k of position p before the scale, rule 10. */
static inline float score_ref(const struct cache *c, const struct ref *r, uint32_t p) {
    float acc = 0.0f;
    const float *k = r->k + p * c->dim;
    if (c->format == KV_F16) {
        for (uint32_t d = 0; d < c->dim; d++) acc = fmaf(r->q[d], k[d], acc);
        return acc;
    }
    for (uint32_t b = 0; b < c->dim / 32; b++) {
        int64_t sum = 0;
        for (uint32_t i = 32 * b; i < 32 * b + 32; i++) sum += (int64_t)k[i] * (int64_t)r->q[i];
        volatile float scale = r->kd[p * (c->dim / 32) + b] * r->qd[b];
        acc = fmaf((float)sum, scale, acc);
    }
    return acc;
}

/* acc with the term of position p: its weight e, dimension d of its value. */
static inline float value_ref(const struct cache *c, const struct ref *r, float e, uint32_t p, uint32_t d, float acc) {
    volatile float weight = c->format == KV_F16 ? e : e * r->vd[p * (c->dim / 32) + d / 32];
    return fmaf(weight, r->v[p * c->dim + d], acc);
}

/* One query head at position t by rule 11, in the order written. */
static inline void attend_ref(const struct cache *c, struct ref *r, uint32_t t, const float *q, uint32_t window, float scale,
                              float cap, float *out) {
    uint32_t first = window != 0 && t + 1 > window ? t + 1 - window : 0;
    float o[HEAD_DIM_MAX] = {0}, big = 0, l = 0;
    int any = 0;
    memcpy(r->q, q, c->dim * sizeof *q);
    if (c->format == KV_Q8) quantise_ref(q, c->dim, r->q, r->qd);
    for (uint32_t base = first / 256 * 256; base <= t; base += 256) {
        uint32_t lo = first > base ? first : base, hi = t < base + 255 ? t : base + 255;
        float s[256], m = -INFINITY, lanes[64] = {0};
        for (uint32_t p = lo; p <= hi; p++) {
            volatile float score = score_ref(c, r, p) * scale;
            s[p - base] = cap != 0.0f ? canon_softcap(score, cap) : score;
            m = s[p - base] > m ? s[p - base] : m;
        }
        for (uint32_t p = lo; p <= hi; p++) {
            s[p - base] = canon_exp(s[p - base] - m);
            lanes[p % 64] = lanes[p % 64] + s[p - base];
        }
        for (int h = 32; h > 0; h /= 2)
            for (int j = 0; j < h; j++) lanes[j] = lanes[j] + lanes[j + h];
        float top = !any || m > big ? m : big, a = any ? canon_exp(big - top) : 0, b = canon_exp(m - top);
        for (uint32_t d = 0; d < c->dim; d++) {
            float oc = 0.0f;
            for (uint32_t p = lo; p <= hi; p++) oc = value_ref(c, r, s[p - base], p, d, oc);
            volatile float oa = o[d] * a;
            o[d] = any ? fmaf(oc, b, oa) : oc;
        }
        volatile float la = l * a;
        l = any ? fmaf(lanes[0], b, la) : lanes[0];
        big = top;
        any = 1;
    }
    for (uint32_t d = 0; d < c->dim; d++) out[d] = o[d] / l + 0.0f;
}

static inline float cache_scale(const struct cache *c) { return 1.0f / sqrtf((float)c->dim); }

/* Every head of positions [first, positions) by the reference, into out[position][head][dim]. */
static inline void attend_ref_all(const struct cache *c, uint32_t first, uint32_t window, float cap, float *out) {
    struct ref r;
    ref_new(&r, c);
    for (size_t i = (size_t)first * c->heads; i < (size_t)c->positions * c->heads; i++)
        attend_ref(c, &r, (uint32_t)(i / c->heads), c->q + i * c->dim, window, cache_scale(c), cap, out + i * c->dim);
    ref_free(&r);
}

/* The code under test, for `tokens` positions from `first` on, into the same array. */
static inline int attend_run(const struct cache *c, const struct kern *k, uint32_t first, uint32_t tokens, uint32_t window,
                             float cap, float *out) {
    size_t stride = (size_t)c->heads * c->dim;
    struct attend a = {.format = c->format,
                       .head_dim = c->dim,
                       .heads = c->heads,
                       .tokens = tokens,
                       .first_pos = first,
                       .window = window,
                       .scale = cache_scale(c),
                       .softcap = cap,
                       .q = c->q + first * stride,
                       .q_stride = stride,
                       .out = out + first * stride,
                       .out_stride = stride,
                       .pages = c->pages,
                       .page_offset = c->offset};
    return attend(k, &a);
}

struct attend_shape {
    uint32_t dim, heads, positions, window;
    float cap;
};
/* Every kernel against the reference, with prompts in pieces of several sizes. */
static inline void check_shape(enum kv_format f, const struct attend_shape *y, uint64_t seed) {
    static const uint32_t steps[] = {1, 7, 64, 1000};
    struct cache c;
    cache_new(&c, f, kern_nth(0), y->dim, y->heads, y->positions, seed);
    size_t bytes = (size_t)c.heads * c.dim * c.positions * sizeof(float);
    float *want = malloc(bytes), *got = malloc(bytes);
    attend_ref_all(&c, 0, y->window, y->cap, want);
    for (unsigned k = 0; kern_nth(k) != NULL; k++)
        for (unsigned s = k == 0 ? 2 : 0; s < sizeof steps / sizeof *steps; s++) { /* plain C is slow, and has no widths */
            memset(got, 0x55, bytes);
            for (uint32_t t = 0; t < c.positions; t += steps[s]) {
                uint32_t tokens = c.positions - t < steps[s] ? c.positions - t : steps[s];
                CHECK_INT(attend_run(&c, kern_nth(k), t, tokens, y->window, y->cap, got), 0);
            }
            CHECK_MEM(got, want, bytes);
        }
    free(want), free(got);
    cache_free(&c);
}

#endif
