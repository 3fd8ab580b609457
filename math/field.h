/* math/field.h - the two prime fields of blind products, and the residues and digits that stand for their elements.
 *
 * A residue is a u32 in 0..p-1. Its balanced value lies in -(p-1)/2..(p-1)/2. Residues are masked activations, masks or secrets of
 * checks, so no function here branches on them or uses them as an index. */
#ifndef MATH_FIELD_H
#define MATH_FIELD_H

#include <stddef.h>
#include <stdint.h>

#include "math/scalar.h"

enum {
    FIELD_P24 =
        16711421, /* prime; largest whose balanced values fit three balanced 8-bit digits: (p - 1) / 2 = 127 * 65793 - 1 */
    FIELD_P26 = 67108859, /* prime: 2^26 - 5 */
    FIELD_P24_COLS = 8192 /* columns up to which a matrix uses p24 */
};

/* What differs between the two. */
struct field {
    uint32_t p;
    uint32_t wire_bits;  /* 24, 26: bits of a residue on the wire */
    uint32_t draw_bytes; /* 3, 4: bytes of key stream that one mask element takes */
    uint32_t draw_bits;  /* 24, 26: bits kept of them, low ones */
    uint32_t digits;     /* 3, 4: balanced 8-bit digits of a balanced value */
    uint32_t terms_max;  /* 65536, 4096: products of two residues that a u64 sums without overflow */
    uint64_t inverse;    /* floor(2^64 / p) */
    uint32_t half_range; /* 2^63 mod p */
};
/* The field of a matrix of `cols` columns. */
const struct field *field_of(uint32_t cols);

/* In 0..p-1, both 0..p-1: the sum is below 2^27, so bit 31 of a difference is its sign. */
static inline uint32_t field_add(const struct field *f, uint32_t a, uint32_t b) {
    uint32_t d = a + b - f->p;
    return d + (f->p & -(d >> 31));
}
static inline uint32_t field_sub(const struct field *f, uint32_t a, uint32_t b) {
    uint32_t d = a - b;
    return d + (f->p & -(d >> 31));
}
/* The balanced value of a residue. */
static inline int32_t field_balanced(const struct field *f, uint32_t r) {
    return (int32_t)(r - (f->p & -((f->p / 2 - r) >> 31)));
}

/* v mod p in 0..p-1, for any v. The quotient is estimated one too small at most: v * inverse / 2^64 > v / p - 1. */
static inline uint32_t field_reduce(const struct field *f, uint64_t v) {
    uint32_t r = (uint32_t)(v - canon_mulhi64(v, f->inverse) * f->p);
    return field_add(f, r, 0);
}
static inline uint32_t field_reduce_signed(const struct field *f, int64_t v) {
    return field_sub(f, field_reduce(f, (uint64_t)v ^ UINT64_C(1) << 63), f->half_range);
}

/* sum of a[i] * b[i] mod p over n residues each; reduces as often as terms_max asks. */
uint32_t field_dot(const struct field *f, const uint32_t *a, const uint32_t *b, size_t n);
/* acc[j] = acc[j] + s * w[j] mod p for n columns of one row of weights, any w: a step of s^T W. Weights are public and are used as
 * an index; s and acc are not. */
void field_add_scaled(const struct field *f, uint32_t *acc, uint32_t s, const int8_t *w, size_t n);

#endif
