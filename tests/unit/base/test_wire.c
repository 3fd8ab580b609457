/* The bounded reader and writer: round trips, every cut, limits, the error that sticks. */
#include "base/err.h"
#include "base/wire.h"
#include "tests/check.h"

static size_t sample(uint8_t *to, size_t cap) {
    struct writer w = writer_over(to, cap);
    write_u8(&w, 7);
    write_u16(&w, 0x1234);
    write_u32(&w, 0x89abcdef);
    write_u64(&w, 0x0102030405060708);
    write_u32_le(&w, 0x89abcdef);
    write_block16(&w, "hello", 5);
    write_text8(&w, "name");
    write_block32(&w, "", 0);
    return w.err ? 0 : w.len;
}

static int parse(const uint8_t *p, size_t n) {
    struct reader r = reader_over(p, n);
    char name[8];
    uint8_t a = read_u8(&r);
    uint16_t b = read_u16(&r);
    uint32_t c = read_u32(&r);
    uint64_t d = read_u64(&r);
    uint32_t e = read_u32_le(&r);
    struct reader block = read_block16(&r, 5);
    read_text8(&r, name, sizeof name);
    read_block32(&r, 0);
    if (read_end(&r) != 0) return r.err;
    CHECK(a == 7 && b == 0x1234 && c == 0x89abcdef && d == 0x0102030405060708 && e == 0x89abcdef);
    CHECK(block.left == 5 && memcmp(block.p, "hello", 5) == 0);
    CHECK_STR(name, "name");
    return 0;
}

TEST(round_trip_and_every_cut) {
    uint8_t bytes[64];
    size_t n = sample(bytes, sizeof bytes);
    CHECK_INT(n, 1 + 2 + 4 + 8 + 4 + 7 + 5 + 4);
    CHECK_INT(parse(bytes, n), 0);
    for (size_t cut = 0; cut < n; cut++) CHECK_INT(parse(bytes, cut), ERR_SHORT);
    CHECK_INT(parse(bytes, n + 1), ERR_TRAILING);
    for (size_t cap = 0; cap < n; cap++) CHECK_INT(sample(bytes, cap), 0);
}

TEST(an_error_sticks_and_reads_give_zero) {
    uint8_t three[3] = {1, 2, 3}, out[4] = {9, 9, 9, 9};
    struct reader r = reader_over(three, 3);
    CHECK_INT(read_u32(&r), 0);
    CHECK_INT(read_u8(&r), 0);
    read_copy(&r, out, 4);
    CHECK_MEM(out, ((uint8_t[4]){0}), 4);
    read_fail(&r, ERR_FORMAT);
    CHECK_INT(read_end(&r), ERR_SHORT);
}

TEST(blocks_and_texts_over_their_limit_are_refused) {
    uint8_t bytes[] = {5, 'a', 'b', 'c', 'd', 'e'}, with_nul[] = {3, 'a', 0, 'b'};
    char small[5], big[6];
    struct reader r = reader_over(bytes, sizeof bytes);
    read_text8(&r, small, sizeof small);
    CHECK_INT(r.err, ERR_LIMIT);
    CHECK_STR(small, "");
    r = reader_over(bytes, sizeof bytes);
    read_text8(&r, big, sizeof big);
    CHECK_INT(read_end(&r), 0);
    CHECK_STR(big, "abcde");
    r = reader_over(with_nul, sizeof with_nul);
    read_text8(&r, big, sizeof big);
    CHECK_INT(r.err, ERR_FORMAT);
}

TEST(a_block_too_long_for_its_prefix_is_an_error) {
    uint8_t to[600] = {0};
    struct writer w = writer_over(to, sizeof to);
    write_block8(&w, to, 256);
    CHECK_INT(w.err, ERR_LIMIT);
}

TESTS_MAIN("wire", T(round_trip_and_every_cut), T(an_error_sticks_and_reads_give_zero),
           T(blocks_and_texts_over_their_limit_are_refused), T(a_block_too_long_for_its_prefix_is_an_error))
