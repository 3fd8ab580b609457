/* model/family.h - what differs between families of models: one row each, which the loader and the forward pass ask; they never
 * ask for a name.
 *
 * To add a family: a file family_NAME.c with its row, the row's address in the table of family.c, a shape in make_shapes.c.
 * Most rows are flags. What flags cannot say are two functions: `read` for keys that only this family has, `layer` for layers
 * that are not all alike. */
#ifndef MODEL_FAMILY_H
#define MODEL_FAMILY_H

#include <stddef.h>
#include <stdint.h>

#include "math/rope.h"

struct hparams;
struct keys;

enum rope_table { ROPE_TABLE_MAIN, ROPE_TABLE_LOCAL, ROPE_TABLES, ROPE_TABLE_NONE = ROPE_TABLES };

/* How one layer attends. */
struct layer_plan {
    uint32_t window;       /* keys max(0, t - window + 1)..t; 0: all */
    enum rope_table table; /* whose angles rotate q and k; NONE: they are not rotated */
};

enum family_window {
    WINDOW_REFUSED, /* a file with {arch}.attention.sliding_window shorter than its context is not computed */
    WINDOW_OBEYED,  /* in every layer, or as `layer` says */
};
enum family_experts { EXPERTS_NEVER, EXPERTS_MAYBE, EXPERTS_ALWAYS };

struct family {
    const char *arch;      /* general.architecture */
    enum rope_pairs pairs; /* how the converter left the rows of Wq and Wk */
    int qkv_bias;          /* attn_{q,k,v}.bias */
    int qk_norm;           /* attn_{q,k}_norm.weight, per head, before RoPE */
    int post_norms;        /* post_{attention,ffw}_norm.weight, on what a block adds to the residual stream */
    int fused;             /* attn_qkv holds the rows of q, k and v; ffn_up those of gate and up */
    int gelu;              /* gelu_tanh between gate and up; else silu */
    enum family_window window;
    enum family_experts experts;
    /* Keys that hparams.c refuses from other families, as they change what is computed, and that `read` obeys: blank-separated. */
    const char *own_keys;
    /* Called after the common keys were read, with h filled in; NULL: nothing to add. Returns as hparams_read does. */
    int (*read)(struct hparams *h, struct keys *k);
    /* Changes *plan, which comes as {h->window, ROPE_TABLE_MAIN}, for layer i; NULL: all layers are alike. */
    void (*layer)(const struct hparams *h, uint32_t i, struct layer_plan *plan);
};

/* The families, ended by NULL. */
extern const struct family *const families[];
/* NULL: none of that name. */
const struct family *family_find(const char *arch, size_t n);
/* The names as "llama, qwen2, ...", for messages. */
void family_names(char *out, size_t cap);

extern const struct family family_llama, family_qwen2, family_qwen3, family_qwen3moe, family_gemma, family_gemma2, family_gemma3,
    family_phi3, family_smollm3, family_granite;

#endif
