/* math/attend.h - attention over KV pages (rules 10 and 11).
 *
 * Softmax runs over chunks of KV_CHUNK absolute positions, so results depend on no page, batch or thread. */
#ifndef MATH_ATTEND_H
#define MATH_ATTEND_H

#include <stddef.h>
#include <stdint.h>

#include "math/kern.h"
#include "math/kv_page.h"

enum { KV_CHUNK = 256 };

/* One kv head, `heads` query heads that read it, and `tokens` consecutive positions of one sequence. Their own K and V are
 * already stored. Pages of position p: pages[p / KV_PAGE] + page_offset. */
struct attend {
    enum kv_format format;
    uint32_t head_dim;  /* kv_format_fits(format, head_dim) */
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
/* 0, or ERR_NONFINITE if a score (in q8: a value of q) is NaN or infinite; out is then meaningless. Uses about 50 KiB of stack, no other memory.
 * Splitting tokens over calls or threads changes nothing; `heads * tokens` in multiples of 12 is fastest. */
int attend(const struct kern *k, const struct attend *a);

#endif
