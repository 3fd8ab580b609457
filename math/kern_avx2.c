/* math/kern_avx2.c - AVX2 with FMA and F16C: 8 lanes. The products with quantised weights are in tile_32_avx2.c and
 * tile_256_avx2.c. */
#if defined(__x86_64__)
#include "math/lanes_avx2.h"

#include "math/cpu.h"
#include "math/ntt_kern.h"
#include "math/acts_ymm.h"
#include "math/vec_lanes.h"
#include "math/attend_lanes.h"
#include "math/float_lanes.h"
#include "math/tiles_x86.h"
#include "math/row8_x86.h"

const struct kern kern_avx2 = {
    .name = "avx2",
    .supported = cpu_has_avx2,
    .tile = {lanes_tile_f32, lanes_tile_f16, lanes_tile_bf16, QUANT_TILES(avx2_tile)},
    .row8 = avx2_row8,
    .fold = avx2_fold,
    .ntt = &ntt_avx2,
    .amax_bits = amax_bits,
    .quantise = quantise,
    LANES_TABLE,
};
#endif
