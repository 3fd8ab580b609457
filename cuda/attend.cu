/* cuda/attend.cu - attention (rule 11): chunks of positions side by side, then merged in order.
 *
 * Query rows that read the same keys share a block: the heads of one kv head, and neighbouring tokens of one sequence. */
#include <math_constants.h>

#include "cuda/canon.cuh"
#include "cuda/kernels.h"
#include "math/attend.h"

enum { AHEAD = 32 }; /* loads on their way at once, per thread; divides KV_PAGE */

static __device__ uint32_t first_key(uint32_t position, uint32_t window) {
    return window != 0 && position + 1 > window ? position + 1 - window : 0;
}

/* What one block shares. Query row r of it: token r / heads, head r % heads, both counted from the block's first. */
template <int ROWS> struct shared {
    float q[HEAD_DIM_MAX][ROWS];
    float e[KV_CHUNK][ROWS];        /* scores, then their exponentials */
    uint32_t row[ROWS], head[ROWS]; /* of the step, of the model */
    uint32_t lo[ROWS], hi[ROWS];    /* positions of the chunk that are keys; none: hi 0 */
    const uint8_t *page[KV_CHUNK / KV_PAGE];
};

static __device__ float *part_of(const gpu_attend_job &a, const gpu_pages &p, uint32_t row, uint32_t head, uint32_t base) {
    uint32_t chunk = (base - first_key(p.position[row], a.window) / KV_CHUNK * KV_CHUNK) / KV_CHUNK;
    return a.parts + (((size_t)(row - a.first_row) * a.n_head + head) * a.chunks + chunk) * (2 + a.head_dim);
}

/* Which rows there are, and their queries. */
template <int ROWS>
static __device__ void load(const gpu_attend_job &a, const gpu_pages &p, uint32_t first, uint32_t base, uint32_t last,
                            shared<ROWS> *s) {
    uint32_t group = a.n_head / a.n_kv, per = group < GPU_ATTEND_ROWS ? group : GPU_ATTEND_ROWS, splits = (group + per - 1) / per;
    uint32_t kv = blockIdx.y / splits, from = blockIdx.y % splits * per, heads = group - from < per ? group - from : per;
    uint32_t count = heads * a.tile[2 * (a.first_tile + blockIdx.z) + 1], i = threadIdx.x;
    if (i < ROWS) {
        s->row[i] = first + i / heads;
        s->head[i] = kv * group + from + i % heads;
        s->lo[i] = s->hi[i] = 0;
        if (i < count) {
            uint32_t position = p.position[s->row[i]], key = first_key(position, a.window);
            s->lo[i] = key > base ? key - base : 0;
            s->hi[i] = position < base ? 0 : position - base < KV_CHUNK ? position - base + 1 : KV_CHUNK;
            if (s->lo[i] >= s->hi[i]) s->lo[i] = s->hi[i] = 0;
        }
    }
    if (i < KV_CHUNK / KV_PAGE && base + i * KV_PAGE <= last)
        s->page[i] = p.base + p.number[p.first[first] + base / KV_PAGE + i] * p.page_bytes + kv * p.head_bytes;
    __syncthreads();
    for (uint32_t j = i; j < a.head_dim * ROWS; j += KV_CHUNK) {
        uint32_t r = j / a.head_dim, d = j % a.head_dim;
        s->q[d][r] = s->hi[r] ? a.q[((size_t)s->row[r] * a.n_head + s->head[r]) * a.head_dim + d] : 0.0f;
    }
    __syncthreads();
}

/* The chains over head_dim of this thread's position. */
template <int ROWS> static __device__ void scores(const gpu_attend_job &a, shared<ROWS> *s, uint32_t most, uint8_t *bad) {
    uint32_t i = threadIdx.x;
    float acc[ROWS] = {};
    if (i < most) {
        const __half *key = (const __half *)(s->page[i / KV_PAGE] + (size_t)(i % KV_PAGE / 16) * a.head_dim * 32) + i % 16;
        uint32_t d = 0;
        for (; d + AHEAD <= a.head_dim; d += AHEAD) {
            float k[AHEAD];
#pragma unroll
            for (int j = 0; j < AHEAD; j++) k[j] = __half2float(key[16 * (d + j)]);
#pragma unroll
            for (int j = 0; j < AHEAD; j++)
                for (int r = 0; r < ROWS; r++) acc[r] = __fmaf_rn(s->q[d + j][r], k[j], acc[r]);
        }
        for (; d < a.head_dim; d++)
            for (int r = 0; r < ROWS; r++) acc[r] = __fmaf_rn(s->q[d][r], __half2float(key[16 * d]), acc[r]);
    }
    for (int r = 0; r < ROWS; r++) {
        int live = i >= s->lo[r] && i < s->hi[r];
        float v = live ? __fmul_rn(acc[r], a.scale) : -CUDART_INF_F;
        if (live && not_finite(v)) bad[s->row[r]] = 1;
        s->e[i][r] = v;
    }
    __syncthreads();
}

/* A warp has a row, its lane j the positions j, j + 32, ...: of rule 6's 64 lanes j and j + 32. */
template <int ROWS> static __device__ void softmax(const gpu_attend_job &a, const gpu_pages &p, uint32_t base, shared<ROWS> *s) {
    uint32_t r = threadIdx.x / 32, lane = threadIdx.x % 32;
    if (r >= ROWS) return;
    float v[KV_CHUNK / 32], max = -CUDART_INF_F;
    for (int k = 0; k < KV_CHUNK / 32; k++) {
        v[k] = s->e[lane + 32 * k][r];
        max = fmaxf(max, v[k]);
    }
    for (int h = 16; h >= 1; h /= 2) max = fmaxf(max, __shfl_xor_sync(0xffffffffu, max, h));
    float sum[2] = {0.0f, 0.0f};
    for (int k = 0; k < KV_CHUNK / 32; k++) {
        v[k] = v[k] == -CUDART_INF_F ? 0.0f : canon_exp(__fsub_rn(v[k], max));
        sum[k % 2] = __fadd_rn(sum[k % 2], v[k]);
        s->e[lane + 32 * k][r] = v[k];
    }
    float all = __fadd_rn(sum[0], sum[1]);
    for (int h = 16; h >= 1; h /= 2) all = __fadd_rn(all, __shfl_down_sync(0xffffffffu, all, h));
    if (lane != 0 || s->hi[r] == 0) return;
    float *part = part_of(a, p, s->row[r], s->head[r], base);
    part[0] = max;
    part[1] = all;
}

/* A thread has a dimension of one row or of several; a position that is no key of a row has e = 0 and changes no bit. */
template <int ROWS, int DIMS>
static __device__ void values(const gpu_attend_job &a, const gpu_pages &p, uint32_t base, uint32_t most, shared<ROWS> *s) {
    constexpr int PER = ROWS * DIMS <= KV_CHUNK ? 1 : ROWS * DIMS / KV_CHUNK;
    uint32_t d = threadIdx.x % DIMS, r0 = threadIdx.x / DIMS * PER, padded = (a.head_dim + 15) & ~15u, lo = KV_CHUNK;
    if (r0 >= ROWS || d >= a.head_dim) return;
    for (int r = 0; r < ROWS; r++)
        if (s->hi[r] && s->lo[r] < lo) lo = s->lo[r];
    float acc[PER] = {};
    for (uint32_t k = lo / AHEAD * AHEAD; k < most; k += AHEAD) {
        const __half *value = (const __half *)(s->page[k / KV_PAGE] + (size_t)KV_PAGE * a.head_dim * 2) + d;
        float v[AHEAD];
#pragma unroll
        for (uint32_t j = 0; j < AHEAD; j++) { /* behind the last key its value again: any finite one will do there */
            uint32_t at = k + j < most ? k + j : most - 1;
            v[j] = __half2float(value[at % KV_PAGE * padded]);
        }
#pragma unroll
        for (uint32_t j = 0; j < AHEAD; j++)
            for (int r = 0; r < PER; r++) acc[r] = __fmaf_rn(s->e[k + j][r0 + r], v[j], acc[r]);
    }
    for (int r = 0; r < PER; r++)
        if (s->hi[r0 + r]) part_of(a, p, s->row[r0 + r], s->head[r0 + r], base)[2 + d] = acc[r];
}

/* Block (chunk, kv head and part of its heads, tile of tokens) of KV_CHUNK threads. */
template <int ROWS, int DIMS>
static __global__ void __launch_bounds__(KV_CHUNK) chunk(gpu_attend_job a, gpu_pages p, uint8_t *bad) {
    __shared__ shared<ROWS> s;
    const uint32_t *tile = a.tile + 2 * (a.first_tile + blockIdx.z);
    uint32_t last = p.position[tile[0] + tile[1] - 1];
    uint32_t base = (first_key(p.position[tile[0]], a.window) / KV_CHUNK + blockIdx.x) * KV_CHUNK;
    if (base > last) return;
    uint32_t most = last - base < KV_CHUNK ? last - base + 1 : KV_CHUNK;
    load(a, p, tile[0], base, last, &s);
    scores(a, &s, most, bad);
    softmax(a, p, base, &s);
    __syncthreads();
    values<ROWS, DIMS>(a, p, base, most, &s);
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

template <int ROWS> static void chunks(cudaStream_t s, dim3 grid, const gpu_attend_job &a, const gpu_pages &p, uint8_t *bad) {
    if (a.head_dim <= 64)
        chunk<ROWS, 64><<<grid, KV_CHUNK, 0, s>>>(a, p, bad);
    else if (a.head_dim <= 128)
        chunk<ROWS, 128><<<grid, KV_CHUNK, 0, s>>>(a, p, bad);
    else
        chunk<ROWS, 256><<<grid, KV_CHUNK, 0, s>>>(a, p, bad);
}

uint32_t gpu_attend_tokens(uint32_t n_head, uint32_t n_kv) {
    uint32_t group = n_head / n_kv;
    return group < GPU_ATTEND_ROWS ? GPU_ATTEND_ROWS / group : 1;
}

void gpu_attend(cudaStream_t s, const struct gpu_attend_job *a, const struct gpu_pages *p, uint8_t *bad) {
    uint32_t group = a->n_head / a->n_kv, per = group < GPU_ATTEND_ROWS ? group : GPU_ATTEND_ROWS;
    uint32_t rows = per * (a->tile_most < GPU_ATTEND_ROWS / per ? a->tile_most : GPU_ATTEND_ROWS / per);
    dim3 grid(a->chunks, a->n_kv * ((group + per - 1) / per), a->tiles);
    if (rows == 1)
        chunks<1>(s, grid, *a, *p, bad);
    else if (rows == 2)
        chunks<2>(s, grid, *a, *p, bad);
    else if (rows <= 4)
        chunks<4>(s, grid, *a, *p, bad);
    else
        chunks<8>(s, grid, *a, *p, bad);
    merge<<<dim3(a->n_head, a->rows), a->head_dim, 0, s>>>(*a, *p);
}
