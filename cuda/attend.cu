/* cuda/attend.cu - attention (rule 11): one block per chunk of positions, query head and row; then the chunks merged in order. */
#include <math_constants.h>

#include "cuda/canon.cuh"
#include "cuda/kernels.h"
#include "math/attend.h"

static __device__ uint32_t first_key(uint32_t position, uint32_t window) {
    return window != 0 && position + 1 > window ? position + 1 - window : 0;
}

/* The chain over head_dim of one position. */
static __device__ float score(const uint8_t *page, uint32_t slot, uint32_t dim, const float *q) {
    const __half *key = (const __half *)(page + (size_t)(slot / 16) * dim * 32) + slot % 16;
    float acc = 0.0f;
#pragma unroll 16
    for (uint32_t d = 0; d < dim; d++) acc = __fmaf_rn(q[d], __half2float(key[16 * d]), acc);
    return acc;
}

static __device__ float block_max(float v, float *scratch) {
    for (int h = 16; h >= 1; h /= 2) v = fmaxf(v, __shfl_xor_sync(0xffffffffu, v, h));
    if (threadIdx.x % 32 == 0) scratch[threadIdx.x / 32] = v;
    __syncthreads();
    v = scratch[0];
    for (int i = 1; i < KV_CHUNK / 32; i++) v = fmaxf(v, scratch[i]);
    __syncthreads();
    return v;
}

/* Block (chunk, head, row) of KV_CHUNK threads: a thread has one position, then one dimension. */
static __global__ void chunk(gpu_attend_job a, gpu_pages p, uint8_t *bad) {
    __shared__ float q[HEAD_DIM_MAX], e[KV_CHUNK], lane[64];
    __shared__ const uint8_t *page[KV_CHUNK / KV_PAGE];
    uint32_t row = a.first_row + blockIdx.z, head = blockIdx.y, dim = a.head_dim, padded = (dim + 15) & ~15u, i = threadIdx.x;
    uint32_t last = p.position[row], from = first_key(last, a.window), base = (from / KV_CHUNK + blockIdx.x) * KV_CHUNK;
    if (base > last) return;
    if (i < dim) q[i] = a.q[((size_t)row * a.n_head + head) * dim + i];
    if (i < KV_CHUNK / KV_PAGE && base + i * KV_PAGE <= last)
        page[i] = p.base + p.number[p.first[row] + base / KV_PAGE + i] * p.page_bytes + head / (a.n_head / a.n_kv) * p.head_bytes;
    __syncthreads();
    int live = base + i >= from && base + i <= last;
    float s = live ? __fmul_rn(score(page[i / KV_PAGE], i % KV_PAGE, dim, q), a.scale) : -CUDART_INF_F;
    if (live && not_finite(s)) bad[row] = 1;
    float max = block_max(s, lane);
    e[i] = live ? canon_exp(__fsub_rn(s, max)) : 0.0f;
    __syncthreads();
    if (i < 64) lane[i] = __fadd_rn(__fadd_rn(__fadd_rn(e[i], e[i + 64]), e[i + 128]), e[i + 192]);
    float sum = fold64(lane);
    float *part = a.parts + (((size_t)blockIdx.z * a.n_head + head) * a.chunks + blockIdx.x) * (2 + dim);
    if (i == 0) {
        part[0] = max;
        part[1] = sum;
    }
    if (i >= dim) return;
    uint32_t lo = from > base ? from - base : 0, hi = last - base < KV_CHUNK ? last - base + 1 : KV_CHUNK;
    float acc = 0.0f;
#pragma unroll 16
    for (uint32_t k = lo; k < hi; k++) {
        const __half *value = (const __half *)(page[k / KV_PAGE] + (size_t)KV_PAGE * dim * 2);
        acc = __fmaf_rn(e[k], __half2float(value[(size_t)(k % KV_PAGE) * padded + i]), acc);
    }
    part[2 + i] = acc;
}

/* Block (head, row), a thread per dimension. */
static __global__ void merge(gpu_attend_job a, gpu_pages p) {
    uint32_t row = a.first_row + blockIdx.y, head = blockIdx.x, d = threadIdx.x;
    uint32_t last = p.position[row], from = first_key(last, a.window), chunks = last / KV_CHUNK - from / KV_CHUNK + 1;
    const float *part = a.parts + ((size_t)blockIdx.y * a.n_head + head) * a.chunks * (2 + a.head_dim);
    float max = part[0], sum = part[1], o = part[2 + d];
    for (uint32_t c = 1; c < chunks; c++) {
        part += 2 + a.head_dim;
        float most = part[0] > max ? part[0] : max;
        float shrink = canon_exp(__fsub_rn(max, most)), b = canon_exp(__fsub_rn(part[0], most));
        sum = __fmaf_rn(part[1], b, __fmul_rn(sum, shrink));
        o = __fmaf_rn(part[2 + d], b, __fmul_rn(o, shrink));
        max = most;
    }
    a.out[((size_t)row * a.n_head + head) * a.head_dim + d] = __fadd_rn(__fdiv_rn(o, sum), 0.0f);
}

void gpu_attend(cudaStream_t s, const struct gpu_attend_job *a, const struct gpu_pages *p, uint8_t *bad) {
    chunk<<<dim3(a->chunks, a->n_head, a->rows), KV_CHUNK, 0, s>>>(*a, *p, bad);
    merge<<<dim3(a->n_head, a->rows), a->head_dim, 0, s>>>(*a, *p);
}
