/* math/kv_page.c - see kv_page.h. */
#include "math/kv_page.h"

#include <string.h>

#include "math/float_bits.h"
#include "math/kern_table.h"
#include "math/packed.h"

enum { BLOCK = 32, BLOCKS_MAX = HEAD_DIM_MAX / BLOCK };

uint32_t kv_dim_padded(uint32_t head_dim) { return (head_dim + 15) & ~15u; }

int kv_format_fits(enum kv_format f, uint32_t head_dim) {
    return head_dim >= 1 && head_dim <= HEAD_DIM_MAX && (f == KV_F16 || head_dim % BLOCK == 0);
}

size_t kv_keys_bytes(enum kv_format f, uint32_t head_dim) {
    return f == KV_Q8 ? paired_bytes(head_dim / BLOCK, BODY_Q8_0) : (size_t)head_dim * 32;
}
size_t kv_values_at(enum kv_format f, uint32_t head_dim) { return KV_PAGE / 16 * kv_keys_bytes(f, head_dim); }

size_t kv_page_bytes(enum kv_format f, uint32_t head_dim) {
    size_t values = f == KV_Q8 ? head_dim / BLOCK * (size_t)KV_V8_BLOCK : (size_t)KV_PAGE * kv_dim_padded(head_dim) * 2;
    return kv_values_at(f, head_dim) + values;
}

static int store_f16(const struct kern *k, uint8_t *page, uint32_t slot, uint32_t head_dim, const float *key,
                     const float *value) {
    uint16_t half[HEAD_DIM_MAX];
    uint32_t padded = kv_dim_padded(head_dim);
    if (!k->finite(key, head_dim) || !k->finite(value, head_dim)) return ERR_NONFINITE;
    k->to_f16(half, key, head_dim);
    uint8_t *to = page + slot / 16 * kv_keys_bytes(KV_F16, head_dim) + slot % 16 * 2;
    for (uint32_t d = 0; d < head_dim; d++) memcpy(to + 32 * (size_t)d, &half[d], 2);
    k->to_f16(half, value, head_dim);
    to = page + kv_values_at(KV_F16, head_dim) + (size_t)slot * padded * 2;
    memcpy(to, half, head_dim * 2u);
    memset(to + head_dim * 2u, 0, (padded - head_dim) * 2u);
    return 0;
}

/* The ints come from the scale before it is rounded to fp16. */
static int quantise_q8(const struct kern *k, const float *x, uint32_t blocks, int8_t *q, uint16_t *scale) {
    for (uint32_t b = 0; b < blocks; b++) {
        int32_t sums[BLOCK / 16];
        float d;
        if (acts_quantise_block(k, x + BLOCK * b, BLOCK, q + BLOCK * b, &d, sums) != 0) return ERR_NONFINITE;
        if (d >= 65520.0f) return ERR_NONFINITE; /* to nearest even, from here on fp16 has only infinity */
        scale[b] = f32_to_f16_sat(d);
    }
    return 0;
}

static int store_q8(const struct kern *k, uint8_t *page, uint32_t slot, uint32_t head_dim, const float *key, const float *value) {
    int8_t q[HEAD_DIM_MAX];
    uint16_t scale[BLOCKS_MAX];
    uint32_t blocks = head_dim / BLOCK, lane = slot % 16;
    if (quantise_q8(k, key, blocks, q, scale) != 0) return ERR_NONFINITE;
    uint8_t *group = page + slot / 16 * kv_keys_bytes(KV_Q8, head_dim);
    for (uint32_t b = 0; b < blocks; b++) {
        memcpy(group + scale_at(b, BODY_Q8_0) + 2 * lane, &scale[b], 2);
        uint8_t *body = group + body_at(b, BODY_Q8_0) + 4 * lane;
        for (uint32_t g = 0; g < 8; g++) {
            uint32_t four;
            memcpy(&four, q + BLOCK * b + 4 * g, 4);
            four ^= 0x80808080u; /* bytes q + 128 */
            memcpy(body + 64 * g, &four, 4);
        }
    }
    if (quantise_q8(k, value, blocks, q, scale) != 0) return ERR_NONFINITE;
    uint8_t *to = page + kv_values_at(KV_Q8, head_dim);
    for (uint32_t b = 0; b < blocks; b++, to += KV_V8_BLOCK) {
        memcpy(to + 2 * slot, &scale[b], 2);
        memcpy(to + KV_V8_SCALES + BLOCK * slot, q + BLOCK * b, BLOCK);
    }
    return 0;
}

int kv_store(const struct kern *k, enum kv_format f, uint8_t *page, uint32_t slot, uint32_t head_dim, const float *key,
             const float *value) {
    return f == KV_Q8 ? store_q8(k, page, slot, head_dim, key, value) : store_f16(k, page, slot, head_dim, key, value);
}
