/* The two prime fields, against 128-bit integers and definitions. */
#include "tests/check.h"

#include "math/field.h"
#include "tests/unit/math/math_util.h"

__extension__ typedef __int128 i128;

static const uint32_t field_cols[2] = {FIELD_P24_COLS, FIELD_P24_COLS + 1}; /* one matrix of each field */

static uint64_t rng_u64(struct rng *r) { return (uint64_t)rng_u32(r) << 32 | rng_u32(r); }
static uint32_t residue(const struct field *f, struct rng *r) { return rng_u32(r) % f->p; }
static uint32_t mod(const struct field *f, i128 v) { return (uint32_t)((v % f->p + f->p) % f->p); }

TEST(a_matrix_has_the_field_of_its_columns) {
    CHECK_INT(field_of(1)->p, FIELD_P24);
    CHECK_INT(field_of(8192)->p, FIELD_P24);
    CHECK_INT(field_of(8193)->p, FIELD_P26);
    CHECK_INT(field_of(65536)->p, FIELD_P26);
}

TEST(moduli_are_prime_and_fit_their_digits_and_bits) {
    for (int i = 0; i < 2; i++) {
        const struct field *f = field_of(field_cols[i]);
        for (uint32_t d = 2; d * d <= f->p; d++) CHECK(f->p % d != 0);
        CHECK(f->p < 1u << f->wire_bits && f->p > 1u << (f->wire_bits - 1));
        CHECK(f->draw_bits == f->wire_bits && f->draw_bits <= 8 * f->draw_bytes);
        int64_t most = 0; /* what balanced digits reach upwards, which is less than downwards */
        for (uint32_t d = 0; d < f->digits; d++) most = most * 256 + 127;
        CHECK((f->p - 1) / 2 <= most);
        if (f->p == FIELD_P24) /* it is the largest such prime */
            for (uint32_t q = f->p + 2; (q - 1) / 2 <= most; q += 2) {
                int prime = 1;
                for (uint32_t d = 3; d * d <= q; d += 2) prime &= q % d != 0;
                CHECK(!prime);
            }
    }
    CHECK_INT(FIELD_P26, (1 << 26) - 5);
}

TEST(a_sum_of_terms_max_products_fits_64_bits) {
    for (int i = 0; i < 2; i++) {
        const struct field *f = field_of(field_cols[i]);
        CHECK((i128)(f->p - 1) * (f->p - 1) * f->terms_max <= (i128)UINT64_MAX);
    }
}

TEST(reduction_equals_the_remainder_for_every_size) {
    struct rng r = {1};
    for (int i = 0; i < 2; i++) {
        const struct field *f = field_of(field_cols[i]);
        uint64_t top = UINT64_MAX / f->p;
        for (int j = 0; j < 300000; j++) {
            uint64_t v = rng_u64(&r) >> (rng_u32(&r) % 64), near = (rng_u64(&r) % (top + 1)) * f->p;
            int64_t s = (int64_t)rng_u64(&r) >> (rng_u32(&r) % 64);
            CHECK_INT(field_reduce(f, v), v % f->p);
            CHECK_INT(field_reduce(f, near), 0);
            CHECK_INT(field_reduce(f, near + 1), 1);
            CHECK_INT(field_reduce(f, near - 1), near > 0 ? f->p - 1 : UINT64_MAX % f->p);
            CHECK_INT(field_reduce_signed(f, s), mod(f, s));
        }
        static const int64_t edges[] = {0, 1, -1, INT64_MIN, INT64_MIN + 1, INT64_MAX, INT64_MAX - 1};
        for (size_t j = 0; j < sizeof edges / sizeof *edges; j++) {
            CHECK_INT(field_reduce_signed(f, edges[j]), mod(f, edges[j]));
            CHECK_INT(field_reduce(f, (uint64_t)edges[j]), (uint64_t)edges[j] % f->p);
        }
        for (int64_t j = -3; j <= 3; j++) CHECK_INT(field_reduce_signed(f, j * f->p - 1), f->p - 1);
    }
}

TEST(sums_differences_and_balanced_values_are_those_of_integers) {
    struct rng r = {2};
    for (int i = 0; i < 2; i++) {
        const struct field *f = field_of(field_cols[i]);
        const uint32_t edges[] = {0, 1, 2, f->p / 2 - 1, f->p / 2, f->p / 2 + 1, f->p - 2, f->p - 1};
        for (int j = 0; j < 200000; j++) {
            uint32_t a = j < 64 ? edges[j / 8] : residue(f, &r), b = j < 64 ? edges[j % 8] : residue(f, &r);
            CHECK_INT(field_add(f, a, b), ((uint64_t)a + b) % f->p);
            CHECK_INT(field_sub(f, a, b), ((uint64_t)a + f->p - b) % f->p);
            int32_t v = field_balanced(f, a);
            CHECK(v >= -(int32_t)(f->p / 2) && v <= (int32_t)(f->p / 2));
            CHECK_INT(mod(f, v), a);
        }
    }
}

TEST(dot_products_equal_those_of_wide_integers) {
    static const size_t lengths[] = {0, 1, 2, 3, 7, 4095, 4096, 4097, 8193, 65535, 65536, 65537, 128256, 200001};
    uint32_t *a = malloc(200001 * sizeof *a), *b = malloc(200001 * sizeof *b);
    struct rng r = {3};
    for (int i = 0; i < 2; i++)
        for (int kind = 0; kind < 3; kind++) {
            const struct field *f = field_of(field_cols[i]);
            for (size_t j = 0; j < 200001; j++) {
                a[j] = kind == 0 ? f->p - 1 : kind == 1 && j % 3 ? f->p - 1 : residue(f, &r);
                b[j] = kind == 0 ? f->p - 1 : residue(f, &r);
            }
            for (size_t n = 0; n < sizeof lengths / sizeof *lengths; n++) {
                i128 sum = 0;
                for (size_t j = 0; j < lengths[n]; j++) sum += (i128)a[j] * b[j];
                CHECK_INT(field_dot(f, a, b, lengths[n]), mod(f, sum));
            }
        }
    free(a), free(b);
}

TEST(scaled_rows_add_up_to_the_product_from_the_left) {
    enum { ROWS = 40, COLS = 301 };
    static int8_t w[ROWS][COLS];
    struct rng r = {4};
    for (int i = 0; i < 2; i++) {
        const struct field *f = field_of(field_cols[i]);
        uint32_t acc[COLS + 1], s[ROWS] = {0, 1, f->p - 1, f->p / 2, f->p / 2 + 1};
        i128 want[COLS];
        for (int j = 0; j < COLS; j++) want[j] = acc[j] = j % 2 ? f->p - 1 : residue(f, &r);
        acc[COLS] = 77;
        for (int k = 0; k < ROWS; k++) {
            if (k >= 5) s[k] = residue(f, &r);
            for (int j = 0; j < COLS; j++) { /* every weight, and one that no matrix has */
                w[k][j] = (int8_t)(j < 256 ? j - 128 : (int)(rng_u32(&r) % 255) - 127);
                want[j] += (i128)s[k] * w[k][j];
            }
            field_add_scaled(f, acc, s[k], w[k], COLS);
            for (int j = 0; j < COLS; j++) CHECK_INT(acc[j], mod(f, want[j]));
            CHECK_INT(acc[COLS], 77);
        }
        field_add_scaled(f, acc, 5, w[0], 0);
        CHECK_INT(acc[0], mod(f, want[0]));
    }
}

/* s . (W x) = (s^T W) . x: what a check of a product rests on. */
TEST(a_product_checked_from_the_left_agrees_and_any_change_does_not) {
    enum { ROWS = 33, COLS = 65 };
    struct rng r = {5};
    for (int i = 0; i < 2; i++) {
        const struct field *f = field_of(field_cols[i]);
        uint32_t s[ROWS], t[COLS] = {0}, x[COLS], z[ROWS];
        int8_t w[ROWS][COLS];
        for (int j = 0; j < COLS; j++) x[j] = residue(f, &r);
        for (int k = 0; k < ROWS; k++) {
            i128 sum = 0;
            s[k] = 1 + residue(f, &r) % (f->p - 1);
            for (int j = 0; j < COLS; j++) {
                w[k][j] = (int8_t)((int)(rng_u32(&r) % 255) - 127);
                sum += (i128)w[k][j] * x[j];
            }
            z[k] = mod(f, sum);
            field_add_scaled(f, t, s[k], w[k], COLS);
        }
        CHECK_INT(field_dot(f, s, z, ROWS), field_dot(f, t, x, COLS));
        for (int k = 0; k < ROWS; k++) { /* one element alone, changed by anything: s has no zero here */
            uint32_t good = z[k];
            z[k] = field_add(f, good, 1 + residue(f, &r) % (f->p - 1));
            CHECK(field_dot(f, s, z, ROWS) != field_dot(f, t, x, COLS));
            z[k] = good;
        }
    }
}

TESTS_MAIN("field", T(a_matrix_has_the_field_of_its_columns), T(moduli_are_prime_and_fit_their_digits_and_bits),
           T(a_sum_of_terms_max_products_fits_64_bits), T(reduction_equals_the_remainder_for_every_size),
           T(sums_differences_and_balanced_values_are_those_of_integers), T(dot_products_equal_those_of_wide_integers),
           T(scaled_rows_add_up_to_the_product_from_the_left), T(a_product_checked_from_the_left_agrees_and_any_change_does_not))
