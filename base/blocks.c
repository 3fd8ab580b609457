/* base/blocks.c - see blocks.h. Under the address sanitizer what is not handed out is poisoned, with a gap behind each piece:
 * else a write past the end of one piece would only reach the next, unnoticed. */
#include "base/blocks.h"
#include "base/err.h"
#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POISONED 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define POISONED 1
#endif
#ifdef POISONED
#include <sanitizer/asan_interface.h>
#define poison(p, n)   ASAN_POISON_MEMORY_REGION(p, n)
#define unpoison(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
enum { GAP = 16 };
#else
#define poison(p, n)   ((void)(p), (void)(n))
#define unpoison(p, n) ((void)(p), (void)(n))
enum { GAP = 0 };
#endif

enum { BLOCK_MIN = 4096, BLOCK_MAX = 1 << 20, ALIGN = 16 };

struct block {
    struct block *before;
    size_t used, size;
    _Alignas(ALIGN) uint8_t bytes[];
};

void blocks_init(struct blocks *b, size_t max) { *b = (struct blocks){.max = max}; }

/* A block with room for need bytes. */
static int add_block(struct blocks *b, size_t need) {
    size_t size = !b->last ? BLOCK_MIN : b->last->size < BLOCK_MAX / 2 ? 2 * b->last->size : BLOCK_MAX, left = b->max - b->held;
    if (size < need) size = need;
    if (size > left) size = left;
    if (size < need) return ERR_LIMIT;
    struct block *to = malloc(sizeof *to + size); /* left is a part of max, which is far below SIZE_MAX */
    if (!to) return ERR_NOMEM;
    *to = (struct block){.before = b->last, .size = size};
    poison(to->bytes, size);
    b->last = to;
    b->held += size;
    return 0;
}

void *blocks_take(struct blocks *b, size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > b->max) {
        b->err = ERR_LIMIT;
        return NULL;
    }
    size_t need = ((bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1)) + GAP;
    if (!b->last || need > b->last->size - b->last->used) {
        int r = add_block(b, need);
        if (r != 0) {
            b->err = r;
            return NULL;
        }
    }
    uint8_t *p = b->last->bytes + b->last->used;
    b->last->used += need;
    unpoison(p, bytes);
    return memset(p, 0, bytes);
}

void blocks_release(struct blocks *b) {
    for (struct block *at = b->last, *before; at; at = before) {
        before = at->before;
        unpoison(at->bytes, at->size);
        mem_wipe(at->bytes, at->used);
        free(at);
    }
    *b = (struct blocks){0};
}
