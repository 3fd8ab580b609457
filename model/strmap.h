/* model/strmap.h - finds the index of a byte string among many (keys, tensor names, token texts).
 *
 * The strings stay where they are. The hash is SipHash-2-4 (Aumasson, Bernstein 2012) under a key drawn per process, so a
 * file cannot choose its strings to collide; the key never changes what a lookup finds. */
#ifndef MODEL_STRMAP_H
#define MODEL_STRMAP_H

#include <stddef.h>
#include <stdint.h>

struct gguf_str {
    const char *p; /* not NUL-terminated; usually points into the mapped file */
    size_t n;
};

struct strmap_entry {
    const char *p;
    uint32_t n, value; /* value: index + 1, 0: free slot */
};
struct strmap {
    struct strmap_entry *slot;
    size_t mask, used, max;
};
/* Room for max strings at load <= 1/2. ERR_NOMEM; ERR_LIMIT over 2^27 strings. */
int strmap_init(struct strmap *m, size_t max);
void strmap_release(struct strmap *m); /* fine on a zeroed map */
/* 0, ERR_EXISTS (unchanged), ERR_LIMIT (full, or a string over 4 GiB). The bytes must outlive the map. */
int strmap_add(struct strmap *m, const char *p, size_t n, uint32_t index);
/* The index, or -1. */
int64_t strmap_find(const struct strmap *m, const char *p, size_t n);

#endif
