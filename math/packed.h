/* math/packed.h - the byte layout of packed groups (R16K4) and of activation panels; shared by packers and kernels.
 *
 * A packed group is 16 rows, "lanes". Floats: for each column a line of 16 values; of each whole 128 columns, the lines of its
 * four blocks of 32 alternate (0, 32, 64, 96, 1, 33, ...), so that four chains can run side by side along one stream of memory:
 * with four streams a single token read at half the speed. Quantised types: blocks in pairs that share one
 * 64-byte line of scales, so that every later load is one whole cache line:
 *
 *     d of block 2p: 16 x fp16 | d of block 2p+1: 16 x fp16 | body of block 2p | body of block 2p+1
 *
 * (an odd last block leaves the second half of the line unused). Bodies, where "dword of a k-group" means the 4 bytes of 4
 * consecutive columns of one row, and a line is 16 dwords, one a row:
 *     Q8_0  k-groups 0..7, one line each, every byte q + 128
 *     Q4_0  lines 0..3: low nibbles k-group i, high nibbles k-group i + 4, every nibble q + 8
 *     Q6_K  16 sub-blocks x 16 rows of int8 scales (256 bytes), then for each sub-block of 16 columns three lines:
 *           low 4 bits of k-groups 0 | 1 (low | high nibble), low 4 bits of 2 | 3, upper 2 bits of k-groups 0..3 (bits 0-1, 2-3,
 *           4-5, 6-7), every value q + 32
 *
 * A panel holds w tokens (12, the last fewer), so that one kernel reads them from one place:
 *     F32   for each column w floats
 *     Q32   for each block: da[w] f32, -8*S[w] i32, -128*S[w] i32, then for k-groups 0..7 the dwords of w tokens
 *     Q256  for each block: da[w] f32, then for each sub-block of 16: -32*S[w] i32, the dwords of k-groups 0..3 of w tokens */
#ifndef MATH_PACKED_H
#define MATH_PACKED_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    PACK_SCALE_LINE = 64,
    BODY_Q8_0 = 512,
    BODY_Q4_0 = 256,
    Q6K_SCALES = 256,
    Q6K_SUB = 192,
    BODY_Q6_K = Q6K_SCALES + 16 * Q6K_SUB,
    ACT32_BYTES = 12 + 32, /* per token and block */
    ACT256_SUB = 4 + 16,   /* per token and sub-block */
    ACT256_BYTES = 4 + 16 * ACT256_SUB,
};

/* Which line of a float group holds column k. */
static inline size_t float_line(uint32_t k, uint32_t cols) {
    return k < (cols & ~127u) ? (k & ~127u) + k % 32 * 4 + k / 32 % 4 : k;
}

static inline size_t pair_bytes(uint32_t body) { return PACK_SCALE_LINE + 2 * (size_t)body; }
/* Bytes of `blocks` blocks. */
static inline size_t paired_bytes(uint32_t blocks, uint32_t body) {
    return blocks / 2 * pair_bytes(body) + (blocks & 1 ? PACK_SCALE_LINE + (size_t)body : 0);
}
/* Offset of the 16 fp16 scales of block b, and of its body. */
static inline size_t scale_at(uint32_t b, uint32_t body) { return b / 2 * pair_bytes(body) + (b & 1) * 32; }
static inline size_t body_at(uint32_t b, uint32_t body) {
    return b / 2 * pair_bytes(body) + PACK_SCALE_LINE + (b & 1) * (size_t)body;
}

static inline uint16_t load_u16(const uint8_t *p) {
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return v;
}
static inline uint32_t load_u32(const uint8_t *p) {
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}
static inline int32_t load_i32(const uint8_t *p) {
    int32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}
static inline float load_f32(const uint8_t *p) {
    float v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* The 256 six-bit values (0..63, meaning q + 32) of a Q6_K file block, in column order. In each half of 128 columns, column
 * 32*part + l takes 4 low bits from ql[32*(part & 1) + l] (upper nibble for parts 2, 3) and 2 high bits from qh[l] >> 2*part. */
static inline void q6k_quants(const uint8_t *block, uint8_t q[256]) {
    for (unsigned half = 0; half < 2; half++) {
        const uint8_t *ql = block + 64 * half, *qh = block + 128 + 32 * half;
        for (unsigned part = 0; part < 4; part++)
            for (unsigned l = 0; l < 32; l++) {
                unsigned low = ql[32 * (part & 1) + l] >> (part & 2 ? 4 : 0) & 15u, high = qh[l] >> 2 * part & 3u;
                q[128 * half + 32 * part + l] = (uint8_t)(low | high << 4);
            }
    }
}

#endif
