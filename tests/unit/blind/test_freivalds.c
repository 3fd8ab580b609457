/* blind: the checks of products. */
#include <stdlib.h>

#include "blind/freivalds.h"
#include "tests/check.h"
#include "tests/unit/blind/synth_stacks.h"
#include "tests/unit/blind/toy_field.h"

/* A check of one synthetic stack; words is the caller's to free. */
static struct freivalds check_of(uint32_t stack, uint32_t **words) {
    static int8_t w[SYNTH_COLS_MAX];
    struct freivalds c;
    uint32_t rows = synth_shapes[stack].rows, cols = synth_shapes[stack].cols;
    *words = calloc(freivalds_words(rows, cols), sizeof **words);
    freivalds_place(&c, field_of(cols), rows, cols, *words);
    freivalds_draw(&c);
    for (uint32_t i = rows; i-- > 0;) { /* any order will do */
        synth_row(stack, i, w);
        freivalds_add_row(&c, i, w);
    }
    return c;
}

static void random_residues(const struct field *f, uint32_t *r, size_t n) {
    random_bytes(r, n * sizeof *r);
    for (size_t i = 0; i < n; i++) r[i] %= f->p;
}

static int passes(const struct freivalds *c, const uint32_t *u, const uint32_t *z) {
    uint32_t want[FREIVALDS_VECTORS], sum[FREIVALDS_VECTORS] = {0};
    freivalds_expect(c, u, want);
    freivalds_sum(c, 0, c->rows, z, sum);
    return memcmp(want, sum, sizeof want) == 0;
}

TEST(t_is_s_times_the_weights_and_s_is_of_the_field) {
    for (uint32_t stack = 0; stack < SYNTH_STACKS; stack++) {
        uint32_t *words;
        struct freivalds c = check_of(stack, &words);
        for (size_t v = 0; v < FREIVALDS_VECTORS; v++) {
            for (uint32_t i = 0; i < c.rows; i++) CHECK(c.s[v * c.rows + i] < c.field->p);
            for (uint32_t j = 0; j < c.cols; j++) {
                __int128 sum = 0;
                for (uint32_t i = 0; i < c.rows; i++) sum += (__int128)c.s[v * c.rows + i] * synth_weight(stack, i, j);
                __int128 m = sum % c.field->p;
                CHECK_INT(c.t[v * c.cols + j], (uint32_t)(m < 0 ? m + c.field->p : m));
            }
        }
        free(words);
    }
}

TEST(right_products_pass_whole_and_in_pieces) {
    for (uint32_t stack = 0; stack < SYNTH_STACKS; stack++) {
        static uint32_t u[SYNTH_COLS_MAX], z[SYNTH_ROWS_MAX];
        uint32_t *words;
        struct freivalds c = check_of(stack, &words);
        for (int input = 0; input < 4; input++) {
            random_residues(c.field, u, c.cols);
            for (uint32_t j = 0; input < 3 && j < c.cols; j++) u[j] = input == 0 ? 0 : input == 1 ? c.field->p - 1 : j == 0;
            synth_product(stack, c.field, u, z);
            CHECK(passes(&c, u, z));
            uint32_t want[FREIVALDS_VECTORS], sum[FREIVALDS_VECTORS] = {0};
            freivalds_expect(&c, u, want);
            for (uint32_t at = 0, n = 1; at < c.rows; at += n, n = n % 7 + 1) {
                if (n > c.rows - at) n = c.rows - at;
                freivalds_sum(&c, at, n, z + at, sum);
            }
            CHECK_MEM(want, sum, sizeof want);
        }
        free(words);
    }
}

TEST(a_product_that_is_wrong_in_one_row_fails) {
    static uint32_t u[SYNTH_COLS_MAX], z[SYNTH_ROWS_MAX];
    for (uint32_t stack = 0; stack < SYNTH_STACKS; stack++) {
        uint32_t *words;
        struct freivalds c = check_of(stack, &words);
        random_residues(c.field, u, c.cols);
        synth_product(stack, c.field, u, z);
        for (uint32_t i = 0; i < c.rows; i++) {
            uint32_t was = z[i];
            const uint32_t wrong[] = {field_add(c.field, was, 1), field_sub(c.field, was, 1), field_sub(c.field, 0, was),
                                      c.field->p / 2};
            for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
                z[i] = wrong[k];
                CHECK(passes(&c, u, z) == (wrong[k] == was));
            }
            z[i] = was;
        }
        free(words);
    }
}

TEST(two_set_ups_draw_different_vectors) {
    uint32_t *a, *b;
    (void)check_of(0, &a);
    (void)check_of(0, &b);
    CHECK(memcmp(a, b, FREIVALDS_VECTORS * synth_shapes[0].rows * sizeof *a) != 0);
    free(a);
    free(b);
}

/* ---- in a field of five elements ---- */

enum { TOY_P = 5, TOY_ROWS = 3, TOY_COLS = 4, TOY_COLUMNS = 4, TRIALS = 100000 };
struct toy {
    struct field f;
    int8_t w[TOY_ROWS][TOY_COLS];
    uint32_t words[2][FREIVALDS_VECTORS * (TOY_ROWS + TOY_COLS)];
    struct freivalds check[2];
    uint32_t u[TOY_COLUMNS][TOY_COLS], z[TOY_COLUMNS][TOY_ROWS];
};

static void toy_init(struct toy *y) {
    y->f = toy_field(TOY_P);
    random_bytes(y->w, sizeof y->w);
    for (int k = 0; k < 2; k++) freivalds_place(&y->check[k], &y->f, TOY_ROWS, TOY_COLS, y->words[k]);
}

/* Fresh secret vectors in so many checks; right answers to fresh inputs, and then the first row of every column off by one: errors
 * that a combination of columns can cancel. */
static void toy_trial(struct toy *y, int checks) {
    for (int k = 0; k < checks; k++) {
        freivalds_draw(&y->check[k]);
        for (uint32_t i = 0; i < TOY_ROWS; i++) freivalds_add_row(&y->check[k], i, y->w[i]);
    }
    random_residues(&y->f, y->u[0], TOY_COLUMNS * TOY_COLS);
    for (int c = 0; c < TOY_COLUMNS; c++) {
        for (int i = 0; i < TOY_ROWS; i++) {
            int64_t sum = i == 0; /* the error */
            for (int j = 0; j < TOY_COLS; j++) sum += (int64_t)y->w[i][j] * y->u[c][j];
            y->z[c][i] = field_reduce_signed(&y->f, sum);
        }
    }
}

static void about(double rate, uint64_t hits, uint64_t trials) {
    double mean = rate * (double)trials, off = (double)hits - mean;
    CHECK(off * off < 36 * mean); /* six standard deviations */
}

/* Whether vector v of check k accepts one random combination, with these coefficients, of all columns. */
static int combination_passes(const struct toy *y, int k, int v, const uint32_t *coefficient) {
    uint32_t u[TOY_COLS] = {0}, z[TOY_ROWS] = {0}, want[FREIVALDS_VECTORS], sum[FREIVALDS_VECTORS] = {0};
    for (int c = 0; c < TOY_COLUMNS; c++) {
        for (int j = 0; j < TOY_COLS; j++) u[j] = field_reduce(&y->f, u[j] + (uint64_t)coefficient[c] * y->u[c][j]);
        for (int i = 0; i < TOY_ROWS; i++) z[i] = field_reduce(&y->f, z[i] + (uint64_t)coefficient[c] * y->z[c][i]);
    }
    freivalds_expect(&y->check[k], u, want);
    freivalds_sum(&y->check[k], 0, TOY_ROWS, z, sum);
    return want[v] == sum[v];
}

TEST(a_wrong_product_passes_at_the_stated_rate_of_one_in_p_cubed) {
    static struct toy y;
    uint64_t missed = 0;
    toy_init(&y);
    for (int i = 0; i < TRIALS; i++) {
        toy_trial(&y, 1);
        missed += (unsigned)passes(&y.check[0], y.u[0], y.z[0]);
    }
    about(1.0 / (TOY_P * TOY_P * TOY_P), missed, TRIALS);
}

/* Why columns are checked one by one: a combination that hides the errors hides them from all vectors. */
TEST(one_combination_for_all_vectors_misses_one_in_p_and_four_with_their_own_as_bounded) {
    static struct toy y;
    uint64_t one = 0, four = 0;
    toy_init(&y);
    for (int i = 0; i < TRIALS; i++) {
        uint32_t coefficient[4][TOY_COLUMNS];
        toy_trial(&y, 2);
        random_residues(&y.f, coefficient[0], 4 * TOY_COLUMNS);
        int all = 1;
        for (int v = 0; v < FREIVALDS_VECTORS; v++) all &= combination_passes(&y, 0, v, coefficient[0]);
        one += (unsigned)all;
        all = combination_passes(&y, 1, 0, coefficient[3]);
        for (int v = 0; v < FREIVALDS_VECTORS; v++) all &= combination_passes(&y, 0, v, coefficient[v]);
        four += (unsigned)all;
    }
    const double p = TOY_P, single = 1 / p + (1 - 1 / p) / p; /* at most 2 / p */
    about(1 / p + (1 - 1 / p) / (p * p * p), one, TRIALS);
    about(single * single * single * single, four, TRIALS);
    CHECK((double)four < TRIALS * (2 / p) * (2 / p) * (2 / p) * (2 / p));
}

TEST(secret_vectors_are_uniform_in_a_field_that_fits_no_power_of_two) {
    enum { P = 17, N = 340000 };
    struct field f = toy_field(P);
    static uint32_t words[FREIVALDS_VECTORS * (N + 1)];
    static uint64_t single[P], pairs[P * P];
    struct freivalds c;
    freivalds_place(&c, &f, N, 1, words);
    freivalds_draw(&c);
    for (size_t i = 0; i < (size_t)FREIVALDS_VECTORS * N; i++) {
        CHECK(c.s[i] < P);
        single[c.s[i]]++;
        if (i % 2) pairs[c.s[i - 1] * P + c.s[i]]++;
    }
    CHECK(looks_uniform(single, P));
    CHECK(looks_uniform(pairs, (size_t)P * P));
}

TESTS_MAIN("freivalds", T(t_is_s_times_the_weights_and_s_is_of_the_field), T(right_products_pass_whole_and_in_pieces),
           T(a_product_that_is_wrong_in_one_row_fails), T(two_set_ups_draw_different_vectors),
           T(a_wrong_product_passes_at_the_stated_rate_of_one_in_p_cubed),
           T(one_combination_for_all_vectors_misses_one_in_p_and_four_with_their_own_as_bounded),
           T(secret_vectors_are_uniform_in_a_field_that_fits_no_power_of_two))
