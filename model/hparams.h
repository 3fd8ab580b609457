/* model/hparams.h - the numbers of a model file that fix the forward pass, checked, and the table of families.
 *
 * Sources: GGUF metadata keys as llama.cpp's converters write them ({arch}.block_count and so on). */
#ifndef MODEL_HPARAMS_H
#define MODEL_HPARAMS_H

#include <stdint.h>

#include "base/err.h"
#include "math/attend.h"
#include "math/rope.h"
#include "model/gguf.h"

enum {
    LAYERS_MAX = 512,
    HEADS_MAX = 512,
    WIDTH_MAX = 1 << 16, /* n_embd, n_ff and heads * head_dim */
    CONTEXT_MAX = 1 << 20,
};

/* What differs between families; the forward pass asks these flags, never for a name. */
struct family {
    const char *arch;      /* general.architecture */
    enum rope_pairs pairs; /* how the converter left the rows of Wq and Wk */
    int qkv_bias;          /* attn_{q,k,v}.bias */
    int qk_norm;           /* attn_{q,k}_norm.weight, per head, before RoPE */
    int window;            /* attention.sliding_window is obeyed in every layer; elsewhere it is refused */
};

struct hparams {
    const struct family *family;
    uint32_t n_embd, n_ff, n_layer;
    uint32_t n_head, n_kv; /* query heads; key and value heads, a divisor */
    uint32_t head_dim;
    uint32_t n_context; /* positions that the model was trained for */
    uint32_t window;    /* 0: none */
    float eps;
    float attn_scale;        /* 1/sqrt(head_dim) */
    struct rope_params rope; /* freq_div is filled in with the weights */
};

/* ERR_UNSUPPORTED (unknown architecture, experts, a rope scaling or window that we do not compute), ERR_NOTFOUND,
 * ERR_FORMAT, ERR_RANGE; why names the key. */
int hparams_read(struct hparams *h, const struct gguf *g, struct why *why);
/* The families, ended by a row without a name. */
extern const struct family families[];

#endif
