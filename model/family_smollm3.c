/* model/family_smollm3.c - SmolLM3: the plain decoder in which every fourth layer does not rotate (Yang et al., "RoPE to NoPE and
 * Back Again", arXiv 2501.18795). The interval stands in no key. */
#include "model/family.h"

enum { NO_ROPE_PERIOD = 4 };

static void layer_smollm3(const struct hparams *h, uint32_t i, struct layer_plan *plan) {
    (void)h;
    if (i % NO_ROPE_PERIOD == NO_ROPE_PERIOD - 1) plan->table = ROPE_TABLE_NONE;
}

const struct family family_smollm3 = {.arch = "smollm3", .pairs = ROPE_PAIRS_NEXT, .layer = layer_smollm3};
