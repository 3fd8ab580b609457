/* model/family_qwen.c - Qwen 2 and 2.5 (arXiv 2407.10671): biases on q, k and v. Qwen 3 (arXiv 2505.09388): norms per head
 * instead; its mixture-of-experts models renormalise the weights of the chosen experts, as rule 14 has it. */
#include "model/family.h"

const struct family family_qwen2 = {.arch = "qwen2", .pairs = ROPE_PAIRS_HALF, .qkv_bias = 1};
const struct family family_qwen3 = {.arch = "qwen3", .pairs = ROPE_PAIRS_HALF, .qk_norm = 1};
const struct family family_qwen3moe = {.arch = "qwen3moe", .pairs = ROPE_PAIRS_HALF, .qk_norm = 1, .experts = EXPERTS_ALWAYS};
