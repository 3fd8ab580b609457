/* model/products.h - the products of one stage of a forward pass: up to four matrices that read the same input.
 *
 * One seam for all arithmetics: the stage before prepares the input row by row, then all products are one dispatch. In profile C1
 * that is a matrix each (products.c); in row8 they are one stack, computed here or elsewhere (row8_products.c). */
#ifndef MODEL_PRODUCTS_H
#define MODEL_PRODUCTS_H

#include <stddef.h>
#include <stdint.h>

#include "math/pool.h"

struct engine;
struct matrix;

struct product {
    const struct matrix *m; /* ARITH_C1 */
    uint32_t rows;
    const float *bias; /* NULL: none */
    float *y;          /* token t at y + t * rows */
};
struct products {
    struct engine *e;
    uint32_t stack; /* ARITH_ROW8 (model/linear.h); rows of p[] in order are its rows */
    struct product p[4];
    unsigned count;
    uint32_t tokens;
    unsigned room; /* folded: 1 for the second of two that run together */
};

/* Before any input of the stage is prepared. */
void products_begin(struct products *j, uint32_t tokens);
/* Prepares tokens [begin, end) of x, rows of the products' columns. bad[t] is set to 1 (never cleared) where a value is not finite, or, in
 * row8, the integers cannot be bounded: what such a token yields is meaningless. Different tokens may be prepared by different threads. */
void products_input(const struct products *j, uint32_t begin, uint32_t end, const float *x, uint8_t *bad);
/* Computes all of them. 0, or what linear_ops returned. */
int products_run(struct products *j);
/* Two stages' at once, a in room 0, b in room 1, a's stack before b's; ARITH_ROW8_FOLD. Likewise. */
int products_run_both(struct products *a, struct products *b);

/* row8's part of each, and its buffers, handed out by plan(ctx, count, size); called twice, as engine.c does. */
void row8_products_layout(struct engine *e, void *(*plan)(void *ctx, size_t count, size_t size), void *ctx);
void row8_products_begin(struct products *j);
void row8_products_input(const struct products *j, uint32_t begin, uint32_t end, const float *x, uint8_t *bad);
int row8_products_run(struct products *j);

/* Runs fn over rows of the batch in whole panels: no two threads write to one cache line of a panel. */
void by_rows(struct engine *e, uint32_t rows, pool_range_fn *fn, void *arg);

#endif
