/* model/quantize_32.c - blocks of 32 values, and the searches for steps; see quantize_parts.h. In all of them the values are
 * divided by the scale that is stored, so rounding it to fp16 costs nothing extra. */
#include "math/block.h"
#include "model/quantize_parts.h"

#include <string.h>

/* ---- steps ------------------------------------------------------------------------------------------------------------ */

float quantize_top(const float *x, unsigned n) {
    float top = 0;
    for (unsigned i = 0; i < n; i++)
        if (fabsf(x[i]) > fabsf(top)) top = x[i];
    return top;
}

/* With whole numbers q for the values, weights x^2: the squared error that step xq/qq takes away is xq^2/qq. */
struct fit {
    float xq, qq;
};
static void fit_add(struct fit *f, float x, float q) {
    float w = x * x;
    f->xq += w * x * q;
    f->qq += w * q * q;
}
static void fit_keep_best(const struct fit *f, float *best, float *step) {
    if (f->qq > 0 && f->xq * f->xq > *best * f->qq) { /* false if something overflowed */
        *best = f->xq * f->xq / f->qq;
        *step = f->xq / f->qq;
    }
}

float quantize_step(const float *x, unsigned n, int limit) {
    float top = quantize_top(x, n), best = 0, step = 0;
    if (fabsf(top) < 1e-15f) return 0;
    for (int s = -9; s <= 9; s++) {
        float inverse = -((float)limit + 0.1f * (float)s) / top;
        struct fit f = {0, 0};
        for (unsigned i = 0; i < n; i++) fit_add(&f, x[i], (float)quantize_clamp(inverse * x[i], -limit, limit - 1));
        fit_keep_best(&f, &best, &step);
    }
    return step;
}

static const int8_t iq4[16] = {BLOCK_IQ4_VALUES};

unsigned quantize_table_code(float x) {
    unsigned c = 0;
    while (c < 15 && x > 0.5f * (float)(iq4[c] + iq4[c + 1])) c++;
    return c;
}

float quantize_table_step(const float *x, unsigned n) {
    float top = quantize_top(x, n), best = 0, step = 0;
    if (fabsf(top) < 1e-15f) return 0;
    for (int s = -4; s <= 4; s++) {
        float inverse = (-127.0f + 2.0f * (float)s) / top;
        struct fit f = {0, 0};
        for (unsigned i = 0; i < n; i++) fit_add(&f, x[i], (float)iq4[quantize_table_code(inverse * x[i])]);
        fit_keep_best(&f, &best, &step);
    }
    return step;
}

/* ---- blocks ----------------------------------------------------------------------------------------------------------- */

void quantize_put_nibbles(const uint8_t code[32], uint8_t out[16]) {
    for (int i = 0; i < 16; i++) out[i] = (uint8_t)((code[i] & 15) | (code[i + 16] & 15) << 4);
}

static void put_fifth_bits(const uint8_t code[32], uint8_t out[4]) {
    memset(out, 0, 4);
    for (int i = 0; i < 32; i++) out[i / 8] = (uint8_t)(out[i / 8] | (code[i] >> 4 & 1) << i % 8);
}

void to_q8_0(const float *x, uint8_t *out) {
    uint16_t d = f32_to_f16_sat(fabsf(quantize_top(x, 32)) / 127.0f);
    float inverse = quantize_inverse(f16_to_f32(d));
    put16(out, d);
    for (int i = 0; i < 32; i++) out[2 + i] = (uint8_t)(int8_t)quantize_clamp(x[i] * inverse, -127, 127);
}

/* Q4_0, Q5_0: the value of largest size becomes -limit, the one end that has no counterpart. */
static uint16_t signed_codes(const float *x, int limit, uint8_t code[32]) {
    uint16_t d = f32_to_f16_sat(quantize_top(x, 32) / (float)-limit);
    float inverse = quantize_inverse(f16_to_f32(d));
    for (int i = 0; i < 32; i++) code[i] = (uint8_t)(quantize_clamp(x[i] * inverse, -limit, limit - 1) + limit);
    return d;
}

void to_q4_0(const float *x, uint8_t *out) {
    uint8_t code[32];
    put16(out, signed_codes(x, 8, code));
    quantize_put_nibbles(code, out + 2);
}

void to_q5_0(const float *x, uint8_t *out) {
    uint8_t code[32];
    put16(out, signed_codes(x, 16, code));
    put_fifth_bits(code, out + 2);
    quantize_put_nibbles(code, out + 6);
}

/* Q4_1, Q5_1: the range from the least value to the largest, in `most` steps. */
static void codes_above_minimum(const float *x, int most, uint8_t code[32], uint8_t scales[4]) {
    float lo = x[0], hi = x[0];
    for (int i = 1; i < 32; i++) {
        lo = fminf(lo, x[i]);
        hi = fmaxf(hi, x[i]);
    }
    uint16_t m = f32_to_f16_sat(lo), d = f32_to_f16_sat(hi / (float)most - lo / (float)most);
    float inverse = quantize_inverse(f16_to_f32(d)), least = f16_to_f32(m);
    put16(scales, d);
    put16(scales + 2, m);
    for (int i = 0; i < 32; i++) code[i] = (uint8_t)quantize_clamp((x[i] - least) * inverse, 0, most);
}

void to_q4_1(const float *x, uint8_t *out) {
    uint8_t code[32];
    codes_above_minimum(x, 15, code, out);
    quantize_put_nibbles(code, out + 4);
}

void to_q5_1(const float *x, uint8_t *out) {
    uint8_t code[32];
    codes_above_minimum(x, 31, code, out);
    put_fifth_bits(code, out + 4);
    quantize_put_nibbles(code, out + 8);
}

void to_iq4_nl(const float *x, uint8_t *out) {
    uint16_t d = f32_to_f16_sat(quantize_table_step(x, 32));
    float inverse = quantize_inverse(f16_to_f32(d));
    uint8_t code[32];
    for (int i = 0; i < 32; i++) code[i] = (uint8_t)quantize_table_code(x[i] * inverse);
    put16(out, d);
    quantize_put_nibbles(code, out + 2);
}

/* The largest value lies between 4 and 8 times the power of two; the format ends at 6. */
void to_mxfp4(const float *x, uint8_t *out) {
    static const float sizes[8] = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6};
    int e = 0;
    frexpf(quantize_top(x, 32), &e); /* 0.5 <= top / 2^e < 1 */
    int power = e - 3 < -127 ? -127 : e - 3;
    uint8_t code[32];
    for (int i = 0; i < 32; i++) {
        float size = ldexpf(fabsf(x[i]), -power);
        unsigned c = 0;
        while (c < 7 && size > 0.5f * (sizes[c] + sizes[c + 1])) c++;
        code[i] = (uint8_t)(c | (x[i] < 0 ? 8 : 0));
    }
    out[0] = (uint8_t)(power + 127);
    quantize_put_nibbles(code, out + 1);
}
