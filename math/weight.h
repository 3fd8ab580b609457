/* math/weight.h - the weight types of GGUF files, one table row each: sizes, values of one row, checks.
 *
 * Formats: ggml's block layouts, all little-endian, packed without padding. A "row" is `cols` consecutive values, stored as
 * cols / block_len blocks of block_bytes. */
#ifndef MATH_WEIGHT_H
#define MATH_WEIGHT_H

#include <stddef.h>
#include <stdint.h>

/* ids as in GGUF tensor infos */
enum weight_id {
    WEIGHT_F32 = 0,
    WEIGHT_F16 = 1,
    WEIGHT_Q4_0 = 2,
    WEIGHT_Q4_1 = 3,
    WEIGHT_Q5_0 = 6,
    WEIGHT_Q5_1 = 7,
    WEIGHT_Q8_0 = 8,
    WEIGHT_Q2_K = 10,
    WEIGHT_Q3_K = 11,
    WEIGHT_Q4_K = 12,
    WEIGHT_Q5_K = 13,
    WEIGHT_Q6_K = 14,
    WEIGHT_IQ4_NL = 20,
    WEIGHT_IQ4_XS = 23,
    WEIGHT_BF16 = 30,
    WEIGHT_MXFP4 = 39
};

/* How activations are prepared for a type (acts.h): as they are, or quantised to int8 in blocks of 32 or 256. */
enum act_kind { ACT_F32, ACT_Q32, ACT_Q256 };
/* Which column of the kernels' tables (kern_table.h) computes with a type. */
enum weight_kernel {
    WK_F32,
    WK_F16,
    WK_BF16,
    WK_Q8_0,
    WK_Q4_0,
    WK_Q4_1,
    WK_Q5_0,
    WK_Q5_1,
    WK_IQ4_NL,
    WK_MXFP4,
    WK_Q2_K,
    WK_Q3_K,
    WK_Q4_K,
    WK_Q5_K,
    WK_Q6_K,
    WK_IQ4_XS,
    WK_COUNT
};

struct weight_type {
    uint32_t id;          /* enum weight_id */
    const char *name;     /* "Q8_0" */
    uint32_t block_len;   /* values in a block; cols must be a multiple */
    uint32_t block_bytes; /* bytes of a block in the file */
    enum act_kind act;
    enum weight_kernel kernel;
    /* Called through weight_* and matrix_*. */
    void (*decode)(const uint8_t *block, float *out); /* the block_len values, rule 1 */
    int (*finite)(const uint8_t *block);              /* 1 if every scale (float types: value) is finite */
};
/* The row of the table, or NULL for a type we do not compute with. */
const struct weight_type *weight_type_of(uint32_t id);
/* The i-th row of the table; NULL past the last. */
const struct weight_type *weight_type_nth(size_t i);
/* Bytes of one row in the file; 0 if cols is 0 or no multiple of block_len. */
size_t weight_row_bytes(const struct weight_type *t, uint32_t cols);
/* The values of one row (embedding rows): y = d*q and so on, rule 1. row holds weight_row_bytes(t, cols) bytes. */
void weight_row_decode(const struct weight_type *t, const uint8_t *row, uint32_t cols, float *out);
/* 0, or ERR_NONFINITE if a scale (of float types, a value) in `rows` rows is NaN or infinite. For tensors that are not packed. */
int weight_rows_check(const struct weight_type *t, const uint8_t *rows, uint32_t row_count, uint32_t cols);

#endif
