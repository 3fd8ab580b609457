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

/* ---- 32 columns of codes, into one row's dwords: `to` is the row's first byte, lines are 64 bytes apart. Four codes at a time: what
 * a shift carries from one byte into the next is masked away --------------------------------------------------------------- */

#define FOUR(x) (0x01010101u * (x))

static void put_line(uint8_t *to, unsigned line, uint32_t four) { memcpy(to + 64 * line, &four, 4); }

/* Two dwords of codes as the low and the high nibbles of one. */
static uint32_t nibbles(const uint8_t *low, const uint8_t *high) {
    return (load_u32(low) & FOUR(15)) | (load_u32(high) & FOUR(15)) << 4;
}

static void put_bytes(uint8_t *to, const uint8_t code[32]) {
    for (unsigned g = 0; g < 8; g++) put_line(to, g, load_u32(code + 4 * g));
}

static void put_nibbles(uint8_t *to, const uint8_t code[32]) {
    for (unsigned g = 0; g < 4; g++) put_line(to, g, nibbles(code + 4 * g, code + 4 * g + 16));
}

/* One bit of every code */
static void put_bit(uint8_t *to, const uint8_t code[32], unsigned bit) {
    uint32_t all = 0;
    for (unsigned g = 0; g < 8; g++) all |= (load_u32(code + 4 * g) >> bit & FOUR(1)) << g;
    put_line(to, 0, all);
}

static void put_pairs(uint8_t *to, const uint8_t code[32]) {
    for (unsigned h = 0; h < 2; h++) {
        uint32_t all = 0;
        for (unsigned g = 0; g < 4; g++) all |= (load_u32(code + 16 * h + 4 * g) & FOUR(3)) << 2 * g;
        put_line(to, h, all);
    }
}

static void put_six(uint8_t *to, const uint8_t code[32]) {
    for (unsigned half = 0; half < 2; half++, to += 192, code += 16) {
        uint32_t upper = 0;
        for (unsigned g = 0; g < 4; g++) upper |= (load_u32(code + 4 * g) >> 4 & FOUR(3)) << 2 * g;
        put_line(to, 0, nibbles(code, code + 4));
        put_line(to, 1, nibbles(code + 8, code + 12));
        put_line(to, 2, upper);
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

/* ---- blocks of one row ------------------------------------------------------------------------------------------------ */

static void put_scales(enum weight_kernel kind, uint8_t *to, uint16_t d, uint16_t m, uint32_t r) {
    memcpy(to + 2 * r, &d, 2);
    if (block_has_minimum(kind)) memcpy(to + 32 + 2 * r, &m, 2);
}

/* Most files are of these two types, whose codes lie in the file as they do here (Q8_0's but for the sign bit): whole dwords move. */
static void put_dwords(uint8_t *to, const uint8_t *from, unsigned lines, uint32_t flip) {
    for (unsigned i = 0; i < lines; i++) {
        uint32_t w = load_u32(from + 4 * i) ^ flip;
        memcpy(to + 64 * i, &w, 4);
    }
}

static void pack_32(const struct weight_type *t, uint8_t *dst, const uint8_t *block, uint32_t b, uint32_t r) {
    uint8_t *scale = dst + kind_scale_at(t->kernel, b), *body = dst + kind_body_at(t->kernel, b) + 4 * r;
    if (t->kernel == WK_Q4_0 || t->kernel == WK_Q8_0) {
        memcpy(scale + 2 * r, block, 2);
        if (t->kernel == WK_Q4_0)
            put_dwords(body, block + 2, 4, 0);
        else
            put_dwords(body, block + 2, 8, 0x80808080u);
        return;
    }
    struct block32 x;
    block32_read(t->kernel, block, &x);
    put_scales(t->kernel, scale, x.d, x.m, r);
    put_part(t->kernel, body, x.code);
}

static void pack_256(const struct weight_type *t, uint8_t *dst, const uint8_t *block, uint32_t b, uint32_t r) {
    enum weight_kernel kind = t->kernel;
    unsigned subs = block_sub_is_32(kind) ? 8 : 16;
    struct block256 x;
    block256_read(kind, block, &x);
    put_scales(kind, dst + kind_scale_at(kind, b), x.d, x.dmin, r);
    uint8_t *body = dst + kind_body_at(kind, b);
    for (unsigned j = 0; j < subs; j++) {
        uint8_t *s = body + 32 * (j / 2) + 2 * r + j % 2;
        *s = (uint8_t)x.sc[j];
        if (kind == WK_Q2_K) *s = (uint8_t)(*s | x.m[j] << 4);
        if (kind == WK_Q4_K || kind == WK_Q5_K) s[PACK_MINIMUMS] = x.m[j];
    }
    for (unsigned p = 0; p < 8; p++) put_part(kind, body + sub_scale_bytes(kind) + p * part_bytes(kind) + 4 * r, x.code + 32 * p);
}

/* ---- rows ------------------------------------------------------------------------------------------------------------- */

enum { FLOATS = 128 }; /* columns whose lines are together */

static void pack_floats(const struct weight_type *t, uint8_t *dst, const uint8_t *rows, uint32_t count, uint32_t cols) {
    size_t size = t->block_bytes;
    for (uint32_t k0 = 0; k0 < cols; k0 += FLOATS)
        for (uint32_t r = 0; r < count; r++)
            for (uint32_t k = k0; k < cols && k < k0 + FLOATS; k++)
                memcpy(dst + (float_line(k, cols) * MATRIX_ROWS + r) * size, rows + ((size_t)r * cols + k) * size, size);
}

/* A block of all rows before the next one: the lines that they share are then filled while they are in the cache, which a row at
 * a time would pass over 16 times. */
void pack_rows(const struct weight_type *t, uint8_t *dst, const uint8_t *rows, uint32_t count, uint32_t cols) {
    if (t->block_len == 1) {
        pack_floats(t, dst, rows, count, cols);
        return;
    }
    uint32_t blocks = cols / t->block_len;
    size_t row_bytes = (size_t)blocks * t->block_bytes;
    for (uint32_t b = 0; b < blocks; b++, rows += t->block_bytes)
        for (uint32_t r = 0; r < count; r++)
            if (t->block_len == 32)
                pack_32(t, dst, rows + r * row_bytes, b, r);
            else
                pack_256(t, dst, rows + r * row_bytes, b, r);
}
