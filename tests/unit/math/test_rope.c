/* Rope tables (rule 9) against long double library functions, and digests of whole tables. */
#include "tests/check.h"

#include <math.h>

#include "base/err.h"
#include "math/rope.h"
#include "tests/unit/math/math_util.h"

TEST(logarithm_exponential_sine_and_cosine_are_close_to_exact) {
    for (int i = 1; i < 4000; i++) {
        double x = 1e-4 * i * i, e = 0.01 * (i - 3000), a = 523.7 * i, s, c;
        CHECK(fabsl(rope_ln(x) - logl((long double)x)) <= 4e-16L * fmaxl(1, fabsl(logl((long double)x))));
        CHECK(fabsl(rope_exp(e) / expl((long double)e) - 1) <= 1e-15L);
        rope_sincos(a, &s, &c);
        CHECK(fabsl(s - sinl((long double)a)) <= 3e-16L && fabsl(c - cosl((long double)a)) <= 3e-16L);
    }
    CHECK(rope_ln(1.0) == 0.0 && rope_exp(0.0) == 1.0);
}

static const float div32[32] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1.5f,
                                2, 3, 4, 5, 6, 7, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8};
static const struct {
    struct rope_params p;
    uint64_t digest;
} tables[] = {
    {{.n_rot = 8, .base = 10000.0f}, 0x07f8780ead93ff3e},
    {{.n_rot = 128, .base = 1000000.0f}, 0x031cc8ff716a5825},
    {{.n_rot = 64, .base = 10000.0f, .scaling = ROPE_LINEAR, .factor = 4.0f}, 0x319752e20adc4255},
    {{.n_rot = 64, .base = 500000.0f, .freq_div = div32}, 0xdadc8e272821d409},
    {{.n_rot = 128, .base = 10000.0f, .scaling = ROPE_YARN, .factor = 16.0f, .n_orig = 4096}, 0x5ccfe7bc6a983a6b},
    {{.n_rot = 64,
      .base = 150000.0f,
      .scaling = ROPE_YARN,
      .factor = 32.0f,
      .n_orig = 4096,
      .beta_fast = 16.0f,
      .beta_slow = 2.0f,
      .attn_factor = 0.75f},
     0xadc29f1e1bf50f93},
};
enum { TABLES = sizeof tables / sizeof *tables };

TEST(tables_are_the_same_under_every_compiler_and_option) {
    int wrong = 0;
    for (int i = 0; i < TABLES; i++) {
        struct rope r;
        uint64_t h = 0;
        CHECK_INT(rope_init(&r, &tables[i].p), 0);
        for (uint32_t pos = 0; pos < 140000; pos += pos < 512 ? 1 : 1009) {
            float c[ROPE_DIM_MAX / 2], s[ROPE_DIM_MAX / 2];
            rope_row(&r, pos, c, s);
            h = digest(c, r.n_rot / 2 * sizeof *c, h);
            h = digest(s, r.n_rot / 2 * sizeof *s, h);
        }
        if (h != tables[i].digest) printf("# table %d: digest 0x%016llx\n", i, (unsigned long long)h), wrong++;
    }
    CHECK_INT(wrong, 0);
}

/* YaRN by the formulas of its paper in long double: ramp between the dimensions that turn beta_fast and beta_slow times. */
static long double freq_ref(const struct rope_params *p, uint32_t i) {
    long double n = p->n_rot, ln = logl((long double)p->base), f = expl(-2.0L * i / n * ln);
    if (p->freq_div != NULL) f /= (long double)p->freq_div[i];
    if (p->scaling == ROPE_NONE) return f;
    long double s = (long double)p->factor;
    if (p->scaling == ROPE_LINEAR) return f / s;
    long double fast = p->beta_fast != 0 ? (long double)p->beta_fast : 32,
                slow = p->beta_slow != 0 ? (long double)p->beta_slow : 1;
    long double lo = fmaxl(0, floorl(n * logl(p->n_orig / (fast * 2 * acosl(-1))) / (2 * ln)));
    long double hi = fminl(n - 1, ceill(n * logl(p->n_orig / (slow * 2 * acosl(-1))) / (2 * ln)));
    long double g = 1 - fminl(1, fmaxl(0, (i - lo) / fmaxl(0.001L, hi - lo)));
    return f / s * (1 - g) + f * g;
}

TEST(tables_are_close_to_library_functions) {
    for (int i = 0; i < TABLES; i++) {
        const struct rope_params *p = &tables[i].p;
        long double m = p->attn_factor != 0 ? (long double)p->attn_factor : 1;
        struct rope r;
        CHECK_INT(rope_init(&r, p), 0);
        if (p->scaling == ROPE_YARN) m *= 1 + 0.1L * logl((long double)p->factor);
        for (uint32_t pos = 0; pos < 100000; pos = pos * 3 + 1) {
            float c[ROPE_DIM_MAX / 2], s[ROPE_DIM_MAX / 2];
            rope_row(&r, pos, c, s);
            for (uint32_t d = 0; d < p->n_rot / 2; d++) {
                long double a = pos * freq_ref(p, d);
                CHECK(fabsl((long double)c[d] - m * cosl(a)) < 1.3e-7L && fabsl((long double)s[d] - m * sinl(a)) < 1.3e-7L);
            }
        }
    }
}

TEST(parameters_outside_their_range_are_refused) {
    struct rope r;
    const float nan_div[1] = {NAN}, zero_div[1] = {0};
    const struct rope_params bad[] = {
        {.n_rot = 0, .base = 10000.0f},
        {.n_rot = 7, .base = 10000.0f},
        {.n_rot = ROPE_DIM_MAX + 2, .base = 10000.0f},
        {.n_rot = 8, .base = 1.0f},
        {.n_rot = 8, .base = NAN},
        {.n_rot = 8, .base = INFINITY},
        {.n_rot = 8, .base = 10000.0f, .scaling = ROPE_LINEAR},
        {.n_rot = 8, .base = 10000.0f, .scaling = ROPE_YARN, .factor = 4.0f},
        {.n_rot = 8, .base = 10000.0f, .attn_factor = NAN},
        {.n_rot = 2, .base = 10000.0f, .freq_div = nan_div},
        {.n_rot = 2, .base = 10000.0f, .freq_div = zero_div},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) CHECK_INT(rope_init(&r, &bad[i]), ERR_RANGE);
}

TESTS_MAIN("rope", T(logarithm_exponential_sine_and_cosine_are_close_to_exact),
           T(tables_are_the_same_under_every_compiler_and_option), T(tables_are_close_to_library_functions),
           T(parameters_outside_their_range_are_refused))
