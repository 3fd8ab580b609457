/* model/model_parts.h - what a model is made of, for the files of model/ that build it and compute with it. */
#ifndef MODEL_MODEL_PARTS_H
#define MODEL_MODEL_PARTS_H

#include "math/kern.h"
#include "math/matrix.h"
#include "math/rope.h"
#include "model/gguf.h"
#include "model/hparams.h"
#include "model/model.h"

/* One layer. Vectors are f32 copies in the model's arena; NULL where the family has none. */
struct layer {
    struct layer_plan plan;
    const float *attn_norm, *ffn_norm;           /* [n_embd] */
    const float *post_attn_norm, *post_ffn_norm; /* [n_embd] */
    const float *q_norm, *k_norm;                /* [head_dim] */
    const float *q_bias, *k_bias, *v_bias;
    struct matrix wq, wk, wv, wo; /* rows n_head*head_dim, n_kv*head_dim (k, v), n_embd */
    struct matrix router;         /* rows n_expert; mixtures only */
    struct matrix gate, up, down; /* rows n_ff, n_ff, n_embd; in mixtures of expert 0, with the others behind */
};

struct row8_stack;
struct model {
    struct gguf gguf;
    struct hparams hp;
    struct vocab *vocab;
    struct chat_template chat;
    const struct kern *kern;
    struct rope rope[ROPE_TABLES]; /* LOCAL is set when the family has it */

    struct layer *layer; /* n_layer, in the arena */
    const float *output_norm;
    struct matrix output;                /* n_vocab rows; from token_embd when the file ties them */
    const struct weight_type *embd_type; /* token_embd stays in the file: one row per token is read */
    const uint8_t *embd_rows;
    size_t embd_row_bytes;
    uint32_t n_vocab;

    enum model_arith arith;
    enum model_stacks stacks;
    struct row8_stack *stack; /* stack_count, in the arena; only with ARITH_ROW8 (row8_stacks.h) */
    uint32_t stack_count;
    float *row_scales; /* of all stacks */

    struct arena small; /* layers, stacks and vectors */
    uint8_t *packed;    /* all matrices, or all stacks: one mapping */
    size_t packed_bytes;
    uint64_t parameters;
    const char *type_name;
    char name[96];
    char profile[KV_FORMATS][25]; /* ids (profile.h) */
};

/* Fills in layers, vectors and packed matrices or stacks from m->gguf and m->hp (model/weights.c). */
int weights_load(struct model *m, const struct model_opts *o, struct why *why);
void weights_release(struct model *m);
/* Its second half, when all shapes are known (model/weights_pack.c): `bytes` is what there is to read of the file. */
int weights_pack(struct model *m, const struct model_opts *o, uint64_t bytes, struct why *why);
/* Gives the file's pages of a tensor back to the system; they are read again when needed. */
void weights_drop(const struct model *m, const struct gguf_tensor *t);
/* Fills in m->profile from m->hp (model/profile.c). */
void profiles_name(struct model *m);

#endif
