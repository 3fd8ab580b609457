/* model/make_shapes.c - the shapes of `lull model make`: some published models, and small ones of every family and every kind of
 * RoPE, with windows and original contexts short enough that a short text meets them. */
#include "model/make.h"
#include "model/make_parts.h"

const char make_shape_names[] = "tinyllama-1.1b, llama3.2-1b, qwen2.5-0.5b, tiny, tiny-llama3, tiny-linear, tiny-yarn, "
                                "tiny-mixtral, tiny-qwen2, tiny-qwen3, tiny-qwen3moe, tiny-gemma, tiny-gemma2, tiny-gemma3, "
                                "tiny-phi3, tiny-phi3-long, tiny-smollm3, tiny-granite";

/* A table. Widths of the small ones are multiples of 256, so that every type fits. */
/* clang-format off */
const struct make_shape make_shapes[] = {
    /* name, arch, vocabulary, embd, ffn, layers, heads, kv, head, vocab, context, experts, used, base, eps, spread, tied, rope,
       keys */
    {"tinyllama-1.1b", "llama", MAKE_LLAMA2, 2048, 5632, 22, 32, 4, 64, 32000, 2048, 0, 0, 1e4f, 1e-5f, 2, 0, MAKE_ROPE_PLAIN,
     {{0}}},
    {"llama3.2-1b", "llama", MAKE_LLAMA3, 2048, 8192, 16, 32, 8, 64, 128256, 131072, 0, 0, 5e5f, 1e-5f, 2, 1, MAKE_ROPE_LLAMA3,
     {{0}}},
    {"qwen2.5-0.5b", "qwen2", MAKE_QWEN2, 896, 4864, 24, 14, 2, 64, 151936, 32768, 0, 0, 1e6f, 1e-6f, 2, 1, MAKE_ROPE_PLAIN, {{0}}},
    {"tiny", "llama", MAKE_LLAMA2, 256, 768, 4, 4, 4, 64, 512, 512, 0, 0, 1e4f, 1e-5f, 2, 0, MAKE_ROPE_PLAIN, {{0}}},
    {"tiny-llama3", "llama", MAKE_LLAMA2, 256, 768, 4, 4, 2, 64, 512, 512, 0, 0, 5e5f, 1e-5f, 2, 1, MAKE_ROPE_LLAMA3, {{0}}},
    {"tiny-linear", "llama", MAKE_LLAMA2, 256, 768, 4, 4, 2, 64, 512, 512, 0, 0, 1e4f, 1e-5f, 2, 0, MAKE_ROPE_PLAIN,
     {{"rope.scaling.type", "linear", 0, 0}, {"rope.scaling.factor", NULL, 0, 4}}},
    {"tiny-yarn", "llama", MAKE_LLAMA2, 256, 768, 4, 4, 2, 64, 512, 512, 0, 0, 1e4f, 1e-5f, 2, 0, MAKE_ROPE_PLAIN,
     {{"rope.scaling.type", "yarn", 0, 0}, {"rope.scaling.factor", NULL, 0, 4},
      {"rope.scaling.original_context_length", NULL, 128, 0}}},
    {"tiny-mixtral", "llama", MAKE_LLAMA2, 256, 512, 4, 4, 2, 64, 512, 512, 8, 2, 1e6f, 1e-5f, 2, 0, MAKE_ROPE_PLAIN, {{0}}},
    {"tiny-qwen2", "qwen2", MAKE_LLAMA2, 256, 768, 4, 4, 2, 64, 512, 512, 0, 0, 1e6f, 1e-6f, 2, 1, MAKE_ROPE_PLAIN, {{0}}},
    {"tiny-qwen3", "qwen3", MAKE_LLAMA2, 256, 768, 4, 4, 2, 128, 512, 512, 0, 0, 1e6f, 1e-6f, 2, 0, MAKE_ROPE_PLAIN, {{0}}},
    {"tiny-qwen3moe", "qwen3moe", MAKE_LLAMA2, 256, 256, 4, 4, 2, 128, 512, 512, 16, 4, 1e6f, 1e-6f, 2, 0, MAKE_ROPE_PLAIN,
     {{"expert_feed_forward_length", NULL, 256, 0}}},
    {"tiny-gemma", "gemma", MAKE_LLAMA2, 256, 768, 4, 4, 1, 256, 512, 512, 0, 0, 1e4f, 1e-6f, 0.8f, 1, MAKE_ROPE_PLAIN, {{0}}},
    {"tiny-gemma2", "gemma2", MAKE_LLAMA2, 256, 768, 4, 4, 2, 128, 512, 512, 0, 0, 1e4f, 1e-6f, 0.8f, 1, MAKE_ROPE_PLAIN,
     {{"attention.sliding_window", NULL, 100, 0}, {"attn_logit_softcapping", NULL, 0, 50},
      {"final_logit_softcapping", NULL, 0, 30}}},
    {"tiny-gemma3", "gemma3", MAKE_LLAMA2, 256, 768, 7, 4, 1, 256, 512, 512, 0, 0, 1e6f, 1e-6f, 0.8f, 1, MAKE_ROPE_PLAIN,
     {{"attention.sliding_window", NULL, 100, 0}, {"rope.scaling.type", "linear", 0, 0}, {"rope.scaling.factor", NULL, 0, 8}}},
    {"tiny-phi3", "phi3", MAKE_PHI3, 256, 768, 4, 4, 4, 64, 512, 512, 0, 0, 1e4f, 1e-5f, 2, 0, MAKE_ROPE_PLAIN,
     {{"attention.sliding_window", NULL, 512, 0}}},
    {"tiny-phi3-long", "phi3", MAKE_PHI3, 256, 768, 4, 4, 2, 64, 512, 512, 0, 0, 1e4f, 1e-5f, 2, 1, MAKE_ROPE_LONG,
     {{"rope.scaling.original_context_length", NULL, 256, 0}, {"rope.scaling.attn_factor", NULL, 0, 1.19f}}},
    {"tiny-smollm3", "smollm3", MAKE_LLAMA2, 256, 768, 5, 4, 2, 64, 512, 512, 0, 0, 5e6f, 1e-6f, 2, 1, MAKE_ROPE_PLAIN, {{0}}},
    {"tiny-granite", "granite", MAKE_LLAMA2, 256, 768, 4, 4, 2, 64, 512, 512, 0, 0, 1e4f, 1e-5f, 2, 1, MAKE_ROPE_PLAIN,
     {{"embedding_scale", NULL, 0, 3}, {"residual_scale", NULL, 0, 0.6f}, {"attention.scale", NULL, 0, 0.09f},
      {"logit_scale", NULL, 0, 2}}},
    {0},
};
/* clang-format on */
