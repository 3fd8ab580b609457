/* math/kern_avx512vnni.c - AVX-512 with VNNI: 16 lanes. The products with quantised weights are in tile_32_avx512vnni.c and
 * tile_256_avx512vnni.c. */
#if defined(__x86_64__)
#include "math/lanes_avx512.h"

#include "math/cpu.h"
#include "math/ntt_kern.h"
#include "math/vec_lanes.h"
#include "math/attend_lanes.h"
#include "math/float_lanes.h"
#include "math/tiles_x86.h"
#include "math/row8_x86.h"

static uint32_t amax_bits(const float *x, uint32_t n) {
    __m512i m = _mm512_setzero_si512(), mag = _mm512_set1_epi32(0x7fffffff);
    for (uint32_t i = 0; i < n; i += 16) m = _mm512_max_epi32(m, _mm512_and_si512(_mm512_loadu_si512(x + i), mag));
    return (uint32_t)_mm512_reduce_max_epi32(m);
}

static void quantise(const float *x, uint32_t n, float r, int8_t *q, int32_t *sums16) {
    for (uint32_t i = 0; i < n; i += 16) {
        __m512i v = _mm512_cvtps_epi32(vf_mul(vf_load(x + i), vf_set1(r))); /* to nearest even */
        _mm_storeu_si128((__m128i *)(void *)(q + i), _mm512_cvtepi32_epi8(v));
        sums16[i / 16] = _mm512_reduce_add_epi32(v);
    }
}

const struct kern kern_avx512vnni = {
    .name = "avx512vnni",
    .supported = cpu_has_avx512vnni,
    .tile = {lanes_tile_f32, lanes_tile_f16, lanes_tile_bf16, QUANT_TILES(avx512_tile)},
    .row8 = avx512_row8,
    .fold = avx512_fold,
    .ntt = &ntt_avx512vnni,
    .amax_bits = amax_bits,
    .quantise = quantise,
    LANES_TABLE,
};
#endif
