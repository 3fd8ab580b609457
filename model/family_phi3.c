/* model/family_phi3.c - Phi-3, 3.5 and 4 (arXiv 2404.14219): the plain decoder with q, k, v and gate, up in one matrix each.
 * The long-context ones have longrope factors, as any family may (hparams.h). */
#include "model/family.h"

const struct family family_phi3 = {.arch = "phi3", .pairs = ROPE_PAIRS_HALF, .fused = 1, .window = WINDOW_OBEYED};
