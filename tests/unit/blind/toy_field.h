/* tests/unit/blind/toy_field.h - a field of a few elements, where what happens once in p^3 or for one x in p can be counted. */
#ifndef TESTS_UNIT_BLIND_TOY_FIELD_H
#define TESTS_UNIT_BLIND_TOY_FIELD_H

#include "math/field.h"

static inline struct field toy_field(uint32_t p) { /* an odd prime */
    struct field f = {.p = p, .wire_bits = 24, .draw_bytes = 3, .digits = 3, .terms_max = 65536};
    f.inverse = UINT64_MAX / p;
    f.half_range = (uint32_t)((UINT64_C(1) << 63) % p);
    while (1u << f.draw_bits < p) f.draw_bits++;
    return f;
}

/* Pearson's statistic of counts that should be equal; its mean is n - 1, its variance 2 (n - 1). */
static inline double chi_square(const uint64_t *counts, size_t n) {
    double all = 0, sum = 0;
    for (size_t i = 0; i < n; i++) all += (double)counts[i];
    for (size_t i = 0; i < n; i++) {
        double d = (double)counts[i] - all / (double)n;
        sum += d * d;
    }
    return sum / (all / (double)n);
}
/* Six standard deviations: a fair source passes but for one time in some hundred million. */
static inline int looks_uniform(const uint64_t *counts, size_t n) {
    double above = chi_square(counts, n) - (double)(n - 1);
    return above * above < 36 * 2 * (double)(n - 1) || above < 0;
}

#endif
