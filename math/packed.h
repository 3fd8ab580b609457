/* math/packed.h - the byte layout of packed groups (R16K4) and of activation panels; shared by packers and kernels.
 *
 * A packed group is 16 rows, "lanes". Floats: for each column a line of 16 values; of each whole 128 columns, the lines of its
 * four blocks of 32 alternate (0, 32, 64, 96, 1, 33, ...), so that four chains can run side by side along one stream of memory:
 * with four streams a single token read at half the speed. Quantised types: blocks in pairs that share one
 * 64-byte line of scales, so that every later load is one whole cache line:
 *
 *     d of block 2p: 16 x fp16 | d of block 2p+1: 16 x fp16 | body of block 2p | body of block 2p+1
 *
 * (an odd last block leaves the second half of the line unused); types with a minimum have the line d | m of a block to
 * themselves. MXFP4 has bf16 instead of fp16 there: its scales are powers of two beyond fp16.
 *
 * Bodies hold codes (block.h). Their parts, where "dword of a k-group" means the 4 bytes of 4 consecutive columns of one row, a
 * line is 16 dwords, one a row, and k-groups are counted within 32 columns:
 *     bytes    8 lines: k-group i in line i
 *     nibbles  4 lines: low nibbles k-group i, high nibbles k-group i + 4
 *     fifth    1 line: bit g of each byte is bit 4 of k-group g
 *     pairs    2 lines: bits 2i of line h are k-group 4h + i
 *     third    1 line: bit g of each byte is bit 2 of k-group g
 *     six      6 lines, three for each 16 columns: low 4 bits of k-groups 0 | 1 (low | high nibble), low 4 bits of 2 | 3, upper
 *              2 bits of 0..3 (bits 0-1, 2-3, 4-5, 6-7)
 * 32 columns (PART_BYTES): Q8_0 bytes; Q4_0, Q4_1, IQ4_NL, MXFP4, Q4_K, IQ4_XS nibbles; Q5_0, Q5_1, Q5_K nibbles, fifth; Q2_K
 * pairs; Q3_K pairs, third; Q6_K six. Blocks of 256 hold eight of these behind the scales of their sub-blocks: bytes, for two
 * sub-blocks after another 16 rows x 2; Q4_K and Q5_K: 4 such lines of 32 bytes with scales, 4 with minimums; IQ4_XS: 4 with
 * scales; Q2_K, Q3_K, Q6_K: 8 with scales, in Q2_K the minimums in the upper nibbles.
 *
 * A panel holds w tokens (12, the last fewer), so that one kernel reads them from one place:
 *     F32   for each column w floats
 *     Q32   for each block: da[w] f32, -8*S[w] i32, -128*S[w] i32, then for k-groups 0..7 the dwords of w tokens
 *     Q256  for each block: da[w] f32, then dwords of w tokens: 4 with the sums of columns 0..31 | 32..63 and so on as pairs of
 *           i16, 8 with pairs of the sums of 16, then k-groups 0..63 */
#ifndef MATH_PACKED_H
#define MATH_PACKED_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "math/block.h"

enum {
    PACK_SCALE_LINE = 64,
    BODY_Q8_0 = 512,
    BODY_Q4_0 = 256,
    PACK_MINIMUMS = 128,   /* of Q4_K and Q5_K: so far behind the scales */
    ACT32_BYTES = 12 + 32, /* per token and block */
    ACT256_SUMS32 = 4,     /* where the pairs of sums start, per token */
    ACT256_SUMS16 = 4 + 4 * 4,
    ACT256_COLUMNS = 4 + 4 * 4 + 8 * 4,
    ACT256_BYTES = ACT256_COLUMNS + 256,
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

/* Bytes of 32 columns of codes, 16 rows. */
static inline uint32_t part_bytes(enum weight_kernel kind) {
    switch (kind) {
    case WK_Q8_0: return BODY_Q8_0;
    case WK_Q6_K: return 384;
    case WK_Q5_0:
    case WK_Q5_1:
    case WK_Q5_K: return 320;
    case WK_Q3_K: return 192;
    case WK_Q2_K: return 128;
    default: return 256;
    }
}
/* Bytes of sub-block scales (and minimums) in front of the codes, 16 rows. */
static inline uint32_t sub_scale_bytes(enum weight_kernel kind) {
    switch (kind) {
    case WK_IQ4_XS: return 128;
    case WK_Q2_K:
    case WK_Q3_K:
    case WK_Q4_K:
    case WK_Q5_K:
    case WK_Q6_K: return 256;
    default: return 0;
    }
}
static inline uint32_t body_bytes(enum weight_kernel kind) {
    return sub_scale_bytes(kind) ? sub_scale_bytes(kind) + 8 * part_bytes(kind) : part_bytes(kind);
}
/* Offsets of block b's scales and body; bytes of a group. */
static inline size_t kind_scale_at(enum weight_kernel kind, uint32_t b) {
    uint32_t body = body_bytes(kind);
    return block_has_minimum(kind) ? b * (PACK_SCALE_LINE + (size_t)body) : scale_at(b, body);
}
static inline size_t kind_body_at(enum weight_kernel kind, uint32_t b) {
    uint32_t body = body_bytes(kind);
    return block_has_minimum(kind) ? b * (PACK_SCALE_LINE + (size_t)body) + PACK_SCALE_LINE : body_at(b, body);
}
static inline size_t kind_bytes(enum weight_kernel kind, uint32_t blocks) {
    uint32_t body = body_bytes(kind);
    return block_has_minimum(kind) ? blocks * (PACK_SCALE_LINE + (size_t)body) : paired_bytes(blocks, body);
}

#endif
