/* base/mem.c - see mem.h. Growing a buffer copies and wipes: realloc would leave the old bytes behind. */
#include "base/mem.h"
#include "base/err.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void mem_wipe(void *p, size_t n) {
    if (n) explicit_bzero(p, n);
}

int mem_equal_ct(const void *a, const void *b, size_t n) {
    const volatile uint8_t *x = a, *y = b;
    uint8_t diff = 0;
    for (size_t i = 0; i < n; i++) diff |= (uint8_t)(x[i] ^ y[i]);
    return diff == 0;
}

void *mem_zalloc(size_t count, size_t size) { return calloc(count ? count : 1, size ? size : 1); }

void mem_dontdump(void *p, size_t n) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uintptr_t from = ((uintptr_t)p + page - 1) & ~(uintptr_t)(page - 1);
    uintptr_t to = ((uintptr_t)p + n) & ~(uintptr_t)(page - 1);
#ifdef MADV_DONTDUMP
    if (to > from) (void)madvise((void *)from, to - from, MADV_DONTDUMP);
#else
    (void)from, (void)to;
#endif
}

static atomic_size_t locked_bytes, unlocked_bytes;

void mem_private(void *p, size_t n) {
    mem_dontdump(p, n);
#ifdef MLOCK_ONFAULT /* not at once: a cache may have room for far more than is ever used */
    int locked = mlock2(p, n, MLOCK_ONFAULT) == 0;
#else
    int locked = mlock(p, n) == 0;
#endif
    atomic_fetch_add(locked ? &locked_bytes : &unlocked_bytes, n);
}

struct mem_private_bytes mem_private_count(void) {
    return (struct mem_private_bytes){atomic_load(&locked_bytes), atomic_load(&unlocked_bytes)};
}

int arena_init(struct arena *a, size_t cap) {
    *a = (struct arena){0};
    size_t whole = (cap + 63) & ~(size_t)63;
    if (whole < cap) return ERR_NOMEM;
    a->base = aligned_alloc(64, whole ? whole : 64);
    if (!a->base) return ERR_NOMEM;
    a->cap = whole;
    return 0;
}

void *arena_take(struct arena *a, size_t count, size_t size) {
    size_t at = (a->used + 15) & ~(size_t)15, bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) return NULL;
    if (at > a->cap || bytes > a->cap - at) return NULL;
    a->used = at + bytes;
    return memset(a->base + at, 0, bytes);
}

char *arena_strndup(struct arena *a, const char *s, size_t n) {
    if (n == SIZE_MAX) return NULL;
    char *copy = arena_take(a, n + 1, 1);
    if (copy && n) memcpy(copy, s, n);
    return copy;
}

void arena_reset(struct arena *a) {
    mem_wipe(a->base, a->used);
    a->used = 0;
}

void arena_release(struct arena *a) {
    if (a->base) mem_wipe(a->base, a->used);
    free(a->base);
    *a = (struct arena){0};
}

void buf_init(struct buf *b, size_t max) { *b = (struct buf){.max = max}; }

uint8_t *buf_room(struct buf *b, size_t n) {
    if (n > b->max - b->len) return NULL;
    size_t need = b->len + n;
    if (need > b->cap) {
        size_t cap = b->cap > b->max / 2 ? b->max : b->cap * 2;
        if (cap < need) cap = need;
        if (cap < 64 && b->max >= 64) cap = 64;
        uint8_t *grown = malloc(cap ? cap : 1);
        if (!grown) return NULL;
        if (b->len) memcpy(grown, b->data, b->len);
        mem_wipe(b->data, b->cap);
        free(b->data);
        b->data = grown;
        b->cap = cap;
    }
    return b->data + b->len;
}

int buf_add(struct buf *b, const void *p, size_t n) {
    if (n == 0) return 0; /* an empty buffer has no place to point to */
    uint8_t *to = buf_room(b, n);
    if (!to) return ERR_NOMEM;
    memcpy(to, p, n);
    b->len += n;
    return 0;
}

int buf_addf(struct buf *b, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0) return ERR_FORMAT;
    uint8_t *to = buf_room(b, (size_t)n + 1); /* vsnprintf wants room for its NUL */
    if (!to) return ERR_NOMEM;
    va_start(ap, fmt);
    vsnprintf((char *)to, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->len += (size_t)n;
    return 0;
}

void buf_drop(struct buf *b, size_t n) {
    if (n >= b->len) {
        b->len = 0;
        return;
    }
    memmove(b->data, b->data + n, b->len - n);
    b->len -= n;
}

void buf_release(struct buf *b) {
    if (b->data) mem_wipe(b->data, b->cap);
    free(b->data);
    *b = (struct buf){0};
}
