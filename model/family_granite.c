/* model/family_granite.c - Granite 3 (dense): the plain decoder with a factor at four places. */
#include "model/family.h"
#include "model/hparams.h"
#include "model/keys.h"

static int read_granite(struct hparams *h, struct keys *k) {
    int rotates = 1;
    int r = keys_want_f32(k, "embedding_scale", 1e-6f, 1e6f, &h->embd_scale);
    if (r == 0) r = keys_want_f32(k, "residual_scale", 1e-6f, 1e6f, &h->residual_scale);
    if (r == 0) r = keys_want_f32(k, "attention.scale", 1e-6f, 1e6f, &h->attn_scale);
    if (r == 0) r = keys_want_f32(k, "logit_scale", 1e-6f, 1e6f, &h->logit_scale);
    if (r == 0) r = keys_want_bool(k, "rope.scaling.finetuned", &rotates); /* this family's switch for RoPE as a whole */
    if (r == 0 && !rotates) return why_set(k->why, ERR_UNSUPPORTED, "%s: granite without RoPE is not computed", k->key);
    return r;
}

const struct family family_granite = {
    .arch = "granite",
    .pairs = ROPE_PAIRS_NEXT,
    .own_keys = "embedding_scale residual_scale attention.scale logit_scale",
    .read = read_granite,
};
