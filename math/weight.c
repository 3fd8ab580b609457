/* math/weight.c - the table of weight types, and the values of file blocks (rule 1: products d*q and (d*sc)*q are exact, a
 * minimum is one rounding more). */
#include "math/weight.h"

#include "base/err.h"
#include "math/block.h"
#include "math/float_bits.h"
#include "math/packed.h"

static void decode_f32(const uint8_t *b, float *out) { *out = load_f32(b); }
static void decode_f16(const uint8_t *b, float *out) { *out = f16_to_f32(load_u16(b)); }
static void decode_bf16(const uint8_t *b, float *out) { *out = bf16_to_f32(load_u16(b)); }
static int finite_f32(const uint8_t *b) { return !f32_not_finite(load_f32(b)); }
static int finite_bf16(const uint8_t *b) { return !f32_not_finite(bf16_to_f32(load_u16(b))); }

/* Without a minimum nothing is subtracted or added, not even a zero: it would lose the sign of -0. */
static void decode_32(enum weight_kernel kind, const uint8_t *b, float *out) {
    struct block32 x;
    block32_read(kind, b, &x);
    float d = kind == WK_MXFP4 ? bf16_to_f32(x.d) : f16_to_f32(x.d), m = f16_to_f32(x.m);
    for (int i = 0; i < 32; i++) {
        float v = d * (float)block_value(kind, x.code[i]);
        out[i] = block_has_minimum(kind) ? v + m : v;
    }
}

static void decode_256(enum weight_kernel kind, const uint8_t *b, float *out) {
    struct block256 x;
    block256_read(kind, b, &x);
    float d = f16_to_f32(x.d), dmin = f16_to_f32(x.dmin);
    unsigned sub = block_sub_is_32(kind) ? 32 : 16;
    for (unsigned i = 0; i < 256; i++) {
        float v = d * (float)x.sc[i / sub] * (float)block_value(kind, x.code[i]);
        out[i] = block_has_minimum(kind) ? v - dmin * (float)x.m[i / sub] : v;
    }
}

#define DECODE(bits, name, kind) \
    static void decode_##name(const uint8_t *b, float *out) { decode_##bits(kind, b, out); }
DECODE(32, q8_0, WK_Q8_0)
DECODE(32, q4_0, WK_Q4_0)
DECODE(32, q4_1, WK_Q4_1)
DECODE(32, q5_0, WK_Q5_0)
DECODE(32, q5_1, WK_Q5_1)
DECODE(32, iq4_nl, WK_IQ4_NL)
DECODE(32, mxfp4, WK_MXFP4)
DECODE(256, q2_k, WK_Q2_K)
DECODE(256, q3_k, WK_Q3_K)
DECODE(256, q4_k, WK_Q4_K)
DECODE(256, q5_k, WK_Q5_K)
DECODE(256, q6_k, WK_Q6_K)
DECODE(256, iq4_xs, WK_IQ4_XS)

/* Where the fp16 scales lie: one or two at the start of a block, or near its end. */
static int finite_one(const uint8_t *b) { return !f16_not_finite(load_u16(b)); }
static int finite_two(const uint8_t *b) { return finite_one(b) && finite_one(b + 2); }
static int finite_q2_k(const uint8_t *b) { return finite_two(b + 80); }
static int finite_q3_k(const uint8_t *b) { return finite_one(b + 108); }
static int finite_q6_k(const uint8_t *b) { return finite_one(b + 208); }
static int finite_mxfp4(const uint8_t *b) { return b[0] != 255; }

static const struct weight_type types[] = {
    {WEIGHT_F32, "F32", 1, 4, ACT_F32, WK_F32, decode_f32, finite_f32},
    {WEIGHT_F16, "F16", 1, 2, ACT_F32, WK_F16, decode_f16, finite_one},
    {WEIGHT_BF16, "BF16", 1, 2, ACT_F32, WK_BF16, decode_bf16, finite_bf16},
    {WEIGHT_Q8_0, "Q8_0", 32, 34, ACT_Q32, WK_Q8_0, decode_q8_0, finite_one},
    {WEIGHT_Q4_0, "Q4_0", 32, 18, ACT_Q32, WK_Q4_0, decode_q4_0, finite_one},
    {WEIGHT_Q4_1, "Q4_1", 32, 20, ACT_Q32, WK_Q4_1, decode_q4_1, finite_two},
    {WEIGHT_Q5_0, "Q5_0", 32, 22, ACT_Q32, WK_Q5_0, decode_q5_0, finite_one},
    {WEIGHT_Q5_1, "Q5_1", 32, 24, ACT_Q32, WK_Q5_1, decode_q5_1, finite_two},
    {WEIGHT_IQ4_NL, "IQ4_NL", 32, 18, ACT_Q32, WK_IQ4_NL, decode_iq4_nl, finite_one},
    {WEIGHT_MXFP4, "MXFP4", 32, 17, ACT_Q32, WK_MXFP4, decode_mxfp4, finite_mxfp4},
    {WEIGHT_Q2_K, "Q2_K", 256, 84, ACT_Q256, WK_Q2_K, decode_q2_k, finite_q2_k},
    {WEIGHT_Q3_K, "Q3_K", 256, 110, ACT_Q256, WK_Q3_K, decode_q3_k, finite_q3_k},
    {WEIGHT_Q4_K, "Q4_K", 256, 144, ACT_Q256, WK_Q4_K, decode_q4_k, finite_two},
    {WEIGHT_Q5_K, "Q5_K", 256, 176, ACT_Q256, WK_Q5_K, decode_q5_k, finite_two},
    {WEIGHT_Q6_K, "Q6_K", 256, 210, ACT_Q256, WK_Q6_K, decode_q6_k, finite_q6_k},
    {WEIGHT_IQ4_XS, "IQ4_XS", 256, 136, ACT_Q256, WK_IQ4_XS, decode_iq4_xs, finite_one},
};
enum { TYPES = sizeof types / sizeof *types };

const struct weight_type *weight_type_nth(size_t i) { return i < TYPES ? &types[i] : NULL; }

const struct weight_type *weight_type_of(uint32_t id) {
    for (size_t i = 0; i < TYPES; i++)
        if (types[i].id == id) return &types[i];
    return NULL;
}

size_t weight_row_bytes(const struct weight_type *t, uint32_t cols) {
    return cols % t->block_len ? 0 : (size_t)(cols / t->block_len) * t->block_bytes;
}

void weight_row_decode(const struct weight_type *t, const uint8_t *row, uint32_t cols, float *out) {
    for (uint32_t i = 0; i < cols; i += t->block_len, row += t->block_bytes) t->decode(row, out + i);
}

int weight_rows_check(const struct weight_type *t, const uint8_t *rows, uint32_t row_count, uint32_t cols) {
    size_t blocks = (size_t)row_count * (cols / t->block_len);
    for (size_t i = 0; i < blocks; i++)
        if (!t->finite(rows + i * t->block_bytes)) return ERR_NONFINITE;
    return 0;
}
