/* model/family_llama.c - the plain decoder: RMSNorm, grouped heads, RoPE, gated feed-forward (Touvron et al., arXiv 2302.13971).
 *
 * Mistral 7B and its fine-tunes, TinyLlama, Yi and others are published under "llama"; so is Mixtral, which is the same with
 * experts. Llama 3.1's frequency factors come as the tensor rope_freqs.weight, which any family may have. */
#include "model/family.h"

const struct family family_llama = {
    .arch = "llama",
    .pairs = ROPE_PAIRS_NEXT,
    .window = WINDOW_OBEYED, /* Mistral 7B v0.1 */
    .experts = EXPERTS_MAYBE,
};
