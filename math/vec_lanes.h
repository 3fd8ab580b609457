/* math/vec_lanes.h - the vector functions (rules 6 to 9) over lanes_*.h. Included once by each kernel file. */
#include "math/exp_coef.h"
#include "math/plain.h"

ALWAYS_INLINE vf lanes_exp(vf x) {
    vf xc = vf_min(vf_set1(EXP_MAX), x); /* this order lets a NaN through */
    vf z = vf_fma(xc, vf_set1(EXP_INV_LN2), vf_set1(EXP_SHIFT));
    vf n = vf_sub(z, vf_set1(EXP_SHIFT));
    vf b = vf_fnma(n, vf_set1(EXP_LN2_HI), xc);
    b = vf_fnma(n, vf_set1(EXP_LN2_LO), b);
    vf u = vf_mul(b, b);
    vf p = vf_fma(vf_set1(EXP_C4), b, vf_set1(EXP_C3));
    vf q = vf_fma(vf_set1(EXP_C2), b, vf_set1(EXP_C1));
    vf j = vf_fma(vf_fma(p, u, q), u, vf_mul(vf_set1(EXP_C0), b));
    vf k = vf_pow2(z);
    return vf_zero_where_less(vf_fma(k, j, k), x, vf_set1(EXP_MIN));
}
ALWAYS_INLINE vf lanes_silu(vf x) { return vf_div(x, vf_add(vf_set1(1.0f), lanes_exp(vf_neg(x)))); }
ALWAYS_INLINE vf lanes_gelu(vf x) {
    vf c = vf_mul(vf_mul(x, x), x);
    vf v = vf_add(x, vf_mul(vf_set1(GELU_CUBE), c));
    return vf_div(x, vf_add(vf_set1(1.0f), lanes_exp(vf_mul(vf_set1(GELU_SLOPE), v))));
}
ALWAYS_INLINE vf lanes_softcap(vf x, vf c) {
    vf e = lanes_exp(vf_mul(vf_set1(2.0f), vf_div(x, c)));
    return vf_mul(c, vf_sub(vf_set1(1.0f), vf_div(vf_set1(2.0f), vf_add(vf_set1(1.0f), e))));
}

/* The folds of rule 6 over 64 lanes. */
ALWAYS_INLINE float lanes_fold64(vf lane[64 / LANES]) {
    for (unsigned h = 32 / LANES; h > 0; h /= 2)
        for (unsigned j = 0; j < h; j++) lane[j] = vf_add(lane[j], lane[j + h]);
    return vf_fold(lane[0]);
}

/* Rule 6: element i belongs to lane i % 64; lanes past the end of the last, partial step take +0, which changes nothing. */
ALWAYS_INLINE float lanes_sum(const float *x, size_t n, int squares) {
    vf lane[64 / LANES];
    for (int v = 0; v < 64 / LANES; v++) lane[v] = vf_zero();
    for (size_t i = 0; i < n; i += 64)
        for (size_t v = 0; v < 64 / LANES && i + v * LANES < n; v++) {
            vf e = vf_load_n(x + i + v * LANES, n - i - v * LANES);
            lane[v] = squares ? vf_fma(e, e, lane[v]) : vf_add(lane[v], e);
        }
    return lanes_fold64(lane);
}
static float lanes_sum64(const float *x, size_t n) { return lanes_sum(x, n, 0); }
static float lanes_sum64_squares(const float *x, size_t n) { return lanes_sum(x, n, 1); }

static void lanes_norm(float *y, const float *x, const float *w, size_t n, float r) {
    for (size_t i = 0; i < n; i += LANES)
        vf_store_n(y + i, vf_mul(vf_mul(vf_load_n(x + i, n - i), vf_set1(r)), vf_load_n(w + i, n - i)), n - i);
}
static void lanes_add(float *y, const float *a, const float *b, size_t n) {
    for (size_t i = 0; i < n; i += LANES) vf_store_n(y + i, vf_add(vf_load_n(a + i, n - i), vf_load_n(b + i, n - i)), n - i);
}
static void lanes_scale(float *y, const float *x, float s, size_t n) {
    for (size_t i = 0; i < n; i += LANES) vf_store_n(y + i, vf_mul(vf_load_n(x + i, n - i), vf_set1(s)), n - i);
}
static void lanes_exp_all(float *y, const float *x, size_t n) {
    for (size_t i = 0; i < n; i += LANES) vf_store_n(y + i, lanes_exp(vf_load_n(x + i, n - i)), n - i);
}
static void lanes_swiglu(float *y, const float *g, const float *u, size_t n) {
    for (size_t i = 0; i < n; i += LANES)
        vf_store_n(y + i, vf_mul(lanes_silu(vf_load_n(g + i, n - i)), vf_load_n(u + i, n - i)), n - i);
}
static void lanes_geglu(float *y, const float *g, const float *u, size_t n) {
    for (size_t i = 0; i < n; i += LANES)
        vf_store_n(y + i, vf_mul(lanes_gelu(vf_load_n(g + i, n - i)), vf_load_n(u + i, n - i)), n - i);
}
static void lanes_softcap_all(float *y, const float *x, float c, size_t n) {
    for (size_t i = 0; i < n; i += LANES) vf_store_n(y + i, lanes_softcap(vf_load_n(x + i, n - i), vf_set1(c)), n - i);
}
static int lanes_finite(const float *x, size_t n) {
    for (size_t i = 0; i < n; i += LANES)
        if (vf_any_not_finite(vf_load_n(x + i, n - i))) return 0;
    return 1;
}

static void lanes_rope_half(float *x0, float *x1, const float *c, const float *s, uint32_t n) {
    for (uint32_t i = 0; i < n; i += LANES) {
        vf a = vf_load_n(x0 + i, n - i), b = vf_load_n(x1 + i, n - i), vc = vf_load_n(c + i, n - i), vs = vf_load_n(s + i, n - i);
        vf_store_n(x0 + i, vf_fms(a, vc, vf_mul(b, vs)), n - i);
        vf_store_n(x1 + i, vf_fma(a, vs, vf_mul(b, vc)), n - i);
    }
}
static void lanes_rope_next(float *x, const float *c, const float *s, uint32_t n) {
    uint32_t i = vf_rope_pairs(x, c, s, n);
    kern_plain.rope_next(x + 2 * i, c + i, s + i, n - i);
}
