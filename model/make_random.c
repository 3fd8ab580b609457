/* model/make_random.c - random weights for made-up models, drawn as blocks of the file's type, not as numbers that would then be
 * quantised: a gigabyte takes seconds. */
#include "math/float_bits.h"
#include "model/make_parts.h"
#include "model/quantize.h"

void rng_init(struct rng *r, uint64_t seed) {
    for (int i = 0; i < 4; i++) {
        uint64_t z = (seed += 0x9e3779b97f4a7c15u);
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        r->s[i] = z ^ z >> 31;
    }
}

uint64_t rng_next(struct rng *r) {
    uint64_t *s = r->s, x = s[1] * 5, out = (x << 7 | x >> 57) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = s[3] << 45 | s[3] >> 19;
    return out;
}

static void rng_bytes(struct rng *r, uint8_t *out, size_t n) { /* n is a multiple of 8 */
    for (size_t i = 0; i < n; i += 8) {
        uint64_t v = rng_next(r);
        for (size_t b = 0; b < 8; b++) out[i + b] = (uint8_t)(v >> 8 * b);
    }
}

static void put16(uint8_t *to, uint16_t v) {
    to[0] = (uint8_t)v;
    to[1] = (uint8_t)(v >> 8);
}

/* Bytes spread evenly over -127..127 have a standard deviation of 73.3; nibbles -8..7 of 4.6; 6 bits of 18.5. Their mean is
 * half a step off, so every second block has the other sign. */
static void block_q8_0(struct rng *r, float spread, uint8_t *out) {
    put16(out, f32_to_f16_sat(spread / 73.3f));
    rng_bytes(r, out + 2, 32);
    for (int i = 2; i < 34; i++)
        if (out[i] == 0x80) out[i] = 0x81;
}

static void block_q4_0(struct rng *r, float spread, uint8_t *out) {
    rng_bytes(r, out + 2, 16);
    put16(out, f32_to_f16_sat(rng_next(r) >> 63 ? spread / 4.61f : -spread / 4.61f));
}

static void block_q6_k(struct rng *r, float spread, uint8_t *out) {
    rng_bytes(r, out, 208);
    for (int i = 192; i < 208; i++) out[i] = (uint8_t)((out[i] & 0x80) | (out[i] & 0x80 ? 0x20 : 0x40) | (out[i] & 0x1f));
    put16(out + 208, f32_to_f16_sat(spread / (18.5f * 80.0f))); /* scales are 64..95 and -96..-65 */
}

float random_even(uint32_t bits, float spread) { return ((float)(bits >> 8) * 0x1p-23f - 1.0f) * 1.7320508f * spread; }

static void row_floats(struct rng *r, const struct weight_type *t, uint32_t cols, float spread, uint8_t *out) {
    for (uint32_t i = 0; i < cols; i += 2) {
        uint64_t bits = rng_next(r);
        float x[2] = {random_even((uint32_t)bits, spread), random_even((uint32_t)(bits >> 32), spread)};
        for (uint32_t k = 0; k < 2 && i + k < cols; k++) quantize_row(t, &x[k], 1, out + (size_t)(i + k) * t->block_bytes);
    }
}

/* Where blocks drawn directly would need more care than quantising numbers does. */
static void row_quantised(struct rng *r, const struct weight_type *t, uint32_t cols, float spread, uint8_t *out) {
    float x[256];
    for (uint32_t at = 0; at < cols; at += t->block_len, out += t->block_bytes) {
        for (uint32_t i = 0; i < t->block_len; i += 2) {
            uint64_t bits = rng_next(r);
            x[i] = random_even((uint32_t)bits, spread);
            x[i + 1] = random_even((uint32_t)(bits >> 32), spread);
        }
        quantize_row(t, x, t->block_len, out);
    }
}

void random_row(struct rng *r, const struct weight_type *t, uint32_t cols, float spread, uint8_t *out) {
    void (*block)(struct rng *, float, uint8_t *) = t->id == WEIGHT_Q8_0   ? block_q8_0
                                                    : t->id == WEIGHT_Q4_0 ? block_q4_0
                                                    : t->id == WEIGHT_Q6_K ? block_q6_k
                                                                           : NULL;
    if (!block) {
        (t->block_len == 1 ? row_floats : row_quantised)(r, t, cols, spread, out);
        return;
    }
    for (uint32_t at = 0; at < cols; at += t->block_len, out += t->block_bytes) block(r, spread, out);
}
