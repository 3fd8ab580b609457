/* CBOR: the examples of RFC 8949, appendix A, by type and rules; what is not well-formed (appendix F); bounds; the writer. */
#include "base/hash.h"
#include "evidence/cbor.h"
#include "tests/check.h"

enum { D = 1, I = 2 }; /* deterministic; needs indefinite lengths; 0: well-formed, definite, and not deterministic */

/* RFC 8949, appendix A. The floats stand as the RFC writes them, which is not always the shortest form. */
static const struct {
    const char *hex;
    enum cbor_type type;
    int how;
    int64_t value; /* of integers that fit */
} examples[] = {
    {"00", CBOR_UINT, D, 0},
    {"01", CBOR_UINT, D, 1},
    {"0a", CBOR_UINT, D, 10},
    {"17", CBOR_UINT, D, 23},
    {"1818", CBOR_UINT, D, 24},
    {"1819", CBOR_UINT, D, 25},
    {"1864", CBOR_UINT, D, 100},
    {"1903e8", CBOR_UINT, D, 1000},
    {"1a000f4240", CBOR_UINT, D, 1000000},
    {"1b000000e8d4a51000", CBOR_UINT, D, 1000000000000},
    {"1bffffffffffffffff", CBOR_UINT, D, 0},
    {"c249010000000000000000", CBOR_TAG, D, 0},
    {"3bffffffffffffffff", CBOR_NEGATIVE, D, 0},
    {"c349010000000000000000", CBOR_TAG, D, 0},
    {"20", CBOR_NEGATIVE, D, -1},
    {"29", CBOR_NEGATIVE, D, -10},
    {"3863", CBOR_NEGATIVE, D, -100},
    {"3903e7", CBOR_NEGATIVE, D, -1000},
    {"f90000", CBOR_FLOAT, D, 0},
    {"f98000", CBOR_FLOAT, D, 0},
    {"f93c00", CBOR_FLOAT, D, 0},
    {"fb3ff199999999999a", CBOR_FLOAT, D, 0},
    {"f93e00", CBOR_FLOAT, D, 0},
    {"f97bff", CBOR_FLOAT, D, 0},
    {"fa47c35000", CBOR_FLOAT, D, 0},
    {"fa7f7fffff", CBOR_FLOAT, D, 0},
    {"fb7e37e43c8800759c", CBOR_FLOAT, D, 0},
    {"f90001", CBOR_FLOAT, D, 0},
    {"f90400", CBOR_FLOAT, D, 0},
    {"f9c400", CBOR_FLOAT, D, 0},
    {"fbc010666666666666", CBOR_FLOAT, D, 0},
    {"f97c00", CBOR_FLOAT, D, 0},
    {"f97e00", CBOR_FLOAT, D, 0},
    {"f9fc00", CBOR_FLOAT, D, 0},
    {"fa7f800000", CBOR_FLOAT, 0, 0},
    {"fa7fc00000", CBOR_FLOAT, 0, 0},
    {"faff800000", CBOR_FLOAT, 0, 0},
    {"fb7ff0000000000000", CBOR_FLOAT, 0, 0},
    {"fb7ff8000000000000", CBOR_FLOAT, 0, 0},
    {"fbfff0000000000000", CBOR_FLOAT, 0, 0},
    {"f4", CBOR_FALSE, D, 0},
    {"f5", CBOR_TRUE, D, 0},
    {"f6", CBOR_NULL, D, 0},
    {"f7", CBOR_UNDEFINED, D, 0},
    {"f0", CBOR_SIMPLE, D, 0},
    {"f8ff", CBOR_SIMPLE, D, 0},
    {"c074323031332d30332d32315432303a30343a30305a", CBOR_TAG, D, 0},
    {"c11a514b67b0", CBOR_TAG, D, 0},
    {"c1fb41d452d9ec200000", CBOR_TAG, D, 0},
    {"d74401020304", CBOR_TAG, D, 0},
    {"d818456449455446", CBOR_TAG, D, 0},
    {"d82076687474703a2f2f7777772e6578616d706c652e636f6d", CBOR_TAG, D, 0},
    {"40", CBOR_BYTES, D, 0},
    {"4401020304", CBOR_BYTES, D, 0},
    {"60", CBOR_TEXT, D, 0},
    {"6161", CBOR_TEXT, D, 0},
    {"6449455446", CBOR_TEXT, D, 0},
    {"62225c", CBOR_TEXT, D, 0},
    {"62c3bc", CBOR_TEXT, D, 0},
    {"63e6b0b4", CBOR_TEXT, D, 0},
    {"64f0908591", CBOR_TEXT, D, 0},
    {"80", CBOR_ARRAY, D, 0},
    {"83010203", CBOR_ARRAY, D, 0},
    {"8301820203820405", CBOR_ARRAY, D, 0},
    {"98190102030405060708090a0b0c0d0e0f101112131415161718181819", CBOR_ARRAY, D, 0},
    {"a0", CBOR_MAP, D, 0},
    {"a201020304", CBOR_MAP, D, 0},
    {"a26161016162820203", CBOR_MAP, D, 0},
    {"826161a161626163", CBOR_ARRAY, D, 0},
    {"a56161614161626142616361436164614461656145", CBOR_MAP, D, 0},
    {"5f42010243030405ff", CBOR_BYTES, I, 0},
    {"7f657374726561646d696e67ff", CBOR_TEXT, I, 0},
    {"9fff", CBOR_ARRAY, I, 0},
    {"9f018202039f0405ffff", CBOR_ARRAY, I, 0},
    {"9f01820203820405ff", CBOR_ARRAY, I, 0},
    {"83018202039f0405ff", CBOR_ARRAY, I, 0},
    {"83019f0203ff820405", CBOR_ARRAY, I, 0},
    {"9f0102030405060708090a0b0c0d0e0f101112131415161718181819ff", CBOR_ARRAY, I, 0},
    {"bf61610161629f0203ffff", CBOR_MAP, I, 0},
    {"826161bf61626163ff", CBOR_ARRAY, I, 0},
    {"bf6346756ef563416d7421ff", CBOR_MAP, I, 0},
};

static size_t bytes_of(uint8_t *to, const char *hex) {
    size_t n = strlen(hex) / 2;
    CHECK_INT(hex_decode(to, n, hex, 2 * n), 0);
    return n;
}

static int check_hex(const char *hex, unsigned rules) {
    uint8_t b[128];
    size_t n = bytes_of(b, hex);
    return cbor_check(b, n, rules);
}

TEST(the_examples_of_rfc_8949_are_well_formed_and_judged_by_the_rules) {
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        uint8_t b[128];
        size_t n = bytes_of(b, examples[i].hex);
        struct cbor c = cbor_over(b, n, CBOR_INDEFINITE);
        CHECK_INT(cbor_peek(&c), examples[i].type);
        CHECK_INT(cbor_check(b, n, CBOR_INDEFINITE), 0);
        CHECK_INT(cbor_check(b, n, 0), examples[i].how == I ? ERR_FORMAT : 0);
        CHECK_INT(cbor_check(b, n, CBOR_DETERMINISTIC), examples[i].how == D ? 0 : ERR_FORMAT);
        CHECK_INT(cbor_check(b, n, CBOR_DETERMINISTIC | CBOR_INDEFINITE), examples[i].how == D ? 0 : ERR_FORMAT);
        for (size_t cut = 0; cut < n; cut++) CHECK_INT(cbor_check(b, cut, CBOR_INDEFINITE), ERR_SHORT);
        b[n] = 0;
        CHECK_INT(cbor_check(b, n + 1, CBOR_INDEFINITE), ERR_TRAILING);
    }
}

TEST(integers_have_the_values_of_rfc_8949) {
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        if (examples[i].type != CBOR_UINT && examples[i].type != CBOR_NEGATIVE) continue;
        uint8_t b[128];
        size_t n = bytes_of(b, examples[i].hex);
        struct cbor c = cbor_over(b, n, 0);
        int64_t v = cbor_int(&c);
        int wide = n == 9 && b[1] == 0xff;
        CHECK_INT(cbor_end(&c), wide ? ERR_RANGE : 0);
        CHECK(v == examples[i].value);
        c = cbor_over(b, n, 0);
        uint64_t u = cbor_uint(&c);
        CHECK_INT(cbor_end(&c), examples[i].type == CBOR_UINT ? 0 : ERR_FORMAT);
        if (examples[i].type == CBOR_UINT) CHECK(u == (wide ? UINT64_MAX : (uint64_t)examples[i].value));
    }
}

TEST(what_is_not_well_formed_is_refused) {
    static const struct {
        const char *hex;
        int err;
    } bad[] = {
        {"1c", ERR_FORMAT},
        {"3d", ERR_FORMAT},
        {"5e", ERR_FORMAT},
        {"fe", ERR_FORMAT}, /* reserved */
        {"1f", ERR_FORMAT},
        {"3f", ERR_FORMAT},
        {"df", ERR_FORMAT},
        {"ff", ERR_FORMAT}, /* open where none is */
        {"f800", ERR_FORMAT},
        {"f818", ERR_FORMAT},
        {"f81f", ERR_FORMAT}, /* simple, too short */
        {"5f00ff", ERR_FORMAT},
        {"5f6161ff", ERR_FORMAT},
        {"7f4161ff", ERR_FORMAT},          /* wrong chunks */
        {"5f5f4100ffff", ERR_UNSUPPORTED}, /* a chunk of chunks */
        {"81ff", ERR_FORMAT},
        {"8200ff", ERR_FORMAT},
        {"a1ff", ERR_SHORT},
        {"a100ff", ERR_FORMAT},
        {"bf00ff", ERR_FORMAT},
        {"bf000000ff", ERR_FORMAT}, /* a key without value */
        {"c0ff", ERR_FORMAT},
        {"9f81ff", ERR_FORMAT},
        {"62c328", ERR_FORMAT},
        {"63eda080", ERR_FORMAT},
        {"9bffffffffffffffff", ERR_SHORT},
        {"bb7fffffffffffffff00", ERR_SHORT},
        {"5bffffffffffffffff00", ERR_SHORT},
        {"8400", ERR_SHORT},
        {"9f", ERR_SHORT},
        {"bf00", ERR_SHORT},
        {"5f4100", ERR_SHORT},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) CHECK_INT(check_hex(bad[i].hex, CBOR_INDEFINITE), bad[i].err);
    CHECK_INT(cbor_check(NULL, 0, 0), ERR_SHORT);
}

TEST(only_one_spelling_is_deterministic) {
    static const char *const other[] = {
        "1800",
        "1817",
        "190001",
        "1900ff",
        "1a0000ffff",
        "1b00000000ffffffff",
        "3817",
        "5800",
        "580101",
        "780161",
        "9800",
        "990000",
        "b800",
        "d80100",
        "c01800", /* longer heads */
        "a202000100",
        "a2616201616101",
        "a218ff000000", /* unsorted keys */
        "a200000000",
        "a2616100616100",
        "81a200000000", /* a key twice */
        "a1a20100000000",
        "f97e01",
        "fa00000000",
        "fa3f800000",
        "fa38800000",
        "fa33800000",
        "fb3ff0000000000000",
        "fb7ff8000000000000",
        "fb47efffffe0000000",
        "fb36a0000000000000",
    };
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        CHECK_INT(check_hex(other[i], 0), 0);
        CHECK_INT(check_hex(other[i], CBOR_DETERMINISTIC), ERR_FORMAT);
    }
    static const char *const one[] = {"a30a001864002000",   "fa33800001",         "fa33000000", "fa47800000",
                                      "fb36a0000000000001", "fb7fefffffffffffff", "fa387fe000", "fa38000001"};
    for (size_t i = 0; i < sizeof one / sizeof *one; i++) CHECK_INT(check_hex(one[i], CBOR_DETERMINISTIC), 0);
}

TEST(depth_is_limited) {
    uint8_t b[64];
    for (int kind = 0; kind < 3; kind++) {
        static const uint8_t open[] = {0x81, 0xc1, 0x9f};
        for (unsigned depth = 1; depth < 40; depth++) {
            size_t n = 0;
            for (unsigned i = 0; i < depth; i++) b[n++] = open[kind];
            b[n++] = 0;
            uint8_t full[128];
            memcpy(full, b, n);
            for (unsigned i = 0; kind == 2 && i < depth; i++) full[n++] = 0xff;
            CHECK_INT(cbor_check(full, n, CBOR_INDEFINITE), depth <= CBOR_DEPTH_MAX ? 0 : ERR_LIMIT);
        }
    }
}

/* Keys within keys were once looked at twice on every level: that doubles with each. 60000 bytes at depth 14 must not be felt. */
TEST(keys_within_keys_take_no_longer) {
    static uint8_t b[70000];
    size_t n = 0;
    for (int i = 0; i < 14; i++) b[n++] = 0xa1;
    b[n++] = 0x99;
    b[n++] = 0xea;
    b[n++] = 0x60; /* 60000 zeros */
    n += 60000 + 14;
    struct cbor c = cbor_over(b, n, CBOR_DETERMINISTIC);
    struct cbor_list map = cbor_map(&c);
    CHECK(cbor_next(&c, &map));
    CHECK(cbor_raw(&c).n == n - 2);
    CHECK_INT(cbor_uint(&c), 0);
    CHECK(!cbor_next(&c, &map));
    CHECK_INT(cbor_end(&c), 0);
}

TEST(arrays_and_maps_are_walked_in_both_forms) {
    static const char *const forms[] = {"a2616183010203616243000102", "bf61619f010203ff616243000102ff"};
    for (int f = 0; f < 2; f++) {
        uint8_t b[64];
        size_t n = bytes_of(b, forms[f]);
        struct cbor c = cbor_over(b, n, CBOR_INDEFINITE);
        struct cbor_list map = cbor_map(&c);
        unsigned pairs = 0, items = 0;
        while (cbor_next(&c, &map)) {
            struct ev_bytes key = cbor_text(&c, 8);
            pairs++;
            if (cbor_text_is(key, "a")) {
                struct cbor_list array = cbor_array(&c);
                while (cbor_next(&c, &array)) CHECK_INT(cbor_uint(&c), ++items);
            } else {
                struct ev_bytes v = cbor_bytes(&c, 3);
                CHECK(cbor_text_is(key, "b") && v.n == 3 && v.p[2] == 2);
            }
        }
        CHECK(!cbor_next(&c, &map));
        CHECK_INT(cbor_end(&c), 0);
        CHECK(pairs == 2 && items == 3);
    }
}

TEST(a_wrong_type_or_size_is_an_error_that_sticks) {
    uint8_t b[] = {0x43, 1, 2, 3, 0x01};
    struct cbor c = cbor_over(b, sizeof b, 0);
    CHECK(cbor_bytes(&c, 2).p == NULL);
    CHECK_INT(c.in.err, ERR_LIMIT);
    CHECK_INT(cbor_uint(&c), 0);
    CHECK_INT(cbor_end(&c), ERR_LIMIT);
    c = cbor_over(b, sizeof b, 0);
    CHECK(cbor_text(&c, 9).n == 0);
    CHECK_INT(c.in.err, ERR_FORMAT);
    c = cbor_over(b, sizeof b, 0);
    CHECK(cbor_array(&c).left == 0 && c.in.err == ERR_FORMAT && !cbor_take_null(&c) && cbor_peek(&c) == CBOR_NOTHING);
    uint8_t open[] = {0x5f, 0x41, 1, 0xff};
    c = cbor_over(open, sizeof open, CBOR_INDEFINITE);
    CHECK(cbor_bytes(&c, 9).n == 0 && c.in.err == ERR_UNSUPPORTED);
}

TEST(tags_null_and_truth_are_taken_where_they_are) {
    uint8_t b[] = {0xd2, 0xf6, 0xf5, 0xf4, 0xf6};
    struct cbor c = cbor_over(b, sizeof b, 0);
    CHECK(!cbor_take_tag(&c, 17) && !cbor_take_null(&c) && cbor_take_tag(&c, 18));
    CHECK(cbor_take_null(&c) && cbor_bool(&c) == 1 && cbor_bool(&c) == 0);
    CHECK(c.in.err == 0 && cbor_bool(&c) == 0 && c.in.err == ERR_FORMAT);
}

TEST(what_is_written_is_deterministic_and_reads_back) {
    static const int64_t values[] = {0,           23,        24, 255, 256, 65535, 65536, 0xffffffff,
                                     0x100000000, INT64_MAX, -1, -24, -25, -256,  -257,  INT64_MIN};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        uint8_t b[16];
        struct writer w = writer_over(b, sizeof b);
        cbor_put_int(&w, values[i]);
        CHECK_INT(cbor_check(b, w.len, CBOR_DETERMINISTIC), 0);
        struct cbor c = cbor_over(b, w.len, CBOR_DETERMINISTIC);
        CHECK(cbor_int(&c) == values[i] && cbor_end(&c) == 0);
    }
    uint8_t b[128];
    struct writer w = writer_over(b, sizeof b);
    cbor_put_tag(&w, 18);
    cbor_put_array(&w, 5);
    cbor_put_bytes(&w, "abc", 3);
    cbor_put_text(&w, "d");
    cbor_put_bool(&w, 1);
    cbor_put_null(&w);
    cbor_put_map(&w, 1);
    cbor_put_uint(&w, 1);
    cbor_put_int(&w, -35);
    CHECK_INT(w.err, 0);
    uint8_t want[64];
    size_t n = bytes_of(want, "d28543616263"
                              "6164"
                              "f5"
                              "f6"
                              "a1013822");
    CHECK_INT(w.len, n);
    CHECK_MEM(b, want, n);
}

TEST(pairs_are_sorted_and_none_is_written_twice) {
    /* the order of RFC 8949 4.2.1's own example: 10, 100, -1, "z", "aa", [100], [-1], false */
    static const char *const keys[] = {"f4", "8120", "811864", "626161", "617a", "20", "1864", "0a"};
    static uint8_t key[8][4], value[1] = {0};
    struct cbor_pair pairs[8];
    uint8_t b[64], want[64];
    for (int i = 0; i < 8; i++) pairs[i] = (struct cbor_pair){{key[i], bytes_of(key[i], keys[i])}, {value, 1}};
    struct writer w = writer_over(b, sizeof b);
    cbor_put_pairs(&w, pairs, 8);
    size_t n = bytes_of(want, "a80a001864002000617a0062616100811864008120"
                              "00f400");
    CHECK(w.err == 0 && w.len == n);
    CHECK_MEM(b, want, n);
    CHECK_INT(cbor_check(b, w.len, CBOR_DETERMINISTIC), 0);
    pairs[3] = pairs[0];
    w = writer_over(b, sizeof b);
    cbor_put_pairs(&w, pairs, 8);
    CHECK_INT(w.err, ERR_EXISTS);
}

TESTS_MAIN("cbor", T(the_examples_of_rfc_8949_are_well_formed_and_judged_by_the_rules), T(integers_have_the_values_of_rfc_8949),
           T(what_is_not_well_formed_is_refused), T(only_one_spelling_is_deterministic), T(depth_is_limited),
           T(keys_within_keys_take_no_longer), T(arrays_and_maps_are_walked_in_both_forms),
           T(a_wrong_type_or_size_is_an_error_that_sticks), T(tags_null_and_truth_are_taken_where_they_are),
           T(what_is_written_is_deterministic_and_reads_back), T(pairs_are_sorted_and_none_is_written_twice))
