/* math/attend.h - the KV cache's page format "f16" and attention over it (rules 10 and 11).
 *
 * A page holds KV_PAGE consecutive positions of one kv head of one layer, fp16:
 *   K: for each 16 positions: head_dim x 16 values (lanes = positions)        KV_PAGE * head_dim * 2 bytes
 *   V: for each position: head_dim values padded with zeros to 16s (lanes = dimensions)
 * Softmax runs over chunks of KV_CHUNK absolute positions, so results depend on no page, batch or thread. */
#ifndef MATH_ATTEND_H
#define MATH_ATTEND_H

#include <stddef.h>
#include <stdint.h>

#include "math/kern.h"

enum { KV_PAGE = 64, KV_CHUNK = 256, HEAD_DIM_MAX = 256 };

/* Bytes of one page of one kv head; a multiple of 64. 1 <= head_dim <= HEAD_DIM_MAX. */
size_t kv_page_bytes(uint32_t head_dim);
/* Stores K (after RoPE) and V of one position (slot = position % KV_PAGE) as fp16; finite values saturate at 65504.
 * 0, or ERR_NONFINITE if a value is NaN or infinite. page is 64-byte aligned. */
int kv_store(const struct kern *k, uint8_t *page, uint32_t slot, uint32_t head_dim, const float *key, const float *value);

/* One kv head, `heads` query heads that read it, and `tokens` consecutive positions of one sequence. Their own K and V are
 * already stored. Pages of position p: pages[p / KV_PAGE] + page_offset. */
struct attend {
    uint32_t head_dim;
    uint32_t heads;     /* query heads per kv head: group size */
    uint32_t tokens;    /* >= 1 */
    uint32_t first_pos; /* absolute position of the first of them */
    uint32_t window;    /* keys max(0, t - window + 1)..t; 0: all */
    float scale;        /* 1/sqrt(head_dim) and its exceptions */
    float softcap;      /* 0: none */
    const float *q;     /* head h of token t: q + t * q_stride + h * head_dim */
    size_t q_stride;
    float *out; /* head h of token t: out + t * out_stride + h * head_dim; may not overlap q */
    size_t out_stride;
    const uint8_t *const *pages; /* entries for every position in reach; 64-byte aligned, initialised memory */
    size_t page_offset;
};
/* 0, or ERR_NONFINITE if a score is NaN or infinite (out is then meaningless). Uses about 50 KiB of stack, no other memory.
 * Splitting tokens over calls or threads changes nothing; `heads * tokens` in multiples of 12 is fastest. */
int attend_f16(const struct kern *k, const struct attend *a);

#endif
