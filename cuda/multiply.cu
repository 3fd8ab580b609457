/* cuda/multiply.cu - products for few tokens (rules 3 to 5): all memory bandwidth for one group of 16 rows at a time.
 *
 * A thread has one row and some 32 columns of each chunk: what is whole numbers (for floats: the chain of 32) needs no order among
 * threads. The sums meet in shared memory, where one thread per row runs the chain over the blocks, while the others go on with the
 * next chunk. */
#include "cuda/canon.cuh"
#include "cuda/codes.cuh"
#include "cuda/multiply.cuh"

/* A thread's parts of 32 columns between two barriers (more in flight would cost more registers than it gains), and a block's. */
enum { THREADS = 512, SLOTS = THREADS / 16, BATCH = 2, CHUNK = BATCH * SLOTS };

static __host__ __device__ constexpr bool is_float(int kind) { return kind == WK_F32 || kind == WK_F16 || kind == WK_BF16; }

template <int KIND> struct stage {
    typedef kind_of<KIND> K;
    int32_t dot[CHUNK][16]; /* for float weights: bits of the partial sum */
    int32_t min[K::HAS_MINIMUM ? CHUNK : 1][16];
    float d[CHUNK / K::PARTS][16], m[K::HAS_MINIMUM ? CHUNK / K::PARTS : 1][16]; /* by block: scale times activations' scale */
};

/* The weights of one row in 32 columns, on their way from memory: BATCH of them are asked for before the first is used. */
template <int KIND> struct fetched { uint32_t line[kind_of<KIND>::PART / 64]; };
template <int KIND>
static __device__ __forceinline__ void fetch(fetched<KIND> *f, const uint8_t *group, uint32_t row, uint32_t part) {
    typedef kind_of<KIND> K;
    const uint8_t *lines = group + body_of<KIND>(part / K::PARTS) + K::SCALES + part % K::PARTS * K::PART;
#pragma unroll
    for (uint32_t i = 0; i < K::PART / 64; i++) f->line[i] = ((const uint32_t *)lines)[LINE * i + row];
}

template <int KIND>
static __device__ __forceinline__ void quant_part(const gpu_multiply_job &a, const fetched<KIND> &f, const uint8_t *group,
                                                  uint32_t row, uint32_t token, uint32_t part, stage<KIND> *to, uint32_t at) {
    typedef kind_of<KIND> K;
    uint32_t b = part / K::PARTS, in = part % K::PARTS, tile = token / GPU_TILE, lane = token % GPU_TILE;
    const uint8_t *body = group + body_of<KIND>(b);
    size_t place = ((size_t)tile * (a.cols / 32) + part) * GPU_TILE + lane;
    int4 lo = ((const int4 *)a.acts.q)[2 * place], hi = ((const int4 *)a.acts.q)[2 * place + 1];
    int first = 0, second = 0; /* k-groups 0..3 and 4..7 */
    first = __dp4a(weights_of<KIND, 1>(f.line, 0), lo.x, first);
    first = __dp4a(weights_of<KIND, 1>(f.line, 1), lo.z, first);
    first = __dp4a(weights_of<KIND, 1>(f.line, 2), hi.x, first);
    first = __dp4a(weights_of<KIND, 1>(f.line, 3), hi.z, first);
    second = __dp4a(weights_of<KIND, 1>(f.line, 4), lo.y, second);
    second = __dp4a(weights_of<KIND, 1>(f.line, 5), lo.w, second);
    second = __dp4a(weights_of<KIND, 1>(f.line, 6), hi.y, second);
    second = __dp4a(weights_of<KIND, 1>(f.line, 7), hi.w, second);
    if (K::IS_256) {
        uint32_t j = K::SUB_IS_16 ? 2 * in : in;
        const int8_t *sc = (const int8_t *)body + 32 * (j / 2) + 2 * row + j % 2;
        to->dot[at][row] = K::SUB_IS_16 ? sc[0] * first + sc[1] * second : sc[0] * (first + second);
        if (K::HAS_MINIMUM) to->min[at][row] = (uint8_t)sc[PACK_MINIMUMS] * a.acts.sum[place];
    } else {
        to->dot[at][row] = first + second;
    }
    if (in != 0) return;
    const uint8_t *scale = group + scales_of<KIND>(b) + 2 * row;
    float da = a.acts.scale[((size_t)tile * (a.cols / K::BLOCK) + b) * GPU_TILE + lane];
    to->d[at / K::PARTS][row] = __fmul_rn(half_at(scale), da);
    if (K::HAS_MINIMUM) to->m[at / K::PARTS][row] = __fmul_rn(half_at(scale + 32), da);
}

/* Rule 5: the chain of up to 32 columns. */
template <int KIND>
static __device__ __forceinline__ void float_part(const gpu_multiply_job &a, const uint8_t *group, uint32_t row, uint32_t token,
                                                  uint32_t part, stage<KIND> *to, uint32_t at) {
    const float *x = a.x + (size_t)token * a.cols;
    uint32_t k0 = 32 * part, k1 = k0 + 32 < a.cols ? k0 + 32 : a.cols;
    float p = 0.0f;
#pragma unroll 16
    for (uint32_t k = k0; k < k1; k++) {
        size_t i = float_line_of(k, a.cols) * 16 + row;
        float w = KIND == WK_F32   ? ((const float *)group)[i]
                  : KIND == WK_F16 ? half_at(group + 2 * i)
                                   : __uint_as_float((uint32_t)((const uint16_t *)group)[i] << 16);
        p = __fmaf_rn(w, x[k], p);
    }
    to->dot[at][row] = __float_as_int(p);
}

/* One row's chain over the blocks of a chunk. */
template <int KIND> static __device__ __forceinline__ float chain(const stage<KIND> *s, uint32_t row, uint32_t parts, float acc) {
    typedef kind_of<KIND> K;
#pragma unroll 8
    for (uint32_t b = 0; b * K::PARTS < parts; b++) {
        int dot = 0, min = 0;
        for (uint32_t i = 0; i < K::PARTS; i++) {
            dot += s->dot[b * K::PARTS + i][row];
            if (K::HAS_MINIMUM) min += s->min[b * K::PARTS + i][row];
        }
        if (is_float(KIND))
            acc = __fadd_rn(acc, __int_as_float(dot));
        else
            acc = __fmaf_rn(__int2float_rn(dot), s->d[b][row], acc);
        if (K::HAS_MINIMUM) acc = __fmaf_rn(__int2float_rn(min), -s->m[b][row], acc);
    }
    return acc;
}

/* Block (group of all products, token). */
template <int KIND> static __global__ void __launch_bounds__(THREADS) narrow(gpu_multiply_job a) {
    __shared__ stage<KIND> buffer[2];
    __shared__ float acc[16];
    uint32_t index = blockIdx.x, row = threadIdx.x % 16, slot = threadIdx.x / 16, token = blockIdx.y;
    gpu_product p = product_of(a, &index);
    const uint8_t *group = p.w + index * p.group_bytes;
    uint32_t parts = (a.cols + 31) / 32;
    if (threadIdx.x < 16) acc[threadIdx.x] = 0.0f;
    for (uint32_t first = 0, turn = 0; first < parts; first += CHUNK, turn++) {
        stage<KIND> *s = &buffer[turn & 1];
        uint32_t here = parts - first < CHUNK ? parts - first : CHUNK;
        if constexpr (is_float(KIND)) {
#pragma unroll 4
            for (uint32_t i = slot; i < here; i += SLOTS) float_part<KIND>(a, group, row, token, first + i, s, i);
        } else {
            fetched<KIND> f[BATCH];
#pragma unroll
            for (uint32_t j = 0; j < BATCH; j++)
                if (slot + j * SLOTS < here) fetch<KIND>(&f[j], group, row, first + slot + j * SLOTS);
#pragma unroll
            for (uint32_t j = 0; j < BATCH; j++)
                if (slot + j * SLOTS < here)
                    quant_part<KIND>(a, f[j], group, row, token, first + slot + j * SLOTS, s, slot + j * SLOTS);
        }
        __syncthreads(); /* the chain of the chunk before last, on the same buffer, ended before its warp came here */
        if (threadIdx.x / 32 == turn % (THREADS / 32) && threadIdx.x % 32 < 16) acc[row] = chain<KIND>(s, row, here, acc[row]);
    }
    __syncthreads();
    uint32_t out = index * 16 + row;
    if (threadIdx.x < 16 && out < p.rows)
        p.y[(size_t)token * p.rows + out] = p.bias ? __fadd_rn(acc[row], p.bias[out]) : acc[row];
}

#define CASE(kind) \
    case kind: narrow<kind><<<grid, THREADS, 0, s>>>(*m); break
void multiply_narrow(cudaStream_t s, const struct gpu_multiply_job *m) {
    dim3 grid(groups_of(*m), m->tokens);
    switch (m->kind) {
        CASE(WK_F32);
        CASE(WK_F16);
        CASE(WK_BF16);
        CASE(WK_Q8_0);
        CASE(WK_Q4_0);
        CASE(WK_Q5_0);
        CASE(WK_Q4_K);
        CASE(WK_Q5_K);
        CASE(WK_Q6_K);
    default: break;
    }
}

int gpu_multiply_supported(enum weight_kernel kind) {
    switch (kind) {
    case WK_F32:
    case WK_F16:
    case WK_BF16:
    case WK_Q8_0:
    case WK_Q4_0:
    case WK_Q5_0:
    case WK_Q4_K:
    case WK_Q5_K:
    case WK_Q6_K: return 1;
    default: return 0;
    }
}

void gpu_multiply(cudaStream_t s, const struct gpu_multiply_job *m, int wide) {
    if (wide && !is_float(m->kind))
        multiply_wide(s, m);
    else
        multiply_narrow(s, m);
}
