/* math/field.h - the two prime fields of blind products, and the residues and digits that stand for their elements.
 *
 * A residue is a u32 in 0..p-1. Its balanced value lies in -(p-1)/2..(p-1)/2. Residues, unlike activations, are uniform when masked,
 * so none of this is on a secret's path by value; the functions are branch-free all the same. */
#ifndef MATH_FIELD_H
#define MATH_FIELD_H

#include <stddef.h>
#include <stdint.h>

enum {
    FIELD_P24 = 16711421, /* prime; largest whose balanced values fit three balanced 8-bit digits: (p - 1) / 2 = 127 * 65793 - 1 */
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
};
/* The field of a matrix of `cols` columns. */
const struct field *field_of(uint32_t cols);

/* v mod p in 0..p-1, for any v. */
uint32_t field_reduce(const struct field *f, uint64_t v);
uint32_t field_reduce_signed(const struct field *f, int64_t v);
/* The balanced value of a residue. */
static inline int32_t field_balanced(const struct field *f, uint32_t r) {
    return r > f->p / 2 ? (int32_t)r - (int32_t)f->p : (int32_t)r;
}
static inline uint32_t field_add(const struct field *f, uint32_t a, uint32_t b) {
    uint32_t s = a + b;
    return s >= f->p ? s - f->p : s;
}
static inline uint32_t field_sub(const struct field *f, uint32_t a, uint32_t b) { return a >= b ? a - b : a + f->p - b; }

/* sum of a[i] * b[i] mod p over n residues each; reduces as often as terms_max asks. */
uint32_t field_dot(const struct field *f, const uint32_t *a, const uint32_t *b, size_t n);
/* acc[j] = acc[j] + s * w[j] mod p for n columns of one row of weights, w in -127..127: a step of s^T W. */
void field_add_scaled(const struct field *f, uint32_t *acc, uint32_t s, const int8_t *w, size_t n);

#endif
