/* tests/unit/blind/lattice_util.h - a stack of random weights with its public vectors and hint, and the worker's exact product.
 */
#ifndef TESTS_LATTICE_UTIL_H
#define TESTS_LATTICE_UTIL_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "blind/lattice_block.h"
#include "math/ntt_rows.h"
#include "math/row8.h"

struct lrng {
    uint64_t s;
};
static inline uint32_t lrng_u32(struct lrng *r) { /* splitmix64 */
    uint64_t z = r->s += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (uint32_t)((z ^ z >> 31) >> 32);
}

static const uint8_t lattice_manifest[32] = "digest of a manifest of a test..";

struct lattice_case {
    struct linear linear;
    int8_t *w; /* [rows][cols] */
    struct lattice_public a;
    uint32_t *hint;
};

static inline const struct field *field_p26(void) { return field_of(FIELD_P24_COLS + 1); }

/* sum of W_ij a_j mod q, one product after the other */
static inline void naive_hint(uint32_t *h, const int8_t *w, const struct lattice_public *a, uint32_t cols) {
    size_t n = (size_t)a->rank * NTT_N;
    for (size_t i = 0; i < n; i++) {
        int64_t sum = 0;
        for (uint32_t j = 0; j < cols; j++) sum = (sum + (int64_t)w[j] * lattice_public_at(a, j)[i]) % NTT_Q;
        h[i] = (uint32_t)(sum < 0 ? sum + NTT_Q : sum);
    }
}

static inline void lattice_case_free(struct lattice_case *c) {
    free(c->w), free(c->hint);
    lattice_public_free(&c->a);
}
/* w NULL: random weights. 0 when there was memory. */
static inline int lattice_case_new(struct lattice_case *c, const struct field *f, uint32_t rows, uint32_t cols, uint32_t rank,
                                   const int8_t *w, struct lrng *r) {
    memset(c, 0, sizeof *c);
    size_t n = (size_t)rows * cols;
    c->linear = (struct linear){.rows = rows, .cols = cols, .field = f, .norm2_max = 1};
    c->w = malloc(n);
    c->hint = malloc((size_t)rows * rank * NTT_N * sizeof *c->hint);
    if (c->w == NULL || c->hint == NULL || lattice_public_new(&c->a, lattice_manifest, cols, rank, NULL) != 0) return -1;
    for (size_t i = 0; i < n; i++) c->w[i] = w != NULL ? w[i] : (int8_t)((int)(lrng_u32(r) % 255) - 127);
    for (uint32_t i = 0; i < rows; i++) {
        uint64_t norm2 = row8_norm2(c->w + (size_t)i * cols, cols);
        if (norm2 > c->linear.norm2_max) c->linear.norm2_max = norm2;
        naive_hint(c->hint + (size_t)i * rank * NTT_N, c->w + (size_t)i * cols, &c->a, cols);
    }
    return row8_bound(f, cols, c->linear.norm2_max, &c->linear.t);
}

/* What a worker does: W u mod p. And W x over the integers. */
static inline void worker_product(const struct lattice_case *c, const uint32_t *u, uint32_t *z) {
    for (uint32_t i = 0; i < c->linear.rows; i++) {
        int64_t sum = 0;
        for (uint32_t j = 0; j < c->linear.cols; j++) sum += (int64_t)c->w[(size_t)i * c->linear.cols + j] * u[j];
        z[i] = field_reduce_signed(c->linear.field, sum);
    }
}
static inline int64_t true_product(const struct lattice_case *c, uint32_t row, const int32_t *x) {
    int64_t sum = 0;
    for (uint32_t j = 0; j < c->linear.cols; j++) sum += (int64_t)c->w[(size_t)row * c->linear.cols + j] * x[j];
    return sum;
}
/* Largest noise of one element: 32 p/q + p/2q + 1/2. */
static inline double element_noise_max(const struct field *f) { return 32.5 * f->p / NTT_Q + 0.5; }
/* Its mean and variance: e uniform in -32..31, then two roundings. */
static inline double element_noise_mean(const struct field *f) { return -0.5 * f->p / NTT_Q; }
static inline double element_noise_variance(const struct field *f) {
    double ratio = (double)f->p / NTT_Q;
    return ratio * ratio * ((64.0 * 64 - 1) / 12 + 1.0 / 12) + 1.0 / 12;
}

static inline struct lattice_block *whole_block(const struct lattice_case *c, const struct kern *k, uint32_t first) {
    struct lattice_block *b = NULL;
    if (lattice_block_new(&b, k, &c->linear, &c->a, c->hint, first) != 0) return NULL;
    int left;
    do left = lattice_block_make(b, 1000);
    while (left > 0);
    if (left == 0) return b;
    lattice_block_free(b);
    return NULL;
}

#endif
