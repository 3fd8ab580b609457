/* blind: mode `pair` over slots, with a plain product in the workers' place. */
#include <stdlib.h>

#include "blind/pair_fill.h"
#include "blind/residues.h"
#include "tests/check.h"
#include "tests/unit/blind/synth_stacks.h"

enum { COUNT = 3 };

/* A client of the synthetic model, and room for one ticket of COUNT columns. */
struct client {
    struct linear linear[SYNTH_STACKS];
    struct freivalds check[SYNTH_STACKS];
    uint32_t *words[SYNTH_STACKS];
    struct blind_session *session;
    struct answer wr[COUNT], wu[COUNT];
    uint32_t zr[COUNT][SYNTH_ROWS_MAX], zu[COUNT][SYNTH_ROWS_MAX], u[SYNTH_COLS_MAX];
    int32_t x[COUNT][SYNTH_COLS_MAX];
};

static struct client *client_open(void) {
    static int8_t w[SYNTH_COLS_MAX];
    struct client *c = calloc(1, sizeof *c);
    for (uint32_t i = 0; i < SYNTH_STACKS; i++) {
        uint32_t rows = synth_shapes[i].rows, cols = synth_shapes[i].cols;
        c->linear[i] = (struct linear){.rows = rows, .cols = cols, .field = field_of(cols)};
        c->words[i] = calloc(freivalds_words(rows, cols), sizeof **c->words);
        freivalds_place(&c->check[i], field_of(cols), rows, cols, c->words[i]);
        freivalds_draw(&c->check[i]);
        for (uint32_t r = 0; r < rows; r++) {
            synth_row(i, r, w);
            freivalds_add_row(&c->check[i], r, w);
        }
    }
    CHECK_INT(blind_session_new(&c->session, c->linear, SYNTH_STACKS), 0);
    return c;
}

static void client_close(struct client *c) {
    blind_session_free(c->session);
    for (uint32_t i = 0; i < SYNTH_STACKS; i++) free(c->words[i]);
    free(c);
}

static void random_input(struct client *c, uint32_t stack) {
    for (int t = 0; t < COUNT; t++)
        for (uint32_t j = 0; j < synth_shapes[stack].cols; j++) {
            int16_t v;
            random_bytes(&v, sizeof v);
            c->x[t][j] = v % (synth_shapes[stack].cols > 8192 ? 30 : 1000); /* no sum wraps */
        }
}

/* An honest worker: the product of residues, packed, in one piece. */
static int serve(uint32_t stack, const struct field *f, const uint32_t *u, struct answer *a) {
    static uint32_t z[SYNTH_ROWS_MAX];
    static uint8_t bytes[4 * SYNTH_ROWS_MAX];
    uint32_t rows = synth_shapes[stack].rows;
    synth_product(stack, f, u, z);
    CHECK_INT(residues_pack(f, bytes, z, rows), 0);
    return answer_rows(a, 0, rows, bytes, residues_bytes(f, rows));
}

/* B: has the batch key and nothing else. */
static int serve_mask(struct client *c, uint32_t stack, uint32_t n, struct answer *a) {
    static uint32_t r[SYNTH_COLS_MAX];
    uint8_t key[PAIR_KEY_BYTES];
    const struct field *f = c->linear[stack].field;
    CHECK_INT(pair_order_key(c->session, pair_batch_of(n), key), 0);
    pair_mask(f, key, stack, n, r, synth_shapes[stack].cols);
    return serve(stack, f, r, a);
}

/* W r of the next COUNT columns, held and checked. */
static void hold_masks(struct client *c, uint32_t stack) {
    uint32_t next = blind_session_next(c->session, stack);
    for (uint32_t t = 0; t < COUNT; t++) {
        CHECK_INT(pair_expect_mask(c->session, &c->check[stack], stack, next + t, &c->wr[t], c->zr[t]), 0);
        CHECK_INT(serve_mask(c, stack, next + t, &c->wr[t]), 0);
    }
}

static struct slots *masked(struct client *c, uint32_t stack) {
    struct slots *t;
    random_input(c, stack);
    hold_masks(c, stack);
    CHECK_INT(slots_spend(c->session, stack, COUNT, &t), 0);
    for (int i = 0; i < COUNT; i++) CHECK_INT(pair_fill(c->session, t, c->x[i], &c->wr[i]), 0);
    return t;
}

TEST(products_through_two_workers_are_exact) {
    static int32_t y[SYNTH_ROWS_MAX];
    struct client *c = client_open();
    for (int round = 0; round < 30; round++) /* over the end of a batch, at 64 */
        for (uint32_t stack = 0; stack < SYNTH_STACKS; stack++) {
            struct slots *t = masked(c, stack);
            CHECK_INT(t->first, round * COUNT);
            for (uint32_t i = 0; i < COUNT; i++) {
                CHECK_INT(pair_expect_input(t, i, &c->check[stack], &c->wu[i], c->zu[i], c->u), 0);
                CHECK_INT(serve(stack, t->linear->field, c->u, &c->wu[i]), 0);
                CHECK_INT(pair_open(&c->wu[i], &c->wr[i], y), 0);
                for (uint32_t r = 0; r < synth_shapes[stack].rows; r += round ? 13 : 1) {
                    int64_t sum = 0;
                    for (uint32_t j = 0; j < synth_shapes[stack].cols; j++) sum += synth_weight(stack, r, j) * c->x[i][j];
                    CHECK_INT(y[r], sum);
                }
            }
            slots_free(t);
        }
    client_close(c);
}

TEST(no_input_is_masked_before_the_product_of_its_mask_is_held_and_checked) {
    struct client *c = client_open();
    struct slots *t;
    hold_masks(c, 0);
    CHECK_INT(slots_spend(c->session, 0, 2, &t), 0);
    struct answer none = {0}, half;
    CHECK_INT(pair_fill(c->session, t, c->x[0], &none), ERR_WRONG_STATE);
    CHECK_INT(pair_expect_mask(c->session, &c->check[0], 0, 0, &half, c->zu[0]), 0);
    CHECK_INT(pair_fill(c->session, t, c->x[0], &half), ERR_WRONG_STATE); /* nothing came yet */
    uint8_t wrong[288] = {0};
    CHECK_INT(answer_rows(&half, 0, 96, wrong, sizeof wrong), ERR_AUTH);
    CHECK_INT(pair_fill(c->session, t, c->x[0], &half), ERR_WRONG_STATE);     /* it was wrong */
    CHECK_INT(pair_fill(c->session, t, c->x[0], &c->wr[1]), ERR_WRONG_STATE); /* another column's */
    CHECK_INT(t->filled, 0);
    CHECK_INT(pair_fill(c->session, t, c->x[0], &c->wr[0]), 0);
    CHECK_INT(pair_fill(c->session, t, c->x[0], &c->wr[0]), ERR_WRONG_STATE); /* its slot is filled */
    CHECK_INT(pair_fill(c->session, t, c->x[1], &c->wr[1]), 0);
    CHECK_INT(pair_fill(c->session, t, c->x[1], &c->wr[1]), ERR_WRONG_STATE);
    slots_free(t);
    client_close(c);
}

TEST(answers_of_another_session_stack_or_role_are_never_put_together) {
    static int32_t y[SYNTH_ROWS_MAX];
    struct client *c = client_open();
    struct slots *t = masked(c, 0), *later;
    CHECK_INT(pair_expect_input(t, 0, &c->check[0], &c->wu[0], c->zu[0], c->u), 0);
    CHECK_INT(pair_open(&c->wu[0], &c->wr[0], y), ERR_WRONG_STATE); /* not answered */
    CHECK_INT(serve(0, t->linear->field, c->u, &c->wu[0]), 0);
    CHECK_INT(pair_open(&c->wu[0], &c->wr[1], y), ERR_WRONG_STATE); /* another column's mask */
    CHECK_INT(pair_open(&c->wr[0], &c->wu[0], y), ERR_WRONG_STATE); /* the other way round */
    CHECK_INT(pair_open(&c->wu[0], &c->wu[0], y), ERR_WRONG_STATE);
    CHECK_INT(pair_open(&c->wr[0], &c->wr[0], y), ERR_WRONG_STATE);
    CHECK_INT(pair_open(&c->wu[0], &c->wr[0], y), 0);

    struct blind_session *was = c->session; /* a new session: same stack, same n, other masks */
    struct answer old = c->wr[0];
    uint32_t old_z[SYNTH_ROWS_MAX];
    memcpy(old_z, c->zr[0], sizeof old_z);
    old.z = old_z;
    CHECK_INT(blind_session_new(&c->session, c->linear, SYNTH_STACKS), 0);
    CHECK_INT(slots_spend(c->session, 0, 1, &later), 0);
    CHECK_INT(later->first, t->first);
    CHECK_INT(pair_fill(c->session, later, c->x[0], &old), ERR_WRONG_STATE);
    CHECK_INT(pair_fill(was, later, c->x[0], &old), ERR_WRONG_STATE);
    slots_free(later);
    slots_free(t);
    blind_session_free(was);
    client_close(c);
}

TEST(an_input_out_of_range_costs_its_slots_and_sends_nothing) {
    struct client *c = client_open();
    struct slots *t;
    const uint8_t *bytes;
    size_t n;
    hold_masks(c, 0);
    CHECK_INT(slots_spend(c->session, 0, 2, &t), 0);
    CHECK_INT(pair_fill(c->session, t, c->x[0], &c->wr[0]), 0);
    c->x[1][63] = FIELD_P24 / 2 + 1;
    CHECK_INT(pair_fill(c->session, t, c->x[1], &c->wr[1]), ERR_RANGE);
    c->x[1][63] = 0;
    CHECK_INT(pair_fill(c->session, t, c->x[1], &c->wr[1]), ERR_WRONG_STATE);
    CHECK_INT(slots_bytes(t, &bytes, &n), ERR_WRONG_STATE);
    CHECK_INT(blind_session_next(c->session, 0), 2);
    slots_free(t);
    client_close(c);
}

TEST(a_session_that_ended_masks_nothing_more_but_its_answers_open) {
    static int32_t y[SYNTH_ROWS_MAX];
    struct client *c = client_open();
    struct slots *whole = masked(c, 0), *empty, *none;
    uint8_t key[PAIR_KEY_BYTES];
    CHECK_INT(slots_spend(c->session, 1, 1, &empty), 0);
    blind_session_end(c->session);
    CHECK_INT(slots_spend(c->session, 0, 1, &none), ERR_WRONG_STATE);
    CHECK(none == NULL);
    CHECK_INT(pair_fill(c->session, empty, c->x[0], &c->wr[0]), ERR_WRONG_STATE);
    CHECK_INT(pair_order_key(c->session, 0, key), ERR_WRONG_STATE);
    CHECK_INT(pair_expect_mask(c->session, &c->check[0], 0, 9, &c->wr[2], c->zr[2]), ERR_WRONG_STATE);
    CHECK_INT(pair_expect_input(whole, 0, &c->check[0], &c->wu[0], c->zu[0], c->u), 0); /* resent to another worker of A's role */
    CHECK_INT(serve(0, whole->linear->field, c->u, &c->wu[0]), 0);
    CHECK_INT(pair_open(&c->wu[0], &c->wr[0], y), 0);
    slots_free(whole);
    slots_free(empty);
    client_close(c);
}

TEST(checks_of_another_shape_are_refused) {
    struct client *c = client_open();
    struct slots *t = masked(c, 0);
    CHECK_INT(pair_expect_mask(c->session, &c->check[1], 0, 0, &c->wr[0], c->zr[0]), ERR_RANGE);
    CHECK_INT(pair_expect_mask(c->session, &c->check[0], SYNTH_STACKS, 0, &c->wr[0], c->zr[0]), ERR_RANGE);
    CHECK_INT(pair_expect_mask(c->session, &c->check[0], 0, SLOTS_N_MAX, &c->wr[0], c->zr[0]), ERR_RANGE);
    CHECK_INT(pair_expect_input(t, 0, &c->check[2], &c->wu[0], c->zu[0], c->u), ERR_RANGE);
    CHECK_INT(pair_expect_input(t, COUNT, &c->check[0], &c->wu[0], c->zu[0], c->u), ERR_RANGE);
    slots_free(t);
    client_close(c);
}

TESTS_MAIN("pair_fill", T(products_through_two_workers_are_exact),
           T(no_input_is_masked_before_the_product_of_its_mask_is_held_and_checked),
           T(answers_of_another_session_stack_or_role_are_never_put_together),
           T(an_input_out_of_range_costs_its_slots_and_sends_nothing),
           T(a_session_that_ended_masks_nothing_more_but_its_answers_open), T(checks_of_another_shape_are_refused))
