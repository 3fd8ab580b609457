/* math/block_32.c - blocks of 32 columns taken apart; see block.h. */
#include "math/block.h"

#include "math/packed.h"

/* 2^(e - 128) in bf16: its exponent field is e - 1; the two smallest are subnormal. */
static uint16_t half_power(uint8_t e) { return (uint16_t)(e < 2 ? 0x20u << e : (e - 1u) << 7); }

void block32_read(enum weight_kernel kind, const uint8_t *block, struct block32 *out) {
    int has_m = block_has_minimum(kind);
    out->d = kind == WK_MXFP4 ? half_power(block[0]) : load_u16(block);
    out->m = has_m ? load_u16(block + 2) : 0;
    const uint8_t *rest = block + (kind == WK_MXFP4 ? 1 : has_m ? 4 : 2);
    if (kind == WK_Q8_0) {
        for (unsigned i = 0; i < 32; i++) out->code[i] = rest[i] ^ 0x80;
        return;
    }
    int five = kind == WK_Q5_0 || kind == WK_Q5_1;
    uint32_t bits = five ? load_u32(rest) : 0;
    if (five) rest += 4;
    for (unsigned i = 0; i < 16; i++) {
        out->code[i] = (uint8_t)((rest[i] & 15) | (bits >> i & 1) << 4);
        out->code[i + 16] = (uint8_t)(rest[i] >> 4 | (bits >> (i + 16) & 1) << 4);
    }
}
