/* cuda/rows.cu - what is done to one row at a time: the residual sum and its norm; heads normed, turned and stored. */
#include "cuda/canon.cuh"
#include "cuda/kernels.h"
#include "math/kv_page.h"

static __global__ void norm_row(float *__restrict__ h, float *__restrict__ x, const float *__restrict__ add,
                                const float *__restrict__ w, const uint32_t *__restrict__ map, uint32_t n, float eps) {
    extern __shared__ float row[];
    __shared__ float lane[64];
    size_t from = (size_t)(map ? map[blockIdx.x] : blockIdx.x) * n, to = (size_t)blockIdx.x * n;
#pragma unroll 4
    for (uint32_t i = threadIdx.x; i < n; i += blockDim.x) {
        float v = x[from + i];
        if (add) x[from + i] = v = __fadd_rn(v, add[from + i]);
        row[i] = v;
        row[n + i] = w[i]; /* read now, not after the sum */
    }
    __syncthreads();
    float r = norm_factor(row, n, eps, lane);
    for (uint32_t i = threadIdx.x; i < n; i += blockDim.x) h[to + i] = __fmul_rn(__fmul_rn(row[i], r), row[n + i]);
}

void gpu_norm(cudaStream_t s, float *h, float *x, const float *add, const float *w, const uint32_t *map, uint32_t n,
              uint32_t rows, float eps) {
    size_t shared = 2 * n * sizeof(float);
    if (shared > 48 << 10) cudaFuncSetAttribute(norm_row, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)shared);
    norm_row<<<rows, 512, shared, s>>>(h, x, add, w, map, n, eps);
}

/* ---- heads ---- */

static __device__ void turn(float *head, uint32_t n_rot, int half, const float *cos, const float *sin) {
    for (uint32_t i = threadIdx.x; i < n_rot / 2; i += blockDim.x) {
        float *x0 = head + (half ? i : 2 * i), *x1 = half ? x0 + n_rot / 2 : x0 + 1;
        float y0 = __fmaf_rn(*x0, cos[i], -__fmul_rn(*x1, sin[i]));
        *x1 = __fmaf_rn(*x0, sin[i], __fmul_rn(*x1, cos[i]));
        *x0 = y0;
    }
    __syncthreads();
}

/* Round to nearest even; beyond the range fp16 saturates. */
static __device__ __half to_half(float x) { return __float2half_rn(fminf(fmaxf(x, -65504.0f), 65504.0f)); }

/* Block (row, head): the query heads, then the heads of k, then those of v. */
static __global__ void heads(gpu_heads_job a, gpu_pages p, uint8_t *bad) {
    __shared__ float head[HEAD_DIM_MAX], lane[64];
    uint32_t row = blockIdx.x, which = blockIdx.y, dim = a.head_dim, padded = (dim + 15) & ~15u;
    int is_q = which < a.n_head, is_v = which >= a.n_head + a.n_kv;
    uint32_t kv = is_v ? which - a.n_head - a.n_kv : which - a.n_head;
    const float *from = is_q ? a.q + ((size_t)row * a.n_head + which) * dim
                             : (is_v ? a.v : a.k) + ((size_t)row * a.n_kv + kv) * dim;
    for (uint32_t d = threadIdx.x; d < dim; d += blockDim.x) head[d] = from[d];
    __syncthreads();
    const float *w = is_q ? a.q_norm : a.k_norm;
    if (!is_v && w) {
        float r = norm_factor(head, dim, a.eps, lane);
        for (uint32_t d = threadIdx.x; d < dim; d += blockDim.x) head[d] = __fmul_rn(__fmul_rn(head[d], r), w[d]);
        __syncthreads();
    }
    size_t at = (size_t)row * (a.n_rot / 2);
    if (!is_v && a.cos) turn(head, a.n_rot, a.half, a.cos + at, a.sin + at);
    if (is_q) {
        for (uint32_t d = threadIdx.x; d < dim; d += blockDim.x) a.q[((size_t)row * a.n_head + which) * dim + d] = head[d];
        return;
    }
    uint32_t position = p.position[row], slot = position % KV_PAGE;
    uint8_t *page = p.base + p.number[p.first[row] + position / KV_PAGE] * p.page_bytes + kv * p.head_bytes;
    __half *key = (__half *)(page + (size_t)(slot / 16) * dim * 32) + slot % 16;
    __half *value = (__half *)(page + (size_t)KV_PAGE * dim * 2) + (size_t)slot * padded;
    for (uint32_t d = threadIdx.x; d < padded; d += blockDim.x) {
        float x = d < dim ? head[d] : 0.0f;
        if (not_finite(x)) bad[row] = 1;
        if (is_v)
            value[d] = to_half(x);
        else if (d < dim)
            key[16 * d] = to_half(x);
    }
}

void gpu_heads(cudaStream_t s, const struct gpu_heads_job *h, const struct gpu_pages *p, uint32_t rows, uint8_t *bad) {
    heads<<<dim3(rows, h->n_head + 2 * h->n_kv), 64, 0, s>>>(*h, *p, bad);
}
