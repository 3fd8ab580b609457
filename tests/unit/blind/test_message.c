/* blind: messages of a worker session. What is accepted has one spelling; everything else is refused with a reason. */
#include "blind/message.h"
#include "base/err.h"
#include "tests/check.h"

static uint8_t bytes[BLIND_ORDER_MAX + 64];

static size_t written(const struct blind_message *m) {
    struct writer w = writer_over(bytes, sizeof bytes);
    blind_message_write(&w, m);
    CHECK_INT(w.err, 0);
    return w.len;
}
static int read_as(size_t n, int from_client) {
    struct blind_message m;
    return blind_message_read(bytes, n, from_client, &m);
}

static const uint8_t packed[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
static struct blind_message good[] = {
    {.type = BLIND_HELLO, .hello = {.role = BLIND_ROLE_B, .manifest_hash = {7, 8}, .token = {'t', 'o', 'k'}, .token_n = 3}},
    {.type = BLIND_PRODUCT, .product = {.seq = 9, .stack = 4, .count = 2, .packed = packed, .packed_n = 12}},
    {.type = BLIND_GRANT, .grant = 1 << 20},
    {.type = BLIND_BYE},
    {.type = BLIND_READY,
     .ready = {.columns_max = 64,
               .products_max = 16,
               .bytes_max = BLIND_MESSAGE_MAX,
               .ranges_max = 1024,
               .columns_quota = UINT64_MAX,
               .held_count = 2,
               .held = {{0, 4}, {6, 7}}}},
    {.type = BLIND_ANSWER, .answer = {.seq = 9, .item = 3, .count = 3, .first = 32, .rows = 5, .packed = packed, .packed_n = 12}},
    {.type = BLIND_ERROR, .error = {.seq = 0, .code = BLIND_CODE_QUOTA}},
};
enum { GOOD = sizeof good / sizeof *good };
static int of_client(const struct blind_message *m) { return m->type < BLIND_READY; }

static size_t an_order(void) {
    static const struct blind_batch keys[] = {{0, {1}}, {1, {2}}, {9, {3}}};
    static const struct blind_range ranges[] = {{0, 60, 8}, {1, 0, 1}, {4, 576, 64}};
    struct writer w = writer_over(bytes, sizeof bytes);
    blind_order_write(&w, 5, keys, 3, ranges, 3);
    CHECK_INT(w.err, 0);
    return w.len;
}

TEST(what_is_written_is_read_back) {
    struct blind_message m;
    for (unsigned i = 0; i < GOOD; i++) {
        size_t n = written(&good[i]);
        CHECK_INT(blind_message_read(bytes, n, of_client(&good[i]), &m), 0);
        CHECK_INT(m.type, good[i].type);
        uint8_t again[1024];
        struct writer w = writer_over(again, sizeof again);
        blind_message_write(&w, &m);
        CHECK_INT(w.len, n);
        CHECK_MEM(again, bytes, n);
    }
}

TEST(an_order_keeps_its_ranges_and_keys) {
    struct blind_message m;
    size_t n = an_order();
    CHECK_INT(blind_message_read(bytes, n, 1, &m), 0);
    CHECK_INT(m.order.seq, 5);
    struct blind_range g = blind_order_range(&m.order, 2);
    CHECK_INT(g.stack, 4);
    CHECK_INT(g.n, 576);
    CHECK_INT(g.count, 64);
    CHECK_INT(blind_order_key(&m.order, 63)[0], 1);
    CHECK_INT(blind_order_key(&m.order, 64)[0], 2);
    CHECK_INT(blind_order_key(&m.order, 639)[0], 3);
    CHECK(blind_order_key(&m.order, 640) == NULL);
    CHECK(blind_order_key(&m.order, UINT32_MAX) == NULL);
}

TEST(messages_cut_short_or_too_long_are_refused) {
    for (unsigned i = 0; i <= GOOD; i++) {
        size_t n = i < GOOD ? written(&good[i]) : an_order();
        int client = i < GOOD ? of_client(&good[i]) : 1,
            columns = i < GOOD && (good[i].type == BLIND_PRODUCT || good[i].type == BLIND_ANSWER);
        for (size_t cut = 0; cut < n; cut++) {
            size_t left =
                n - cut; /* packed bytes are what is left: some cuts leave a shorter column, which the stack's shape shows */
            int whole = columns && cut && left < 12 && left % (good[i].type == BLIND_PRODUCT ? 2 : 3) == 0;
            int r = read_as(cut, client);
            if (!whole) CHECK(r < 0);
        }
        bytes[n] = 0;
        CHECK(read_as(n + 1, client) < 0);
    }
}

TEST(messages_of_the_other_side_are_refused) {
    for (unsigned i = 0; i < GOOD; i++) {
        size_t n = written(&good[i]);
        CHECK_INT(read_as(n, !of_client(&good[i])), ERR_WRONG_STATE);
    }
    bytes[0] = 6;
    CHECK_INT(read_as(1, 1), ERR_FORMAT);
    bytes[0] = 0;
    CHECK_INT(read_as(1, 0), ERR_FORMAT);
}

static int changed(struct blind_message m) {
    size_t n = written(&m);
    return read_as(n, of_client(&m));
}

TEST(values_out_of_range_are_refused) {
    struct blind_message m = good[0];
    m.hello.role = 0;
    CHECK_INT(changed(m), ERR_RANGE);
    m.hello.role = BLIND_ROLE_END;
    CHECK_INT(changed(m), ERR_RANGE);
    m = good[1];
    m.product.seq = 0;
    CHECK_INT(changed(m), ERR_RANGE);
    m = good[1];
    m.product.count = 0;
    CHECK_INT(changed(m), ERR_LIMIT);
    m.product.count = BLIND_COLUMNS_MAX + 1;
    CHECK_INT(changed(m), ERR_LIMIT);
    m.product.count = 5; /* 12 bytes are not 5 columns */
    CHECK_INT(changed(m), ERR_FORMAT);
    m.product.packed_n = 0;
    CHECK_INT(changed(m), ERR_SHORT);
    m = good[2];
    m.grant = 0;
    CHECK_INT(changed(m), ERR_RANGE);
    m = good[5];
    m.answer.first = 8;
    CHECK_INT(changed(m), ERR_RANGE);
    m.answer.first = UINT32_MAX & ~15u;
    m.answer.rows = 16;
    CHECK_INT(changed(m), ERR_RANGE);
    m = good[6];
    m.error.code = BLIND_CODE_END;
    CHECK_INT(changed(m), ERR_RANGE);
}

TEST(a_ready_with_ranges_out_of_order_is_refused) {
    struct blind_message m = good[4];
    m.ready.held[1] = (struct blind_held){4, 6}; /* touches the first: has to be written as one */
    CHECK_INT(changed(m), ERR_FORMAT);
    m.ready.held[1] = (struct blind_held){3, 6};
    CHECK_INT(changed(m), ERR_FORMAT);
    m.ready.held[1] = (struct blind_held){7, 7};
    CHECK_INT(changed(m), ERR_RANGE);
    m.ready.held[1] = (struct blind_held){7, BLIND_STACKS_MAX + 1};
    CHECK_INT(changed(m), ERR_RANGE);
    m.ready.held_count = 0;
    CHECK_INT(changed(m), ERR_LIMIT);
    m = good[4];
    m.ready.columns_max = BLIND_COLUMNS_MAX + 1;
    CHECK_INT(changed(m), ERR_RANGE);
    m = good[4];
    m.ready.bytes_max = 1;
    CHECK_INT(changed(m), ERR_RANGE);
}

TEST(another_version_is_refused) {
    size_t n = written(&good[0]);
    bytes[1]++;
    CHECK_INT(read_as(n, 1), ERR_VERSION);
    n = written(&good[4]);
    bytes[1]++;
    CHECK_INT(read_as(n, 0), ERR_VERSION);
}

TEST(orders_over_their_limits_are_refused) {
    size_t n = an_order();
    bytes[5] = BLIND_KEYS_MAX + 1;
    CHECK_INT(read_as(n, 1), ERR_LIMIT);
    bytes[5] = 0;
    CHECK_INT(read_as(n, 1), ERR_LIMIT);
    n = an_order();
    bytes[6] = 0x04, bytes[7] = 0x01; /* 1025 ranges */
    CHECK_INT(read_as(n, 1), ERR_LIMIT);
    n = an_order();
    bytes[8 + 36 + 3] = 0; /* the second batch is the first again */
    CHECK_INT(read_as(n, 1), ERR_FORMAT);
    n = an_order();
    bytes[n - 1] = 0; /* a range of no columns */
    CHECK_INT(read_as(n, 1), ERR_LIMIT);
    n = an_order();
    memset(bytes + n - 6, 0xff, 4); /* columns past 2^32 */
    CHECK_INT(read_as(n, 1), ERR_RANGE);
}

TEST(only_bye_and_error_are_final) {
    for (unsigned i = 0; i < GOOD; i++) {
        size_t n = written(&good[i]);
        CHECK_INT(blind_message_final(bytes, n), good[i].type == BLIND_BYE || good[i].type == BLIND_ERROR);
    }
    CHECK_INT(blind_message_final(bytes, 0), 0);
}

TEST(every_shape_has_columns_that_fit_one_message) {
    static const uint32_t shapes[][2] = {{1, 1},       {1 << 20, 65536}, {128256, 2048}, {16384, 2048},
                                         {2048, 8192}, {28672, 8192},    {8192, 28672}};
    for (unsigned i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        uint32_t rows = shapes[i][0], cols = shapes[i][1];
        const struct field *f = field_of(cols);
        uint32_t n = blind_columns_max(f, rows, cols);
        CHECK(n >= 1 && n <= BLIND_COLUMNS_MAX);
        CHECK(n * residues_bytes(f, cols) + BLIND_PRODUCT_HEAD <= BLIND_MESSAGE_MAX);
        CHECK(n * residues_bytes(f, rows) + BLIND_ANSWER_HEAD <= BLIND_MESSAGE_MAX);
    }
    CHECK_INT(blind_columns_max(field_of(2048), 16384, 2048), BLIND_COLUMNS_MAX);
    CHECK_INT(blind_columns_max(field_of(2048), 128256, 2048), 21);
}

TEST(every_code_has_a_name) {
    for (unsigned c = 1; c < BLIND_CODE_END; c++) CHECK(blind_code_name(c) != NULL);
    CHECK(blind_code_name(0) == NULL);
    CHECK(blind_code_name(BLIND_CODE_END) == NULL);
}

TESTS_MAIN("message", T(what_is_written_is_read_back), T(an_order_keeps_its_ranges_and_keys),
           T(messages_cut_short_or_too_long_are_refused), T(messages_of_the_other_side_are_refused),
           T(values_out_of_range_are_refused), T(a_ready_with_ranges_out_of_order_is_refused), T(another_version_is_refused),
           T(orders_over_their_limits_are_refused), T(only_bye_and_error_are_final),
           T(every_shape_has_columns_that_fit_one_message), T(every_code_has_a_name))
