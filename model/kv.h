/* model/kv.h - KV pages: one pool of equal pages, and per sequence the table of those it holds.
 *
 * A page holds KV_PAGE positions of every layer and every kv head, in the layout of math/attend.h: head h of layer y at
 * (y * n_kv + h) * kv_page_bytes. Which page a sequence gets changes no bit. Pages are zeroed when they come back, and never
 * reach a core file: they are the conversation. */
#ifndef MODEL_KV_H
#define MODEL_KV_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct kv_pool {
    uint8_t *mem; /* pages * page_bytes, one mapping; memory is used as pages are written */
    size_t page_bytes;
    uint32_t pages, free_count;
    uint32_t *free_page; /* stack of page numbers */
};
/* page_bytes is a multiple of 64. ERR_NOMEM, ERR_RANGE. */
int kv_pool_init(struct kv_pool *p, size_t page_bytes, uint32_t pages);
void kv_pool_release(struct kv_pool *p); /* fine on a zeroed pool; sequences must be released before */

struct kv_seq {
    uint8_t **page; /* page[position / KV_PAGE] */
    uint32_t page_count, page_max;
    uint32_t length; /* positions stored; the next token's position */
};
/* positions_max: most that this sequence will ever hold. ERR_NOMEM. */
int kv_seq_init(struct kv_seq *s, uint32_t positions_max);
/* Takes pages until `positions` fit. ERR_BUSY (nothing taken) when the pool has too few left; ERR_CONTEXT over the maximum. */
int kv_seq_reserve(struct kv_seq *s, struct kv_pool *p, uint32_t positions);
/* Zeroes and gives back all pages; the sequence is empty and may be used again. */
void kv_seq_clear(struct kv_seq *s, struct kv_pool *p);
void kv_seq_release(struct kv_seq *s, struct kv_pool *p); /* fine on a zeroed sequence */

#endif
