/* cuda/multiply.cuh - what the two ways of multiplying share. */
#ifndef CUDA_MULTIPLY_CUH
#define CUDA_MULTIPLY_CUH

#include "cuda/kernels.h"

void multiply_narrow(cudaStream_t s, const struct gpu_multiply_job *m);
void multiply_wide(cudaStream_t s, const struct gpu_multiply_job *m); /* quantised kinds */

static inline __host__ __device__ uint32_t groups_of(const gpu_multiply_job &m) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < m.count; i++) n += m.p[i].groups;
    return n;
}
/* The product that has group *index of all; *index becomes the group's number in it. */
static __device__ __forceinline__ gpu_product product_of(const gpu_multiply_job &m, uint32_t *index) {
    gpu_product p = m.p[0];
    for (uint32_t i = 1; i < m.count && *index >= p.groups; i++) {
        *index -= p.groups;
        p = m.p[i];
    }
    return p;
}
/* As float_line of math/packed.h. */
static __device__ __forceinline__ size_t float_line_of(uint32_t k, uint32_t cols) {
    return k < (cols & ~127u) ? (k & ~127u) + k % 32 * 4 + k / 32 % 4 : k;
}

#endif
