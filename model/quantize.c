/* model/quantize.c - see quantize.h. Block layouts as in math/weight.h. */
#include "model/quantize.h"
#include "math/float_bits.h"

#include <math.h>
#include <string.h>

static void put16(uint8_t *to, uint16_t v) {
    to[0] = (uint8_t)v;
    to[1] = (uint8_t)(v >> 8);
}

static int clamp(float x, int lo, int hi) {
    float r = nearbyintf(x); /* ties to even, the mode every program starts in */
    return r < (float)lo ? lo : r > (float)hi ? hi : (int)r;
}

static void to_f32(const float *x, uint8_t *out) {
    uint32_t b = f32_bits(*x);
    put16(out, (uint16_t)b);
    put16(out + 2, (uint16_t)(b >> 16));
}

static void to_f16(const float *x, uint8_t *out) { put16(out, f32_to_f16_sat(*x)); }

static void to_bf16(const float *x, uint8_t *out) {
    uint32_t b = f32_bits(*x);
    put16(out, (uint16_t)((b + 0x7fffu + (b >> 16 & 1u)) >> 16));
}

/* d = amax / 127. The values are divided by the scale that is stored, so rounding it to fp16 costs nothing extra. */
static void to_q8_0(const float *x, uint8_t *out) {
    float amax = 0;
    for (int i = 0; i < 32; i++) amax = fmaxf(amax, fabsf(x[i]));
    uint16_t d = f32_to_f16_sat(amax / 127.0f);
    float scale = f16_to_f32(d), inverse = scale > 0 ? 1.0f / scale : 0;
    put16(out, d);
    for (int i = 0; i < 32; i++) out[2 + i] = (uint8_t)(int8_t)clamp(x[i] * inverse, -127, 127);
}

/* The value of largest size becomes -8, the one end that has no counterpart. */
static void to_q4_0(const float *x, uint8_t *out) {
    float top = 0;
    for (int i = 0; i < 32; i++)
        if (fabsf(x[i]) > fabsf(top)) top = x[i];
    uint16_t d = f32_to_f16_sat(top / -8.0f);
    float scale = f16_to_f32(d), inverse = scale != 0 ? 1.0f / scale : 0;
    put16(out, d);
    for (int i = 0; i < 16; i++) {
        int low = clamp(x[i] * inverse, -8, 7) + 8, high = clamp(x[i + 16] * inverse, -8, 7) + 8;
        out[2 + i] = (uint8_t)(low | high << 4);
    }
}

/* The scale for 16 values in -32..31 with the least squared error, large values weighing more (x^2): tries the obvious
 * scale and some around it, each followed by the best scale for the integers it gives. */
static float q6_scale(const float *x) {
    float top = 0, best = 0, scale = 0;
    for (int i = 0; i < 16; i++)
        if (fabsf(x[i]) > fabsf(top)) top = x[i];
    if (fabsf(top) < 1e-15f) return 0;
    for (int step = -9; step <= 9; step++) {
        float inverse = -(32.0f + 0.1f * (float)step) / top, xq = 0, qq = 0;
        for (int i = 0; i < 16; i++) {
            float q = (float)clamp(inverse * x[i], -32, 31), w = x[i] * x[i];
            xq += w * x[i] * q;
            qq += w * q * q;
        }
        if (qq > 0 && xq * xq > best * qq) {
            best = xq * xq / qq;
            scale = xq / qq;
        }
    }
    return scale;
}

static void q6_pack(const int *q, uint8_t *ql, uint8_t *qh) { /* 128 values, 0..63 */
    for (int l = 0; l < 32; l++) {
        ql[l] = (uint8_t)((q[l] & 15) | (q[l + 64] & 15) << 4);
        ql[l + 32] = (uint8_t)((q[l + 32] & 15) | (q[l + 96] & 15) << 4);
        qh[l] = (uint8_t)(q[l] >> 4 | q[l + 32] >> 4 << 2 | q[l + 64] >> 4 << 4 | q[l + 96] >> 4 << 6);
    }
}

/* ql[128], qh[64], 16 scales i8, d: 16 sub-blocks of 16, d * scale * (q - 32) */
static void to_q6_k(const float *x, uint8_t *out) {
    float scales[16], top = 0;
    int q[256];
    for (int b = 0; b < 16; b++) {
        scales[b] = q6_scale(x + 16 * b);
        if (fabsf(scales[b]) > fabsf(top)) top = scales[b];
    }
    uint16_t d = f32_to_f16_sat(top / -128.0f);
    float unit = f16_to_f32(d);
    for (int b = 0; b < 16; b++) {
        int sc = unit != 0 ? clamp(scales[b] / unit, -128, 127) : 0;
        float step = unit * (float)sc, inverse = step != 0 ? 1.0f / step : 0;
        out[192 + b] = (uint8_t)(int8_t)sc;
        for (int i = 0; i < 16; i++) q[16 * b + i] = clamp(x[16 * b + i] * inverse, -32, 31) + 32;
    }
    q6_pack(q, out, out + 128);
    q6_pack(q + 128, out + 64, out + 160);
    put16(out + 208, d);
}

struct encoder {
    enum weight_id id;
    const char *name;
    uint32_t file_type;
    void (*block)(const float *x, uint8_t *out);
};
static const struct encoder encoders[] = {
    {WEIGHT_F32, "f32", 0, to_f32},    {WEIGHT_F16, "f16", 1, to_f16},    {WEIGHT_BF16, "bf16", 32, to_bf16},
    {WEIGHT_Q8_0, "q8_0", 7, to_q8_0}, {WEIGHT_Q4_0, "q4_0", 2, to_q4_0}, {WEIGHT_Q6_K, "q6_k", 18, to_q6_k},
};
enum { ENCODERS = sizeof encoders / sizeof encoders[0] };

static const struct encoder *encoder_of(const struct weight_type *t) {
    for (size_t i = 0; i < ENCODERS; i++)
        if ((uint32_t)encoders[i].id == t->id) return &encoders[i];
    return NULL; /* every type of the table has one */
}

void quantize_row(const struct weight_type *t, const float *x, uint32_t cols, uint8_t *out) {
    const struct encoder *e = encoder_of(t);
    for (uint32_t at = 0; at < cols; at += t->block_len, out += t->block_bytes) e->block(x + at, out);
}

const struct weight_type *quantize_type(const char *name) {
    for (size_t i = 0; i < ENCODERS; i++)
        if (strcmp(encoders[i].name, name) == 0) return weight_type_of((uint32_t)encoders[i].id);
    return NULL;
}

uint32_t quantize_file_type(const struct weight_type *t) { return encoder_of(t)->file_type; }

const struct weight_type *quantize_fit(const struct weight_type *wanted, uint32_t cols, int is_head) {
    uint32_t id = wanted->id;
    if (id == WEIGHT_Q4_0 && is_head) id = WEIGHT_Q6_K;
    if (id == WEIGHT_Q6_K && cols % 256 != 0) id = WEIGHT_Q8_0;
    if ((id == WEIGHT_Q8_0 || id == WEIGHT_Q4_0) && cols % 32 != 0) id = WEIGHT_F16;
    return weight_type_of(id);
}
