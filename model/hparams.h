/* model/hparams.h - the numbers of a model file that fix the forward pass, checked.
 *
 * Sources: GGUF metadata keys as llama.cpp's converters write them ({arch}.block_count and so on). */
#ifndef MODEL_HPARAMS_H
#define MODEL_HPARAMS_H

#include <stdint.h>

#include "base/err.h"
#include "math/attend.h"
#include "math/rope.h"
#include "model/family.h"
#include "model/gguf.h"

enum {
    LAYERS_MAX = 512,
    HEADS_MAX = 512,
    WIDTH_MAX = 1 << 16, /* n_embd, n_ff and heads * head_dim */
    CONTEXT_MAX = 1 << 20,
    EXPERTS_MAX = 512,
    EXPERTS_USED_MAX = 64,
};

struct hparams {
    const struct family *family;
    uint32_t n_embd, n_ff, n_layer; /* n_ff: of one expert, where there are experts */
    uint32_t n_head, n_kv;          /* query heads; key and value heads, a divisor */
    uint32_t head_dim;
    uint32_t n_context;               /* positions that the model was trained for */
    uint32_t window;                  /* of the layers that have one (family.h); 0: none */
    uint32_t n_expert, n_expert_used; /* 0: no mixture */
    float eps;
    float attn_scale;                  /* times each score: 1/sqrt(head_dim) and its exceptions */
    float attn_softcap, final_softcap; /* of scores and of logits; 0: none */
    float embd_scale, residual_scale;  /* times an embedding; times what a block adds. 1: none */
    float logit_scale;                 /* logits are divided by it. 1: none */
    struct rope_params rope;           /* freq_div is filled in with the weights */
    struct rope_params rope_local;     /* ROPE_TABLE_LOCAL; n_rot 0: the family has none */
    uint32_t longrope_orig;            /* 0, or: rope_factors_{long,short}.weight, long in contexts over this many positions */
};

/* ERR_UNSUPPORTED (unknown architecture; a key or value that asks for something we do not compute), ERR_NOTFOUND, ERR_FORMAT,
 * ERR_RANGE; why names the key. */
int hparams_read(struct hparams *h, const struct gguf *g, struct why *why);
/* How layer i attends. */
struct layer_plan hparams_layer(const struct hparams *h, uint32_t i);

#endif
