/* blind: what happens to a column of an answer, and to every kind of wrong one. */
#include <stdlib.h>

#include "blind/answer.h"
#include "blind/residues.h"
#include "tests/check.h"
#include "tests/unit/blind/synth_stacks.h"

enum { BYTES_MAX = 4 * SYNTH_ROWS_MAX, FLIPS = 1000000 };

/* A column of a stack with its right answer, as values and as bytes. */
struct column {
    struct freivalds check;
    uint32_t *words, *u, z[SYNTH_ROWS_MAX], right[SYNTH_ROWS_MAX];
    uint8_t bytes[BYTES_MAX];
    size_t n;
    struct answer_slot slot;
    struct answer a;
};

static void column_answer(struct column *c, uint32_t stack) {
    random_bytes(c->u, c->check.cols * sizeof *c->u);
    for (uint32_t j = 0; j < c->check.cols; j++) c->u[j] %= c->check.field->p;
    synth_product(stack, c->check.field, c->u, c->right);
    CHECK_INT(residues_pack(c->check.field, c->bytes, c->right, c->check.rows), 0);
}

static void column_open(struct column *c, uint32_t stack) {
    static int8_t w[SYNTH_COLS_MAX];
    memset(c, 0, sizeof *c);
    uint32_t rows = synth_shapes[stack].rows, cols = synth_shapes[stack].cols;
    const struct field *f = field_of(cols);
    c->words = calloc(freivalds_words(rows, cols), sizeof *c->words);
    c->u = calloc(cols, sizeof *c->u);
    freivalds_place(&c->check, f, rows, cols, c->words);
    freivalds_draw(&c->check);
    for (uint32_t i = 0; i < rows; i++) {
        synth_row(stack, i, w);
        freivalds_add_row(&c->check, i, w);
    }
    c->n = residues_bytes(f, rows);
    c->slot.stack = stack;
    column_answer(c, stack);
}

static void column_close(struct column *c) {
    answer_end(&c->a);
    free(c->u);
    free(c->words);
}

/* The answer in one piece. */
static int whole(struct column *c, const uint8_t *bytes, size_t n) {
    answer_begin(&c->a, &c->check, &c->slot, c->z, c->u);
    return answer_rows(&c->a, 0, c->check.rows, bytes, n);
}

static int refused_for_good(struct column *c) {
    return c->a.state == ANSWER_REFUSED && answer_product(&c->a) == NULL &&
           answer_rows(&c->a, c->a.rows_in, 1, c->bytes, c->n) == ERR_WRONG_STATE && answer_product(&c->a) == NULL;
}

TEST(nothing_is_released_before_all_rows_came_and_passed) {
    for (uint32_t stack = 0; stack < SYNTH_STACKS; stack++) {
        struct column c;
        column_open(&c, stack);
        CHECK_INT(whole(&c, c.bytes, c.n), 0);
        CHECK(answer_product(&c.a) == c.z);
        CHECK_MEM(c.z, c.right, c.check.rows * sizeof *c.z);
        answer_begin(&c.a, &c.check, &c.slot, c.z, c.u);
        for (uint32_t at = 0; at < c.check.rows; at += 16) { /* pieces as workers send them */
            uint8_t piece[16 * 4];
            uint32_t count = c.check.rows - at < 16 ? c.check.rows - at : 16;
            CHECK(answer_product(&c.a) == NULL);
            CHECK_INT(residues_pack(c.check.field, piece, c.right + at, count), 0);
            CHECK_INT(answer_rows(&c.a, at, count, piece, residues_bytes(c.check.field, count)), 0);
        }
        CHECK(answer_product(&c.a) == c.z);
        CHECK_INT(answer_rows(&c.a, c.check.rows, 1, c.bytes, 3), ERR_WRONG_STATE);
        CHECK(answer_product(&c.a) == c.z);
        answer_end(&c.a);
        for (uint32_t i = 0; i < c.check.rows; i++) CHECK_INT(c.z[i], 0);
        CHECK(answer_product(&c.a) == NULL);
        column_close(&c);
    }
}

TEST(every_flipped_bit_of_an_answer_is_caught) {
    for (uint32_t stack = 0; stack < SYNTH_STACKS; stack++) {
        struct column c;
        column_open(&c, stack);
        for (size_t bit = 0; bit < 8 * c.n; bit++) {
            c.bytes[bit / 8] = (uint8_t)(c.bytes[bit / 8] ^ 1u << bit % 8);
            CHECK(whole(&c, c.bytes, c.n) != 0);
            CHECK(refused_for_good(&c));
            c.bytes[bit / 8] = (uint8_t)(c.bytes[bit / 8] ^ 1u << bit % 8);
        }
        CHECK_INT(whole(&c, c.bytes, c.n), 0);
        column_close(&c);
    }
}

TEST(a_million_random_bit_flips_are_all_caught) {
    struct column c[2];
    unsigned caught = 0, by_check = 0;
    column_open(&c[0], 0);
    column_open(&c[1], 3);
    for (unsigned i = 0; i < FLIPS; i++) {
        struct column *at = &c[i % 32 == 0]; /* the p26 stack's inputs are long */
        uint32_t where;
        if (i % 1000 < 2) column_answer(at, at->slot.stack);
        random_bytes(&where, sizeof where);
        where %= (uint32_t)(8 * at->n);
        at->bytes[where / 8] = (uint8_t)(at->bytes[where / 8] ^ 1u << where % 8);
        int r = whole(at, at->bytes, at->n);
        caught += r != 0 && answer_product(&at->a) == NULL;
        by_check += r == ERR_AUTH;
        at->bytes[where / 8] = (uint8_t)(at->bytes[where / 8] ^ 1u << where % 8);
    }
    printf("# %u flips, %u caught, %u of them by the check and the rest as no residues\n", FLIPS, caught, by_check);
    CHECK_INT(caught, FLIPS);
    column_close(&c[0]);
    column_close(&c[1]);
}

TEST(rows_out_of_place_are_refused) {
    struct column c;
    column_open(&c, 0);
    const struct {
        uint32_t first, count;
        size_t n;
        int err;
    } pieces[] = {{16, 16, 48, ERR_RANGE}, {0, 0, 0, ERR_RANGE},      {0, 97, 291, ERR_RANGE},      {0, UINT32_MAX, 0, ERR_RANGE},
                  {0, 16, 47, ERR_SHORT},  {0, 16, 49, ERR_TRAILING}, {UINT32_MAX, 1, 3, ERR_RANGE}};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        answer_begin(&c.a, &c.check, &c.slot, c.z, c.u);
        CHECK_INT(answer_rows(&c.a, pieces[i].first, pieces[i].count, c.bytes, pieces[i].n), pieces[i].err);
        CHECK(refused_for_good(&c));
    }
    answer_begin(&c.a, &c.check, &c.slot, c.z, c.u); /* a piece twice */
    CHECK_INT(answer_rows(&c.a, 0, 16, c.bytes, 48), 0);
    CHECK_INT(answer_rows(&c.a, 0, 16, c.bytes, 48), ERR_RANGE);
    CHECK(refused_for_good(&c));
    answer_begin(&c.a, &c.check, &c.slot, c.z, c.u); /* the right piece, and then a row too many */
    CHECK_INT(answer_rows(&c.a, 0, 80, c.bytes, 240), 0);
    CHECK_INT(answer_rows(&c.a, 80, 17, c.bytes + 240, 51), ERR_RANGE);
    CHECK(refused_for_good(&c));
    column_close(&c);
}

/* ---- dishonest workers ---- */

static void answer_zero(struct column *c) { memset(c->right, 0, sizeof c->right); }
static void answer_swapped(struct column *c) {
    uint32_t was = c->right[0];
    c->right[0] = c->right[1];
    c->right[1] = was;
}
static void answer_shifted(struct column *c) { memmove(c->right + 1, c->right, (c->check.rows - 1) * sizeof *c->right); }
static void answer_one_more(struct column *c) {
    for (uint32_t i = 0; i < c->check.rows; i++) c->right[i] = field_add(c->check.field, c->right[i], 1);
}
static void answer_doubled(struct column *c) {
    for (uint32_t i = 0; i < c->check.rows; i++) c->right[i] = field_add(c->check.field, c->right[i], c->right[i]);
}
static void answer_lazy(struct column *c) { /* the last rows were not computed */
    for (uint32_t i = c->check.rows - 4; i < c->check.rows; i++) c->right[i] = 0;
}
static void answer_near(struct column *c) {
    c->right[c->check.rows - 1] = field_sub(c->check.field, c->right[c->check.rows - 1], 1);
}
static void answer_of_other_input(struct column *c) {
    uint32_t first = c->u[0];
    c->u[0] = field_add(c->check.field, first, 1);
    synth_product(c->slot.stack, c->check.field, c->u, c->right);
    c->u[0] = first;
}
static void answer_of_other_weights(struct column *c) { /* one weight of one row is off by one */
    c->right[5] = field_add(c->check.field, c->right[5], c->u[7] ? c->u[7] : 1);
}

TEST(answers_of_dishonest_workers_are_refused) {
    static void (*const zoo[])(struct column * c) = {answer_zero,     answer_swapped,        answer_shifted,
                                                     answer_one_more, answer_doubled,        answer_lazy,
                                                     answer_near,     answer_of_other_input, answer_of_other_weights};
    for (uint32_t stack = 0; stack < SYNTH_STACKS; stack++) {
        struct column c;
        column_open(&c, stack);
        for (size_t i = 0; i < sizeof zoo / sizeof *zoo; i++) {
            column_answer(&c, stack);
            zoo[i](&c);
            CHECK_INT(residues_pack(c.check.field, c.bytes, c.right, c.check.rows), 0);
            CHECK_INT(whole(&c, c.bytes, c.n), ERR_AUTH);
            CHECK(refused_for_good(&c));
        }
        uint8_t stale[BYTES_MAX];
        memcpy(stale, c.bytes, c.n);
        column_answer(&c, stack);
        CHECK_INT(whole(&c, stale, c.n), ERR_AUTH); /* an old answer to a new input */
        column_close(&c);
    }
}

TEST(an_answer_plus_p_is_refused_though_it_is_equal_mod_p) {
    struct column c;
    column_open(&c, 0);
    for (uint32_t j = 0; j < c.check.cols; j++) c.u[j] = 0;
    uint8_t zero[BYTES_MAX] = {0}, plus_p[BYTES_MAX] = {0};
    for (int b = 0; b < 3; b++) plus_p[b] = (uint8_t)(c.check.field->p >> (8 * b));
    CHECK_INT(whole(&c, zero, c.n), 0);
    CHECK_INT(whole(&c, plus_p, c.n), ERR_RANGE);
    CHECK(refused_for_good(&c));
    column_close(&c);
}

TESTS_MAIN("answer", T(nothing_is_released_before_all_rows_came_and_passed), T(every_flipped_bit_of_an_answer_is_caught),
           T(a_million_random_bit_flips_are_all_caught), T(rows_out_of_place_are_refused),
           T(answers_of_dishonest_workers_are_refused), T(an_answer_plus_p_is_refused_though_it_is_equal_mod_p))
