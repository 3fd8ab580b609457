/* math/rope.c - rule 9. Every function here is a fixed sequence of binary64 + - * / and floor, in the order written: no
 * library function, no fused operation, so that all machines agree to the last bit. */
#include "math/rope.h"

#include <string.h>

/* 1/k! for k = 0..20; n! is exact in binary64 up to 22!, so each is one correctly rounded division. */
static const double inv_fact[] = {
    1.0 / 1.0,
    1.0 / 1.0,
    1.0 / 2.0,
    1.0 / 6.0,
    1.0 / 24.0,
    1.0 / 120.0,
    1.0 / 720.0,
    1.0 / 5040.0,
    1.0 / 40320.0,
    1.0 / 362880.0,
    1.0 / 3628800.0,
    1.0 / 39916800.0,
    1.0 / 479001600.0,
    1.0 / 6227020800.0,
    1.0 / 87178291200.0,
    1.0 / 1307674368000.0,
    1.0 / 20922789888000.0,
    1.0 / 355687428096000.0,
    1.0 / 6402373705728000.0,
    1.0 / 121645100408832000.0,
    1.0 / 2432902008176640000.0,
    1.0 / 51090942171709440000.0,
};

/* floor for |x| < 2^62 */
static double floor64(double x) {
    double t = (double)(int64_t)x;
    return t > x ? t - 1.0 : t;
}

/* 2^n, -1022 <= n <= 1023 */
static double pow2(int64_t n) {
    uint64_t bits = (uint64_t)(n + 1023) << 52;
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

double rope_ln(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    double e = (double)((int64_t)(bits >> 52 & 0x7ff) - 1023), m;
    bits = (bits & 0xfffffffffffffu) | 0x3ff0000000000000u;
    memcpy(&m, &bits, sizeof m);
    if (m > 0x1.6a09e667f3bcdp+0) {
        m = m / 2.0;
        e = e + 1.0;
    }
    double s = (m - 1.0) / (m + 1.0), z = s * s, p = 0.0;
    for (int k = 14; k >= 0; k--) p = p * z + 1.0 / (double)(2 * k + 1);
    return e * 0x1.62e42fefa39efp-1 + (2.0 * s) * p;
}

double rope_exp(double x) {
    double n = floor64(x * 0x1.71547652b82fep+0 + 0.5);
    double r = (x - n * 0x1.62e42feep-1) - n * 0x1.a39ef35793c76p-33, p = 0.0;
    for (int k = 20; k >= 0; k--) p = p * r + inv_fact[k];
    return p * pow2((int64_t)n);
}

void rope_sincos(double a, double *s, double *c) {
    double j = floor64(a * 0x1.45f306dc9c883p-1 + 0.5);
    double r = ((a - j * 0x1.921fb544p+0) - j * 0x1.0b4611a6p-34) - j * 0x1.3198a2e037073p-69, z = r * r;
    double ps = 0.0, pc = 0.0;
    for (int k = 10; k >= 0; k--) {
        ps = ps * z + (k & 1 ? -inv_fact[2 * k + 1] : inv_fact[2 * k + 1]);
        pc = pc * z + (k & 1 ? -inv_fact[2 * k] : inv_fact[2 * k]);
    }
    ps = ps * r;
    switch ((int64_t)j & 3) {
    case 0: *s = ps, *c = pc; break;
    case 1: *s = pc, *c = -ps; break;
    case 2: *s = -ps, *c = -pc; break;
    default: *s = -pc, *c = ps; break;
    }
}

static double max64(double a, double b) { return a > b ? a : b; }
static double min64(double a, double b) { return a < b ? a : b; }

/* The dimension at which a wave turns `beta` times over the original context (YaRN, arXiv 2309.00071). */
static double yarn_corr(const struct rope_params *p, double beta) {
    double turns = (double)p->n_orig / ((beta * 2.0) * 0x1.921fb54442d18p+1);
    return (double)p->n_rot * rope_ln(turns) / (2.0 * rope_ln((double)p->base));
}

static void yarn_blend(struct rope *r, const struct rope_params *p) {
    double s = (double)p->factor;
    double lo = max64(0.0, floor64(yarn_corr(p, p->beta_fast != 0.0f ? (double)p->beta_fast : 32.0)));
    double hi = -floor64(-yarn_corr(p, p->beta_slow != 0.0f ? (double)p->beta_slow : 1.0)); /* ceil */
    hi = min64((double)p->n_rot - 1.0, hi);
    for (uint32_t i = 0; i < p->n_rot / 2; i++) {
        double ramp = ((double)i - lo) / max64(0.001, hi - lo), g = 1.0 - min64(1.0, max64(0.0, ramp)), f = r->freq[i];
        r->freq[i] = (f / s) * (1.0 - g) + f * g;
    }
    r->m = r->m * (1.0 + 0.1 * rope_ln(s));
}

static int in_range(float x, float lo, float hi) { return x >= lo && x <= hi; } /* false for NaN */

static int params_ok(const struct rope_params *p) {
    if (p->n_rot < 2 || p->n_rot % 2 || p->n_rot > ROPE_DIM_MAX || !in_range(p->base, 1.0001f, 1e15f)) return 0;
    if (p->attn_factor != 0.0f && !in_range(p->attn_factor, 1e-3f, 1e3f)) return 0;
    if (p->scaling != ROPE_NONE && !in_range(p->factor, 1.0f, 1e6f)) return 0;
    if (p->scaling != ROPE_YARN) return 1;
    if (p->n_orig == 0 || p->n_orig > ROPE_POS_MAX) return 0;
    return (p->beta_fast == 0.0f || in_range(p->beta_fast, 1e-3f, 1e6f)) &&
           (p->beta_slow == 0.0f || in_range(p->beta_slow, 1e-3f, 1e6f));
}

int rope_init(struct rope *r, const struct rope_params *p) {
    if (!params_ok(p)) return ERR_RANGE;
    *r = (struct rope){.n_rot = p->n_rot, .m = p->attn_factor != 0.0f ? (double)p->attn_factor : 1.0};
    double ln_base = rope_ln((double)p->base);
    for (uint32_t i = 0; i < p->n_rot / 2; i++) {
        double f = rope_exp(-(2.0 * (double)i / (double)p->n_rot) * ln_base);
        if (p->freq_div != NULL) {
            if (!in_range(p->freq_div[i], 0.5f, 1e9f)) return ERR_RANGE; /* angles stay below 2 * ROPE_POS_MAX */
            f = f / (double)p->freq_div[i];
        }
        r->freq[i] = p->scaling == ROPE_LINEAR ? f / (double)p->factor : f;
    }
    if (p->scaling == ROPE_YARN) yarn_blend(r, p);
    return 0;
}

void rope_row(const struct rope *r, uint32_t pos, float *cos_out, float *sin_out) {
    for (uint32_t i = 0; i < r->n_rot / 2; i++) {
        double s, c;
        rope_sincos((double)pos * r->freq[i], &s, &c);
        cos_out[i] = (float)(c * r->m);
        sin_out[i] = (float)(s * r->m);
    }
}
