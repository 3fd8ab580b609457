/* math/kern_neoni8mm.c - AArch64 with 8-bit matrix products (smmla, Armv8.6 i8mm). */
#if defined(__aarch64__)
#include "math/lanes_neon.h"

#include "math/cpu.h"
#include "math/ntt_kern.h"
#include "math/vec_lanes.h"
#include "math/attend_lanes.h"
#include "math/float_lanes.h"
#include "math/neon_dots.h"
#define neon_dots neon_smmla
#include "math/tile_neon.h"
#include "math/row8_neon.h"

const struct kern kern_neoni8mm = {
    .name = "neoni8mm",
    .supported = cpu_has_i8mm,
    .tile = {lanes_tile_f32, lanes_tile_f16, lanes_tile_bf16, QUANT_TILES(tile)},
    .row8 = neon_row8,
    .fold = plain_fold,
    .ntt = &ntt_neon,
    .amax_bits = amax_bits,
    .quantise = quantise,
    LANES_TABLE,
};
#endif
