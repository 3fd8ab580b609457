/* model/make_parts.h - the parts of make.c: shapes (make_shapes.c), random weights (make_random.c), vocabularies (make_vocab.c). */
#ifndef MODEL_MAKE_PARTS_H
#define MODEL_MAKE_PARTS_H

#include "math/weight.h"
#include "model/gguf_write.h"

/* Keys that only some shapes have, as {arch}.name: a text, a whole number, or a real one, whichever is not zero. */
struct make_key {
    const char *name, *text;
    uint32_t u;
    float f;
};
enum { MAKE_KEYS_MAX = 8 };
enum make_vocabulary { MAKE_LLAMA2, MAKE_LLAMA3, MAKE_QWEN2, MAKE_PHI3 };
enum make_rope { MAKE_ROPE_PLAIN, MAKE_ROPE_LLAMA3, MAKE_ROPE_LONG }; /* tensors of divisors: none, rope_freqs, rope_factors */

/* Which tensors a layer has follows from the family's row (family.h). */
struct make_shape {
    const char *name, *arch;
    enum make_vocabulary vocabulary;
    uint32_t embd, ffn, layers, heads, kv_heads, head_dim, vocab, context;
    uint32_t experts, experts_used; /* 0: none; ffn is then the width of one */
    float rope_base, eps;
    float spread; /* deviation of embeddings and output rows times sqrt(embd) */
    int tied;
    enum make_rope rope;
    struct make_key key[MAKE_KEYS_MAX];
};
extern const struct make_shape make_shapes[]; /* ended by a shape without a name */

/* tokenizer.* keys. 0 or ERR_NOMEM. */
int make_vocab(struct gguf_writer *w, const struct make_shape *s);

/* xoshiro256** (Blackman, Vigna), state from splitmix64. */
struct rng {
    uint64_t s[4];
};
void rng_init(struct rng *r, uint64_t seed);
uint64_t rng_next(struct rng *r);
/* Even over a range whose standard deviation is the spread: sqrt(3) to each side. */
float random_even(uint32_t bits, float spread);
/* One row of a matrix with about this deviation; out has weight_row_bytes(t, cols). */
void random_row(struct rng *r, const struct weight_type *t, uint32_t cols, float spread, uint8_t *out);

#endif
