/* tests/unit/model/synth_model.h - small models with random weights, any shape and type, written as GGUF files.
 *
 * Weights are drawn as blocks of the file format, by a generator of integers only, so a model is the same bytes everywhere. */
#ifndef TESTS_SYNTH_MODEL_H
#define TESTS_SYNTH_MODEL_H

#include "tests/check.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "math/float_bits.h"
#include "math/weight.h"
#include "model/gguf_write.h"
#include "model/model.h"

struct synth {
    const char *name, *arch;
    uint32_t type, down_type, output_type; /* WEIGHT_*; ffn_down's and output's (token_embd's when tied) may differ */
    uint32_t embd, ff, layers, heads, kv, head_dim, vocab, context;
    int tied, qkv_bias, qk_norm, rope_freqs;
    const char *rope; /* NULL, "linear", "yarn" */
    uint32_t window;
    float spread; /* standard deviation of weights times sqrt(cols); 0: 1 */
    uint64_t seed;
    const char *leave_out;  /* a tensor that is not written */
    const char *extra;      /* a tensor too many */
    uint32_t experts, used; /* ffn_*_exps; ff is then the width of one */
    int post_norms, fused, longrope;
    const char *misshapen; /* a tensor with 16 rows (a vector: 8 values) too many */
    struct synth_key {     /* {arch}.name: u32 or, when that is 0, f32 */
        const char *name;
        uint32_t u;
        float f;
    } key[6];
};

/* splitmix64 */
static inline uint64_t synth_next(uint64_t *s) {
    uint64_t z = (*s += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}
/* About normal, from sums of 16-bit integers: exact in f32. */
static inline float synth_normal(uint64_t *s) {
    uint64_t a = synth_next(s), b = synth_next(s);
    int64_t sum = 0;
    for (unsigned i = 0; i < 4; i++) sum += (int64_t)(a >> 16 * i & 0xffff) + (int64_t)(b >> 16 * i & 0xffff);
    return (float)(sum - 8 * 32767 - 4) * (1.0f / 53510.0f);
}

static inline void put_half(uint8_t *p, float x) {
    uint16_t h = f32_to_f16_sat(x);
    memcpy(p, &h, 2);
}

/* One block of `type` whose values have about the given deviation. */
static inline void synth_block(uint32_t type, uint8_t *b, float deviation, uint64_t *s) {
    float x = synth_normal(s) * deviation;
    uint32_t bits = f32_bits(x);
    switch (type) {
    case WEIGHT_F32: memcpy(b, &x, 4); return;
    case WEIGHT_F16: put_half(b, x); return;
    case WEIGHT_BF16: b[0] = (uint8_t)(bits >> 16), b[1] = (uint8_t)(bits >> 24); return;
    case WEIGHT_Q8_0:
        put_half(b, deviation / 36.0f);
        for (unsigned i = 0; i < 32; i++) {
            float q = synth_normal(s) * 36.0f;
            b[2 + i] = (uint8_t)(int8_t)(q > 127 ? 127 : q < -127 ? -127 : q);
        }
        return;
    case WEIGHT_Q4_0:
        put_half(b, deviation / 3.0f);
        for (unsigned i = 0; i < 16; i++) b[2 + i] = (uint8_t)synth_next(s);
        return;
    case WEIGHT_Q6_K:
        for (unsigned i = 0; i < 192; i++) b[i] = (uint8_t)synth_next(s);
        for (unsigned i = 0; i < 16; i++) b[192 + i] = (uint8_t)(32 + synth_next(s) % 64);
        put_half(b + 208, deviation / 1200.0f);
        return;
    case WEIGHT_Q5_0:
        put_half(b, deviation / 9.0f);
        for (unsigned i = 2; i < 22; i++) b[i] = (uint8_t)synth_next(s);
        return;
    case WEIGHT_Q4_K:
    case WEIGHT_Q5_K: { /* the minimums lie about the middle of the codes */
        float d = deviation / (type == WEIGHT_Q4_K ? 200.0f : 400.0f);
        put_half(b, d);
        put_half(b + 2, d * (type == WEIGHT_Q4_K ? 7.5f : 15.5f));
        for (unsigned i = 4; i < (type == WEIGHT_Q4_K ? 144 : 176); i++) b[i] = (uint8_t)synth_next(s);
        return;
    }
    default: abort();
    }
}

static inline void synth_tensor(struct gguf_writer *w, uint32_t type, uint32_t cols, uint32_t rows, float deviation,
                                uint64_t *s) {
    const struct weight_type *t = weight_type_of(type);
    size_t blocks = (size_t)cols * rows / t->block_len;
    uint8_t *all = malloc(blocks * t->block_bytes);
    for (size_t i = 0; i < blocks; i++) synth_block(type, all + i * t->block_bytes, deviation, s);
    gguf_put_data(w, all, blocks * t->block_bytes);
    free(all);
}
static inline void synth_vector(struct gguf_writer *w, uint32_t n, float mean, float deviation, uint64_t *s) {
    for (uint32_t i = 0; i < n; i++) {
        float x = mean + synth_normal(s) * deviation;
        gguf_put_data(w, &x, 4);
    }
}

static inline void synth_vocabulary(struct gguf_writer *w, uint32_t n) {
    struct gguf_str *piece = calloc(n, sizeof *piece);
    float *score = calloc(n, sizeof *score);
    int32_t *type = calloc(n, sizeof *type);
    char(*text)[16] = calloc(n, sizeof *text);
    for (uint32_t i = 0; i < n; i++) {
        type[i] = i == 0 ? TOKEN_UNKNOWN : i < 3 ? TOKEN_CONTROL : i < 259 ? TOKEN_BYTE : TOKEN_NORMAL;
        if (i < 3)
            snprintf(text[i], sizeof text[i], "%s", i == 0 ? "<unk>" : i == 1 ? "<s>" : "</s>");
        else if (i < 259)
            snprintf(text[i], sizeof text[i], "<0x%02X>", i - 3);
        else
            snprintf(text[i], sizeof text[i], "%c%c%u", 'a' + i % 26, 'a' + i / 26 % 26, i);
        piece[i] = (struct gguf_str){text[i], strlen(text[i])};
        score[i] = -(float)i;
    }
    gguf_put_text(w, "tokenizer.ggml.model", "llama");
    gguf_put_strs(w, "tokenizer.ggml.tokens", piece, n);
    gguf_put_f32s(w, "tokenizer.ggml.scores", score, n);
    gguf_put_i32s(w, "tokenizer.ggml.token_type", type, n);
    gguf_put_u32(w, "tokenizer.ggml.bos_token_id", 1);
    gguf_put_u32(w, "tokenizer.ggml.eos_token_id", 2);
    free(piece), free(score), free(type), free(text);
}

static inline void synth_keys(struct gguf_writer *w, const struct synth *y) {
    char key[96];
    const struct {
        const char *name;
        uint32_t value;
    } counts[] = {{"embedding_length", y->embd},         {"block_count", y->layers},
                  {"feed_forward_length", y->ff},        {"context_length", y->context},
                  {"attention.head_count", y->heads},    {"attention.head_count_kv", y->kv},
                  {"attention.key_length", y->head_dim}, {"attention.value_length", y->head_dim}};
#define KEY(k) (snprintf(key, sizeof key, "%s.%s", y->arch, k), key)
    gguf_put_text(w, "general.architecture", y->arch);
    gguf_put_text(w, "general.name", y->name);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) gguf_put_u32(w, KEY(counts[i].name), counts[i].value);
    gguf_put_f32(w, KEY("attention.layer_norm_rms_epsilon"), 1e-5f);
    if (y->experts) gguf_put_u32(w, KEY("expert_count"), y->experts);
    if (y->used) gguf_put_u32(w, KEY("expert_used_count"), y->used);
    if (y->longrope) gguf_put_u32(w, KEY("rope.scaling.original_context_length"), y->context / 4);
    for (size_t i = 0; i < sizeof y->key / sizeof y->key[0] && y->key[i].name; i++)
        if (y->key[i].u)
            gguf_put_u32(w, KEY(y->key[i].name), y->key[i].u);
        else
            gguf_put_f32(w, KEY(y->key[i].name), y->key[i].f);
    if (y->window) gguf_put_u32(w, KEY("attention.sliding_window"), y->window);
    if (y->rope) {
        gguf_put_text(w, KEY("rope.scaling.type"), y->rope);
        gguf_put_f32(w, KEY("rope.scaling.factor"), 4.0f);
        gguf_put_u32(w, KEY("rope.scaling.original_context_length"), y->context / 4);
    }
#undef KEY
    synth_vocabulary(w, y->vocab);
}

struct synth_item {
    char name[64];
    uint32_t type, cols, rows; /* rows 0: a vector */
    float mean, deviation;
    uint32_t depth; /* experts; 0: 1 */
};

static inline size_t synth_matrices(const struct synth *y, uint32_t layer, struct synth_item *out) {
    uint32_t q = y->heads * y->head_dim, kv = y->kv * y->head_dim, many = y->experts;
    int parts = !y->fused, dense = !many;
    size_t n = 0;
    const struct {
        int wanted;
        const char *part;
        uint32_t type, cols, rows, depth;
    } mats[] = {{parts, "attn_q.weight", y->type, y->embd, q, 1},
                {parts, "attn_k.weight", y->type, y->embd, kv, 1},
                {parts, "attn_v.weight", y->type, y->embd, kv, 1},
                {y->fused, "attn_qkv.weight", y->type, y->embd, q + 2 * kv, 1},
                {1, "attn_output.weight", y->type, q, y->embd, 1},
                {dense && parts, "ffn_gate.weight", y->type, y->embd, y->ff, 1},
                {dense, "ffn_up.weight", y->type, y->embd, y->fused ? 2 * y->ff : y->ff, 1},
                {dense, "ffn_down.weight", y->down_type, y->ff, y->embd, 1},
                {!dense, "ffn_gate_inp.weight", WEIGHT_F32, y->embd, many, 1},
                {!dense, "ffn_gate_exps.weight", y->type, y->embd, y->ff, many},
                {!dense, "ffn_up_exps.weight", y->type, y->embd, y->ff, many},
                {!dense, "ffn_down_exps.weight", y->down_type, y->ff, y->embd, many}};
    for (size_t j = 0; j < sizeof mats / sizeof mats[0]; j++) {
        if (!mats[j].wanted) continue;
        out[n] = (struct synth_item){"",           mats[j].type, mats[j].cols, mats[j].rows, 0, y->spread != 0 ? y->spread : 1.0f,
                                     mats[j].depth};
        snprintf(out[n++].name, sizeof out->name, "blk.%u.%s", layer, mats[j].part);
    }
    return n;
}

static inline size_t synth_vectors(const struct synth *y, uint32_t layer, struct synth_item *out) {
    uint32_t q = y->heads * y->head_dim, kv = y->kv * y->head_dim;
    size_t n = 0;
    const struct {
        const char *part;
        int wanted;
        uint32_t n;
        float mean, deviation;
    } vecs[] = {{"attn_norm.weight", 1, y->embd, 1, 0.1f},
                {"ffn_norm.weight", 1, y->embd, 1, 0.1f},
                {"post_attention_norm.weight", y->post_norms, y->embd, 1, 0.1f},
                {"post_ffw_norm.weight", y->post_norms, y->embd, 1, 0.1f},
                {"attn_q_norm.weight", y->qk_norm, y->head_dim, 1, 0.1f},
                {"attn_k_norm.weight", y->qk_norm, y->head_dim, 1, 0.1f},
                {"attn_q.bias", y->qkv_bias, q, 0, 0.2f},
                {"attn_k.bias", y->qkv_bias, kv, 0, 0.2f},
                {"attn_v.bias", y->qkv_bias, kv, 0, 0.2f}};
    for (size_t j = 0; j < sizeof vecs / sizeof vecs[0]; j++) {
        if (!vecs[j].wanted) continue;
        out[n] = (struct synth_item){"", WEIGHT_F32, vecs[j].n, 0, vecs[j].mean, vecs[j].deviation, 0};
        snprintf(out[n++].name, sizeof out->name, "blk.%u.%s", layer, vecs[j].part);
    }
    return n;
}

static inline size_t synth_items(const struct synth *y, struct synth_item *out) {
    size_t n = 0;
    out[n++] = (struct synth_item){"token_embd.weight", y->tied ? y->output_type : y->type, y->embd, y->vocab, 0, 1, 0};
    for (uint32_t i = 0; i < y->layers; i++) {
        n += synth_matrices(y, i, out + n);
        n += synth_vectors(y, i, out + n);
    }
    out[n++] = (struct synth_item){"output_norm.weight", WEIGHT_F32, y->embd, 0, 1, 0.1f, 0};
    if (y->rope_freqs) out[n++] = (struct synth_item){"rope_freqs.weight", WEIGHT_F32, y->head_dim / 2, 0, 4, 0.5f, 0};
    if (y->longrope) {
        out[n++] = (struct synth_item){"rope_factors_long.weight", WEIGHT_F32, y->head_dim / 2, 0, 8, 0.5f, 0};
        out[n++] = (struct synth_item){"rope_factors_short.weight", WEIGHT_F32, y->head_dim / 2, 0, 2, 0.1f, 0};
    }
    if (!y->tied) out[n++] = (struct synth_item){"output.weight", y->output_type, y->embd, y->vocab, 0, 2, 0};
    if (y->extra) {
        out[n] = (struct synth_item){"", WEIGHT_F32, 8, 0, 0, 1, 0};
        snprintf(out[n++].name, 64, "%s", y->extra);
    }
    for (size_t i = 0; i < n && y->misshapen; i++)
        if (strcmp(out[i].name, y->misshapen) == 0) *(out[i].rows ? &out[i].rows : &out[i].cols) += out[i].rows ? 16 : 8;
    return n;
}

/* A path of this process's own; the caller unlinks it. */
static inline const char *synth_path(const char *tag) {
    static char path[128];
    const char *dir = getenv("TMPDIR");
    snprintf(path, sizeof path, "%.60s/lull-test-%d-%.30s.gguf", dir ? dir : "/tmp", (int)getpid(), tag);
    return path;
}

static inline void synth_write(const struct synth *y, const char *path) {
    struct gguf_writer *w = NULL;
    struct why why = {{0}};
    struct synth_item *it = calloc((size_t)y->layers * 16 + 8, sizeof *it);
    CHECK_INT(gguf_writer_new(&w, path, &why), 0);
    synth_keys(w, y);
    size_t n = synth_items(y, it);
    uint64_t s = y->seed + 1;
    for (size_t i = 0; i < n; i++)
        if (y->leave_out && strcmp(it[i].name, y->leave_out) == 0)
            continue;
        else if (it[i].depth > 1)
            gguf_put_stack(w, it[i].name, it[i].type, it[i].cols, it[i].rows, it[i].depth);
        else
            gguf_put_tensor(w, it[i].name, it[i].type, it[i].rows ? 2 : 1, it[i].cols, it[i].rows ? it[i].rows : 1);
    for (size_t i = 0; i < n; i++) {
        if (y->leave_out && strcmp(it[i].name, y->leave_out) == 0) continue;
        float scale = 1.0f / sqrtf((float)it[i].cols);
        if (it[i].rows)
            synth_tensor(w, it[i].type, it[i].cols, it[i].rows * (it[i].depth > 1 ? it[i].depth : 1),
                         i == 0 ? 1.0f : it[i].deviation * scale, &s);
        else
            synth_vector(w, it[i].cols, it[i].mean, it[i].deviation, &s);
    }
    CHECK_INT(gguf_writer_finish(w, &why), 0);
    gguf_writer_free(w);
    free(it);
}

static inline struct model *synth_open(const struct synth *y) {
    struct model *m = NULL;
    struct why why = {{0}};
    const char *path = synth_path(y->name);
    synth_write(y, path);
    int r = model_open(&m, path, NULL, &why);
    if (r != 0) printf("# %s: %s\n", y->name, why.text);
    unlink(path);
    CHECK_INT(r, 0);
    return m;
}

/* One of everything: types, head sizes, group sizes, rows that are no multiple of anything, families, rope variants. */
static const struct synth synth_all[] = {
    {"f32-odd", "llama", WEIGHT_F32, WEIGHT_F32, WEIGHT_F32, 72, 100, 2, 3, 1, 24, 301, 512, .seed = 1},
    {"f16-tied", "llama", WEIGHT_F16, WEIGHT_F16, WEIGHT_F16, 96, 172, 2, 4, 2, 32, 290, 512, .tied = 1, .seed = 2},
    {"bf16-freqs", "llama", WEIGHT_BF16, WEIGHT_BF16, WEIGHT_BF16, 64, 90, 2, 2, 2, 32, 277, 512, .rope_freqs = 1, .seed = 3},
    {"q8-gqa", "llama", WEIGHT_Q8_0, WEIGHT_Q8_0, WEIGHT_Q8_0, 160, 224, 3, 8, 2, 64, 333, 512, .seed = 4},
    {"q4-mixed", "llama", WEIGHT_Q4_0, WEIGHT_F16, WEIGHT_Q6_K, 256, 172, 2, 4, 1, 64, 300, 512, .seed = 5},
    {"q6-linear", "llama", WEIGHT_Q6_K, WEIGHT_Q6_K, WEIGHT_Q6_K, 256, 512, 2, 2, 1, 128, 275, 512, .tied = 1, .rope = "linear",
     .seed = 6},
    {"qwen2-bias", "qwen2", WEIGHT_Q8_0, WEIGHT_Q4_0, WEIGHT_Q8_0, 96, 160, 2, 6, 2, 32, 280, 512, .tied = 1, .qkv_bias = 1,
     .seed = 7},
    {"qwen3-norm", "qwen3", WEIGHT_Q8_0, WEIGHT_Q8_0, WEIGHT_Q6_K, 256, 288, 2, 5, 1, 128, 299, 512, .qk_norm = 1, .seed = 8},
    {"qwen3-yarn", "qwen3", WEIGHT_Q4_0, WEIGHT_Q8_0, WEIGHT_Q4_0, 64, 96, 2, 2, 2, 64, 288, 512, .qk_norm = 1, .rope = "yarn",
     .seed = 9},
    {"window", "llama", WEIGHT_F16, WEIGHT_F16, WEIGHT_F16, 64, 96, 2, 4, 2, 16, 270, 512, .window = 40, .seed = 10},
};
enum { SYNTH_ALL = sizeof synth_all / sizeof synth_all[0] };

/* The families beyond those, and every way in which they differ. */
static const struct synth synth_families[] __attribute__((unused)) = {
    {"mixtral", "llama", WEIGHT_Q8_0, WEIGHT_Q4_0, WEIGHT_Q8_0, 64, 96, 2, 4, 2, 16, 270, 512, .experts = 5, .used = 2,
     .seed = 21},
    {"qwen3moe", "qwen3moe", WEIGHT_F16, WEIGHT_Q8_0, WEIGHT_F16, 48, 32, 2, 3, 1, 32, 281, 512, .qk_norm = 1, .experts = 11,
     .used = 4, .key = {{"expert_feed_forward_length", 32, 0}}, .seed = 22},
    {"gemma", "gemma", WEIGHT_BF16, WEIGHT_BF16, WEIGHT_BF16, 40, 60, 2, 2, 1, 24, 266, 512, .tied = 1, .seed = 23},
    {"gemma2", "gemma2", WEIGHT_Q8_0, WEIGHT_Q8_0, WEIGHT_Q8_0, 96, 160, 3, 4, 2, 32, 300, 512, .tied = 1, .post_norms = 1,
     .window = 20, .key = {{"attn_logit_softcapping", 0, 5}, {"final_logit_softcapping", 0, 3}}, .seed = 24},
    {"gemma3", "gemma3", WEIGHT_Q4_0, WEIGHT_F16, WEIGHT_Q8_0, 64, 90, 7, 2, 1, 64, 290, 512, .tied = 1, .post_norms = 1,
     .qk_norm = 1, .window = 20, .rope = "linear", .seed = 25},
    {"phi3", "phi3", WEIGHT_Q8_0, WEIGHT_Q8_0, WEIGHT_Q8_0, 96, 160, 2, 3, 1, 32, 280, 512, .fused = 1, .window = 33, .seed = 26},
    {"phi3-long", "phi3", WEIGHT_F16, WEIGHT_F16, WEIGHT_F16, 48, 70, 2, 2, 2, 24, 275, 512, .fused = 1, .longrope = 1,
     .key = {{"rope.scaling.attn_factor", 0, 1.1875f}}, .seed = 27},
    {"smollm3", "smollm3", WEIGHT_Q8_0, WEIGHT_Q8_0, WEIGHT_Q8_0, 64, 96, 5, 4, 1, 16, 290, 512, .tied = 1, .seed = 28},
    {"granite", "granite", WEIGHT_Q4_0, WEIGHT_Q8_0, WEIGHT_Q8_0, 64, 96, 2, 4, 2, 16, 277, 512, .tied = 1,
     .key = {{"embedding_scale", 0, 12}, {"residual_scale", 0, 0.25f}, {"attention.scale", 0, 0.3f}, {"logit_scale", 0, 3}},
     .seed = 29},
};
enum { SYNTH_FAMILIES = sizeof synth_families / sizeof synth_families[0] };

/* Writes y and opens it: model_open's result, and why. Nothing stays. */
static inline int synth_try(const struct synth *y, struct why *why) {
    struct model *m = NULL;
    const char *path = synth_path(y->name);
    synth_write(y, path);
    *why = (struct why){{0}};
    int r = model_open(&m, path, NULL, why);
    unlink(path);
    model_close(m);
    return r;
}

#endif
