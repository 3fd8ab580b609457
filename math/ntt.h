/* math/ntt.h - the ring Z_q[X] / (X^256 + 1), q = 2013265921: transforms, inner products and exact rescaling between two moduli.
 *
 * An element is 256 residues in 0..q-1, either its coefficients or its values. Value i is the one at psi^(2i + 1), i = 0..255,
 * with psi = 31^((q - 1) / 512): this order is the only one outside math/, on disk and in protocols. Products of ring elements
 * are products of values. All kernels give the same bits, and none branches or indexes on a residue: they serve secrets. */
#ifndef MATH_NTT_H
#define MATH_NTT_H

#include <stddef.h>
#include <stdint.h>

#include "math/kern.h"

enum {
    NTT_N = 256,
    NTT_Q = 2013265921, /* prime: 15 * 2^27 + 1 */
    NTT_BATCH = 16,     /* elements that ntt_columns turns at once */
    NTT_RANK_MAX = 8    /* terms of an inner product */
};

/* Coefficients to values and back, in place. */
void ntt_forward(const struct kern *k, uint32_t a[NTT_N]);
void ntt_inverse(const struct kern *k, uint32_t a[NTT_N]);

/* The second factor of ntt_dot and ntt_sum_add, prepared once: b[i] = b[i] * 2^32 mod q (Montgomery, Math. Comp. 44, 1985). */
void ntt_prepare(uint32_t *b, size_t n);
/* out[i] = sum over c < rank of a[c][i] * b[c][i], b as prepared; rank 1..NTT_RANK_MAX. */
void ntt_dot(const struct kern *k, uint32_t out[NTT_N], const uint32_t *a, const uint32_t *b, uint32_t rank);

/* A sum of many multiples: acc starts as zeros, n is a multiple of 16, acc's order is private.
 * ntt_sum_add: acc += v * a, v one prepared residue. ntt_sum_take: the sum as residues, in a's order. */
void ntt_sum_add(const struct kern *k, uint64_t *acc, const uint32_t *a, size_t n, uint32_t v);
void ntt_sum_take(const struct kern *k, uint32_t *out, const uint64_t *acc, size_t n);

/* a[i] = a[i] + (bytes[i] mod 64) - 32: uniform bytes give uniform integers in -32..31. */
void ntt_add_noise(const struct kern *k, uint32_t a[NTT_N], const uint8_t bytes[NTT_N]);

/* out[t * 16 + r] = in[r * 256 + t]: 16 elements, one after the other, become 256 lines of 16. Not in place. */
void ntt_columns(const struct kern *k, uint32_t out[NTT_N * NTT_BATCH], const uint32_t in[NTT_N * NTT_BATCH]);

/* From Z_from to Z_to: v goes to round(v * to / from) mod to, rounded to the nearest integer: floor((2 v to + from) / (2 from)).
 * As `from` is odd, 2 v to is never an odd multiple of it, so there are no ties. Integer arithmetic without division. */
struct ntt_scale {
    uint32_t to, from;
    uint32_t shift, factor; /* floor(v * to / from) or one less is (v << shift) * factor >> 32 */
};
/* ERR_RANGE: from is even, below 3 or above 2^31 - 1, or to is 0 or not below from << shift, the largest below 2^31. */
int ntt_scale_init(struct ntt_scale *s, uint32_t to, uint32_t from);
/* n residues below s->from; in place is fine. */
void ntt_scale_apply(const struct kern *k, const struct ntt_scale *s, uint32_t *out, const uint32_t *in, size_t n);

#endif
