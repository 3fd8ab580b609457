/* math/kern_avxvnni.c - AVX2 with AVX-VNNI, for processors without AVX-512: 8 lanes. The products with quantised weights are in
 * tile_32_avxvnni.c and tile_256_avxvnni.c. */
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

const struct kern kern_avxvnni = {
    .name = "avxvnni",
    .supported = cpu_has_avxvnni,
    .tile = {lanes_tile_f32, lanes_tile_f16, lanes_tile_bf16, QUANT_TILES(avxvnni_tile)},
    .row8 = avxvnni_row8,
    .fold = avx2_fold,
    .ntt = &ntt_avxvnni,
    .amax_bits = amax_bits,
    .quantise = quantise,
    LANES_TABLE,
};
#endif
