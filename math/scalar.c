/* math/scalar.c - rule 8, one value at a time. */
#include "math/scalar.h"

#include <math.h>

#include "math/exp_coef.h"
#include "math/float_bits.h"

float canon_exp(float x) {
    if (x < EXP_MIN) return 0.0f;
    if (x > EXP_MAX) x = EXP_MAX;
    float z = fmaf(x, EXP_INV_LN2, EXP_SHIFT);
    float n = z - EXP_SHIFT;
    float b = fmaf(-n, EXP_LN2_HI, x);
    b = fmaf(-n, EXP_LN2_LO, b);
    float u = b * b;
    float p = fmaf(EXP_C4, b, EXP_C3);
    float q = fmaf(EXP_C2, b, EXP_C1);
    float j = fmaf(fmaf(p, u, q), u, EXP_C0 * b);
    float k = f32_from_bits((f32_bits(z) << 23) + 0x3f800000u);
    return fmaf(k, j, k);
}

float canon_silu(float x) { return x / (1.0f + canon_exp(-x)); }

float canon_gelu(float x) {
    float c = (x * x) * x;
    float v = x + GELU_CUBE * c;
    return x / (1.0f + canon_exp(GELU_SLOPE * v));
}

float canon_softcap(float x, float c) {
    float e = canon_exp(2.0f * (x / c));
    return c * (1.0f - 2.0f / (1.0f + e));
}

float canon_rint(float x) { return (x + 0x1.8p23f) - 0x1.8p23f; }

uint64_t canon_weight(float l, float l_max, float temperature) {
    return (uint64_t)(canon_exp((l - l_max) / temperature) * 0x1p40f);
}
