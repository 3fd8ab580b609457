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
/* Random bytes with every fp16 scale made finite and small (files of these types hold d at these offsets). */
static inline void rng_rows(struct rng *r, uint8_t *p, size_t blocks, uint32_t block_bytes, uint32_t id) {
    for (size_t i = 0; i < blocks * block_bytes; i++) p[i] = (uint8_t)rng_u32(r);
    for (size_t b = 0; b < blocks; b++) {
        uint8_t *q = p + b * block_bytes;
        if (id == 0) {
            float v = rng_f32(r);
            memcpy(q, &v, 4);
        } else if (id == 30)
            q[1] = (uint8_t)((q[1] & 0x80) | 0x3e);
        else {
            uint8_t *d = q + (id == 14 ? 208 : 0);
            d[1] = (uint8_t)((d[1] & 0x80) | (rng_u32(r) & 0x3f) % 0x34); /* subnormals to 0.25 */
        }
    }
}

#endif
