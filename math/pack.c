/* math/pack.c - see pack.h. */
#include "math/pack.h"

#include "math/matrix.h"
#include "math/packed.h"

size_t pack_group_bytes(const struct weight_type *t, uint32_t cols) {
    switch (t->kernel) {
    case WK_F32: return (size_t)cols * 64;
    case WK_F16:
    case WK_BF16: return ((size_t)cols * 32 + 63) & ~(size_t)63;
    default: return kind_bytes(t->kernel, cols / t->block_len);
    }
}

static void pack_float(uint8_t *dst, const uint8_t *row, uint32_t cols, uint32_t r, size_t size) {
    for (uint32_t k = 0; k < cols; k++) memcpy(dst + (float_line(k, cols) * MATRIX_ROWS + r) * size, row + k * size, size);
}

/* ---- 32 columns of codes, into one row's dwords: `to` is the row's first byte, lines are 64 bytes apart ---------------- */

static void put_bytes(uint8_t *to, const uint8_t code[32]) {
    for (unsigned g = 0; g < 8; g++) memcpy(to + 64 * g, code + 4 * g, 4);
}

static void put_nibbles(uint8_t *to, const uint8_t code[32]) {
    for (unsigned i = 0; i < 16; i++) to[64 * (i / 4) + i % 4] = (uint8_t)((code[i] & 15) | (code[i + 16] & 15) << 4);
}

/* One bit of every code */
static void put_bit(uint8_t *to, const uint8_t code[32], unsigned bit) {
    for (unsigned i = 0; i < 32; i++) to[i % 4] = (uint8_t)(to[i % 4] | (code[i] >> bit & 1) << i / 4);
}

static void put_pairs(uint8_t *to, const uint8_t code[32]) {
    for (unsigned i = 0; i < 32; i++) {
        uint8_t *b = to + 64 * (i / 16) + i % 4;
        *b = (uint8_t)(*b | (code[i] & 3) << i / 4 % 4 * 2);
    }
}

static void put_six(uint8_t *to, const uint8_t code[32]) {
    for (unsigned half = 0; half < 2; half++, to += 192, code += 16)
        for (unsigned i = 0; i < 4; i++) {
            to[i] = (uint8_t)((code[i] & 15) | (code[4 + i] & 15) << 4);
            to[64 + i] = (uint8_t)((code[8 + i] & 15) | (code[12 + i] & 15) << 4);
            to[128 + i] = (uint8_t)(code[i] >> 4 | code[4 + i] >> 4 << 2 | code[8 + i] >> 4 << 4 | code[12 + i] >> 4 << 6);
        }
}

static void put_part(enum weight_kernel kind, uint8_t *to, const uint8_t code[32]) {
    switch (kind) {
    case WK_Q8_0: put_bytes(to, code); break;
    case WK_Q6_K: put_six(to, code); break;
    case WK_Q3_K: put_bit(to + 128, code, 2); /* fall through */
    case WK_Q2_K: put_pairs(to, code); break;
    case WK_Q5_0:
    case WK_Q5_1:
    case WK_Q5_K: put_bit(to + 256, code, 4); /* fall through */
    default: put_nibbles(to, code); break;
    }
}

/* ---- rows ------------------------------------------------------------------------------------------------------------- */

static void put_scales(enum weight_kernel kind, uint8_t *to, uint16_t d, uint16_t m, uint32_t r) {
    memcpy(to + 2 * r, &d, 2);
    if (block_has_minimum(kind)) memcpy(to + 32 + 2 * r, &m, 2);
}

static void pack_32(const struct weight_type *t, uint8_t *dst, const uint8_t *row, uint32_t blocks, uint32_t r) {
    for (uint32_t b = 0; b < blocks; b++, row += t->block_bytes) {
        struct block32 x;
        block32_read(t->kernel, row, &x);
        put_scales(t->kernel, dst + kind_scale_at(t->kernel, b), x.d, x.m, r);
        put_part(t->kernel, dst + kind_body_at(t->kernel, b) + 4 * r, x.code);
    }
}

static void pack_256(const struct weight_type *t, uint8_t *dst, const uint8_t *row, uint32_t blocks, uint32_t r) {
    enum weight_kernel kind = t->kernel;
    unsigned subs = block_sub_is_32(kind) ? 8 : 16;
    for (uint32_t b = 0; b < blocks; b++, row += t->block_bytes) {
        struct block256 x;
        block256_read(kind, row, &x);
        put_scales(kind, dst + kind_scale_at(kind, b), x.d, x.dmin, r);
        uint8_t *body = dst + kind_body_at(kind, b);
        for (unsigned j = 0; j < subs; j++) {
            uint8_t *s = body + 32 * (j / 2) + 2 * r + j % 2;
            *s = (uint8_t)x.sc[j];
            if (kind == WK_Q2_K) *s = (uint8_t)(*s | x.m[j] << 4);
            if (kind == WK_Q4_K || kind == WK_Q5_K) s[PACK_MINIMUMS] = x.m[j];
        }
        for (unsigned p = 0; p < 8; p++)
            put_part(kind, body + sub_scale_bytes(kind) + p * part_bytes(kind) + 4 * r, x.code + 32 * p);
    }
}

void pack_row(const struct weight_type *t, uint8_t *dst, const uint8_t *row, uint32_t cols, uint32_t r) {
    switch (t->block_len) {
    case 1: pack_float(dst, row, cols, r, t->block_bytes); break;
    case 32: pack_32(t, dst, row, cols / 32, r); break;
    default: pack_256(t, dst, row, cols / 256, r); break;
    }
}
