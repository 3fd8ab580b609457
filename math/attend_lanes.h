/* math/attend_lanes.h - attention's parts (rules 10, 11) over lanes_*.h; after vec_lanes.h. Included once by each kernel file. */
#include "math/packed.h"
#include "math/width.h"

enum { TOGETHER_MAX = 4 };
/* Few rows leave the pipeline waiting for one chain; then more vectors of outputs are computed side by side. */
ALWAYS_INLINE unsigned together(unsigned width) { return width <= 3 ? 4 : width <= 6 ? 2 : 1; }

static void lanes_to_f16(uint16_t *out, const float *x, size_t n) {
    vf top = vf_set1(65504.0f), bottom = vf_set1(-65504.0f);
    for (size_t i = 0; i < n; i += LANES) {
        _Alignas(32) uint16_t half[LANES];
        vf_to_f16(half, vf_max(vf_min(vf_load_n(x + i, n - i), top), bottom));
        for (size_t j = 0; j < LANES && i + j < n; j++) out[i + j] = half[j];
    }
}

/* Scores of `count` vectors of keys from vector v0 on, for W query rows. */
ALWAYS_INLINE void scores_part(unsigned w, const uint8_t *k, uint32_t v0, unsigned count, uint32_t head_dim, const float *q,
                               float *s) {
    vf acc[TOGETHER_MAX][WIDTH_MAX];
    const uint8_t *key[TOGETHER_MAX];
    EACH(v, count) {
        uint32_t pos = (v0 + v) * LANES;
        key[v] = k + (size_t)(pos / 16) * head_dim * 32 + pos % 16 * 2;
        EACH(r, w) acc[v][r] = vf_zero();
    }
    for (uint32_t d = 0; d < head_dim; d++) EACH(v, count) {
            vf kd = vf_from_f16(key[v] + 32 * (size_t)d);
            EACH(r, w) acc[v][r] = vf_fma(vf_set1(q[d * w + r]), kd, acc[v][r]);
        }
    EACH(v, count)
    EACH(r, w) vf_store(s + r * KV_CHUNK + (v0 + v) * LANES, acc[v][r]);
}
ALWAYS_INLINE void scores_width(unsigned w, const uint8_t *k, uint32_t groups, uint32_t head_dim, const float *q, float *s) {
    uint32_t vectors = groups * 16 / LANES, v = 0;
    for (; v + together(w) <= vectors; v += together(w)) scores_part(w, k, v, together(w), head_dim, q, s);
    for (; v < vectors; v++) scores_part(w, k, v, 1, head_dim, q, s);
}
static void lanes_scores(const uint8_t *k, uint32_t groups, uint32_t head_dim, const float *q, uint32_t width,
                         float *s){FOR_WIDTH(width, scores_width, k, groups, head_dim, q, s)}

/* s = softcap(s * scale) and its maximum, for whole vectors. A product with 0 turns what is not finite into a NaN that stays.
 * 0 or ERR_NONFINITE. */
ALWAYS_INLINE int softmax_scale(float *s, uint32_t lo, uint32_t hi, float scale, float softcap, float *m) {
    vf top = vf_set1(-3.40282347e38f), nothing = vf_zero();
    for (uint32_t i = lo; i < hi; i += LANES) {
        vf v = vf_mul(vf_load(s + i), vf_set1(scale));
        nothing = vf_fma(v, vf_zero(), nothing);
        if (softcap != 0.0f) v = lanes_softcap(v, vf_set1(softcap));
        vf_store(s + i, v);
        top = vf_max(top, v);
    }
    *m = vf_top(top);
    return vf_any_not_finite(nothing) ? ERR_NONFINITE : 0;
}
/* Positions outside [from, to) that share a vector with one inside stand in as copies of it until they get weight 0: so
 * neither the test for NaN nor the maximum needs a mask. */
static int lanes_softmax(float *s, uint32_t from, uint32_t to, float scale, float softcap, float *m, float *l) {
    uint32_t lo = from & ~(LANES - 1u), hi = (to + LANES - 1u) & ~(LANES - 1u), end = (to + 63) & ~63u;
    for (uint32_t i = lo; i < from; i++) s[i] = s[from];
    for (uint32_t i = to; i < hi; i++) s[i] = s[from];
    if (softmax_scale(s, lo, hi, scale, softcap, m) != 0) return ERR_NONFINITE;
    vf lane[64 / LANES], max = vf_set1(*m);
    EACH(v, 64 / LANES) lane[v] = vf_zero();
    for (uint32_t i = 0; i < end; i += 64) EACH(v, 64 / LANES) {
            uint32_t at = i + v * LANES;
            vf e = at < lo || at >= hi ? vf_zero() : lanes_exp(vf_sub(vf_load(s + at), max));
            vf_store(s + at, e);
            if ((at < from && from < at + LANES) || (at < to && to < at + LANES)) {
                for (uint32_t j = at; j < at + LANES; j++) s[j] = j < from || j >= to ? 0.0f : s[j];
                e = vf_load(s + at);
            }
            lane[v] = vf_add(lane[v], e);
        }
    *l = lanes_fold64(lane);
    return 0;
}

/* Weighted sums of `count` vectors of dimensions from v0 on. */
ALWAYS_INLINE void values_part(unsigned w, const uint8_t *const *v, uint32_t from, uint32_t to, uint32_t dim, uint32_t v0,
                               unsigned count, const float *e, float *o) {
    vf acc[TOGETHER_MAX][WIDTH_MAX];
    EACH(c, count)
    EACH(r, w) acc[c][r] = vf_zero();
    for (uint32_t i = from; i < to;) {
        uint32_t stop = (i / KV_PAGE + 1) * KV_PAGE < to ? (i / KV_PAGE + 1) * KV_PAGE : to;
        const uint8_t *value = v[i / KV_PAGE] + ((size_t)(i % KV_PAGE) * dim + v0 * LANES) * 2;
        for (; i < stop; i++, value += 2 * (size_t)dim) EACH(c, count) {
                vf vd = vf_from_f16(value + c * LANES * 2);
                EACH(r, w) acc[c][r] = vf_fma(vf_set1(e[r * KV_CHUNK + i]), vd, acc[c][r]);
            }
    }
    EACH(c, count)
    EACH(r, w) vf_store(o + r * HEAD_DIM_MAX + (v0 + c) * LANES, acc[c][r]);
}
ALWAYS_INLINE void values_width(unsigned w, const uint8_t *const *v, uint32_t from, uint32_t to, uint32_t dim, const float *e,
                                float *o) {
    uint32_t vectors = dim / LANES, c = 0;
    for (; c + together(w) <= vectors; c += together(w)) values_part(w, v, from, to, dim, c, together(w), e, o);
    for (; c < vectors; c++) values_part(w, v, from, to, dim, c, 1, e, o);
}
static void lanes_values(const uint8_t *const *v, uint32_t from, uint32_t to, uint32_t dim_padded, const float *e, uint32_t width,
                         float *o) {
    FOR_WIDTH(width, values_width, v, from, to, dim_padded, e, o)
}

/* One block of 32 dimensions; weight[row * KV_CHUNK + i]: e * d. */
enum { BLOCK_VECTORS = 32 / LANES };
ALWAYS_INLINE void values_q8_part(unsigned w, const uint8_t *const *v, uint32_t from, uint32_t to, size_t block, unsigned c0,
                                  unsigned count, const float *weight, float *o) {
    vf acc[TOGETHER_MAX][WIDTH_MAX];
    EACH(c, count)
    EACH(r, w) acc[c][r] = vf_zero();
    for (uint32_t i = from; i < to;) {
        uint32_t stop = (i / KV_PAGE + 1) * KV_PAGE < to ? (i / KV_PAGE + 1) * KV_PAGE : to;
        const uint8_t *value = v[i / KV_PAGE] + block + KV_V8_SCALES + 32 * (i % KV_PAGE) + c0 * LANES;
        for (; i < stop; i++, value += 32) EACH(c, count) {
                vf vd = vf_from_i8(value + c * LANES);
                EACH(r, w) acc[c][r] = vf_fma(vf_set1(weight[r * KV_CHUNK + i]), vd, acc[c][r]);
            }
    }
    EACH(c, count)
    EACH(r, w) vf_store(o + r * HEAD_DIM_MAX + (c0 + c) * LANES, acc[c][r]);
}
/* Lanes outside [from, to) may read what nobody stored; their weights are not used. */
ALWAYS_INLINE void values_q8_width(unsigned w, const uint8_t *const *v, uint32_t from, uint32_t to, uint32_t head_dim,
                                   const float *e, float *o) {
    _Alignas(64) float weight[WIDTH_MAX * KV_CHUNK];
    const unsigned count = together(w) < BLOCK_VECTORS ? together(w) : BLOCK_VECTORS;
    for (uint32_t b = 0; b < head_dim / 32; b++) {
        size_t block = b * (size_t)KV_V8_BLOCK;
        for (uint32_t i = from & ~(LANES - 1u); i < to; i += LANES) {
            vf d = vf_from_f16(v[i / KV_PAGE] + block + 2 * (i % KV_PAGE));
            EACH(r, w) vf_store(weight + r * KV_CHUNK + i, vf_mul(vf_load(e + r * KV_CHUNK + i), d));
        }
        for (unsigned c = 0; c < BLOCK_VECTORS; c += count) values_q8_part(w, v, from, to, block, c, count, weight, o + 32 * b);
    }
}
static void lanes_values_q8(const uint8_t *const *v, uint32_t from, uint32_t to, uint32_t head_dim, const float *e,
                            uint32_t width, float *o) {
    FOR_WIDTH(width, values_q8_width, v, from, to, head_dim, e, o)
}

static void lanes_merge(float *o, const float *oc, uint32_t n, float a, float b) {
    for (uint32_t i = 0; i < n; i += LANES)
        vf_store_n(o + i, vf_fma(vf_load_n(oc + i, n - i), vf_set1(b), vf_mul(vf_load_n(o + i, n - i), vf_set1(a))), n - i);
}
static void lanes_divide(float *y, const float *o, uint32_t n, float l) {
    for (uint32_t i = 0; i < n; i += LANES)
        vf_store_n(y + i, vf_add(vf_div(vf_load_n(o + i, n - i), vf_set1(l)), vf_zero()), n - i);
}
