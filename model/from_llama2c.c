/* model/from_llama2c.c - see from_llama2c.h.
 *
 * v0: 7 x i32 (dim, hidden, layers, heads, kv heads, vocabulary, context; a negative vocabulary means a separate output
 * matrix), then f32 arrays: embedding, rms_att, wq, wk, wv, wo, rms_ffn, w1, w2, w3, rms_final, two RoPE tables, [output].
 * v1: "24ka", i32 1, the 7 numbers, u8 shared output, zeros up to 256 bytes, then rms_att, rms_ffn, rms_final, embedding,
 * wq, wk, wv, wo, w1, w2, w3, [output]. Each array holds all layers.
 * tokenizer: i32 longest token, then per token f32 score, i32 length, bytes. Numbers are little-endian. */
#include "model/from_llama2c.h"
#include "base/file.h"
#include "base/wire.h"
#include "math/float_bits.h"
#include "model/gguf_write.h"
#include "model/quantize.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct shape {
    uint32_t dim, hidden, layers, heads, kv_heads, vocab, context;
    uint32_t kv_dim;
    int shared; /* the embedding is the output matrix */
};

/* One array of the checkpoint: per layer (or once) rows x cols, written as a tensor of the given name. */
enum array_kind { EMBEDDING, ATT_NORM, WQ, WK, WV, WO, FFN_NORM, W1, W2, W3, FINAL_NORM, OUTPUT, ARRAYS };
struct array {
    const char *name;
    uint32_t rows, cols;
    int per_layer, is_norm, is_head;
    const uint8_t *data;
};
struct llama2c {
    struct shape s;
    struct array a[ARRAYS];
};

static void describe(struct llama2c *m) {
    const struct shape *s = &m->s;
    const struct array rows[ARRAYS] = {
        [EMBEDDING] = {"token_embd", s->vocab, s->dim, 0, 0, 1, NULL},
        [ATT_NORM] = {"attn_norm", 1, s->dim, 1, 1, 0, NULL},
        [WQ] = {"attn_q", s->dim, s->dim, 1, 0, 0, NULL},
        [WK] = {"attn_k", s->kv_dim, s->dim, 1, 0, 0, NULL},
        [WV] = {"attn_v", s->kv_dim, s->dim, 1, 0, 0, NULL},
        [WO] = {"attn_output", s->dim, s->dim, 1, 0, 0, NULL},
        [FFN_NORM] = {"ffn_norm", 1, s->dim, 1, 1, 0, NULL},
        [W1] = {"ffn_gate", s->hidden, s->dim, 1, 0, 0, NULL},
        [W2] = {"ffn_down", s->dim, s->hidden, 1, 0, 0, NULL},
        [W3] = {"ffn_up", s->hidden, s->dim, 1, 0, 0, NULL},
        [FINAL_NORM] = {"output_norm", 1, s->dim, 0, 1, 0, NULL},
        [OUTPUT] = {"output", s->vocab, s->dim, 0, 0, 1, NULL},
    };
    memcpy(m->a, rows, sizeof rows);
}

static uint32_t read_count(struct reader *r, uint32_t max) {
    uint32_t v = read_u32_le(r);
    if (!r->err && (v < 1 || v > max)) read_fail(r, ERR_RANGE);
    return v;
}

/* The bounds keep every product below 2^63. */
static int read_shape(struct reader *r, struct shape *s, int signed_vocab) {
    s->dim = read_count(r, 1 << 16);
    s->hidden = read_count(r, 1 << 20);
    s->layers = read_count(r, 1024);
    s->heads = read_count(r, 1024);
    s->kv_heads = read_count(r, 1024);
    uint32_t vocab = read_u32_le(r);
    s->shared = 1;
    if (signed_vocab && vocab >> 31) {
        s->shared = 0;
        vocab = 0u - vocab;
    }
    s->vocab = vocab;
    if (!r->err && (vocab < 1 || vocab > 1 << 21)) read_fail(r, ERR_RANGE);
    s->context = read_count(r, 1 << 20);
    if (!r->err && (s->dim % s->heads != 0 || s->heads % s->kv_heads != 0 || s->dim / s->heads % 2 != 0)) read_fail(r, ERR_RANGE);
    if (!r->err) s->kv_dim = s->dim / s->heads * s->kv_heads;
    return r->err;
}

static void take(struct reader *r, struct llama2c *m, enum array_kind k) {
    struct array *a = &m->a[k];
    uint64_t bytes = 4ull * a->rows * a->cols * (a->per_layer ? m->s.layers : 1);
    a->data = read_bytes(r, bytes > r->left ? SIZE_MAX : (size_t)bytes);
}

static void take_v0(struct reader *r, struct llama2c *m) {
    static const enum array_kind order[] = {EMBEDDING, ATT_NORM, WQ, WK, WV, WO, FFN_NORM, W1, W2, W3, FINAL_NORM};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) take(r, m, order[i]);
    read_bytes(r, (size_t)4 * m->s.context * (m->s.dim / m->s.heads)); /* RoPE tables: cosines and sines, not needed */
}

static void take_v1(struct reader *r, struct llama2c *m) {
    static const enum array_kind order[] = {ATT_NORM, FFN_NORM, FINAL_NORM, EMBEDDING, WQ, WK, WV, WO, W1, W2, W3};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) take(r, m, order[i]);
}

static int read_checkpoint(struct llama2c *m, const struct file_map *f, const char *path, struct why *why) {
    struct reader r = reader_over(f->data, f->size);
    int v1 = f->size >= 4 && memcmp(f->data, "24ka", 4) == 0;
    if (v1) {
        read_bytes(&r, 4);
        if (read_u32_le(&r) != 1) return why_set(why, ERR_VERSION, "%.200s: checkpoint version other than 1", path);
    }
    if (read_shape(&r, &m->s, !v1) != 0)
        return why_set(why, r.err, "%.200s: not a llama2.c checkpoint: its dimensions are impossible", path);
    if (v1) {
        m->s.shared = read_u8(&r) != 0;
        read_bytes(&r, 256 - 37);
    }
    describe(m);
    (v1 ? take_v1 : take_v0)(&r, m);
    if (!m->s.shared) take(&r, m, OUTPUT);
    if (read_end(&r) != 0) return why_set(why, r.err, "%.200s: its size does not match its dimensions", path);
    return 0;
}

/* ---- tokenizer ---- */

struct pieces {
    struct gguf_str *text;
    float *score;
    int32_t *type;
    char *bytes; /* texts whose blanks became U+2581 */
};

static void pieces_release(struct pieces *p) {
    free(p->text);
    free(p->score);
    free(p->type);
    free(p->bytes);
}

/* Blanks become U+2581, which has three bytes: to has room for 3 n. */
static size_t spell(const uint8_t *p, size_t n, char *to) {
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        if (p[i] == ' ')
            memcpy(to + len, "\xe2\x96\x81", 3), len += 3;
        else
            to[len++] = (char)p[i];
    }
    return len;
}

static int read_pieces(struct pieces *p, const struct file_map *f, uint32_t vocab, const char *path, struct why *why) {
    struct reader r = reader_over(f->data, f->size);
    p->text = mem_zalloc(vocab, sizeof *p->text);
    p->score = mem_zalloc(vocab, sizeof *p->score);
    p->type = mem_zalloc(vocab, sizeof *p->type);
    p->bytes = mem_zalloc(f->size, 3);
    if (!p->text || !p->score || !p->type || !p->bytes) return ERR_NOMEM;
    char *to = p->bytes;
    read_u32_le(&r); /* the longest token */
    for (uint32_t i = 0; i < vocab && !r.err; i++) {
        uint32_t bits = read_u32_le(&r), n = read_u32_le(&r);
        const uint8_t *text = read_bytes(&r, n);
        if (!text) break;
        memcpy(&p->score[i], &bits, sizeof bits);
        p->text[i] = (struct gguf_str){to, spell(text, n, to)};
        p->type[i] = i == 0 ? 2 : i < 3 ? 3 : i < 259 ? 6 : 1;
        to += p->text[i].n;
    }
    if (read_end(&r) != 0) return why_set(why, r.err, "%.200s: not a llama2.c tokenizer of %" PRIu32 " tokens", path, vocab);
    if (vocab > 1) p->text[1] = (struct gguf_str){"<s>", 3}; /* stored with newlines around them */
    if (vocab > 2) p->text[2] = (struct gguf_str){"</s>", 4};
    return 0;
}

/* ---- output ---- */

static void put_keys(struct gguf_writer *w, const struct shape *s, const struct pieces *p, const struct weight_type *type) {
    gguf_put_text(w, "general.architecture", "llama");
    gguf_put_u32(w, "general.file_type", quantize_file_type(type));
    gguf_put_u32(w, "general.quantization_version", 2);
    gguf_put_u32(w, "llama.context_length", s->context);
    gguf_put_u32(w, "llama.embedding_length", s->dim);
    gguf_put_u32(w, "llama.block_count", s->layers);
    gguf_put_u32(w, "llama.feed_forward_length", s->hidden);
    gguf_put_u32(w, "llama.attention.head_count", s->heads);
    gguf_put_u32(w, "llama.attention.head_count_kv", s->kv_heads);
    gguf_put_u32(w, "llama.rope.dimension_count", s->dim / s->heads);
    gguf_put_u32(w, "llama.vocab_size", s->vocab);
    gguf_put_f32(w, "llama.rope.freq_base", 10000.0f);
    gguf_put_f32(w, "llama.attention.layer_norm_rms_epsilon", 1e-5f);
    gguf_put_text(w, "tokenizer.ggml.model", "llama");
    gguf_put_strs(w, "tokenizer.ggml.tokens", p->text, s->vocab);
    gguf_put_f32s(w, "tokenizer.ggml.scores", p->score, s->vocab);
    gguf_put_i32s(w, "tokenizer.ggml.token_type", p->type, s->vocab);
    gguf_put_u32(w, "tokenizer.ggml.unknown_token_id", 0);
    gguf_put_u32(w, "tokenizer.ggml.bos_token_id", 1);
    gguf_put_u32(w, "tokenizer.ggml.eos_token_id", 2);
}

static const struct weight_type *type_of(const struct array *a, const struct weight_type *wanted) {
    return a->is_norm ? weight_type_of(WEIGHT_F32) : quantize_fit(wanted, a->cols, a->is_head ? QUANTIZE_HEAD : QUANTIZE_MATRIX);
}

struct output {
    struct gguf_writer *w;
    const struct weight_type *type;
    float *row;
    uint8_t *packed;
    int err;
};

static void declare(struct output *o, const struct array *a, uint32_t layer) {
    char name[GGUF_NAME_BYTES_MAX + 1];
    if (a->per_layer)
        snprintf(name, sizeof name, "blk.%" PRIu32 ".%s.weight", layer, a->name);
    else
        snprintf(name, sizeof name, "%s.weight", a->name);
    gguf_put_tensor(o->w, name, type_of(a, o->type)->id, a->is_norm ? 1 : 2, a->cols, a->rows);
}

static int all_finite(const float *x, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        if (f32_not_finite(x[i])) return 0;
    return 1;
}

static void write_rows(struct output *o, const struct array *a, uint32_t layer) {
    const struct weight_type *t = type_of(a, o->type);
    const uint8_t *from = a->data + (size_t)4 * layer * a->rows * a->cols;
    for (uint32_t r = 0; r < a->rows && o->err == 0; r++, from += (size_t)4 * a->cols) {
        memcpy(o->row, from, (size_t)4 * a->cols);
        if (!all_finite(o->row, a->cols))
            o->err = ERR_NONFINITE;
        else
            quantize_row(t, o->row, a->cols, o->packed);
        gguf_put_data(o->w, o->packed, weight_row_bytes(t, a->cols));
    }
}

/* The order of the tensors in the file. */
static void each_tensor(struct output *o, const struct llama2c *m, void (*visit)(struct output *, const struct array *, uint32_t),
                        const struct convert_watch *watch) {
    static const enum array_kind inside[] = {ATT_NORM, WQ, WK, WV, WO, FFN_NORM, W1, W2, W3};
    visit(o, &m->a[EMBEDDING], 0);
    for (uint32_t l = 0; l < m->s.layers; l++) {
        for (size_t i = 0; i < sizeof inside / sizeof inside[0]; i++) visit(o, &m->a[inside[i]], l);
        if (watch) watch->tell(watch->ctx, l + 1, m->s.layers);
    }
    visit(o, &m->a[FINAL_NORM], 0);
    if (!m->s.shared) visit(o, &m->a[OUTPUT], 0);
}

static int write_model(const struct llama2c *m, const struct pieces *p, const char *out, const struct weight_type *type,
                       const struct convert_watch *watch, struct why *why) {
    uint32_t longest = m->s.hidden > m->s.dim ? m->s.hidden : m->s.dim;
    struct output o = {.type = type, .row = mem_zalloc(longest, sizeof *o.row), .packed = mem_zalloc(longest, sizeof *o.row)};
    int r = o.row && o.packed ? gguf_writer_new(&o.w, out, why) : ERR_NOMEM;
    if (r == 0) {
        put_keys(o.w, &m->s, p, type);
        each_tensor(&o, m, declare, NULL);
        each_tensor(&o, m, write_rows, watch);
        r = o.err ? why_set(why, o.err, "the checkpoint holds a weight that is no finite number") : gguf_writer_finish(o.w, why);
    }
    gguf_writer_free(o.w);
    free(o.row);
    free(o.packed);
    return r;
}

int from_llama2c(const char *checkpoint, const char *tokenizer, const char *out, const struct weight_type *type,
                 const struct convert_watch *watch, struct why *why) {
    struct file_map weights = {0}, words = {0};
    struct llama2c m = {0};
    struct pieces p = {0};
    int r = file_map_open(&weights, checkpoint, why);
    if (r == 0) r = file_map_open(&words, tokenizer, why);
    if (r == 0) r = read_checkpoint(&m, &weights, checkpoint, why);
    if (r == 0) r = read_pieces(&p, &words, m.s.vocab, tokenizer, why);
    if (r == 0) r = write_model(&m, &p, out, type, watch, why);
    pieces_release(&p);
    file_map_close(&weights);
    file_map_close(&words);
    return r;
}
