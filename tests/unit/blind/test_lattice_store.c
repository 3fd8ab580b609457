/* Masks of several stacks, made ahead within bounds: order, memory, one use of each column, products over many blocks. */
#include "tests/check.h"

#include "base/err.h"
#include "blind/lattice_fill.h"
#include "blind/residues.h"
#include "tests/unit/blind/lattice_util.h"

enum { STACKS = 5, RANK = 5 };
static const uint32_t rows_of[STACKS] = {24, 16, 40, 17, 50}, cols_of[STACKS] = {32, 33, 32, 64, 32};

/* Stacks and a hint in memory, as an open file would give it. */
struct scene {
    struct lattice_case c[STACKS];
    struct linear linear[STACKS];
    struct lattice_public a;
    struct hint hint;
    uint64_t offset[STACKS];
    uint32_t *data;
    struct lattice_store *store;
    struct lrng r;
};
static void scene_free(struct scene *s) {
    lattice_store_free(s->store);
    for (int i = 0; i < STACKS; i++) lattice_case_free(&s->c[i]);
    lattice_public_free(&s->a);
    free(s->data);
}
static void scene_new(struct scene *s, size_t bytes_max, uint32_t ahead) {
    memset(s, 0, sizeof *s);
    s->r.s = 70;
    size_t total = 0, row = RANK * NTT_N * sizeof(uint32_t);
    for (int i = 0; i < STACKS; i++) {
        CHECK_INT(lattice_case_new(&s->c[i], field_of(1), rows_of[i], cols_of[i], RANK, NULL, &s->r), 0);
        s->linear[i] = s->c[i].linear;
        s->offset[i] = total;
        total += rows_of[i] * row;
    }
    s->data = malloc(total);
    for (int i = 0; i < STACKS; i++) memcpy((uint8_t *)s->data + s->offset[i], s->c[i].hint, rows_of[i] * row);
    s->hint = (struct hint){.map = {(const uint8_t *)s->data, total}, .rank = RANK, .stacks = STACKS, .offset = s->offset};
    CHECK_INT(lattice_public_new(&s->a, lattice_manifest, 64, RANK, NULL), 0);
    const struct kern *k;
    CHECK_INT(kern_select(&k, NULL, NULL), 0);
    struct lattice_store_opts o = {k, s->linear, STACKS, &s->a, &s->hint, bytes_max, ahead};
    CHECK_INT(lattice_store_new(&s->store, &o), 0);
}
static size_t all_blocks(void) {
    size_t n = 0;
    for (int i = 0; i < STACKS; i++) {
        struct linear l = {.rows = rows_of[i], .cols = cols_of[i], .field = field_of(1)};
        n += lattice_block_bytes(&l, 0);
    }
    return n;
}

/* Column n of a stack with a random input: through mask, worker and unmask. */
static void column_works(struct scene *s, uint32_t stack, uint32_t n) {
    const struct lattice_case *c = &s->c[stack];
    int32_t x[64], y[64];
    uint32_t u[64], z[64];
    for (uint32_t j = 0; j < cols_of[stack]; j++) x[j] = (int32_t)(lrng_u32(&s->r) % 2001) - 1000;
    CHECK_INT(lattice_store_mask(s->store, stack, n, x, u), 0);
    worker_product(c, u, z);
    CHECK_INT(lattice_store_unmask(s->store, stack, n, z, y), 0);
    for (uint32_t i = 0; i < rows_of[stack]; i++) {
        double bound = 0.5, error = (double)(y[i] - true_product(c, i, x));
        for (uint32_t j = 0; j < cols_of[stack]; j++)
            bound += abs(c->w[(size_t)i * cols_of[stack] + j]) * element_noise_max(field_of(1));
        if (fabs(error) > bound) fail();
    }
}

TEST(products_are_right_over_many_blocks_made_ahead) {
    struct scene s;
    scene_new(&s, all_blocks(), 40);
    for (uint32_t n = 0; n < 700; n++)
        for (uint32_t i = 0; i < STACKS; i++) {
            CHECK(lattice_store_work(s.store, 2) >= 0);
            column_works(&s, i, n);
        }
    scene_free(&s);
}

/* With time enough between tokens, nothing is ever made while a token waits, and half of the memory of all blocks is held on
 * average. */
TEST(idle_work_stays_ahead_and_holds_half_of_the_memory) {
    struct scene s;
    scene_new(&s, all_blocks(), 20);
    double sum = 0;
    size_t most = 0;
    for (uint32_t n = 0; n < 512; n++) {
        int steps = 0;
        while (lattice_store_work(s.store, 1) == 1) CHECK(++steps < 10000);
        for (uint32_t i = 0; i < STACKS; i++) {
            size_t before = lattice_store_held(s.store);
            CHECK_INT(lattice_store_prepare(s.store, i, n, 1), 0);
            CHECK_INT(lattice_store_held(s.store), before); /* it was there */
            column_works(&s, i, n);
        }
        size_t held = lattice_store_held(s.store);
        sum += (double)held, most = held > most ? held : most;
    }
    CHECK(sum / 512 < 0.75 * (double)all_blocks() && sum / 512 > 0.4 * (double)all_blocks());
    CHECK(most <= all_blocks());
    scene_free(&s);
}

TEST(work_ahead_stops_at_the_memory_bound) {
    struct scene s;
    size_t bound = all_blocks() / 3;
    scene_new(&s, bound, 256);
    while (lattice_store_work(s.store, 100) == 1) CHECK(lattice_store_held(s.store) <= bound);
    CHECK(lattice_store_held(s.store) > 0);
    for (uint32_t i = 0; i < STACKS; i++) column_works(&s, i, 0); /* what is needed is made all the same */
    CHECK(lattice_store_held(s.store) > bound);
    CHECK_INT(lattice_store_work(s.store, 1), 0);
    scene_free(&s);
}

TEST(a_slot_is_never_masked_twice) {
    struct scene s;
    int32_t x[64] = {0}, y[64];
    uint32_t u[64], z[64] = {0};
    scene_new(&s, SIZE_MAX, 0);
    column_works(&s, 0, 0);
    CHECK_INT(lattice_store_mask(s.store, 0, 0, x, u), ERR_WRONG_STATE);
    CHECK_INT(lattice_store_unmask(s.store, 0, 0, z, y), ERR_WRONG_STATE);
    column_works(&s, 0, 5); /* 1 to 4 are passed over */
    for (uint32_t n = 0; n <= 5; n++) CHECK_INT(lattice_store_mask(s.store, 0, n, x, u), ERR_WRONG_STATE);
    CHECK_INT(lattice_store_prepare(s.store, 0, 3, 1), ERR_WRONG_STATE);
    x[2] = FIELD_P24;
    CHECK_INT(lattice_store_mask(s.store, 0, 6, x, u), ERR_RANGE);
    x[2] = 0;
    CHECK_INT(lattice_store_mask(s.store, 0, 6, x, u), ERR_WRONG_STATE); /* lost for good */
    CHECK_INT(lattice_store_mask(s.store, STACKS, 0, x, u), ERR_RANGE);
    CHECK_INT(lattice_store_unmask(s.store, STACKS, 0, z, y), ERR_RANGE);
    CHECK_INT(lattice_store_unmask(s.store, 0, 7, z, y), ERR_WRONG_STATE); /* not masked yet */
    lattice_store_drop(s.store, 0, 7);                                     /* nor can it be dropped */
    column_works(&s, 0, 7);
    scene_free(&s);
}

/* A pass of many columns over a block's end, its answers late and out of order. */
TEST(passes_straddle_blocks) {
    struct scene s;
    enum { COUNT = 64, STACK = 2 };
    static int32_t x[COUNT][64], y[64];
    static uint32_t u[COUNT][64], z[64];
    scene_new(&s, SIZE_MAX, 0);
    for (uint32_t n = 0; n < 320; n += COUNT) {
        CHECK_INT(lattice_store_prepare(s.store, STACK, n, COUNT), 0);
        for (uint32_t i = 0; i < COUNT; i++) {
            for (uint32_t j = 0; j < cols_of[STACK]; j++) x[i][j] = (int32_t)(lrng_u32(&s.r) % 201) - 100;
            CHECK_INT(lattice_store_mask(s.store, STACK, n + i, x[i], u[i]), 0);
        }
        for (uint32_t i = COUNT; i-- > 0;) {
            worker_product(&s.c[STACK], u[i], z);
            CHECK_INT(lattice_store_unmask(s.store, STACK, n + i, z, y), 0);
            for (uint32_t r = 0; r < rows_of[STACK]; r++)
                if (llabs(y[r] - true_product(&s.c[STACK], r, x[i])) > 127 * cols_of[STACK]) fail();
        }
    }
    scene_free(&s);
}

TEST(columns_without_answers_give_their_memory_back_when_dropped) {
    struct scene s;
    int32_t x[64] = {0};
    uint32_t u[64];
    scene_new(&s, SIZE_MAX, 0);
    for (uint32_t n = 0; n < 256; n++) CHECK_INT(lattice_store_mask(s.store, 0, n, x, u), 0);
    size_t before = lattice_store_held(s.store);
    for (uint32_t n = 0; n < 256; n++) lattice_store_drop(s.store, 0, n);
    CHECK(before == lattice_block_bytes(&s.linear[0], 0) && lattice_store_held(s.store) == 0);
    /* Blocks of unanswered columns are bounded too. */
    int r = 0;
    uint32_t n = 256;
    for (; n < 256 * 8 && r == 0; n++) r = lattice_store_mask(s.store, 0, n, x, u);
    CHECK_INT(r, ERR_BUSY);
    CHECK_INT(n - 1, 256 * 5);
    scene_free(&s);
}

/* ---- over a session's slots ---- */

TEST(slots_take_masked_inputs_and_only_checked_answers_are_opened) {
    struct scene s;
    struct blind_session *session, *other;
    struct slots *t;
    struct freivalds check;
    struct answer answer;
    int32_t x[32], y[24];
    uint32_t *words, u[32], z[24], got[24];
    uint8_t bytes[24 * 3 + 4];
    const uint8_t *sent;
    size_t n;
    scene_new(&s, SIZE_MAX, 0);
    words = calloc(freivalds_words(24, 32), sizeof *words);
    freivalds_place(&check, field_of(1), 24, 32, words);
    freivalds_draw(&check);
    for (uint32_t i = 0; i < 24; i++) freivalds_add_row(&check, i, s.c[0].w + 32 * (size_t)i);
    CHECK_INT(blind_session_new(&session, s.linear, STACKS) | blind_session_new(&other, s.linear, STACKS), 0);
    CHECK_INT(slots_spend(session, 0, 1, &t), 0);
    for (int j = 0; j < 32; j++) x[j] = 37 * j - 500;
    CHECK_INT(lattice_fill(other, t, s.store, x), ERR_WRONG_STATE);
    CHECK_INT(lattice_fill(session, t, s.store, x), 0);
    CHECK_INT(lattice_fill(session, t, s.store, x), ERR_WRONG_STATE);
    CHECK_INT(slots_bytes(t, &sent, &n), 0);
    for (int wrong = 1; wrong >= 0; wrong--) {
        CHECK_INT(lattice_expect(t, 0, &check, &answer, got, u), 0);
        worker_product(&s.c[0], u, z);
        z[11] = field_add(field_of(1), z[11], (uint32_t)wrong);
        CHECK_INT(residues_pack(field_of(1), bytes, z, 24), 0);
        CHECK_INT(lattice_open(session, s.store, &answer, y), ERR_WRONG_STATE); /* nothing has come */
        CHECK_INT(answer_rows(&answer, 0, 24, bytes, residues_bytes(field_of(1), 24)), wrong ? ERR_AUTH : 0);
        if (wrong) CHECK_INT(lattice_open(session, s.store, &answer, y), ERR_WRONG_STATE);
    }
    CHECK_INT(lattice_open(other, s.store, &answer, y), ERR_WRONG_STATE);
    CHECK_INT(lattice_open(session, s.store, &answer, y), 0);
    for (uint32_t i = 0; i < 24; i++) CHECK(llabs(y[i] - true_product(&s.c[0], i, x)) < 127 * 32);
    CHECK_INT(lattice_open(session, s.store, &answer, y), ERR_WRONG_STATE); /* once */
    slots_free(t);
    CHECK_INT(slots_spend(session, 0, 2, &t), 0);
    x[3] = FIELD_P24;
    CHECK_INT(lattice_fill(session, t, s.store, x), ERR_RANGE);
    x[3] = 0;
    CHECK_INT(lattice_fill(session, t, s.store, x), ERR_WRONG_STATE); /* the ticket is spoiled */
    slots_free(t);
    answer_end(&answer);
    blind_session_free(session), blind_session_free(other);
    free(words);
    scene_free(&s);
}

TESTS_MAIN("lattice_store", T(products_are_right_over_many_blocks_made_ahead),
           T(idle_work_stays_ahead_and_holds_half_of_the_memory), T(work_ahead_stops_at_the_memory_bound),
           T(a_slot_is_never_masked_twice), T(passes_straddle_blocks),
           T(columns_without_answers_give_their_memory_back_when_dropped),
           T(slots_take_masked_inputs_and_only_checked_answers_are_opened))
