/* model/make.c - see make.h. Weights are drawn as blocks of the file's type, not as numbers that would then be quantised:
 * a gigabyte takes seconds. Their spread is 1 / sqrt(row length), so activations and logits keep the size they have in
 * trained models. */
#include "model/make.h"
#include "math/float_bits.h"
#include "model/make_parts.h"
#include "model/quantize.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char make_shape_names[] = "tinyllama-1.1b, llama3.2-1b, qwen2.5-0.5b, tiny";
static const struct make_shape shapes[] = {
    {"tinyllama-1.1b", "llama", MAKE_LLAMA2, 2048, 5632, 22, 32, 4, 64, 32000, 2048, 1e4f, 1e-5f, 0, 0, 0},
    {"llama3.2-1b", "llama", MAKE_LLAMA3, 2048, 8192, 16, 32, 8, 64, 128256, 131072, 5e5f, 1e-5f, 1, 0, 1},
    {"qwen2.5-0.5b", "qwen2", MAKE_QWEN2, 896, 4864, 24, 14, 2, 64, 151936, 32768, 1e6f, 1e-6f, 1, 1, 0},
    {"tiny", "llama", MAKE_LLAMA2, 256, 768, 4, 4, 4, 64, 512, 512, 1e4f, 1e-5f, 0, 0, 0},
};

/* ---- random blocks ---- */

/* xoshiro256** (Blackman, Vigna), state from splitmix64. */
struct rng {
    uint64_t s[4];
};

static void rng_init(struct rng *r, uint64_t seed) {
    for (int i = 0; i < 4; i++) {
        uint64_t z = (seed += 0x9e3779b97f4a7c15u);
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        r->s[i] = z ^ z >> 31;
    }
}

static uint64_t rng_next(struct rng *r) {
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

/* Even over a range whose standard deviation is the spread: sqrt(3) to each side. */
static float even(uint32_t bits, float spread) { return ((float)(bits >> 8) * 0x1p-23f - 1.0f) * 1.7320508f * spread; }

static void row_floats(struct rng *r, const struct weight_type *t, uint32_t cols, float spread, uint8_t *out) {
    for (uint32_t i = 0; i < cols; i += 2) {
        uint64_t bits = rng_next(r);
        float x[2] = {even((uint32_t)bits, spread), even((uint32_t)(bits >> 32), spread)};
        for (uint32_t k = 0; k < 2 && i + k < cols; k++) quantize_row(t, &x[k], 1, out + (size_t)(i + k) * t->block_bytes);
    }
}

static void random_row(struct rng *r, const struct weight_type *t, uint32_t cols, float spread, uint8_t *out) {
    void (*block)(struct rng *, float, uint8_t *) = t->id == WEIGHT_Q8_0   ? block_q8_0
                                                    : t->id == WEIGHT_Q4_0 ? block_q4_0
                                                    : t->id == WEIGHT_Q6_K ? block_q6_k
                                                                           : NULL;
    if (!block) {
        row_floats(r, t, cols, spread, out);
        return;
    }
    for (uint32_t at = 0; at < cols; at += t->block_len, out += t->block_bytes) block(r, spread, out);
}

/* ---- tensors ---- */

enum fill { FILL_MATRIX, FILL_HEAD, FILL_NORM, FILL_BIAS, FILL_ROPE };
struct making {
    struct gguf_writer *w;
    const struct make_shape *s;
    const struct weight_type *type;
    uint64_t seed;
    uint8_t *row;
    uint64_t number; /* of the tensor: each has a stream of its own */
    int writing;     /* 0: declaring */
};

/* Llama 3.1's frequency factors: 1 for waves shorter than a quarter of 8192 positions, 32 for those longer than all of them. */
static float rope_factor(const struct make_shape *s, uint32_t i) {
    double wave = 6.283185307179586 * pow((double)s->rope_base, 2.0 * i / s->head_dim), old = 8192;
    if (wave < old / 4) return 1;
    if (wave > old) return 32;
    double smooth = (old / wave - 1) / 3;
    return (float)(1 / ((1 - smooth) / 32 + smooth));
}

static void tensor(struct making *m, const char *name, enum fill fill, uint32_t cols, uint32_t rows) {
    int matrix = fill == FILL_MATRIX || fill == FILL_HEAD;
    const struct weight_type *t = matrix ? quantize_fit(m->type, cols, fill == FILL_HEAD) : weight_type_of(WEIGHT_F32);
    if (!m->writing) {
        gguf_put_tensor(m->w, name, t->id, matrix ? 2 : 1, cols, rows);
        return;
    }
    struct rng r;
    rng_init(&r, m->seed ^ (m->number++ + 1) * 0xd1342543de82ef95u);
    float spread = (fill == FILL_HEAD ? 2.0f : 1.0f) / sqrtf((float)cols);
    for (uint32_t row = 0; row < rows; row++) {
        if (matrix)
            random_row(&r, t, cols, spread, m->row);
        else
            for (uint32_t i = 0; i < cols; i++) {
                uint32_t bits = (uint32_t)rng_next(&r);
                float x = fill == FILL_NORM   ? 1.0f + even(bits, 0.1f)
                          : fill == FILL_BIAS ? even(bits, 0.1f)
                                              : rope_factor(m->s, i);
                quantize_row(t, &x, 1, m->row + (size_t)4 * i);
            }
        gguf_put_data(m->w, m->row, weight_row_bytes(t, cols));
    }
}

static void layer(struct making *m, uint32_t l) {
    const struct make_shape *s = m->s;
    uint32_t q = s->heads * s->head_dim, kv = s->kv_heads * s->head_dim;
    const struct {
        const char *name;
        enum fill fill;
        uint32_t cols, rows;
        int biases;
    } rows[] = {
        {"attn_norm.weight", FILL_NORM, s->embd, 1, 0},
        {"attn_q.weight", FILL_MATRIX, s->embd, q, 0},
        {"attn_q.bias", FILL_BIAS, q, 1, 1},
        {"attn_k.weight", FILL_MATRIX, s->embd, kv, 0},
        {"attn_k.bias", FILL_BIAS, kv, 1, 1},
        {"attn_v.weight", FILL_MATRIX, s->embd, kv, 0},
        {"attn_v.bias", FILL_BIAS, kv, 1, 1},
        {"attn_output.weight", FILL_MATRIX, q, s->embd, 0},
        {"ffn_norm.weight", FILL_NORM, s->embd, 1, 0},
        {"ffn_gate.weight", FILL_MATRIX, s->embd, s->ffn, 0},
        {"ffn_down.weight", FILL_MATRIX, s->ffn, s->embd, 0},
        {"ffn_up.weight", FILL_MATRIX, s->embd, s->ffn, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char name[GGUF_NAME_BYTES_MAX + 1];
        if (rows[i].biases && !s->biases) continue;
        snprintf(name, sizeof name, "blk.%" PRIu32 ".%s", l, rows[i].name);
        tensor(m, name, rows[i].fill, rows[i].cols, rows[i].rows);
    }
}

static void all_tensors(struct making *m, int writing, const struct convert_watch *watch) {
    const struct make_shape *s = m->s;
    m->writing = writing;
    tensor(m, "token_embd.weight", FILL_HEAD, s->embd, s->vocab);
    for (uint32_t l = 0; l < s->layers; l++) {
        layer(m, l);
        if (writing && watch) watch->tell(watch->ctx, l + 1, s->layers);
    }
    tensor(m, "output_norm.weight", FILL_NORM, s->embd, 1);
    if (s->rope_factors) tensor(m, "rope_freqs.weight", FILL_ROPE, s->head_dim / 2, 1);
    if (!s->tied) tensor(m, "output.weight", FILL_HEAD, s->embd, s->vocab);
}

static void put_keys(struct gguf_writer *w, const struct make_shape *s, const struct weight_type *type) {
    const struct {
        const char *key;
        uint32_t value;
    } counts[] = {{"context_length", s->context},
                  {"embedding_length", s->embd},
                  {"block_count", s->layers},
                  {"feed_forward_length", s->ffn},
                  {"attention.head_count", s->heads},
                  {"attention.head_count_kv", s->kv_heads},
                  {"rope.dimension_count", s->head_dim},
                  {"vocab_size", s->vocab}};
    char key[80];
    gguf_put_text(w, "general.architecture", s->arch);
    gguf_put_text(w, "general.name", s->name);
    gguf_put_u32(w, "general.file_type", quantize_file_type(type));
    gguf_put_u32(w, "general.quantization_version", 2);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        snprintf(key, sizeof key, "%s.%s", s->arch, counts[i].key);
        gguf_put_u32(w, key, counts[i].value);
    }
    snprintf(key, sizeof key, "%s.rope.freq_base", s->arch);
    gguf_put_f32(w, key, s->rope_base);
    snprintf(key, sizeof key, "%s.attention.layer_norm_rms_epsilon", s->arch);
    gguf_put_f32(w, key, s->eps);
}

static const struct make_shape *shape_named(const char *name) {
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        if (strcmp(shapes[i].name, name) == 0) return &shapes[i];
    return NULL;
}

int make_model(const char *shape, const struct weight_type *type, uint64_t seed, const char *out,
               const struct convert_watch *watch, struct why *why) {
    struct making m = {.s = shape_named(shape), .type = type, .seed = seed};
    if (!m.s) return why_set(why, ERR_NOTFOUND, "no shape \"%.40s\"; there are %s", shape, make_shape_names);
    uint32_t longest = m.s->ffn > m.s->embd ? m.s->ffn : m.s->embd;
    m.row = mem_zalloc(longest, sizeof(float));
    int r = m.row ? gguf_writer_new(&m.w, out, why) : ERR_NOMEM;
    if (r == 0) {
        put_keys(m.w, m.s, type);
        r = make_vocab(m.w, m.s);
    }
    if (r == 0) {
        all_tensors(&m, 0, NULL);
        all_tensors(&m, 1, watch);
        r = gguf_writer_finish(m.w, why);
    }
    gguf_writer_free(m.w);
    free(m.row);
    return r;
}
