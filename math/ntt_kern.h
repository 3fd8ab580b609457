/* math/ntt_kern.h - the table of functions of one implementation of the ring, and what all of them share. Only for math/.
 *
 * A transform is done as two passes over a 16 x 16 square, four levels each, with a transposition between: then lanes always
 * hold different columns and no level shuffles inside a register. Coefficient 16 r + l is in row r, column l. In the usual
 * numbering the factor of level s, block b is psi^bitrev8(2^s + b). The first pass has levels 0..3, whose blocks are rows: one
 * factor for all columns. In the second, of the transposed square, column r has the factors of block b = r 2^(s-4) + b'. */
#ifndef MATH_NTT_KERN_H
#define MATH_NTT_KERN_H

#include "math/ntt.h"

#define NTT_QINV 2281701377u /* q * this = 1 mod 2^32 */
enum { NTT_SIDE = 16 };

/* A factor w beside floor(w * 2^32 / q), so that a product needs two low halves and one high half (Shoup; Harvey,
 * arXiv:1205.2926). */
struct ntt_factors {
    uint32_t w[NTT_SIDE][NTT_SIDE], shoup[NTT_SIDE][NTT_SIDE]; /* [2^level + block][column]; of row 0 see ntt_tables */
};
/* Columns of the second pass are in the order of bitrev4, which puts values in their order without another step. Row 0 of
 * inverse[0] is 1/256, and its row 1 has that factor in it. */
struct ntt_tables {
    struct ntt_factors forward[2], inverse[2];
    uint32_t psi_bitrev[NTT_N], psi_bitrev_inverse[NTT_N]; /* psi^bitrev8(i), for plain C */
};
const struct ntt_tables *ntt_tables(void);

static inline unsigned ntt_bitrev4(unsigned i) { return (i & 1) << 3 | (i & 2) << 1 | (i & 4) >> 1 | i >> 3; }

/* One step of ntt_rows.h: `rows` rows (a multiple of 12) of 16-bit weights, `stride` apart, times one panel. */
typedef void ntt_panel_fn(const int16_t *panel, uint32_t pairs, const int16_t *w, size_t stride, uint32_t rows, int64_t *sum);

struct ntt_kern {
    void (*forward)(const struct ntt_tables *t, uint32_t *a);
    void (*inverse)(const struct ntt_tables *t, uint32_t *a);
    void (*dot)(uint32_t *out, const uint32_t *a, const uint32_t *b, uint32_t rank);
    void (*sum_add)(uint64_t *acc, const uint32_t *a, size_t n, uint32_t v);
    void (*sum_take)(uint32_t *out, const uint64_t *acc, size_t n);
    void (*add_noise)(uint32_t *a, const uint8_t *bytes);
    void (*columns)(uint32_t *out, const uint32_t *in);
    void (*scale)(const struct ntt_scale *s, uint32_t *out, const uint32_t *in, size_t n); /* n: a multiple of 16 */
    ntt_panel_fn *panel;
};
extern const struct ntt_kern ntt_plain, ntt_avx2, ntt_avxvnni, ntt_avx512vnni, ntt_neon;

#endif
