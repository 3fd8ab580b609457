/* model/quantize.c - see quantize.h. The blocks are in quantize_32.c and quantize_256.c. */
#include "model/quantize.h"
#include "model/quantize_parts.h"

#include <string.h>

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

struct encoder {
    enum weight_id id;
    const char *name;
    uint32_t file_type; /* llama.cpp's number of a model whose matrices mostly have it */
    quantize_fn *block;
};
static const struct encoder encoders[] = {
    {WEIGHT_F32, "f32", 0, to_f32},           {WEIGHT_F16, "f16", 1, to_f16},     {WEIGHT_BF16, "bf16", 32, to_bf16},
    {WEIGHT_Q8_0, "q8_0", 7, to_q8_0},        {WEIGHT_Q4_0, "q4_0", 2, to_q4_0},  {WEIGHT_Q4_1, "q4_1", 3, to_q4_1},
    {WEIGHT_Q5_0, "q5_0", 8, to_q5_0},        {WEIGHT_Q5_1, "q5_1", 9, to_q5_1},  {WEIGHT_IQ4_NL, "iq4_nl", 25, to_iq4_nl},
    {WEIGHT_MXFP4, "mxfp4", 38, to_mxfp4},    {WEIGHT_Q2_K, "q2_k", 10, to_q2_k}, {WEIGHT_Q3_K, "q3_k", 12, to_q3_k},
    {WEIGHT_Q4_K, "q4_k", 14, to_q4_k},       {WEIGHT_Q5_K, "q5_k", 16, to_q5_k}, {WEIGHT_Q6_K, "q6_k", 18, to_q6_k},
    {WEIGHT_IQ4_XS, "iq4_xs", 30, to_iq4_xs},
};
enum { ENCODERS = sizeof encoders / sizeof encoders[0] };
const char quantize_names[] =
    "f32, f16, bf16, q8_0, q6_k, q5_k, q5_1, q5_0, q4_k_m, q4_k, q4_1, q4_0, iq4_xs, iq4_nl, mxfp4, q3_k or q2_k";

/* The recipe that most files follow: Q4_K, and Q6_K where more bits help most. No type of any tensor. */
static const struct weight_type q4_k_m = {.id = WEIGHT_Q4_K, .name = "Q4_K_M", .block_len = 256, .block_bytes = 144};
enum { FILE_TYPE_Q4_K_M = 15 };

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
    return strcmp(name, "q4_k_m") == 0 ? &q4_k_m : NULL;
}

uint32_t quantize_file_type(const struct weight_type *t) { return t == &q4_k_m ? FILE_TYPE_Q4_K_M : encoder_of(t)->file_type; }

/* The type of 32-blocks with about the same bits, for rows that are no multiple of 256. */
static uint32_t without_256(uint32_t id) {
    switch (id) {
    case WEIGHT_Q6_K: return WEIGHT_Q8_0;
    case WEIGHT_Q5_K: return WEIGHT_Q5_1;
    case WEIGHT_Q4_K: return WEIGHT_Q5_0;
    default: return WEIGHT_IQ4_NL;
    }
}

const struct weight_type *quantize_fit(const struct weight_type *wanted, uint32_t cols, enum quantize_role role) {
    uint32_t id = wanted->id;
    if (id == WEIGHT_Q4_0 && role == QUANTIZE_HEAD) id = WEIGHT_Q6_K;
    if (wanted == &q4_k_m && role != QUANTIZE_MATRIX) id = WEIGHT_Q6_K;
    if (weight_type_of(id)->block_len == 256 && cols % 256 != 0) id = without_256(id);
    if (weight_type_of(id)->block_len == 32 && cols % 32 != 0) id = WEIGHT_F16;
    return weight_type_of(id);
}

int quantize_more_bits(uint32_t layer, uint32_t layers) {
    return layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2;
}
