/* Row8's products: every kernel against sums of 64-bit integers, on odd shapes, in parts, at the ends of the ranges. */
#include "tests/check.h"

#include "math/row8.h"
#include "tests/unit/math/math_util.h"

enum { GAP = 3, COUNT_MAX = 64 };

struct problem {
    struct row8 m;
    struct row8_cols c;
    const struct field *f;
    int8_t *w;
    int32_t *q;           /* of a column: cols */
    size_t stride, words; /* of y and z */
    uint32_t *y, *want_y, *z, *want_z;
};

static void problem_free(struct problem *p) {
    free(p->m.data), free(p->c.data), free(p->w), free(p->q), free(p->y), free(p->want_y), free(p->z), free(p->want_z);
}

static void problem_new(struct problem *p, const struct field *f, uint32_t rows, uint32_t cols, uint32_t count, uint32_t digits) {
    memset(p, 0, sizeof *p);
    CHECK_INT(row8_shape(&p->m, rows, cols), 0);
    p->f = f;
    p->m.data = aligned(row8_bytes(&p->m));
    CHECK_INT(row8_cols_bytes(cols, count, digits) % 64, 0);
    row8_cols_init(&p->c, cols, count, digits, aligned(row8_cols_bytes(cols, count, digits)));
    p->stride = rows + GAP;
    p->words = p->stride * count;
    p->w = malloc((size_t)rows * cols);
    p->q = malloc((size_t)cols * count * sizeof *p->q);
    uint32_t **all[] = {&p->y, &p->want_y, &p->z, &p->want_z};
    for (int i = 0; i < 4; i++) *all[i] = malloc(p->words * sizeof **all[i]);
}

/* The exact sums, y modulo 2^32 and z modulo p; what lies between the columns keeps its bytes. */
static void problem_solve(struct problem *p) {
    memset(p->want_y, 0x77, p->words * sizeof *p->want_y);
    memset(p->want_z, 0x77, p->words * sizeof *p->want_z);
    for (uint32_t t = 0; t < p->c.count; t++)
        for (uint32_t r = 0; r < p->m.rows; r++) {
            const int8_t *w = p->w + (size_t)r * p->m.cols;
            const int32_t *q = p->q + (size_t)t * p->m.cols;
            int64_t sum = 0;
            for (uint32_t i = 0; i < p->m.cols; i++) sum += (int64_t)w[i] * q[i];
            p->want_y[t * p->stride + r] = (uint32_t)sum;
            p->want_z[t * p->stride + r] = (uint32_t)((sum % p->f->p + p->f->p) % p->f->p);
        }
}

/* Everything by kernel k, the groups in three parts that end at a and b, the last first. */
static void problem_run(struct problem *p, const struct kern *k, uint32_t a, uint32_t b) {
    const uint32_t part[][2] = {{b, p->m.groups}, {a, b}, {0, a}};
    memset(p->y, 0x77, p->words * sizeof *p->y);
    memset(p->z, 0x77, p->words * sizeof *p->z);
    for (int i = 0; i < 3; i++) {
        row8_mul(k, &p->m, part[i][0], part[i][1], &p->c, (int32_t *)p->y, p->stride);
        row8_mul_residues(k, &p->m, part[i][0], part[i][1], &p->c, p->f, p->z, p->stride);
    }
}

static void problem_check(struct problem *p) {
    row8_pack(&p->m, 0, p->m.rows, p->w);
    for (uint32_t t = p->c.count; t-- > 0;) row8_cols_fill(&p->c, t, p->q + (size_t)t * p->m.cols);
    problem_solve(p);
    for (unsigned k = 0; kern_nth(k) != NULL; k++) {
        uint32_t a = k % (p->m.groups + 1), b = a + (k + 1) % (p->m.groups - a + 1);
        problem_run(p, kern_nth(k), a, b);
        CHECK_MEM(p->y, p->want_y, p->words * sizeof *p->y);
        CHECK_MEM(p->z, p->want_z, p->words * sizeof *p->z);
    }
}

static int8_t any_weight(struct rng *r) { return (int8_t)((int)(rng_u32(r) % 255) - 127); }
/* The balanced value of a uniform residue, or of the ones at the ends of the range. */
static int32_t any_element(const struct field *f, struct rng *r) {
    uint32_t half = f->p / 2, v = rng_u32(r) % 64;
    return field_balanced(f, v == 0 ? half : v == 1 ? half + 1 : v == 2 ? f->p - 1 : rng_u32(r) % f->p);
}

static void check_random(const struct field *f, uint32_t rows, uint32_t cols, uint32_t count, struct rng *r) {
    struct problem p;
    problem_new(&p, f, rows, cols, count, f->digits);
    for (size_t i = 0; i < (size_t)rows * cols; i++) p.w[i] = any_weight(r);
    for (size_t i = 0; i < (size_t)cols * count; i++) p.q[i] = any_element(f, r);
    problem_check(&p);
    problem_free(&p);
}

static const uint32_t rows[] = {1, 15, 17, 33}, counts[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, COUNT_MAX};
enum { COUNTS = sizeof counts / sizeof *counts };
#define P24 field_of(FIELD_P24_COLS)
#define P26 field_of(FIELD_P24_COLS + 1)

TEST(every_kernel_equals_exact_sums_on_odd_shapes) {
    static const uint32_t cols[] = {1, 3, 4, 5, 12, 13, 31, 64, 300};
    struct rng r = {1};
    for (int c = 0; c < 9; c++)
        for (int n = 0; n < COUNTS; n++)
            for (int i = 0; i < 4; i++) {
                check_random(P24, rows[i], cols[c], counts[n], &r);
                check_random(P26, rows[i], cols[c], counts[n], &r);
            }
}

TEST(every_kernel_equals_exact_sums_on_long_rows) {
    struct rng r = {2};
    for (int n = 0; n < COUNTS; n++) {
        check_random(P24, counts[n] == COUNT_MAX ? 33 : rows[n % 4], 8192, counts[n], &r);
        check_random(P26, rows[n % 3], 8193, counts[n], &r);
    }
    check_random(P26, 17, 65536, 1, &r);
    check_random(P26, 15, 65535, 4, &r);
    check_random(P26, 1, 65534, 13, &r);
}

/* b = 1 + 256 + ..: digits of -128 and 127 throughout are -128 b and 127 b. */
static int64_t ones(uint32_t digits) { return digits == 0 ? 0 : 1 + 256 * ones(digits - 1); }

TEST(digits_and_weights_at_the_ends_of_their_ranges_stay_exact) {
    static const uint32_t cols[] = {4, 8192, 65536};
    for (uint32_t digits = 1; digits <= ROW8_DIGITS_MAX; digits++)
        for (int c = 0; c < 3; c++) {
            struct problem p;
            problem_new(&p, digits == 4 ? P26 : P24, 4, cols[c], 5, digits);
            int64_t least = -128 * ones(digits), most = 127 * ones(digits);
            if (least < INT32_MIN) least = INT32_MIN;
            for (uint32_t i = 0; i < cols[c]; i++) {
                p.w[i] = 127, p.w[cols[c] + i] = -127, p.w[2 * cols[c] + i] = i % 2 ? 127 : -127,
                p.w[3 * cols[c] + i] = (int8_t)(i == 3);
                const int64_t v[] = {least, most, i % 2 ? least : most, i % 3 ? -1 : 128, i == 3 ? most : 0};
                for (uint32_t t = 0; t < 5; t++) p.q[t * cols[c] + i] = (int32_t)(v[t] > most ? most : v[t]);
            }
            problem_check(&p);
            problem_free(&p);
        }
}

TEST(fewer_digits_give_the_same_sums_where_they_suffice) {
    struct rng r = {3};
    static const int32_t most[] = {127, 32639, 8355711};
    for (uint32_t need = 1; need <= 3; need++)
        for (uint32_t digits = need; digits <= ROW8_DIGITS_MAX; digits++)
            for (uint32_t count = 1; count <= 25; count += 4) {
                struct problem p;
                problem_new(&p, P26, 17, 77, count, digits);
                for (uint32_t i = 0; i < 17 * 77; i++) p.w[i] = any_weight(&r);
                for (uint32_t i = 0; i < 77 * count; i++)
                    p.q[i] = (int32_t)(rng_u32(&r) % (2 * (uint32_t)most[need - 1] + 1)) - most[need - 1];
                problem_check(&p);
                problem_free(&p);
            }
}

TEST(residues_fill_columns_as_their_balanced_values_do) {
    struct rng r = {4};
    for (int i = 0; i < 2; i++)
        for (uint32_t cols = 1; cols < 40; cols++) {
            const struct field *f = i ? P26 : P24;
            const size_t bytes = row8_cols_bytes(cols, 7, f->digits);
            struct row8_cols a, b;
            row8_cols_init(&a, cols, 7, f->digits, aligned(bytes + 64));
            row8_cols_init(&b, cols, 7, f->digits, aligned(bytes + 64));
            for (uint32_t t = 0; t < 7; t++) {
                uint32_t u[40];
                int32_t q[40];
                for (uint32_t j = 0; j < cols; j++) {
                    u[j] = field_reduce_signed(f, any_element(f, &r));
                    q[j] = field_balanced(f, u[j]);
                }
                row8_cols_fill(&a, t, q);
                row8_cols_fill_residues(&b, t, f, u);
            }
            CHECK_MEM(a.data, b.data, bytes);
            CHECK(a.data[bytes] == 0xa5 && b.data[bytes] == 0xa5); /* nothing is written behind */
            free(a.data), free(b.data);
        }
}

/* Masked as a client does it: W (x + r) - W r = W x, for every mask. */
TEST(a_mask_goes_away_again) {
    struct rng r = {5};
    for (int i = 0; i < 2; i++) {
        struct problem p;
        const struct field *f = i ? P26 : P24;
        problem_new(&p, f, 33, 300, 3, f->digits); /* columns: x, mask, x + mask */
        for (uint32_t j = 0; j < 33 * 300; j++) p.w[j] = any_weight(&r);
        for (uint32_t j = 0; j < 300; j++) {
            uint32_t mask = rng_u32(&r) % f->p;
            p.q[j] = (int32_t)(rng_u32(&r) % 401) - 200;
            p.q[300 + j] = field_balanced(f, mask);
            p.q[600 + j] = field_balanced(f, field_add(f, field_reduce_signed(f, p.q[j]), mask));
        }
        problem_check(&p);
        for (uint32_t row = 0; row < 33; row++)
            CHECK_INT(field_balanced(f, field_sub(f, p.z[2 * p.stride + row], p.z[p.stride + row])), (int32_t)p.y[row]);
        problem_free(&p);
    }
}

TEST(products_are_the_same_under_every_compiler_and_option) {
    static const uint64_t want[2][2] = {{0xd7b4e72f89df4ae5, 0x6c39852211d679a5},
                                        {0x2d1c5828dd4020af, 0x144b47aead70f2e2}}; /* p24, p26: integers, residues */
    int wrong = 0;
    for (int i = 0; i < 2; i++) {
        struct problem p;
        struct rng r = {6};
        const struct field *f = i ? P26 : P24;
        problem_new(&p, f, 40, 517, 14, f->digits);
        for (uint32_t j = 0; j < 40 * 517; j++) p.w[j] = any_weight(&r);
        for (uint32_t j = 0; j < 517 * 14; j++) p.q[j] = any_element(f, &r);
        problem_check(&p);
        for (unsigned k = 0; kern_nth(k) != NULL; k++) {
            problem_run(&p, kern_nth(k), 1, 2);
            uint64_t y = digest(p.y, p.words * 4, 0), z = digest(p.z, p.words * 4, 0);
            if (y != want[i][0] || z != want[i][1])
                printf("# %s: digests 0x%016llx, 0x%016llx\n", kern_name(kern_nth(k)), (unsigned long long)y,
                       (unsigned long long)z);
            wrong += y != want[i][0] || z != want[i][1];
        }
        problem_free(&p);
    }
    CHECK_INT(wrong, 0);
}

TESTS_MAIN("row8_mul", T(every_kernel_equals_exact_sums_on_odd_shapes), T(every_kernel_equals_exact_sums_on_long_rows),
           T(digits_and_weights_at_the_ends_of_their_ranges_stay_exact), T(fewer_digits_give_the_same_sums_where_they_suffice),
           T(residues_fill_columns_as_their_balanced_values_do), T(a_mask_goes_away_again),
           T(products_are_the_same_under_every_compiler_and_option))
