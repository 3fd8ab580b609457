/* blind: the worker. Right products in any batch and any number of threads; what is wrong is refused with its code; nothing of a request
 * is left; who does not take answers delays nobody. */
#include <unistd.h>

#include "tests/unit/blind/own_memory.h"
#include "tests/unit/blind/worker_scene.h"

static struct weights s;
static struct blind_worker *w;
static struct speaker a, b;

static void setup(unsigned threads) {
    weights_open(&s, threads);
    CHECK_INT(blind_worker_new(&w, &s.opts), 0);
    speaker_open(&a, w);
    speaker_open(&b, w);
}
static void done(void) {
    speaker_close(&a);
    speaker_close(&b);
    blind_worker_free(w);
    weights_close(&s);
}
static void steps(unsigned n) {
    for (unsigned i = 0; i < n; i++) CHECK_INT(blind_worker_step(w), 1);
    CHECK_INT(blind_worker_step(w), 0);
}

static uint32_t u[BLIND_COLUMNS_MAX * SYNTH_COLS_MAX], v[BLIND_COLUMNS_MAX * SYNTH_COLS_MAX];

TEST(products_of_every_stack_are_those_of_plain_arithmetic) {
    for (unsigned threads = 1; threads <= 3; threads++) {
        setup(threads);
        speaker_hello(&a, BLIND_ROLE_A);
        uint32_t seq = 1;
        for (uint32_t stack = 0; stack < SYNTH_STACKS; stack++)
            for (uint16_t count = 1; count <= 33; count = (uint16_t)(count * 2 + 1), seq++) {
                scene_input(stack, u, count * (size_t)synth_shapes[stack].cols);
                CHECK_INT(speaker_bytes(&a, scene_buf, scene_product(seq, stack, count, u)), 0);
                steps(1);
                (void)speaker_expects(&a, seq, 0, stack, count, u);
                speaker_forget(&a);
            }
        done();
    }
}

TEST(extreme_residues_are_multiplied_right) {
    setup(1);
    speaker_hello(&a, BLIND_ROLE_LATTICE);
    for (uint32_t stack = 0; stack < SYNTH_STACKS; stack++) {
        uint32_t p = scene_field(stack)->p;
        const uint32_t ends[] = {0, 1, p / 2, p / 2 + 1, p - 1};
        for (uint32_t j = 0; j < synth_shapes[stack].cols; j++) u[j] = ends[(j * 7 + stack) % 5];
        CHECK_INT(speaker_bytes(&a, scene_buf, scene_product(stack + 1, stack, 1, u)), 0);
        steps(1);
        (void)speaker_expects(&a, stack + 1, 0, stack, 1, u);
    }
    done();
}

TEST(clients_that_wait_for_one_stack_share_a_batch) {
    struct blind_worker_counts n;
    setup(2);
    speaker_hello(&a, BLIND_ROLE_A);
    speaker_hello(&b, BLIND_ROLE_LATTICE);
    scene_input(2, u, 3 * 64);
    scene_input(2, v, 5 * 64);
    CHECK_INT(speaker_bytes(&a, scene_buf, scene_product(1, 2, 3, u)), 0);
    CHECK_INT(speaker_bytes(&b, scene_buf, scene_product(1, 2, 5, v)), 0);
    steps(1);
    (void)speaker_expects(&a, 1, 0, 2, 3, u);
    (void)speaker_expects(&b, 1, 0, 2, 5, v);
    blind_worker_count(w, &n);
    CHECK_INT(n.batches, 1);
    CHECK_INT(n.shared, 1);
    CHECK_INT(n.products, 2);
    CHECK_INT(n.columns, 8);
    CHECK_INT(speaker_bytes(&a, scene_buf, scene_product(2, 2, 3, u)), 0); /* other stacks do not mix */
    CHECK_INT(speaker_bytes(&b, scene_buf, scene_product(2, 0, 1, v)), 0);
    steps(2);
    done();
}

TEST(masks_of_an_order_are_multiplied_in_its_order) {
    uint8_t session_key[PAIR_KEY_BYTES] = {9};
    struct blind_batch keys[2] = {{.batch = 0}, {.batch = 1}};
    static const struct blind_range ranges[] = {{4, 63, 2}, {3, 1, 1}, {0, 100, 28}}; /* the first lies in both batches */
    for (unsigned i = 0; i < 2; i++) pair_batch_key(keys[i].key, session_key, i);
    setup(2);
    speaker_hello(&b, BLIND_ROLE_B);
    struct writer o = writer_over(scene_buf, sizeof scene_buf);
    blind_order_write(&o, 1, keys, 2, ranges, 3);
    CHECK_INT(speaker_bytes(&b, scene_buf, o.len), 0);
    CHECK_INT(blind_client_waiting(b.c), 3);
    CHECK_INT(blind_worker_step(w), 0); /* no credit yet */
    CHECK_INT(speaker_say(&b, &(struct blind_message){.type = BLIND_GRANT, .grant = 2 * SYNTH_ROWS_MAX * 3 - 1}), 0);
    CHECK_INT(blind_worker_step(w), 0); /* one byte less than the first range's answer */
    CHECK_INT(speaker_say(&b, &(struct blind_message){.type = BLIND_GRANT, .grant = 1}), 0);
    CHECK_INT(blind_worker_step(w), 1);
    CHECK_INT(blind_worker_step(w), 0); /* and it is used up */
    CHECK_INT(speaker_say(&b, &(struct blind_message){.type = BLIND_GRANT, .grant = UINT32_MAX}), 0);
    steps(2);
    for (uint16_t k = 0; k < 3; k++) {
        uint32_t cols = synth_shapes[ranges[k].stack].cols;
        for (uint16_t i = 0; i < ranges[k].count; i++) {
            uint32_t n = ranges[k].n + i;
            pair_mask(scene_field(ranges[k].stack), keys[pair_batch_of(n)].key, ranges[k].stack, n, u + (size_t)i * cols, cols);
        }
        (void)speaker_expects(&b, 1, k, ranges[k].stack, ranges[k].count, u);
    }
    CHECK_INT(blind_client_waiting(b.c), 0);
    done();
}

/* ---- what is refused ---- */
static void refused_with(enum blind_role role, size_t n, uint32_t seq, enum blind_code code) {
    static uint8_t bytes[SCENE_BUF];
    struct speaker c;
    memcpy(bytes, scene_buf, n);
    speaker_open(&c, w);
    if (role) speaker_hello(&c, role);
    CHECK_INT(speaker_bytes(&c, bytes, n), 1);
    speaker_hears_error(&c, seq, code);
    CHECK_INT(blind_worker_step(w), 0);
    CHECK_INT(speaker_bytes(&c, bytes, n), 1); /* dropped, no second error */
    CHECK_INT(c.count, c.read);
    speaker_close(&c);
    memcpy(scene_buf, bytes, n); /* for the caller to change further */
}
static size_t an_order_of(uint32_t batch, struct blind_range g) {
    struct blind_batch key = {.batch = batch};
    struct writer o = writer_over(scene_buf, sizeof scene_buf);
    blind_order_write(&o, 7, &key, 1, &g, 1);
    return o.len;
}

TEST(wrong_products_are_refused_with_the_reason) {
    setup(1);
    scene_input(0, u, 64);
    size_t n = scene_product(3, 0, 1, u);
    refused_with(0, n, 3, BLIND_CODE_STATE); /* before hello */
    (void)scene_product(3, 0, 1, u);
    refused_with(BLIND_ROLE_B, n, 3, BLIND_CODE_STATE);
    n = scene_product(3, 0, 1, u);
    scene_buf[8] = SYNTH_STACKS;
    refused_with(BLIND_ROLE_A, n, 3, BLIND_CODE_STACK);
    memset(scene_buf + 5, 0xff, 4);
    refused_with(BLIND_ROLE_A, n, 3, BLIND_CODE_STACK);
    n = scene_product(3, 0, 1, u);
    refused_with(BLIND_ROLE_A, n - 1, 3, BLIND_CODE_SHAPE);
    scene_buf[8] = 1; /* 61 columns wide */
    refused_with(BLIND_ROLE_A, n, 3, BLIND_CODE_SHAPE);
    n = scene_product(3, 0, 1, u);
    scene_buf[10] = BLIND_COLUMNS_MAX + 1;
    refused_with(BLIND_ROLE_A, n, 0, BLIND_CODE_COLUMNS);
    n = scene_product(3, 0, 1, u);
    memset(scene_buf + n - 3, 0xff, 3); /* 2^24 - 1 is no residue */
    refused_with(BLIND_ROLE_A, n, 3, BLIND_CODE_RESIDUE);
    n = scene_product(3, 0, 1, u);
    scene_buf[0] = 99;
    refused_with(BLIND_ROLE_A, n, 0, BLIND_CODE_FORMAT);
    scene_buf[0] = BLIND_ANSWER;
    refused_with(BLIND_ROLE_A, n, 0, BLIND_CODE_STATE);
    done();
}

TEST(p_itself_and_spare_bits_are_refused) {
    setup(1);
    scene_input(3, u, SYNTH_COLS_MAX); /* p26: 8195 residues leave 2 spare bits */
    size_t n = scene_product(1, 3, 1, u);
    scene_buf[n - 1] |= 0x80;
    refused_with(BLIND_ROLE_A, n, 1, BLIND_CODE_RESIDUE);
    u[0] = 0;
    n = scene_product(1, 3, 1, u);
    const uint32_t p = FIELD_P26;
    scene_buf[11] = p & 0xff, scene_buf[12] = p >> 8 & 0xff, scene_buf[13] = p >> 16 & 0xff, scene_buf[14] |= (uint8_t)(p >> 24);
    refused_with(BLIND_ROLE_LATTICE, n, 1, BLIND_CODE_RESIDUE);
    done();
}

TEST(another_manifest_and_a_second_hello_are_refused) {
    setup(1);
    struct blind_message m = {.type = BLIND_HELLO, .hello = {.role = BLIND_ROLE_A}};
    refused_with(0, scene_write(&m), 0, BLIND_CODE_MANIFEST);
    memcpy(m.hello.manifest_hash, scene_manifest, 32);
    refused_with(BLIND_ROLE_A, scene_write(&m), 0, BLIND_CODE_STATE);
    size_t n = scene_write(&m);
    scene_buf[1] = BLIND_VERSION + 1;
    refused_with(0, n, 0, BLIND_CODE_VERSION);
    done();
}

TEST(wrong_orders_are_refused_with_the_reason) {
    setup(1);
    refused_with(BLIND_ROLE_A, an_order_of(0, (struct blind_range){0, 0, 1}), 7, BLIND_CODE_STATE);
    refused_with(BLIND_ROLE_B, an_order_of(0, (struct blind_range){SYNTH_STACKS, 0, 1}), 7, BLIND_CODE_STACK);
    refused_with(BLIND_ROLE_B, an_order_of(1, (struct blind_range){0, 63, 1}), 7, BLIND_CODE_KEYS);
    refused_with(BLIND_ROLE_B, an_order_of(1, (struct blind_range){0, 63, 2}), 7, BLIND_CODE_KEYS);
    refused_with(BLIND_ROLE_B, an_order_of(0, (struct blind_range){0, 63, 2}), 7, BLIND_CODE_KEYS);
    refused_with(BLIND_ROLE_B, an_order_of(0, (struct blind_range){0, 0, BLIND_COLUMNS_MAX + 1}), 0, BLIND_CODE_COLUMNS);
    refused_with(BLIND_ROLE_A, scene_write(&(struct blind_message){.type = BLIND_GRANT, .grant = 1}), 0, BLIND_CODE_STATE);
    done();
}

TEST(stacks_that_are_not_held_are_named_and_refused) {
    weights_open(&s, 1);
    struct row8 some[SYNTH_STACKS];
    memcpy(some, s.stacks, sizeof some);
    some[1].data = some[3].data = NULL;
    s.opts.stacks = some;
    CHECK_INT(blind_worker_new(&w, &s.opts), 0);
    speaker_open(&a, w);
    struct blind_message m = {.type = BLIND_HELLO, .hello = {.role = BLIND_ROLE_A}};
    memcpy(m.hello.manifest_hash, scene_manifest, 32);
    CHECK_INT(speaker_say(&a, &m), 0);
    m = speaker_hear(&a);
    CHECK_INT(m.ready.held_count, 3);
    CHECK_INT(m.ready.held[1].first, 2);
    CHECK_INT(m.ready.held[1].end, 3);
    scene_input(1, u, 61);
    refused_with(BLIND_ROLE_A, scene_product(1, 1, 1, u), 1, BLIND_CODE_STACK);
    speaker_close(&a);
    blind_worker_free(w);
    for (unsigned i = 0; i < SYNTH_STACKS; i++) some[i].data = NULL;
    CHECK_INT(blind_worker_new(&w, &s.opts), ERR_RANGE); /* holds nothing */
    weights_close(&s);
}

TEST(the_quota_of_a_session_ends_it) {
    weights_open(&s, 1);
    s.opts.columns_quota = 5;
    CHECK_INT(blind_worker_new(&w, &s.opts), 0);
    speaker_open(&a, w);
    speaker_hello(&a, BLIND_ROLE_A);
    scene_input(0, u, 64 * 3);
    CHECK_INT(speaker_bytes(&a, scene_buf, scene_product(1, 0, 3, u)), 0);
    steps(1);
    (void)speaker_expects(&a, 1, 0, 0, 3, u);
    CHECK_INT(speaker_bytes(&a, scene_buf, scene_product(2, 0, 3, u)), 1);
    speaker_hears_error(&a, 2, BLIND_CODE_QUOTA);
    speaker_close(&a);
    blind_worker_free(w);
    weights_close(&s);
}

TEST(what_was_paid_for_is_counted_over_all_sessions) {
    struct blind_account account = {.token = "t", .token_n = 1};
    struct blind_sink to_a = {speaker_put, speaker_room, &a}, to_b = {speaker_put, speaker_room, &b};
    setup(1);
    speaker_close(&a);
    speaker_close(&b);
    atomic_init(&account.paid, 5);
    CHECK_INT(blind_client_open(&a.c, w, &to_a, &account), 0);
    CHECK_INT(blind_client_open(&b.c, w, &to_b, &account), 0);
    speaker_hello(&a, BLIND_ROLE_A);
    speaker_hello(&b, BLIND_ROLE_A);
    scene_input(0, u, 64 * 3);
    CHECK_INT(speaker_bytes(&a, scene_buf, scene_product(1, 0, 3, u)), 0);
    CHECK_INT(blind_account_left(&account), 2);
    CHECK_INT(speaker_bytes(&b, scene_buf, scene_product(1, 0, 3, u)), 1);
    speaker_hears_error(&b, 1, BLIND_CODE_QUOTA);
    CHECK_INT(speaker_bytes(&a, scene_buf, scene_product(2, 0, 2, u)), 0);
    CHECK_INT(blind_account_left(&account), 0);
    steps(2);
    done();
}

TEST(what_was_not_computed_is_not_paid) {
    struct blind_account account = {.token = "t", .token_n = 1};
    struct blind_sink to_a = {speaker_put, speaker_room, &a};
    setup(1);
    speaker_close(&a);
    atomic_init(&account.paid, 10);
    CHECK_INT(blind_client_open(&a.c, w, &to_a, &account), 0);
    speaker_hello(&a, BLIND_ROLE_A);
    scene_input(0, u, 64 * 3);
    for (uint32_t seq = 1; seq <= 3; seq++) CHECK_INT(speaker_bytes(&a, scene_buf, scene_product(seq, 0, 3, u)), 0);
    CHECK_INT(blind_account_left(&account), 1);
    CHECK_INT(blind_worker_step(w), 1);
    CHECK_INT(speaker_bytes(&a, scene_buf, scene_product(4, 0, 3, u)),
              1); /* over the quota: two products are forgotten with it */
    CHECK_INT(blind_account_left(&account), 7);
    done();
    CHECK_INT(blind_account_left(&account), 7);
}

TEST(more_unanswered_than_the_window_allows_ends_the_session) {
    setup(1);
    speaker_hello(&a, BLIND_ROLE_A);
    scene_input(0, u, 64);
    uint32_t seq = 1;
    for (; seq <= 16; seq++) CHECK_INT(speaker_bytes(&a, scene_buf, scene_product(seq, 0, 1, u)), 0);
    CHECK_INT(speaker_bytes(&a, scene_buf, scene_product(seq, 0, 1, u)), 1);
    speaker_hears_error(&a, seq, BLIND_CODE_WINDOW);
    CHECK_INT(blind_client_waiting(a.c), 0);
    CHECK_INT(blind_worker_step(w), 0); /* what it had asked for is forgotten */
    done();
}

TEST(who_takes_no_answers_delays_nobody) {
    setup(1);
    speaker_hello(&a, BLIND_ROLE_A);
    speaker_hello(&b, BLIND_ROLE_A);
    scene_input(0, u, 64);
    a.room = 96 * 3; /* the answer without its head */
    CHECK_INT(speaker_bytes(&a, scene_buf, scene_product(1, 0, 1, u)), 0);
    CHECK_INT(blind_worker_step(w), 0);
    for (uint32_t seq = 1; seq <= 3; seq++) {
        CHECK_INT(speaker_bytes(&b, scene_buf, scene_product(seq, 0, 1, u)), 0);
        steps(1);
        (void)speaker_expects(&b, seq, 0, 0, 1, u);
    }
    CHECK_INT(a.read, a.count);
    a.room = BLIND_SINK_ROOM;
    steps(1);
    (void)speaker_expects(&a, 1, 0, 0, 1, u);
    done();
}

TEST(more_clients_than_it_takes_are_turned_away) {
    struct blind_client *c;
    struct blind_sink sink = {speaker_put, speaker_room, &b};
    weights_open(&s, 1);
    s.opts.clients_max = 1;
    CHECK_INT(blind_worker_new(&w, &s.opts), 0);
    speaker_open(&a, w);
    CHECK_INT(blind_client_open(&c, w, &sink, NULL), ERR_BUSY);
    speaker_close(&a);
    speaker_open(&a, w);
    speaker_close(&a);
    blind_worker_free(w);
    weights_close(&s);
}

TEST(a_bye_or_a_failure_ends_what_is_unanswered) {
    setup(1);
    speaker_hello(&a, BLIND_ROLE_A);
    speaker_hello(&b, BLIND_ROLE_A);
    scene_input(0, u, 64);
    CHECK_INT(speaker_bytes(&a, scene_buf, scene_product(1, 0, 1, u)), 0);
    CHECK_INT(speaker_bytes(&b, scene_buf, scene_product(1, 0, 1, u)), 0);
    CHECK_INT(speaker_say(&a, &(struct blind_message){.type = BLIND_BYE}), 1);
    blind_client_fail(b.c, BLIND_CODE_DRAINING);
    blind_client_fail(b.c, BLIND_CODE_INTERNAL); /* one error only */
    speaker_hears_error(&b, 0, BLIND_CODE_DRAINING);
    CHECK_INT(blind_worker_step(w), 0);
    CHECK_INT(a.read, a.count);
    done();
}

/* ---- nothing is left ---- */

TEST(after_a_product_no_residue_of_it_is_left_in_memory) {
    enum { RUN = 24 };
    uint32_t cols = synth_shapes[2].cols;
    static uint8_t packed[RUN * 3];
    setup(2);
    speaker_hello(&a, BLIND_ROLE_A);
    scene_input(2, u, cols);
    size_t n = scene_product(1, 2, 1, u);
    memcpy(packed, scene_buf + BLIND_PRODUCT_HEAD, sizeof packed);
    CHECK_INT(speaker_bytes(&a, scene_buf, n), 0);
    mem_wipe(scene_buf, n);
    CHECK(own_memory_has(packed, sizeof packed, packed) >= 1); /* it waits: the search can find it */
    steps(1);
    uint8_t *z = a.heard[a.count - 1].p + BLIND_ANSWER_HEAD;
    CHECK_INT(own_memory_has(packed, sizeof packed, packed), 0); /* the message */
    CHECK_INT(own_memory_has(u, RUN * 4, u), 0);                 /* unpacked */
    CHECK_INT(own_memory_has(z, RUN * 3, z), 0);                 /* the answer, but for what the sink was given */
    static uint32_t sums[RUN];
    CHECK_INT(residues_unpack(scene_field(2), sums, RUN, z, RUN * 3), 0);
    CHECK_INT(own_memory_has(sums, sizeof sums, sums), 0);
    done();
}

TEST(after_an_order_no_mask_and_no_key_is_left_in_memory) {
    struct blind_range g = {2, 5, 1};
    static uint8_t key[PAIR_KEY_BYTES];
    setup(2);
    speaker_hello(&b, BLIND_ROLE_B);
    random_bytes(key, sizeof key);
    struct blind_batch batch = {.batch = 0};
    memcpy(batch.key, key, sizeof key);
    struct writer o = writer_over(scene_buf, sizeof scene_buf);
    blind_order_write(&o, 1, &batch, 1, &g, 1);
    CHECK_INT(speaker_bytes(&b, scene_buf, o.len), 0);
    mem_wipe(scene_buf, o.len);
    mem_wipe(&batch, sizeof batch);
    CHECK(own_memory_has(key, sizeof key, key) >= 1);
    CHECK_INT(speaker_say(&b, &(struct blind_message){.type = BLIND_GRANT, .grant = UINT32_MAX}), 0);
    steps(1);
    CHECK_INT(own_memory_has(key, sizeof key, key), 0);
    pair_mask(scene_field(2), key, 2, 5, u, 64);
    CHECK_INT(own_memory_has(u, 24 * 4, u), 0);
    done();
}

TESTS_MAIN("blind_worker", T(products_of_every_stack_are_those_of_plain_arithmetic), T(extreme_residues_are_multiplied_right),
           T(clients_that_wait_for_one_stack_share_a_batch), T(masks_of_an_order_are_multiplied_in_its_order),
           T(wrong_products_are_refused_with_the_reason), T(p_itself_and_spare_bits_are_refused),
           T(another_manifest_and_a_second_hello_are_refused), T(wrong_orders_are_refused_with_the_reason),
           T(stacks_that_are_not_held_are_named_and_refused), T(the_quota_of_a_session_ends_it),
           T(what_was_not_computed_is_not_paid), T(what_was_paid_for_is_counted_over_all_sessions),
           T(more_unanswered_than_the_window_allows_ends_the_session), T(who_takes_no_answers_delays_nobody),
           T(more_clients_than_it_takes_are_turned_away), T(a_bye_or_a_failure_ends_what_is_unanswered),
           T(after_a_product_no_residue_of_it_is_left_in_memory), T(after_an_order_no_mask_and_no_key_is_left_in_memory))
