/* cuda/acts.cu - activations quantised by rule 2, with SwiGLU (rule 8) on the way in where the feed-forward block has it. */
#include "cuda/canon.cuh"
#include "cuda/kernels.h"

/* Eight lanes that hold 4 columns each make 32 columns; PER is how many such dwords one lane has: blocks of 32 take 8 lanes with one,
 * blocks of 256 a whole warp with two. */
template <int BLOCK>
static __global__ void quantise(gpu_acts to, const float *x, const float *up, uint32_t cols, const uint32_t *rows, uint8_t *bad) {
    constexpr int PER = BLOCK == 256 ? 2 : 1, LANES = BLOCK / 4 / PER;
    uint32_t token = blockIdx.y, column = (blockIdx.x * blockDim.x + threadIdx.x) * 4 * PER;
    if (column >= cols) return; /* whole blocks: their lanes leave together */
    unsigned mask = LANES == 32 ? 0xffffffffu : 0xffu << (threadIdx.x & 24);
    float v[4 * PER];
    uint32_t most = 0;
    for (int i = 0; i < 4 * PER; i++) {
        v[i] = x[(size_t)token * cols + column + i];
        if (up) v[i] = canon_swiglu(v[i], up[(size_t)token * cols + column + i]);
        most = max(most, __float_as_uint(v[i]) & 0x7fffffffu);
    }
    for (int h = LANES / 2; h >= 1; h /= 2) most = max(most, __shfl_xor_sync(mask, most, h));
    float amax = __uint_as_float(most), scale = 0.0f, r = 0.0f;
    int wrong = most >= 0x7f800000u;
    if (wrong) bad[rows ? rows[token] : token] = 1;
    if (!wrong && amax >= 0x1p-100f) {
        scale = __fdiv_rn(amax, 127.0f);
        r = __fdiv_rn(127.0f, amax);
    }
    uint32_t tile = token / GPU_TILE, at = token % GPU_TILE, part = column / 32, group = column / 4 % 8;
    size_t place = ((size_t)tile * (cols / 32) + part) * GPU_TILE + at;
    int sum = 0;
    for (int d = 0; d < PER; d++) {
        uint32_t word = 0;
        for (int i = 0; i < 4; i++) {
            int a = r == 0.0f ? 0 : __float2int_rn(__fmul_rn(v[4 * d + i], r));
            sum += a;
            word |= (uint32_t)(a & 255) << 8 * i;
        }
        to.q[place * 8 + 2 * ((group + d) % 4) + (group + d) / 4] = word;
    }
    for (int h = 4 / PER; h >= 1; h /= 2) sum += __shfl_xor_sync(mask, sum, h);
    if (column % 32 == 0) to.sum[place] = sum;
    if (column % BLOCK == 0) to.scale[((size_t)tile * (cols / BLOCK) + column / BLOCK) * GPU_TILE + at] = scale;
}

void gpu_quantise(cudaStream_t s, enum act_kind kind, struct gpu_acts to, const float *x, const float *up, uint32_t cols,
                  uint32_t tokens, const uint32_t *rows, uint8_t *bad) {
    uint32_t lanes = kind == ACT_Q256 ? cols / 8 : cols / 4;
    dim3 grid((lanes + 127) / 128, tokens);
    if (kind == ACT_Q256)
        quantise<256><<<grid, 128, 0, s>>>(to, x, up, cols, rows, bad);
    else
        quantise<32><<<grid, 128, 0, s>>>(to, x, up, cols, rows, bad);
}

static __global__ void swiglu(float *gate, const float *up, size_t n) {
    size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) gate[i] = canon_swiglu(gate[i], up[i]);
}

void gpu_swiglu(cudaStream_t s, float *gate, const float *up, size_t n) {
    swiglu<<<(unsigned)((n + 255) / 256), 256, 0, s>>>(gate, up, n);
}
