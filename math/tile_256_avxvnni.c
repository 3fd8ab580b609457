/* math/tile_256_avxvnni.c - products with weights in blocks of 256, AVX-VNNI. */
#if defined(__x86_64__)
#include "math/dots_avxvnni.h"
#include "math/tiles_x86.h"
#define YMM_TILE(name) avxvnni_tile_##name
#include "math/tile_256_ymm.h"
#endif
