/* cuda/gpu.h - profile C1 on an NVIDIA GPU, bit-equal to the CPU: a device that engine_opts may name. Built with `make CUDA=1`.
 *
 * Weights go to the GPU's memory as math/ packs them. Computed are models without experts, norms behind the blocks, GELU, capped
 * scores or scaled residuals (so llama, qwen2, qwen3 and what is like them), with keys and values as f16, and weights of the types
 * F32, F16, BF16, Q8_0, Q4_0, Q5_0, Q4_K, Q5_K and Q6_K. Anything else is refused by name. */
#ifndef CUDA_GPU_H
#define CUDA_GPU_H

#include "model/device.h"

extern const struct device_ops gpu_device;

#endif
