/* cuda/gpu_parts.h - what a GPU holds of one engine, for gpu.c (memory) and gpu_step.c (the forward pass). */
#ifndef CUDA_GPU_PARTS_H
#define CUDA_GPU_PARTS_H

#include "cuda/gpu.h"
#include "cuda/kernels.h"
#include "math/attend.h"
#include "math/matrix.h"
#include "model/model_parts.h"

enum { GPU_WIDE_FROM = 5 }; /* tokens of a step from which the kernels for many are faster */

struct gpu {
    const struct model *m;
    uint32_t rows_max, logits_max, pages_max; /* pages_max: entries of page_number */
    cudaStream_t stream;

    /* Three allocations. weights: the model's packed matrices, then its arena of vectors, each as in memory here. */
    uint8_t *weights, *kv, *work;
    size_t weights_bytes, kv_bytes, work_bytes;
    size_t page_bytes, head_bytes;

    /* in work */
    float *x, *h, *proj, *q, *k, *v, *att, *gate, *up, *logits;
    float *rope_cos[ROPE_TABLES], *rope_sin[ROPE_TABLES];
    struct gpu_acts acts[2]; /* ACT_Q32 and ACT_Q256 */
    uint32_t *position, *first_page, *page_number, *logits_row, *tile;
    uint8_t *bad;
    float *parts; /* of attention */
    size_t parts_room;
    uint32_t *tiles_here; /* [rows_max] pairs of first row and count, of the step that runs; in this machine's memory */
    uint32_t tile_count;
};

/* Where the GPU has what is at p in the model's packed matrices or in its arena. */
const void *gpu_copy_of(const struct gpu *g, const void *p);
int gpu_step_run(void *device, const struct device_step *s);

#endif
