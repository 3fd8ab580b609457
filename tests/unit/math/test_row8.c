/* Profile C1-row8's integers: weights and tokens against transcriptions of the rules, and the bound that no sum may reach. */
#include "tests/check.h"

#include <math.h>

#include "base/err.h"
#include "math/float_bits.h"
#include "math/row8.h"
#include "tests/unit/math/math_util.h"

__extension__ typedef __int128 i128;

static const uint32_t lengths[] = {1, 2, 3, 15, 16, 17, 31, 63, 64, 65, 255, 256, 257, 300, 1000, 2048, 8192, 8193};
enum { LENGTHS = sizeof lengths / sizeof *lengths, LONGEST = 65536 };
static float x[LONGEST];
static int32_t q[LONGEST];
static int8_t w[LONGEST], w_again[LONGEST];

/* The correctly rounded quotient and product: binary64 has more than twice the bits, so rounding twice is rounding once. */
static float div_ref(float a, float b) { return (float)((double)a / (double)b); }
static float mul_ref(float a, float b) { return (float)((double)a * (double)b); }
static float amax_ref(const float *v, uint32_t n) {
    float most = 0;
    for (uint32_t i = 0; i < n; i++) most = fabsf(v[i]) > most ? fabsf(v[i]) : most;
    return most;
}

TEST(shapes_outside_the_limits_are_refused) {
    struct row8 m;
    CHECK_INT(row8_shape(&m, 0, 1), ERR_RANGE);
    CHECK_INT(row8_shape(&m, 1, 0), ERR_RANGE);
    CHECK_INT(row8_shape(&m, ROW8_ROWS_MAX + 1, 1), ERR_RANGE);
    CHECK_INT(row8_shape(&m, 1, ROW8_COLS_MAX + 1), ERR_RANGE);
    CHECK_INT(row8_shape(&m, ROW8_ROWS_MAX, ROW8_COLS_MAX), 0);
    CHECK(row8_bytes(&m) == (size_t)ROW8_ROWS_MAX * ROW8_COLS_MAX && m.data == NULL);
}

TEST(packed_rows_come_back_whatever_the_parts_they_are_stored_in) {
    static const uint32_t rows[] = {1, 15, 16, 17, 33, 48}, cols[] = {1, 3, 4, 5, 31, 64};
    struct rng r = {1};
    for (uint32_t i = 0; i < 36; i++) {
        struct row8 m;
        CHECK_INT(row8_shape(&m, rows[i / 6], cols[i % 6]), 0);
        CHECK(m.group_bytes % 64 == 0 && m.groups == (m.rows + 15) / 16 && row8_bytes(&m) == m.groups * m.group_bytes);
        m.data = aligned(row8_bytes(&m) + 64);
        for (uint32_t j = 0; j < m.rows * m.cols; j++) w[j] = (int8_t)((int)(rng_u32(&r) % 255) - 127);
        for (uint32_t end = m.rows, first; end > 0; end = first) { /* the last groups first, one or two at a time */
            first = end > 16 * (1 + i % 2) ? (end - 1) / 16 * 16 - 16 * (i % 2) : 0;
            row8_pack(&m, first, end - first, w + first * m.cols);
        }
        CHECK_INT(m.data[row8_bytes(&m)], 0xa5);
        for (uint32_t j = 0; j < m.rows; j++) {
            w_again[m.cols] = 99;
            row8_unpack(&m, j, w_again);
            CHECK_MEM(w_again, w + j * m.cols, m.cols);
            CHECK_INT(w_again[m.cols], 99);
        }
        free(m.data);
    }
}

/* ---- weights ---- */

static void check_row(uint32_t n) { /* of x */
    float amax = amax_ref(x, n), scale, want_scale = amax < 0x1p-100f ? 0.0f : div_ref(amax, 127.0f);
    for (unsigned k = 0; kern_nth(k) != NULL; k++) {
        w[n % LONGEST] = 99;
        CHECK_INT(row8_quantise(kern_nth(k), x, n, w, &scale), 0);
        CHECK_INT(f32_bits(scale), f32_bits(want_scale));
        for (uint32_t i = 0; i < n; i++)
            CHECK_INT(w[i], amax < 0x1p-100f ? 0 : (int)nearbyint((double)mul_ref(x[i], div_ref(127.0f, amax))));
        if (n < LONGEST) CHECK_INT(w[n], 99);
    }
}

TEST(rows_become_integers_by_the_rule) {
    struct rng r = {2};
    for (uint32_t i = 0; i < LENGTHS; i++)
        for (int kind = 0; kind < 6; kind++) {
            static const float size[] = {1.0f, 0x1p-100f, 0x1p-99f, 3.4e38f, 0x1p-120f, 0.037f};
            rng_fill(&r, x, lengths[i], size[kind]);
            if (kind < 2) x[rng_u32(&r) % lengths[i]] = kind ? -0x1p-100f : 63.5f; /* the least that counts; ties: 2 * x */
            check_row(lengths[i]);
            memset(x, 0, lengths[i] * sizeof *x);
            check_row(lengths[i]);
        }
    for (int i = 0; i < 254; i++) x[i] = (float)(i - 127) / 2 * 0.25f; /* every half: ties go to even */
    check_row(254);
}

static const uint32_t evil[] = {0x7f800000, 0xff800000, 0x7fc00000, 0xffc00001, 0x7f800001};

TEST(a_value_that_is_not_finite_is_refused_wherever_it_is) {
    for (unsigned k = 0; kern_nth(k) != NULL; k++)
        for (uint32_t e = 0; e < 5; e++)
            for (uint32_t at = 0; at < 83; at++) {
                float scale;
                for (uint32_t i = 0; i < 83; i++) x[i] = 1.0f;
                x[at] = f32_from_bits(evil[e]);
                CHECK_INT(row8_quantise(kern_nth(k), x, 83, w, &scale), ERR_NONFINITE);
                CHECK_INT(row8_token(kern_nth(k), x, 83, 1000, q, &scale), ERR_NONFINITE);
            }
}

TEST(squares_of_a_row_add_up) {
    uint64_t want = 0;
    memset(w, -127, sizeof w);
    CHECK_INT(row8_norm2(w, LONGEST), (uint64_t)LONGEST * 127 * 127);
    for (int i = 0; i < 255; i++) {
        w[i] = (int8_t)(i - 127);
        CHECK_INT(row8_norm2(w, (uint32_t)i), want);
        want += (uint64_t)((i - 127) * (i - 127));
    }
    CHECK_INT(row8_norm2(w, 0), 0);
}

/* ---- the bound ---- */

static long double noise(const struct field *f) { return f->p == FIELD_P24 ? 0.8L : 1.6L; }

TEST(the_bound_is_the_largest_that_the_formula_allows) {
    static const uint32_t cols[] = {1, 2, 64, 300, 2048, 8192, 8193, 14336, 65536};
    uint32_t t, before;
    for (int i = 0; i < 9; i++) {
        const struct field *f = field_of(cols[i]);
        before = ROW8_T_MAX;
        for (uint64_t norm2 = 1; norm2 <= (uint64_t)cols[i] * 127 * 127; norm2 += 1 + norm2 / 7) {
            long double exact = ((long double)f->p / 2 - 1) / sqrtl((long double)norm2) - (noise(f) + 0.5L) * sqrtl(cols[i]);
            CHECK_INT(row8_bound(f, cols[i], norm2, &t), 0); /* no matrix of ours is refused */
            CHECK(t >= 1 && t <= ROW8_T_MAX && t <= before);
            CHECK((long double)t <= exact - 1 + 1e-9L);
            CHECK(t == ROW8_T_MAX || (long double)t > exact - 2 - 1e-9L);
            before = t;
        }
        CHECK(row8_bound(f, cols[i], 0, &t) == 0 && t == ROW8_T_MAX);
    }
}

TEST(a_norm_too_large_for_any_token_is_refused) {
    uint32_t t = 77;
    CHECK_INT(row8_bound(field_of(1), 1, UINT64_C(1) << 46, &t), ERR_RANGE);
    CHECK_INT(row8_bound(field_of(1), 1, UINT64_MAX, &t), ERR_RANGE);
    CHECK_INT(t, 77);
}

/* ---- tokens ---- */

static float sum64_ref(const float *v, uint32_t n) {
    float s[64] = {0};
    for (uint32_t i = 0; i < n; i++) s[i % 64] = fmaf(v[i], v[i], s[i % 64]);
    for (int h = 32; h > 0; h /= 2)
        for (int j = 0; j < h; j++) s[j] = s[j] + s[j + h];
    return s[0];
}

static i128 norm2_of(const int32_t *v, uint32_t n) {
    i128 sum = 0;
    for (uint32_t i = 0; i < n; i++) sum += (i128)v[i] * v[i];
    return sum;
}

/* x to q, by every kernel, against the rule. */
static void check_token(uint32_t n, uint32_t t) {
    float scale, want = amax_ref(x, n) < 0x1p-50f ? 0.0f : div_ref((float)sqrt((double)sum64_ref(x, n)), (float)t);
    for (unsigned k = 0; kern_nth(k) != NULL; k++) {
        if (n < LONGEST) q[n] = 99;
        CHECK_INT(row8_token(kern_nth(k), x, n, t, q, &scale), 0);
        CHECK_INT(f32_bits(scale), f32_bits(want));
        for (uint32_t i = 0; i < n; i++) {
            int32_t v = want > 0 ? (int32_t)nearbyint((double)div_ref(x[i], want)) : 0;
            if (q[i] != v || abs(v) > (int32_t)t + 1) CHECK_INT(q[i], v);
        }
        if (n < LONGEST) CHECK_INT(q[n], 99);
    }
    long double norm = sqrtl((long double)norm2_of(q, n));
    CHECK(norm <= t + 1 + sqrtl(n) / 2);
    CHECK(want == 0 || norm >= t - 1 - sqrtl(n) / 2);
}

TEST(tokens_become_integers_by_the_rule) {
    static const uint32_t t[] = {1, 2, 100, 4711, 65536};
    static const float size[] = {1.0f, 0x1p-49f, 0x1p-50f, 1e17f, 12.5f};
    struct rng r = {3};
    for (uint32_t i = 0; i < LENGTHS; i++)
        for (int j = 0; j < 25; j++) {
            rng_fill(&r, x, lengths[i], size[j / 5]);
            if (j % 3 == 1) x[rng_u32(&r) % lengths[i]] = 100 * size[j / 5]; /* one that stands out */
            check_token(lengths[i], t[j % 5]);
        }
    memset(x, 0, sizeof x);
    check_token(300, 1000);
    x[7] = -0x1.fffffep-51f; /* the largest that counts as nothing; the least that does not */
    check_token(300, 1000);
    x[7] = -0x1p-50f;
    check_token(300, 1000);
}

TEST(a_token_whose_norm_overflows_is_refused) {
    float scale;
    for (unsigned k = 0; kern_nth(k) != NULL; k++) {
        for (int i = 0; i < 64; i++) x[i] = 1e19f;
        CHECK_INT(row8_token(kern_nth(k), x, 64, 1000, q, &scale), ERR_NONFINITE);
        for (int i = 0; i < 64; i++) x[i] = 1e18f;
        CHECK_INT(row8_token(kern_nth(k), x, 64, 1000, q, &scale), 0);
    }
}

TEST(digits_of_a_token_hold_its_largest_integers) {
    static const int64_t most[] = {0, 127, 127 * 257, 127 * 65793};
    for (uint32_t t = 1; t <= ROW8_T_MAX; t++) {
        uint32_t d = row8_token_digits(t);
        CHECK(d >= 1 && d <= 3 && t + 1 <= most[d] && t + 1 > most[d - 1]);
    }
}

/* ---- no sum reaches p / 2, for hostile weights and tokens ---- */

/* Row number `kind` of a matrix made to overflow: long, lopsided, sparse, or of a single weight. */
static void hostile_row(int kind, uint32_t n, struct rng *r) {
    for (uint32_t i = 0; i < n; i++) switch (kind) {
        case 0: w[i] = 127; break;
        case 1: w[i] = i % 2 ? 127 : -127; break;
        case 2: w[i] = (int8_t)(i == n / 2); break; /* norm 1: the largest T */
        case 3: w[i] = (int8_t)((int)(rng_u32(r) % 255) - 127); break;
        case 4: w[i] = i % 64 == 3 ? 127 : 0; break;
        default: w[i] = (int8_t)(i < 3 ? 127 : 1); break;
        }
}
/* Token number `kind` against row w: along it, or made to be rounded up everywhere. */
static void hostile_token(int kind, uint32_t n, uint32_t t, struct rng *r) {
    for (uint32_t i = 0; i < n; i++) {
        float sign = w[i] < 0 ? -1.0f : 1.0f;
        switch (kind) {
        case 0: x[i] = (float)w[i]; break;
        case 1: x[i] = sign; break;
        case 2: x[i] = sign * (1.0f + (float)(rng_u32(r) % 64) * 0x1p-14f); break; /* sums lose the same half again and again */
        case 3: x[i] = i == n / 2 ? sign : 0.0f; break;
        case 4: x[i] = i < 64 ? sign : sign * 0x1p-12f; break; /* 1 + 2^-24 rounds to 1: most of the norm is lost */
        case 5: x[i] = sign * (0.5001f + (float)(i % 3)) / (float)t; break;
        default: x[i] = rng_f32(r); break;
        }
    }
}

TEST(no_sum_reaches_half_of_p_for_hostile_weights_and_tokens) {
    static const uint32_t cols[] = {1, 3, 64, 2048, 8192, 8193, 65536};
    const struct kern *k;
    struct rng r = {4};
    CHECK_INT(kern_select(&k, NULL, NULL), 0);
    double highest = 0;
    for (int c = 0; c < 7; c++)
        for (int row = 0; row < 6; row++)
            for (int token = 0; token < 7; token++) {
                const struct field *f = field_of(cols[c]);
                float scale;
                uint32_t n = cols[c], t;
                int64_t sum = 0;
                hostile_row(row, n, &r);
                CHECK_INT(row8_bound(f, n, row8_norm2(w, n), &t), 0);
                hostile_token(token, n, t, &r);
                CHECK_INT(row8_token(k, x, n, t, q, &scale), 0);
                for (uint32_t i = 0; i < n; i++) sum += (int64_t)w[i] * q[i];
                CHECK(2 * llabs(sum) < f->p - 2);
                /* whatever row of that norm, and whatever noise up to g in each element */
                long double norm = sqrtl((long double)(row8_norm2(w, n) > 0 ? row8_norm2(w, n) : 1));
                CHECK(norm * (sqrtl((long double)norm2_of(q, n)) + noise(f) * sqrtl(n)) < (long double)f->p / 2 - 1);
                double part = 2.0 * (double)llabs(sum) / f->p;
                highest = part > highest ? part : highest;
            }
    printf("# the highest sum was %.6f of p / 2\n", highest);
    CHECK(highest > 0.98); /* or these inputs are not what they claim to be */
}

/* ---- back to floats, and drift ---- */

TEST(sums_are_converted_once_then_scaled_then_biased) {
    const int32_t sum[] = {0, 1, -1, (1 << 24) + 1, (1 << 24) + 3, -(1 << 24) - 1, 33554428, -8355709};
    float row_scale[8], bias[8], y[9];
    struct rng r = {5};
    rng_fill(&r, row_scale, 8, 0.01f);
    rng_fill(&r, bias, 8, 5.0f);
    y[8] = 99;
    for (int with = 0; with < 2; with++) {
        row8_scale(sum, row_scale, 0.37f, with ? bias : NULL, 8, y);
        for (int i = 0; i < 8; i++) {
            float v = mul_ref((float)nearbyint((double)sum[i]), mul_ref(row_scale[i], 0.37f));
            CHECK_INT(f32_bits(y[i]), f32_bits(with ? (float)((double)v + (double)bias[i]) : v));
        }
    }
    CHECK(y[8] == 99.0f);
    CHECK((float)sum[3] == 0x1p24f && (float)sum[4] == 0x1p24f + 4); /* ties to even */
}

TEST(integers_are_the_same_under_every_compiler_and_option) {
    const uint64_t want = 0xce5d941715c8f4cb;
    int wrong = 0;
    for (unsigned k = 0; kern_nth(k) != NULL; k++) {
        struct rng r = {6};
        uint64_t h = 0;
        for (uint32_t i = 0; i < LENGTHS; i++) {
            float scale[2];
            rng_fill(&r, x, lengths[i], 2.0f);
            CHECK_INT(row8_quantise(kern_nth(k), x, lengths[i], w, &scale[0]), 0);
            CHECK_INT(row8_token(kern_nth(k), x, lengths[i], 5000, q, &scale[1]), 0);
            h = digest(w, lengths[i], h);
            h = digest(q, lengths[i] * sizeof *q, h);
            h = digest(scale, sizeof scale, h);
        }
        if (h != want) printf("# %s: digest 0x%016llx\n", kern_name(kern_nth(k)), (unsigned long long)h);
        wrong += h != want;
    }
    CHECK_INT(wrong, 0);
}

TESTS_MAIN("row8", T(shapes_outside_the_limits_are_refused), T(packed_rows_come_back_whatever_the_parts_they_are_stored_in),
           T(rows_become_integers_by_the_rule), T(a_value_that_is_not_finite_is_refused_wherever_it_is),
           T(squares_of_a_row_add_up), T(the_bound_is_the_largest_that_the_formula_allows),
           T(a_norm_too_large_for_any_token_is_refused), T(tokens_become_integers_by_the_rule),
           T(a_token_whose_norm_overflows_is_refused), T(digits_of_a_token_hold_its_largest_integers),
           T(no_sum_reaches_half_of_p_for_hostile_weights_and_tokens), T(sums_are_converted_once_then_scaled_then_biased),
           T(integers_are_the_same_under_every_compiler_and_option))
