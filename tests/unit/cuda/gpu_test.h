/* tests/unit/cuda/gpu_test.h - a GPU or a skip; memory to and fro. */
#ifndef TESTS_GPU_TEST_H
#define TESTS_GPU_TEST_H

#include <cuda_runtime_api.h>
#include <stdlib.h>

#include "tests/check.h"

static inline int gpu_present(void) {
    int n = 0;
    return cudaGetDeviceCount(&n) == cudaSuccess && n > 0;
}
#define NEEDS_GPU() \
    if (!gpu_present()) SKIP("no NVIDIA GPU here")

/* A copy on the GPU of n bytes, or, from NULL, n bytes of 0xa5. */
static inline void *on_gpu(const void *from, size_t n) {
    void *p = NULL;
    CHECK_INT(cudaMalloc(&p, n), cudaSuccess);
    CHECK_INT(from ? cudaMemcpy(p, from, n, cudaMemcpyHostToDevice) : cudaMemset(p, 0xa5, n), cudaSuccess);
    return p;
}
static inline void from_gpu(void *to, const void *from, size_t n) {
    CHECK_INT(cudaMemcpy(to, from, n, cudaMemcpyDeviceToHost), cudaSuccess);
    CHECK_INT(cudaGetLastError(), cudaSuccess);
}

#endif
