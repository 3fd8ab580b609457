/* math/ntt_avx2.c - the ring with AVX2. */
#if defined(__x86_64__)
#include "math/ntt_ymm.h"

ALWAYS_INLINE vu vu_dot2(vu acc, vu a, vu b) { return _mm256_add_epi32(acc, _mm256_madd_epi16(a, b)); }

#include "math/ntt_lanes.h"

const struct ntt_kern ntt_avx2 = NTT_LANES_TABLE;
#endif
