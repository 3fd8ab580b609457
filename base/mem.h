/* base/mem.h - checked sizes, wiping, and arenas: memory that dies together lives in one arena. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>
#include <stdint.h>

/* Overwrites n bytes in a way the compiler may not remove. p may be NULL when n is 0. */
void mem_wipe(void *p, size_t n);
/* Compares n bytes in constant time: 1 equal, 0 not. */
int mem_equal_ct(const void *a, const void *b, size_t n);
/* malloc of count * size zeroed bytes, or NULL (overflow counts as no memory). Free with free(). */
void *mem_zalloc(size_t count, size_t size);
/* Keeps the pages of [p, p+n) out of core files where the system can; p should be page-aligned memory of our own. */
void mem_dontdump(void *p, size_t n);
/* mem_dontdump, and the pages stay in memory once they are used, as far as the system's limit allows: for prompts, tokens, keys and
 * values. p: pages of our own that live long. */
void mem_private(void *p, size_t n);
struct mem_private_bytes {
    size_t locked, unlocked; /* of all that mem_private was called for, given back or not */
};
struct mem_private_bytes mem_private_count(void);

/* A fixed block handed out from the front. Never grows; everything is freed at once. */
struct arena {
    uint8_t *base; /* 64-byte aligned */
    size_t used, cap;
};
/* 0 or ERR_NOMEM. cap bytes are reserved at once. */
int arena_init(struct arena *a, size_t cap);
/* count * size zeroed bytes, 16-byte aligned; NULL when full. */
void *arena_take(struct arena *a, size_t count, size_t size);
/* A NUL-terminated copy of n bytes; NULL when full. */
char *arena_strndup(struct arena *a, const char *s, size_t n);
/* Forgets and wipes everything taken so far; the block is kept. */
void arena_reset(struct arena *a);
/* Wipes and frees. Fine on a zeroed arena. */
void arena_release(struct arena *a);

/* A growable byte buffer that is born with its maximum; wiped when released. */
struct buf {
    uint8_t *data;
    size_t len, cap, max;
};
void buf_init(struct buf *b, size_t max);
/* 0 or ERR_NOMEM (over max counts too); unchanged on failure. */
int buf_add(struct buf *b, const void *p, size_t n);
int buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Makes room for n more bytes and returns where they go (then raise b->len), or NULL. */
uint8_t *buf_room(struct buf *b, size_t n);
/* Removes n bytes from the front. */
void buf_drop(struct buf *b, size_t n);
void buf_release(struct buf *b);

#endif
