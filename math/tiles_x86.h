/* math/tiles_x86.h - products with quantised weights (rules 3, 4) for AVX2, AVX-VNNI and AVX-512 VNNI: tile_32_*.c, tile_256_*.c. */
#ifndef MATH_TILES_X86_H
#define MATH_TILES_X86_H

#include "math/kern_table.h"

tile_fn avx2_tile_q8_0, avx2_tile_q4_0, avx2_tile_q4_1, avx2_tile_q5_0, avx2_tile_q5_1, avx2_tile_iq4_nl, avx2_tile_mxfp4;
tile_fn avx2_tile_q2_k, avx2_tile_q3_k, avx2_tile_q4_k, avx2_tile_q5_k, avx2_tile_q6_k, avx2_tile_iq4_xs;
tile_fn avxvnni_tile_q8_0, avxvnni_tile_q4_0, avxvnni_tile_q4_1, avxvnni_tile_q5_0, avxvnni_tile_q5_1, avxvnni_tile_iq4_nl,
    avxvnni_tile_mxfp4;
tile_fn avxvnni_tile_q2_k, avxvnni_tile_q3_k, avxvnni_tile_q4_k, avxvnni_tile_q5_k, avxvnni_tile_q6_k, avxvnni_tile_iq4_xs;
tile_fn avx512_tile_q8_0, avx512_tile_q4_0, avx512_tile_q4_1, avx512_tile_q5_0, avx512_tile_q5_1, avx512_tile_iq4_nl,
    avx512_tile_mxfp4;
tile_fn avx512_tile_q2_k, avx512_tile_q3_k, avx512_tile_q4_k, avx512_tile_q5_k, avx512_tile_q6_k, avx512_tile_iq4_xs;

#endif
