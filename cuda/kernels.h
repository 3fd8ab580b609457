/* cuda/kernels.h - the kernels, as C functions that put one launch on a stream. Pointers are to the GPU's memory; sizes must fit,
 * nothing is checked here. Rules are those of the arithmetic profile (math/). */
#ifndef CUDA_KERNELS_H
#define CUDA_KERNELS_H

#include <cuda_runtime_api.h>
#include <stdint.h>

#include "math/weight.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { GPU_TILE = 8, GPU_TOKENS_ALIGN = 64, GPU_PRODUCTS = 3 };

/* Activations of one kind (rule 2). Tokens in tiles of GPU_TILE; for each tile and each 32 columns, a token's 8 dwords in the order
 * 0, 4, 1, 5, 2, 6, 3, 7, so that a lane's two operands of a matrix instruction lie side by side. Room is for a multiple of
 * GPU_TOKENS_ALIGN tokens; what is behind the last token may be anything. */
struct gpu_acts {
    uint32_t *q;  /* [tile][cols / 32][GPU_TILE][8] */
    float *scale; /* [tile][cols / block][GPU_TILE] */
    int32_t *sum; /* [tile][cols / 32][GPU_TILE] */
};
/* kind ACT_Q32 or ACT_Q256 of x [tokens][cols]; with up, of silu(x) * up. bad[row], row = rows ? rows[t] : t, is set where a value
 * is NaN or infinite. */
void gpu_quantise(cudaStream_t s, enum act_kind kind, struct gpu_acts to, const float *x, const float *up, uint32_t cols,
                  uint32_t tokens, const uint32_t *rows, uint8_t *bad);
/* gate = silu(gate) * up */
void gpu_swiglu(cudaStream_t s, float *gate, const float *up, size_t n);

struct gpu_product {
    const uint8_t *w; /* a packed matrix: groups of group_bytes */
    const float *bias;
    float *y; /* [tokens][rows] */
    size_t group_bytes;
    uint32_t rows, groups;
};
/* Up to GPU_PRODUCTS matrices of one kind and width, times the same activations (rules 3 to 5): float kinds read x, the others
 * acts. The two ways of computing give the same bits; `wide` takes the one for many tokens. */
struct gpu_multiply_job {
    enum weight_kernel kind;
    uint32_t cols, tokens, count;
    struct gpu_product p[GPU_PRODUCTS];
    struct gpu_acts acts;
    const float *x;
};
int gpu_multiply_supported(enum weight_kernel kind);
void gpu_multiply(cudaStream_t s, const struct gpu_multiply_job *m, int wide);

enum { GPU_NORM_MAX = 24576 }; /* what a block's shared memory holds */
/* n <= GPU_NORM_MAX. For each row i of rows, r = map ? map[i] : i:  x[r] += add[r], unless add is NULL; h[i] = RMSNorm(x[r]) * w (rules 6, 7). */
void gpu_norm(cudaStream_t s, float *h, float *x, const float *add, const float *w, const uint32_t *map, uint32_t n,
              uint32_t rows, float eps);

/* One layer's share of the pages, and which page holds which position of a row's sequence. */
struct gpu_pages {
    uint8_t *base; /* page 0, this layer's first head */
    size_t page_bytes, head_bytes;
    const uint32_t *number, *first; /* row r, position p: page number[first[r] + p / KV_PAGE] */
    const uint32_t *position;       /* of each row */
};
struct gpu_heads_job {
    float *q; /* [rows][n_head * head_dim]: normed and rotated in place */
    const float *k, *v;
    const float *q_norm, *k_norm; /* NULL: none */
    const float *cos, *sin;       /* [rows][n_rot / 2]; NULL: no rotation */
    uint32_t n_head, n_kv, head_dim, n_rot;
    int half; /* pairs (i, i + n_rot/2) */
    float eps;
};
/* Per-head norms, rotation, K and V into the pages (rules 7, 9, 10). */
void gpu_heads(cudaStream_t s, const struct gpu_heads_job *h, const struct gpu_pages *p, uint32_t rows, uint8_t *bad);

/* Rows are taken in tiles: neighbouring tokens of one sequence, at most gpu_attend_tokens. */
enum { GPU_ATTEND_ROWS = 8 }; /* query rows (tokens times heads) that share a block */
uint32_t gpu_attend_tokens(uint32_t n_head, uint32_t n_kv);
struct gpu_attend_job {
    const float *q;
    float *out; /* [rows][n_head * head_dim] */
    uint32_t n_head, n_kv, head_dim, window;
    float scale;
    const uint32_t *tile;                  /* pairs: first row, number of rows */
    uint32_t first_tile, tiles, tile_most; /* the tiles of this launch; most rows in one of them */
    uint32_t first_row, rows;              /* the rows in them */
    uint32_t chunks;                       /* most chunks that a tile reads */
    float *parts;                          /* [rows][n_head][chunks][2 + head_dim] */
};
/* Rule 11: chunks side by side, then merged in order. */
void gpu_attend(cudaStream_t s, const struct gpu_attend_job *a, const struct gpu_pages *p, uint8_t *bad);

#ifdef __cplusplus
}
#endif
#endif
