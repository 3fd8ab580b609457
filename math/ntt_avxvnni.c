/* math/ntt_avxvnni.c - the ring with AVX2, and a hint's products with AVX-VNNI. */
#if defined(__x86_64__)
#include "math/ntt_ymm.h"

ALWAYS_INLINE vu vu_dot2(vu acc, vu a, vu b) { return _mm256_dpwssd_avx_epi32(acc, a, b); }

#include "math/ntt_lanes.h"

const struct ntt_kern ntt_avxvnni = NTT_LANES_TABLE;
#endif
