/* math/weight.c - the table of weight types, and the values of file blocks (rule 1: products d*q and (d*sc)*q are exact). */
#include "math/weight.h"

#include "base/err.h"
#include "math/float_bits.h"
#include "math/packed.h"

static void decode_f32(const uint8_t *b, float *out) { *out = load_f32(b); }
static void decode_f16(const uint8_t *b, float *out) { *out = f16_to_f32(load_u16(b)); }
static void decode_bf16(const uint8_t *b, float *out) { *out = bf16_to_f32(load_u16(b)); }
static int finite_f32(const uint8_t *b) { return !f32_not_finite(load_f32(b)); }
static int finite_f16(const uint8_t *b) { return !f16_not_finite(load_u16(b)); } /* also the first field of 32-blocks */
static int finite_bf16(const uint8_t *b) { return !f32_not_finite(bf16_to_f32(load_u16(b))); }

/* d fp16, 32 x int8 */
static void decode_q8_0(const uint8_t *b, float *out) {
    float d = f16_to_f32(load_u16(b));
    for (int i = 0; i < 32; i++) out[i] = d * (float)(int8_t)b[2 + i];
}

/* d fp16, 16 bytes: low nibbles are values 0..15, high nibbles 16..31, both offset by 8 */
static void decode_q4_0(const uint8_t *b, float *out) {
    float d = f16_to_f32(load_u16(b));
    for (int i = 0; i < 16; i++) {
        out[i] = d * (float)((b[2 + i] & 15) - 8);
        out[i + 16] = d * (float)((b[2 + i] >> 4) - 8);
    }
}

/* ql[128], qh[64], int8 scales[16], d fp16; 16 sub-blocks of 16 */
static void decode_q6_k(const uint8_t *b, float *out) {
    float d = f16_to_f32(load_u16(b + 208));
    uint8_t q[256];
    q6k_quants(b, q);
    for (int i = 0; i < 256; i++) {
        float dsc = d * (float)(int8_t)b[192 + i / 16];
        out[i] = dsc * (float)(q[i] - 32);
    }
}
static int finite_q6_k(const uint8_t *b) { return finite_f16(b + 208); }

static const struct weight_type types[] = {
    {WEIGHT_F32, "F32", 1, 4, ACT_F32, WK_F32, decode_f32, finite_f32},
    {WEIGHT_F16, "F16", 1, 2, ACT_F32, WK_F16, decode_f16, finite_f16},
    {WEIGHT_BF16, "BF16", 1, 2, ACT_F32, WK_BF16, decode_bf16, finite_bf16},
    {WEIGHT_Q8_0, "Q8_0", 32, 34, ACT_Q32, WK_Q8_0, decode_q8_0, finite_f16},
    {WEIGHT_Q4_0, "Q4_0", 32, 18, ACT_Q32, WK_Q4_0, decode_q4_0, finite_f16},
    {WEIGHT_Q6_K, "Q6_K", 256, 210, ACT_Q256, WK_Q6_K, decode_q6_k, finite_q6_k},
};

const struct weight_type *weight_type_of(uint32_t id) {
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
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
