/* math/kern_table.h - the table of functions that one implementation fills in. Only files of math/ include this.
 *
 * The drivers (matrix.c, acts.c, vec.c, attend.c) check shapes, split work and call these with whole pieces; every function
 * here computes outputs whose order of operations the profile fixes, so all tables give the same bits. */
#ifndef MATH_KERN_TABLE_H
#define MATH_KERN_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "math/attend.h"
#include "math/kern.h"
#include "math/matrix.h"

/* One packed group of 16 rows times one panel of `width` tokens (1..ACTS_PANEL): out[t * 16 + row]. */
typedef void tile_fn(const uint8_t *group, uint32_t cols, const uint8_t *panel, uint32_t width, float *out);

/* One packed group of 16 rows of row8, `lines` lines of it, times one panel of `width` digits (1..12, row8_layout.h):
 * out[t * 16 + row], the exact sum of digit t. */
typedef void row8_fn(const uint8_t *group, uint32_t lines, const uint8_t *panel, uint32_t width, int32_t *out);

/* FOLD_ROWS rows of a left matrix times one panel of a right one: out[row * FOLD_LANES + column] (fold.h). left holds the rows'
 * values beside each other, panel the columns'. */
typedef void fold_fn(const double *left, const float *panel, uint32_t depth, float *out);
fold_fn plain_fold;
#if defined(__x86_64__)
fold_fn avx2_fold, avx512_fold;
#endif

/* The quantised types' part of a kernel table's .tile */
#define QUANT_TILES(prefix)                                                                                           \
    [WK_Q8_0] = prefix##_q8_0, [WK_Q4_0] = prefix##_q4_0, [WK_Q4_1] = prefix##_q4_1, [WK_Q5_0] = prefix##_q5_0,       \
    [WK_Q5_1] = prefix##_q5_1, [WK_IQ4_NL] = prefix##_iq4_nl, [WK_MXFP4] = prefix##_mxfp4, [WK_Q2_K] = prefix##_q2_k, \
    [WK_Q3_K] = prefix##_q3_k, [WK_Q4_K] = prefix##_q4_k, [WK_Q5_K] = prefix##_q5_k, [WK_Q6_K] = prefix##_q6_k,       \
    [WK_IQ4_XS] = prefix##_iq4_xs

struct ntt_kern;
struct kern {
    const char *name;
    int (*supported)(void);
    tile_fn *tile[WK_COUNT];
    row8_fn *row8;
    fold_fn *fold;
    const struct ntt_kern *ntt; /* the ring of lattice masks (ntt_kern.h) */

    /* Activations (rule 2). n is a multiple of 16. */
    uint32_t (*amax_bits)(const float *x, uint32_t n);                                 /* integer maximum of bits & 0x7fffffff */
    void (*quantise)(const float *x, uint32_t n, float r, int8_t *q, int32_t *sums16); /* q = RNE(x*r), sums of 16 */

    /* Vectors (rules 6 to 9), any n. */
    float (*sum64)(const float *x, size_t n);
    float (*sum64_squares)(const float *x, size_t n);
    void (*norm)(float *y, const float *x, const float *w, size_t n, float r); /* (x*r)*w */
    void (*add)(float *y, const float *a, const float *b, size_t n);
    void (*scale)(float *y, const float *x, float s, size_t n);
    void (*exp)(float *y, const float *x, size_t n);
    void (*swiglu)(float *y, const float *g, const float *u, size_t n);
    void (*geglu)(float *y, const float *g, const float *u, size_t n);
    void (*softcap)(float *y, const float *x, float c, size_t n);
    int (*finite)(const float *x, size_t n);
    void (*rope_half)(float *x0, float *x1, const float *c, const float *s, uint32_t n); /* pairs (x0[i], x1[i]) */
    void (*rope_next)(float *x, const float *c, const float *s, uint32_t n);             /* n pairs (x[2i], x[2i+1]) */

    /* Attention (rules 10, 11) for `width` query rows. */
    void (*to_f16)(uint16_t *out, const float *x, size_t n); /* finite x; saturating */
    /* `groups` groups of 16 keys times the query panel q[d * width + row]: s[row * KV_CHUNK + 16 * group + lane]. */
    void (*scores)(const uint8_t *k, uint32_t groups, uint32_t head_dim, const float *q, uint32_t width, float *s);
    /* s = softcap(s * scale) in [from, to), then e = exp(s - m), 0 elsewhere up to a multiple of 64; *m = max, *l = SUM64(e).
     * from < to <= KV_CHUNK. 0 or ERR_NONFINITE. */
    int (*softmax)(float *s, uint32_t from, uint32_t to, float scale, float softcap, float *m, float *l);
    /* o[row * HEAD_DIM_MAX + d] = chain over positions [from, to) of fma(e, v, .); dim_padded is a multiple of 16;
     * v[i] holds positions i * KV_PAGE ... of the chunk. */
    void (*values)(const uint8_t *const *v, uint32_t from, uint32_t to, uint32_t dim_padded, const float *e, uint32_t width,
                   float *o);
    /* The same with q8 values: fma(e * d, q, .), d the value block's scale; head_dim is a multiple of 32. */
    void (*values_q8)(const uint8_t *const *v, uint32_t from, uint32_t to, uint32_t head_dim, const float *e, uint32_t width,
                      float *o);
    void (*merge)(float *o, const float *oc, uint32_t n, float a, float b); /* o = fma(oc, b, o*a) */
    void (*divide)(float *y, const float *o, uint32_t n, float l);          /* y = o/l + 0 */
};

/* Quantises one block of n values (rule 2): ints, the scale and the sums of 16. Returns 1 if a value is NaN or infinite. */
int acts_quantise_block(const struct kern *k, const float *x, uint32_t n, int8_t *q, float *da, int32_t *sums);

extern const struct kern kern_plain;
#if defined(__x86_64__)
extern const struct kern kern_avx2;
extern const struct kern kern_avxvnni;
extern const struct kern kern_avx512vnni;
#elif defined(__aarch64__)
extern const struct kern kern_neon;
extern const struct kern kern_neoni8mm;
#endif

#endif
