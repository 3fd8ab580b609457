/* Vectors and scalars (rules 6 to 9 and 12): every kernel against a transcription of the rules, exp against libm. */
#include "tests/check.h"

#include <math.h>

#include "math/float_bits.h"
#include "math/kern.h"
#include "math/rope.h"
#include "math/scalar.h"
#include "math/vec.h"
#include "tests/unit/math/math_util.h"

static float exp_ref(float x) {
    if (x < -87.0f) return 0.0f;
    if (x > 88.0f) x = 88.0f;
    float z = fmaf(x, 0x1.715476p+0f, 0x1.8p23f), n = z - 0x1.8p23f;
    float b = fmaf(-n, 0x1.62e4p-1f, x);
    b = fmaf(-n, 0x1.7f7d1cp-20f, b);
    float u = b * b, p = fmaf(0x1.0e4020p-7f, b, 0x1.573e2ep-5f), q = fmaf(0x1.555e66p-3f, b, 0x1.fffdb6p-2f);
    float c0b = 0x1.ffffecp-1f * b, j = fmaf(fmaf(p, u, q), u, c0b), k;
    uint32_t bits;
    memcpy(&bits, &z, 4);
    bits = (bits << 23) + 0x3f800000u;
    memcpy(&k, &bits, 4);
    return fmaf(k, j, k);
}
static float silu_ref(float x) { return x / (1.0f + exp_ref(-x)); }
static float gelu_ref(float x) {
    volatile float c = x * x, d = c * x, e = 0x1.6e4e26p-5f * d, v = x + e, w = -0x1.988454p+0f * v;
    return x / (1.0f + exp_ref(w));
}
static float softcap_ref(float x, float cap) {
    volatile float y = x / cap, e = exp_ref(2.0f * y), f = 2.0f / (1.0f + e), t = 1.0f - f;
    return cap * t;
}
static float sum64_ref(const float *x, size_t n, int squares) {
    float s[64] = {0};
    for (size_t i = 0; i < n; i++) s[i % 64] = squares ? fmaf(x[i], x[i], s[i % 64]) : s[i % 64] + x[i];
    for (int h = 32; h > 0; h /= 2)
        for (int j = 0; j < h; j++) s[j] = s[j] + s[j + h];
    return s[0];
}
static int same(float a, float b) { return f32_bits(a) == f32_bits(b); }

enum { N_MAX = 331 };
/* Ordinary numbers, then zeros of both signs, subnormals, extremes. */
static void mixed(struct rng *r, float *x, size_t n, float scale) {
    static const float odd[] = {0.0f,  -0.0f, 0x1p-149f, -0x1p-130f, 3.4e38f, -3.4e38f,
                                88.0f, 88.1f, -87.0f,    -87.0001f,  1e-20f,  100.0f};
    rng_fill(r, x, n, scale);
    for (size_t i = 0; i < n; i++)
        if (rng_u32(r) % 8 == 0) x[i] = odd[rng_u32(r) % 12];
}

TEST(every_kernel_computes_the_rules_bit_for_bit) {
    static const size_t sizes[] = {1, 2, 7, 8, 15, 16, 17, 63, 64, 65, 100, 128, 331};
    struct rng r = {11};
    for (unsigned ki = 0; kern_nth(ki) != NULL; ki++)
        for (size_t si = 0; si < sizeof sizes / sizeof *sizes; si++) {
            const struct kern *k = kern_nth(ki);
            size_t n = sizes[si];
            float a[N_MAX], b[N_MAX], y[N_MAX + 1];
            mixed(&r, a, n, 20.0f);
            rng_fill(&r, b, n, 2.0f);
            y[n] = 7.0f;
            vec_exp(k, y, a, n);
            for (size_t i = 0; i < n; i++) CHECK(same(y[i], exp_ref(a[i])) && same(y[i], canon_exp(a[i])));
            vec_swiglu(k, y, a, b, n);
            for (size_t i = 0; i < n; i++) CHECK(same(y[i], silu_ref(a[i]) * b[i]) && same(canon_silu(a[i]), silu_ref(a[i])));
            vec_softcap(k, y, a, 30.0f, n);
            for (size_t i = 0; i < n; i++) CHECK(same(y[i], softcap_ref(a[i], 30.0f)) && same(y[i], canon_softcap(a[i], 30.0f)));
            vec_add(k, y, a, b, n);
            for (size_t i = 0; i < n; i++) CHECK(same(y[i], a[i] + b[i]));
            vec_scale(k, y, a, 0.3f, n);
            for (size_t i = 0; i < n; i++) CHECK(same(y[i], a[i] * 0.3f));
            memcpy(y, b, n * sizeof *y);
            vec_axpy(k, y, a, 0.3f, n);
            for (size_t i = 0; i < n; i++) CHECK(same(y[i], fmaf(a[i], 0.3f, b[i])));
            vec_divide(y, a, 3.0f, n);
            for (size_t i = 0; i < n; i++) CHECK(same(y[i], a[i] / 3.0f));
            rng_fill(&r, a, n, 5.0f);
            vec_geglu(k, y, a, b, n);
            for (size_t i = 0; i < n; i++) CHECK(same(y[i], gelu_ref(a[i]) * b[i]) && same(canon_gelu(a[i]), gelu_ref(a[i])));
            CHECK(same(vec_sum64(k, a, n), sum64_ref(a, n, 0)));
            vec_rmsnorm(k, y, a, b, n, 1e-5f);
            float ms = sum64_ref(a, n, 1) / (float)n, inv = 1.0f / sqrtf(ms + 1e-5f);
            for (size_t i = 0; i < n; i++) {
                volatile float xr = a[i] * inv;
                CHECK(same(y[i], xr * b[i]));
            }
            CHECK(y[n] == 7.0f); /* nothing past the end is written */
        }
}

TEST(rotation_of_both_pairings_follows_the_rule) {
    static const uint32_t rots[] = {2, 4, 6, 8, 14, 16, 34, 64, 128};
    struct rng r = {5};
    for (unsigned ki = 0; kern_nth(ki) != NULL; ki++)
        for (unsigned ri = 0; ri < 9; ri++)
            for (unsigned half = 0; half < 2; half++) {
                uint32_t n = rots[ri];
                float x[140], y[140], c[64], s[64];
                rng_fill(&r, x, 140, 4.0f);
                rng_fill(&r, c, 64, 1.0f);
                rng_fill(&r, s, 64, 1.0f);
                memcpy(y, x, sizeof y);
                rope_apply(kern_nth(ki), y, n, half ? ROPE_PAIRS_HALF : ROPE_PAIRS_NEXT, c, s);
                for (uint32_t i = 0; i < n / 2; i++) {
                    uint32_t i0 = half ? i : 2 * i, i1 = half ? i + n / 2 : 2 * i + 1;
                    volatile float t = x[i1] * s[i], u = x[i1] * c[i];
                    CHECK(same(y[i0], fmaf(x[i0], c[i], -t)) && same(y[i1], fmaf(x[i0], s[i], u)));
                }
                CHECK_MEM(y + n, x + n, (140 - n) * sizeof *x);
            }
}

TEST(nan_and_infinity_are_found_anywhere_and_pass_through_silu) {
    static const uint32_t evil[] = {0x7f800000, 0xff800000, 0x7fc00000, 0xffc00001, 0x7f800001};
    for (unsigned ki = 0; kern_nth(ki) != NULL; ki++)
        for (size_t n = 1; n < 70; n++)
            for (size_t at = 0; at < n; at++) {
                float x[70] = {0}, one[70], y[70];
                for (size_t i = 0; i < n; i++) x[i] = i % 2 ? 3.4e38f : -0.0f, one[i] = 1.0f;
                CHECK_INT(vec_finite(kern_nth(ki), x, n), 1);
                x[at] = f32_from_bits(evil[(n + at) % 5]);
                CHECK_INT(vec_finite(kern_nth(ki), x, n), 0);
                if (!(x[at] != x[at])) continue;
                vec_swiglu(kern_nth(ki), y, x, one, n);
                CHECK(f32_not_finite(y[at]));
            }
}

TEST(exp_is_within_two_ulp_and_never_above_one_for_negatives) {
    double worst = 0;
    for (double d = -87.0; d <= 88.0; d += 0.00037) {
        float x = (float)d, got = canon_exp(x);
        double want = exp((double)x), ulp = ldexp(1.0, ilogb(want) - 23), err = fabs((double)got - want) / ulp;
        worst = err > worst ? err : worst;
        if (x <= 0) CHECK(got <= 1.0f);
    }
    printf("# largest error of exp: %.3f ulp\n", worst);
    CHECK(worst <= 2.0);
    CHECK(canon_exp(0.0f) == 1.0f && canon_exp(-0.0f) == 1.0f && canon_exp(-1e30f) == 0.0f &&
          canon_exp(1e30f) == canon_exp(88.0f));
}

TEST(rounding_goes_to_nearest_even) {
    CHECK(canon_rint(0.5f) == 0.0f && canon_rint(1.5f) == 2.0f && canon_rint(2.5f) == 2.0f && canon_rint(-2.5f) == -2.0f);
    CHECK(canon_rint(126.5f) == 126.0f && canon_rint(-127.49f) == -127.0f);
}

TEST(sampler_weights_and_draws) {
    CHECK(canon_weight(3.0f, 3.0f, 0.7f) == (uint64_t)1 << 40);
    CHECK(canon_weight(-100.0f, 3.0f, 1.0f) == 0);
    CHECK(canon_weight(2.0f, 3.0f, 0.5f) == (uint64_t)(exp_ref(-2.0f) * 0x1p40f));
    CHECK(canon_mulhi64(0x8b62d1b0976aa080u, 1000) == 544 && canon_mulhi64(~(uint64_t)0, ~(uint64_t)0) == ~(uint64_t)0 - 1);
}

TEST(vectors_are_the_same_under_every_compiler_and_option) {
    struct rng r = {77};
    float a[N_MAX], b[N_MAX], y[N_MAX];
    int wrong = 0;
    mixed(&r, a, N_MAX, 30.0f);
    rng_fill(&r, b, N_MAX, 2.0f);
    for (unsigned ki = 0; kern_nth(ki) != NULL; ki++) {
        const struct kern *k = kern_nth(ki);
        uint64_t h = 0;
        vec_swiglu(k, y, a, b, N_MAX), h = digest(y, sizeof y, h);
        vec_softcap(k, y, a, 50.0f, N_MAX), h = digest(y, sizeof y, h);
        vec_geglu(k, y, b, a, N_MAX), h = digest(y, sizeof y, h);
        vec_rmsnorm(k, y, b, b, N_MAX, 1e-6f), h = digest(y, sizeof y, h);
        vec_exp(k, y, a, N_MAX), h = digest(y, sizeof y, h);
        if (h != 0x8266ff8875ef462b) printf("# %s: digest 0x%016llx\n", kern_name(k), (unsigned long long)h), wrong++;
    }
    CHECK_INT(wrong, 0);
}

TEST(kernels_are_chosen_by_name) {
    const struct kern *k = NULL;
    struct why why = {{0}};
    CHECK_INT(kern_select(&k, NULL, &why), 0);
    CHECK(k != NULL);
    CHECK_INT(kern_select(&k, "plain", &why), 0);
    CHECK_STR(kern_name(k), "plain");
    CHECK_INT(kern_select(&k, "fast", &why), ERR_USAGE);
    CHECK(strstr(why.text, "avx512vnni") != NULL);
    CHECK_STR(kern_name(k), "plain"); /* unchanged by a failure */
    for (unsigned i = 0; kern_nth(i) != NULL; i++) {
        CHECK_INT(kern_select(&k, kern_name(kern_nth(i)), &why), 0);
        CHECK(k == kern_nth(i));
    }
    CHECK(kern_float_mode_ok());
}

TESTS_MAIN("vec", T(every_kernel_computes_the_rules_bit_for_bit), T(rotation_of_both_pairings_follows_the_rule),
           T(nan_and_infinity_are_found_anywhere_and_pass_through_silu),
           T(exp_is_within_two_ulp_and_never_above_one_for_negatives), T(rounding_goes_to_nearest_even),
           T(sampler_weights_and_draws), T(vectors_are_the_same_under_every_compiler_and_option), T(kernels_are_chosen_by_name))
