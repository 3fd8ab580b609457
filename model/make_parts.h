/* model/make_parts.h - shapes, shared by make.c (tensors) and make_vocab.c (vocabularies). */
#ifndef MODEL_MAKE_PARTS_H
#define MODEL_MAKE_PARTS_H

#include "model/gguf_write.h"

enum make_family { MAKE_LLAMA2, MAKE_LLAMA3, MAKE_QWEN2 };
struct make_shape {
    const char *name, *arch;
    enum make_family family;
    uint32_t embd, ffn, layers, heads, kv_heads, head_dim, vocab, context;
    float rope_base, eps;
    int tied, biases, rope_factors;
};

/* tokenizer.* keys. 0 or ERR_NOMEM. */
int make_vocab(struct gguf_writer *w, const struct make_shape *s);

#endif
