/* tests/unit/math/math_util.h - reproducible numbers and digests for the tests of math/. */
#ifndef TESTS_MATH_UTIL_H
#define TESTS_MATH_UTIL_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct rng {
    uint64_t s;
};
static inline uint32_t rng_u32(struct rng *r) { /* splitmix64 */
    uint64_t z = r->s += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (uint32_t)((z ^ z >> 31) >> 32);
}
/* -1..1, 24 bits */
static inline float rng_f32(struct rng *r) { return (float)((int32_t)(rng_u32(r) >> 7) - (1 << 24)) * 0x1p-24f; }
static inline void rng_fill(struct rng *r, float *x, size_t n, float scale) {
    for (size_t i = 0; i < n; i++) x[i] = rng_f32(r) * scale;
}
static inline uint64_t digest(const void *p, size_t n, uint64_t h) { /* FNV-1a */
    const uint8_t *b = p;
    if (h == 0) h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++) h = (h ^ b[i]) * 0x100000001b3u;
    return h;
}
static inline void *aligned(size_t n) {
    void *p = aligned_alloc(64, (n + 127) & ~(size_t)63);
    if (p != NULL) memset(p, 0xa5, n);
    return p;
}
#endif
