/* cuda/multiply_wide.cu - products for many tokens, quantised weights: the whole-number sums of 16 rows x 8 tokens x 32 columns are
 * one matrix instruction; the packed layout is its operand as it lies in memory.
 *
 * A warp has one group of 16 rows and TILES tiles of 8 tokens. In mma.m16n8k32, lane l holds of the weights the k-groups l%4 and
 * l%4 + 4 of rows l/4 and l/4 + 8, of the activations those of token l/4, and of the result the tokens 2*(l%4) and the next, of the
 * same two rows. */
#include "cuda/canon.cuh"
#include "cuda/codes.cuh"
#include "cuda/multiply.cuh"

enum { WARPS = 4 };

static __device__ __forceinline__ void mma32(int c[4], const int a[4], uint2 b) {
    asm("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%10,%10,%10,%10};"
        : "=r"(c[0]), "=r"(c[1]), "=r"(c[2]), "=r"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b.x), "r"(b.y), "r"(0));
}
static __device__ __forceinline__ void mma16(int c[4], int a0, int a1, uint32_t b) {
    asm("mma.sync.aligned.m16n8k16.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%7,%7,%7,%7};"
        : "=r"(c[0]), "=r"(c[1]), "=r"(c[2]), "=r"(c[3])
        : "r"(a0), "r"(a1), "r"(b), "r"(0));
}

/* The sums of a block of 256: 8 parts of one tile, scaled, and the minimums'. */
template <int KIND>
static __device__ __forceinline__ void add_part(int dot[4], int min[4], const int w[4], uint2 x, const int8_t *sc, int2 sum) {
    typedef kind_of<KIND> K;
    int c[4];
    if (K::SUB_IS_16) {
        mma16(c, w[0], w[1], x.x);
        for (int i = 0; i < 4; i++) dot[i] += sc[16 * (i / 2)] * c[i];
        mma16(c, w[2], w[3], x.y);
        for (int i = 0; i < 4; i++) dot[i] += sc[16 * (i / 2) + 1] * c[i];
        return;
    }
    mma32(c, w, x);
    for (int i = 0; i < 4; i++) {
        dot[i] += sc[16 * (i / 2)] * c[i];
        if (K::HAS_MINIMUM) min[i] += (uint8_t)sc[PACK_MINIMUMS + 16 * (i / 2)] * (i % 2 ? sum.y : sum.x);
    }
}

/* What a warp reads of one block of 32 columns. */
template <int KIND, int TILES> struct ahead {
    int w[4];
    float d[2];
    uint2 x[TILES];
    float2 da[TILES];
};
template <int KIND, int TILES>
static __device__ __forceinline__ void read_ahead(ahead<KIND, TILES> *to, const gpu_multiply_job &a, const uint8_t *group,
                                                  uint32_t b, uint32_t tile0) {
    uint32_t lane = threadIdx.x % 32, r = lane / 4, g = lane % 4, blocks = a.cols / 32;
    const uint32_t *line = (const uint32_t *)(group + body_of<KIND>(b)) + r;
    const uint8_t *scale = group + scales_of<KIND>(b) + 2 * r;
    for (int i = 0; i < 4; i++) to->w[i] = weights_of<KIND, LINE>(line + i % 2 * 8, g + i / 2 * 4);
    to->d[0] = half_at(scale);
    to->d[1] = half_at(scale + 16);
#pragma unroll
    for (int t = 0; t < TILES; t++) {
        size_t place = (size_t)(tile0 + t) * blocks + b;
        to->x[t] = ((const uint2 *)a.acts.q)[place * 32 + lane];
        to->da[t] = ((const float2 *)a.acts.scale)[place * 4 + g];
    }
}

/* Blocks of 32: each one instruction and one step of the chain. The next block is read while one is computed. */
template <int KIND, int TILES>
static __device__ void chain_32(const gpu_multiply_job &a, const uint8_t *group, uint32_t tile0, float acc[TILES][4]) {
    uint32_t blocks = a.cols / 32;
    ahead<KIND, TILES> next;
    read_ahead<KIND, TILES>(&next, a, group, 0, tile0);
    for (uint32_t b = 0; b < blocks; b++) {
        ahead<KIND, TILES> now = next;
        read_ahead<KIND, TILES>(&next, a, group, b + 1 < blocks ? b + 1 : b, tile0);
#pragma unroll
        for (int t = 0; t < TILES; t++) {
            int dot[4];
            mma32(dot, now.w, now.x[t]);
            for (int i = 0; i < 4; i++)
                acc[t][i] = __fmaf_rn(__int2float_rn(dot[i]), __fmul_rn(now.d[i / 2], i % 2 ? now.da[t].y : now.da[t].x),
                                      acc[t][i]);
        }
    }
}

/* Blocks of 256: eight parts, and one step of the chain. */
template <int KIND, int TILES>
static __device__ void chain_256(const gpu_multiply_job &a, const uint8_t *group, uint32_t tile0, float acc[TILES][4]) {
    typedef kind_of<KIND> K;
    uint32_t lane = threadIdx.x % 32, r = lane / 4, g = lane % 4, parts = a.cols / 32, blocks = a.cols / K::BLOCK;
    for (uint32_t b = 0; b < blocks; b++) {
        const uint8_t *body = group + body_of<KIND>(b), *scale = group + scales_of<KIND>(b) + 2 * r;
        int dot[TILES][4] = {}, min[TILES][4] = {};
#pragma unroll 4
        for (uint32_t in = 0; in < K::PARTS; in++) {
            const uint32_t *line = (const uint32_t *)(body + K::SCALES + in * K::PART) + r;
            int w[4] = {weights_of<KIND, LINE>(line, g), weights_of<KIND, LINE>(line + 8, g), weights_of<KIND, LINE>(line, g + 4),
                        weights_of<KIND, LINE>(line + 8, g + 4)};
            uint32_t j = K::SUB_IS_16 ? 2 * in : in;
            const int8_t *sc = (const int8_t *)body + 32 * (j / 2) + 2 * r + j % 2;
#pragma unroll
            for (int t = 0; t < TILES; t++) {
                size_t place = (size_t)(tile0 + t) * parts + b * K::PARTS + in;
                uint2 x = ((const uint2 *)a.acts.q)[place * 32 + lane];
                int2 sum = K::HAS_MINIMUM ? ((const int2 *)a.acts.sum)[place * 4 + g] : make_int2(0, 0);
                add_part<KIND>(dot[t], min[t], w, x, sc, sum);
            }
        }
        float d[2] = {half_at(scale), half_at(scale + 16)}, m[2] = {0, 0};
        if (K::HAS_MINIMUM) {
            m[0] = half_at(scale + 32);
            m[1] = half_at(scale + 48);
        }
#pragma unroll
        for (int t = 0; t < TILES; t++) {
            float2 da = ((const float2 *)a.acts.scale)[((size_t)(tile0 + t) * blocks + b) * 4 + g];
            for (int i = 0; i < 4; i++) {
                float s = i % 2 ? da.y : da.x;
                acc[t][i] = __fmaf_rn(__int2float_rn(dot[t][i]), __fmul_rn(d[i / 2], s), acc[t][i]);
                if (K::HAS_MINIMUM) acc[t][i] = __fmaf_rn(__int2float_rn(min[t][i]), -__fmul_rn(m[i / 2], s), acc[t][i]);
            }
        }
    }
}

/* Block (WARPS groups, 8 * TILES tokens). */
template <int KIND, int TILES> static __global__ void __launch_bounds__(32 * WARPS) wide(gpu_multiply_job a) {
    typedef kind_of<KIND> K;
    uint32_t index = blockIdx.x * WARPS + threadIdx.x / 32, lane = threadIdx.x % 32, r = lane / 4, g = lane % 4;
    if (index >= groups_of(a)) return;
    gpu_product p = product_of(a, &index);
    const uint8_t *group = p.w + index * p.group_bytes;
    uint32_t tile0 = blockIdx.y * TILES;
    float acc[TILES][4] = {};
    if constexpr (K::IS_256)
        chain_256<KIND, TILES>(a, group, tile0, acc);
    else
        chain_32<KIND, TILES>(a, group, tile0, acc);
#pragma unroll
    for (int t = 0; t < TILES; t++)
        for (int i = 0; i < 4; i++) {
            uint32_t token = (tile0 + t) * GPU_TILE + 2 * g + i % 2, row = index * 16 + r + 8 * (i / 2);
            if (token >= a.tokens || row >= p.rows) continue;
            p.y[(size_t)token * p.rows + row] = p.bias ? __fadd_rn(acc[t][i], p.bias[row]) : acc[t][i];
        }
}

#define CASE(kind, tiles)                                                                                                     \
    case kind:                                                                                                                \
        wide<kind, tiles>                                                                                                     \
            <<<dim3((groups_of(*m) + WARPS - 1) / WARPS, (m->tokens + 8 * tiles - 1) / (8 * tiles)), 32 * WARPS, 0, s>>>(*m); \
        break
void multiply_wide(cudaStream_t s, const struct gpu_multiply_job *m) {
    switch (m->kind) {
        CASE(WK_Q8_0, 8);
        CASE(WK_Q4_0, 8);
        CASE(WK_Q5_0, 8);
        CASE(WK_Q4_K, 4);
        CASE(WK_Q5_K, 4);
        CASE(WK_Q6_K, 4);
    default: break;
    }
}
