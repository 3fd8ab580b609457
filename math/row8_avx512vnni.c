/* math/row8_avx512vnni.c - row8's kernel for AVX-512 VNNI: the 16 rows are one register's lanes. vpdpbusd adds four products of an
 * unsigned and a signed byte to 32 bits without saturation; sums may pass 2^31 on the way, modulo 2^32 that does no harm. */
#if defined(__x86_64__)
#include "math/codes_avx512.h"
#include "math/row8_x86.h"
#include "math/width.h"

/* w digits (constant). The instruction has a latency of 4 or 5: few digits take several lines at a time, with sums of their own. */
ALWAYS_INLINE void digits(unsigned w, const uint8_t *group, uint32_t lines, const uint8_t *panel, int32_t *out) {
    const unsigned sets = w <= 3 ? 4 : w <= 6 ? 2 : 1;
    __m512i sum[WIDTH_MAX]; /* of digit t in set s at s * w + t */
    const uint8_t *a = panel + 4 * w;
    uint32_t l = 0;
    EACH(s, sets) EACH(t, w) sum[s * w + t] = s == 0 ? spread(panel + 4 * t) : _mm512_setzero_si512();
    for (; l + sets <= lines; l += sets, group += ROW8_LINE * sets, a += 4 * w * sets) EACH(s, sets) {
            __m512i q = line(group + ROW8_LINE * s);
            EACH(t, w) sum[s * w + t] = _mm512_dpbusd_epi32(sum[s * w + t], q, spread(a + 4 * (s * w + t)));
        }
    for (; l < lines; l++, group += ROW8_LINE, a += 4 * w)
        EACH(t, w) sum[t] = _mm512_dpbusd_epi32(sum[t], line(group), spread(a + 4 * t));
    EACH(s, sets - 1) EACH(t, w) sum[t] = _mm512_add_epi32(sum[t], sum[(s + 1) * w + t]);
    EACH(t, w) _mm512_storeu_si512(out + ROW8_GROUP * t, sum[t]);
}

void avx512_row8(const uint8_t *group, uint32_t lines, const uint8_t *panel, uint32_t width, int32_t *out) {
    FOR_WIDTH(width, digits, group, lines, panel, out)
}
#endif
