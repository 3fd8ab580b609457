/* model/family_gemma.c - Gemma 1 (arXiv 2403.08295), 2 (arXiv 2408.00118) and 3 (arXiv 2503.19786): embeddings times the root
 * of their width, gelu, from 2 on norms on what a block adds, and layers of two kinds, which see a window or everything.
 * The converter has already added the 1 to every norm weight. */
#include "model/family.h"
#include "model/hparams.h"
#include "model/keys.h"

#include <math.h>

enum { GEMMA3_PERIOD = 6, GEMMA2_27B_LAYERS = 46, GEMMA3_27B_LAYERS = 62 };

static int read_gemma(struct hparams *h, struct keys *k) {
    (void)k;
    h->embd_scale = sqrtf((float)h->n_embd);
    return 0;
}

/* The 27B models scale scores by the width per head, which is not the head size there. */
static void scale_27b(struct hparams *h, uint32_t layers) {
    if (h->n_layer == layers) h->attn_scale = 1.0f / sqrtf((float)(h->n_embd / h->n_head));
}

static int read_gemma2(struct hparams *h, struct keys *k) {
    h->attn_softcap = 50;
    h->final_softcap = 30;
    if (!keys_has(k, "attention.sliding_window")) h->window = 4096;
    int r = keys_want_f32(k, "attn_logit_softcapping", 1e-3f, 1e6f, &h->attn_softcap);
    if (r == 0) r = keys_want_f32(k, "final_logit_softcapping", 1e-3f, 1e6f, &h->final_softcap);
    scale_27b(h, GEMMA2_27B_LAYERS);
    return r == 0 ? read_gemma(h, k) : r;
}

static void layer_gemma2(const struct hparams *h, uint32_t i, struct layer_plan *plan) {
    (void)h;
    if (i % 2) plan->window = 0;
}

/* Layers with a window turn with a base of their own and are never scaled. */
static int read_gemma3(struct hparams *h, struct keys *k) {
    uint32_t period = GEMMA3_PERIOD;
    h->rope_local = (struct rope_params){.n_rot = h->rope.n_rot, .base = 10000};
    int r = keys_want_u32(k, "attention.sliding_window_pattern", GEMMA3_PERIOD, GEMMA3_PERIOD, &period);
    if (r == 0) r = keys_want_f32(k, "rope.freq_base_swa", 1.0001f, 1e12f, &h->rope_local.base);
    if (r == 0) r = keys_want_f32(k, "final_logit_softcapping", 0, 1e6f, &h->final_softcap);
    scale_27b(h, GEMMA3_27B_LAYERS);
    return r == 0 ? read_gemma(h, k) : r;
}

static void layer_gemma3(const struct hparams *h, uint32_t i, struct layer_plan *plan) {
    if (h->window == 0) return; /* the file has none: all layers are global */
    if (i % GEMMA3_PERIOD == GEMMA3_PERIOD - 1)
        plan->window = 0;
    else
        plan->table = ROPE_TABLE_LOCAL;
}

const struct family family_gemma = {.arch = "gemma", .pairs = ROPE_PAIRS_HALF, .gelu = 1, .read = read_gemma};
const struct family family_gemma2 = {
    .arch = "gemma2",
    .pairs = ROPE_PAIRS_HALF,
    .post_norms = 1,
    .gelu = 1,
    .window = WINDOW_OBEYED,
    .own_keys = "attn_logit_softcapping final_logit_softcapping",
    .read = read_gemma2,
    .layer = layer_gemma2,
};
const struct family family_gemma3 = {
    .arch = "gemma3",
    .pairs = ROPE_PAIRS_HALF,
    .qk_norm = 1,
    .post_norms = 1,
    .gelu = 1,
    .window = WINDOW_OBEYED,
    .own_keys = "final_logit_softcapping",
    .read = read_gemma3,
    .layer = layer_gemma3,
};
