/* model/kv.h - KV pages: one pool of equal pages, and per sequence the table of those it holds.
 *
 * A page holds KV_PAGE positions of every layer and every kv head, in the layout of math/kv_page.h: head h of layer y at
 * (y * n_kv + h) * kv_page_bytes. Which page a sequence gets changes no bit. A page may have several holders: sequences with
 * the same beginning, and the prefix cache. It is then full and only read. Pages are zeroed when their last holder lets go,
 * and never reach a core file: they are the conversation. */
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
    uint32_t *holders;   /* by page number; 0: free */
    /* Set where the contents are elsewhere, in a device's memory: zeroes page `number` there. mem then only gives addresses. */
    void (*wipe)(void *arg, uint32_t number);
    void *wipe_arg;
};
/* page_bytes is a multiple of 64. ERR_NOMEM, ERR_RANGE. */
int kv_pool_init(struct kv_pool *p, size_t page_bytes, uint32_t pages);
void kv_pool_release(struct kv_pool *p); /* fine on a zeroed pool; sequences must be released before */

/* One holder more, one less. written 0: nothing was ever stored in the page, so there is nothing to zero. */
void kv_page_hold(struct kv_pool *p, const uint8_t *page);
void kv_page_drop(struct kv_pool *p, uint8_t *page, int written);
uint32_t kv_page_holders(const struct kv_pool *p, const uint8_t *page);
uint32_t kv_page_number(const struct kv_pool *p, const uint8_t *page); /* below p->pages */

struct kv_seq {
    uint8_t **page; /* page[position / KV_PAGE] */
    uint32_t page_count, page_max;
    uint32_t length;  /* positions stored; the next token's position */
    uint32_t written; /* positions that were ever stored: more than length after kv_seq_rewind */
};
/* positions_max: most that this sequence will ever hold. ERR_NOMEM. */
int kv_seq_init(struct kv_seq *s, uint32_t positions_max);
/* Takes pages until `positions` fit. ERR_BUSY (nothing taken) when the pool has too few left; ERR_CONTEXT over the maximum. */
int kv_seq_reserve(struct kv_seq *s, struct kv_pool *p, uint32_t positions);
/* Goes on with a full page that somebody else computed for the very tokens that come next. length is a multiple of KV_PAGE;
 * a page that was reserved for these positions, and not written, goes back. ERR_CONTEXT over the maximum. */
int kv_seq_adopt(struct kv_seq *s, struct kv_pool *p, uint8_t *page);
/* Forgets positions from `length` on; their pages stay reserved. */
void kv_seq_rewind(struct kv_seq *s, uint32_t length);
/* Gives back the pages behind those that its positions are in. */
void kv_seq_shrink(struct kv_seq *s, struct kv_pool *p);
/* Gives back all pages; the sequence is empty and may be used again. */
void kv_seq_clear(struct kv_seq *s, struct kv_pool *p);
void kv_seq_release(struct kv_seq *s, struct kv_pool *p); /* fine on a zeroed sequence */

#endif
