/* model/quantize_256.c - blocks of 256 values in sub-blocks; see quantize_parts.h. First a step for each sub-block, then those as
 * whole numbers times one fp16, then the values by the steps that are stored. */
#include "model/quantize_parts.h"

#include <string.h>

/* ---- sub-blocks with a signed scale ------------------------------------------------------------------------------------- */

/* Whole scales -limit..limit-1 for `subs` steps, and the fp16 they are multiples of. */
static uint16_t signed_scales(const float *step, unsigned subs, int limit, int *sc) {
    uint16_t d = f32_to_f16_sat(quantize_top(step, subs) / (float)-limit);
    float inverse = quantize_inverse(f16_to_f32(d));
    for (unsigned j = 0; j < subs; j++) sc[j] = quantize_clamp(step[j] * inverse, -limit, limit - 1);
    return d;
}

/* Q3_K, Q6_K: 16 sub-blocks; codes are value + limit. */
static uint16_t codes_of_16(const float *x, int limit, int scale_limit, int sc[16], uint8_t code[256]) {
    float step[16];
    for (int j = 0; j < 16; j++) step[j] = quantize_step(x + 16 * j, 16, limit);
    uint16_t d = signed_scales(step, 16, scale_limit, sc);
    for (int i = 0; i < 256; i++) {
        float inverse = quantize_inverse(f16_to_f32(d) * (float)sc[i / 16]);
        code[i] = (uint8_t)(quantize_clamp(x[i] * inverse, -limit, limit - 1) + limit);
    }
    return d;
}

static void q6_pack(const uint8_t *q, uint8_t *ql, uint8_t *qh) { /* 128 codes */
    for (int l = 0; l < 32; l++) {
        ql[l] = (uint8_t)((q[l] & 15) | (q[l + 64] & 15) << 4);
        ql[l + 32] = (uint8_t)((q[l + 32] & 15) | (q[l + 96] & 15) << 4);
        qh[l] = (uint8_t)(q[l] >> 4 | q[l + 32] >> 4 << 2 | q[l + 64] >> 4 << 4 | q[l + 96] >> 4 << 6);
    }
}

void to_q6_k(const float *x, uint8_t *out) {
    int sc[16];
    uint8_t code[256];
    put16(out + 208, codes_of_16(x, 32, 128, sc, code));
    for (int j = 0; j < 16; j++) out[192 + j] = (uint8_t)(int8_t)sc[j];
    q6_pack(code, out, out + 128);
    q6_pack(code + 128, out + 64, out + 160);
}

/* Bits 0-1 of 256 codes: 4 of them, 32 apart, to a byte. */
static void put_two_bits(const uint8_t code[256], uint8_t out[64]) {
    memset(out, 0, 64);
    for (int i = 0; i < 256; i++) {
        uint8_t *b = out + i / 128 * 32 + i % 32;
        *b = (uint8_t)(*b | (code[i] & 3) << i % 128 / 32 * 2);
    }
}

void to_q3_k(const float *x, uint8_t *out) {
    int sc[16];
    uint8_t code[256], *scales = out + 96;
    put16(out + 108, codes_of_16(x, 4, 32, sc, code));
    memset(out, 0, 32);
    memset(scales, 0, 12);
    for (int i = 0; i < 256; i++) out[i % 32] = (uint8_t)(out[i % 32] | code[i] >> 2 << i / 32);
    put_two_bits(code, out + 32);
    for (int j = 0; j < 16; j++) {
        int s = sc[j] + 32;
        scales[j % 8] = (uint8_t)(scales[j % 8] | (s & 15) << j / 8 * 4);
        scales[8 + j % 4] = (uint8_t)(scales[8 + j % 4] | s >> 4 << j / 4 * 2);
    }
}

void to_iq4_xs(const float *x, uint8_t *out) {
    float step[8];
    int sc[8];
    unsigned high = 0;
    for (int j = 0; j < 8; j++) step[j] = quantize_table_step(x + 32 * j, 32);
    uint16_t d = signed_scales(step, 8, 32, sc);
    memset(out, 0, 8);
    for (int j = 0; j < 8; j++) {
        unsigned s = (unsigned)(sc[j] + 32);
        float inverse = quantize_inverse(f16_to_f32(d) * (float)sc[j]);
        uint8_t code[32];
        for (int i = 0; i < 32; i++) code[i] = (uint8_t)quantize_table_code(x[32 * j + i] * inverse);
        quantize_put_nibbles(code, out + 8 + 16 * j);
        out[4 + j / 2] = (uint8_t)(out[4 + j / 2] | (s & 15) << j % 2 * 4);
        high |= s >> 4 << 2 * j;
    }
    put16(out, d);
    put16(out + 2, (uint16_t)high);
}

/* ---- sub-blocks with a scale and a minimum ------------------------------------------------------------------------------ */

struct with_minimum {
    uint16_t d, dmin;
    int sc[16], m[16];
    uint8_t code[256];
};

/* Whole scales 0..most for `subs` sizes, and the fp16 they are multiples of. */
static uint16_t unsigned_scales(const float *size, unsigned subs, int most, int *out) {
    uint16_t d = f32_to_f16_sat(quantize_top(size, subs) / (float)most);
    float inverse = quantize_inverse(f16_to_f32(d));
    for (unsigned j = 0; j < subs; j++) out[j] = quantize_clamp(size[j] * inverse, 0, most);
    return d;
}

/* Sub-blocks of `len` values, codes 0..most, scales and minimums 0..scale_most. What is below the minimum is at most zero, so
 * that zeros stay near zero. */
static void codes_with_minimum(const float *x, unsigned len, int most, int scale_most, struct with_minimum *w) {
    float step[16], least[16];
    for (unsigned j = 0; j < 256 / len; j++) {
        float lo = 0, hi = x[len * j];
        for (unsigned i = 0; i < len; i++) {
            lo = fminf(lo, x[len * j + i]);
            hi = fmaxf(hi, x[len * j + i]);
        }
        step[j] = fmaxf(hi / (float)most - lo / (float)most, 0);
        least[j] = -lo;
    }
    w->d = unsigned_scales(step, 256 / len, scale_most, w->sc);
    w->dmin = unsigned_scales(least, 256 / len, scale_most, w->m);
    for (unsigned i = 0; i < 256; i++) {
        float inverse = quantize_inverse(f16_to_f32(w->d) * (float)w->sc[i / len]);
        float above = x[i] + f16_to_f32(w->dmin) * (float)w->m[i / len];
        w->code[i] = (uint8_t)quantize_clamp(above * inverse, 0, most);
    }
}

void to_q2_k(const float *x, uint8_t *out) {
    struct with_minimum w;
    codes_with_minimum(x, 16, 3, 15, &w);
    for (int j = 0; j < 16; j++) out[j] = (uint8_t)(w.sc[j] | w.m[j] << 4);
    put_two_bits(w.code, out + 16);
    put16(out + 80, w.d);
    put16(out + 82, w.dmin);
}

static void put_scales6(const struct with_minimum *w, uint8_t out[12]) {
    for (int j = 0; j < 4; j++) {
        out[j] = (uint8_t)(w->sc[j] | w->sc[j + 4] >> 4 << 6);
        out[j + 4] = (uint8_t)(w->m[j] | w->m[j + 4] >> 4 << 6);
        out[j + 8] = (uint8_t)((w->sc[j + 4] & 15) | (w->m[j + 4] & 15) << 4);
    }
}

/* 32 bytes for every 64 codes: the first half of them low, the other high */
static void put_nibbles_of_64(const uint8_t code[256], uint8_t out[128]) {
    for (int i = 0; i < 128; i++) {
        const uint8_t *c = code + i / 32 * 64 + i % 32;
        out[i] = (uint8_t)((c[0] & 15) | (c[32] & 15) << 4);
    }
}

void to_q4_k(const float *x, uint8_t *out) {
    struct with_minimum w;
    codes_with_minimum(x, 32, 15, 63, &w);
    put16(out, w.d);
    put16(out + 2, w.dmin);
    put_scales6(&w, out + 4);
    put_nibbles_of_64(w.code, out + 16);
}

void to_q5_k(const float *x, uint8_t *out) {
    struct with_minimum w;
    codes_with_minimum(x, 32, 31, 63, &w);
    put16(out, w.d);
    put16(out + 2, w.dmin);
    put_scales6(&w, out + 4);
    memset(out + 16, 0, 32);
    for (int i = 0; i < 256; i++) out[16 + i % 32] = (uint8_t)(out[16 + i % 32] | w.code[i] >> 4 << i / 32);
    put_nibbles_of_64(w.code, out + 48);
}
