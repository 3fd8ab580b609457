/* math/row8_avxvnni.c - row8's kernel for AVX-VNNI: vpdpbusd on 256-bit registers, see row8_avx512vnni.c. */
#if defined(__x86_64__)
#include "math/dots_avxvnni.h"
#include "math/row8_x86.h"

ALWAYS_INLINE __m256i first_sum(const uint8_t *p) { return spread(p); }
ALWAYS_INLINE __m256i row8_weights(const uint8_t *p) { return half_line(p); }
ALWAYS_INLINE __m256i row8_dot(__m256i sum, __m256i w, __m256i d) { return DPBUSD(sum, w, d); }

#define YMM_ROW8 avxvnni_row8
#include "math/row8_ymm.h"
#endif
