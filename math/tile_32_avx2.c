/* math/tile_32_avx2.c - products with weights in blocks of 32, AVX2. */
#if defined(__x86_64__)
#include "math/dots_avx2.h"
#include "math/tiles_x86.h"
#define YMM_TILE(name) avx2_tile_##name
#include "math/tile_32_ymm.h"
#endif
