/* cuda/canon.cuh - rules 6 and 8 for one GPU thread or block: each operation is an intrinsic with one rounding, so that no flag of
 * the compiler can change it. */
#ifndef CUDA_CANON_CUH
#define CUDA_CANON_CUH

#include <cuda_fp16.h>
#include <stdint.h>

#include "math/exp_coef.h"

static __device__ __forceinline__ float canon_exp(float x) {
    int none = x < EXP_MIN; /* answered at the end, so that threads need not part */
    if (x > EXP_MAX) x = EXP_MAX;
    float z = __fmaf_rn(x, EXP_INV_LN2, EXP_SHIFT);
    float n = __fsub_rn(z, EXP_SHIFT);
    float b = __fmaf_rn(-n, EXP_LN2_HI, x);
    b = __fmaf_rn(-n, EXP_LN2_LO, b);
    float u = __fmul_rn(b, b);
    float p = __fmaf_rn(EXP_C4, b, EXP_C3);
    float q = __fmaf_rn(EXP_C2, b, EXP_C1);
    float j = __fmaf_rn(__fmaf_rn(p, u, q), u, __fmul_rn(EXP_C0, b));
    float k = __uint_as_float((__float_as_uint(z) << 23) + 0x3f800000u);
    return none ? 0.0f : __fmaf_rn(k, j, k);
}

static __device__ __forceinline__ float canon_swiglu(float g, float u) {
    return __fmul_rn(__fdiv_rn(g, __fadd_rn(1.0f, canon_exp(-g))), u);
}

static __device__ __forceinline__ int not_finite(float x) { return (__float_as_uint(x) & 0x7fffffffu) >= 0x7f800000u; }

static __device__ __forceinline__ float half_at(const uint8_t *p) {
    return __half2float(__ushort_as_half(*(const unsigned short *)p));
}

/* The folds of rule 6 over s[64] in shared memory; called by all threads of a block of at least 64; all get the result. */
static __device__ float fold64(float *s) {
    __syncthreads();
    if (threadIdx.x < 32) {
        float v = __fadd_rn(s[threadIdx.x], s[threadIdx.x + 32]);
        for (unsigned h = 16; h >= 1; h /= 2) v = __fadd_rn(v, __shfl_down_sync(0xffffffffu, v, h));
        if (threadIdx.x == 0) s[0] = v;
    }
    __syncthreads();
    return s[0];
}

/* 1 / sqrt(mean of squares + eps) of x[n], which is in shared memory; lane is scratch for 64 floats. All threads call it. */
static __device__ float norm_factor(const float *x, uint32_t n, float eps, float *lane) {
    if (threadIdx.x < 64) {
        float sum = 0.0f;
#pragma unroll 16
        for (uint32_t i = threadIdx.x; i < n; i += 64) sum = __fmaf_rn(x[i], x[i], sum);
        lane[threadIdx.x] = sum;
    }
    float mean = __fdiv_rn(fold64(lane), (float)n);
    return __fdiv_rn(1.0f, __fsqrt_rn(__fadd_rn(mean, eps)));
}

#endif
