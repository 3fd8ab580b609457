/* base/blocks.h - memory that dies together and grows as it is needed, up to a maximum that it is born with: for work whose size
 * nobody knows beforehand. What has a known size lives in an arena (base/mem.h). */
#ifndef BASE_BLOCKS_H
#define BASE_BLOCKS_H

#include <stddef.h>

struct block;
struct blocks {
    struct block *last; /* the one that is handed out from; it knows the one before */
    size_t held, max;   /* bytes of all blocks: never more than max */
    int err;            /* of the last take that failed: ERR_LIMIT (max), ERR_NOMEM */
};
/* Takes nothing yet. */
void blocks_init(struct blocks *b, size_t max);
/* count * size zeroed bytes, 16-byte aligned, that stay where they are; NULL: see err. Blocks double in size: pieces of max / 2
 * bytes in all always fit. */
void *blocks_take(struct blocks *b, size_t count, size_t size);
/* Wipes and frees. Fine on a zeroed one. */
void blocks_release(struct blocks *b);

#endif
