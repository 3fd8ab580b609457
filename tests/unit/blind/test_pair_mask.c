/* blind: the masks of mode `pair`. */
#include <stdlib.h>

#include "base/hash.h"
#include "blind/pair_mask.h"
#include "blind/residues.h"
#include "tests/check.h"
#include "tests/unit/blind/toy_field.h"

enum { COLS_MAX = 16000 };

/* Under the session mask key 00 01 .. 1f. */
static void mask_of(const struct field *f, uint32_t stack, uint32_t n, uint32_t *r, uint32_t cols) {
    uint8_t session_key[PAIR_KEY_BYTES], key[PAIR_KEY_BYTES];
    for (int i = 0; i < PAIR_KEY_BYTES; i++) session_key[i] = (uint8_t)i;
    pair_batch_key(key, session_key, pair_batch_of(n));
    pair_mask(f, key, stack, n, r, cols);
}

/* From tests/data/blind/pair_mask_twin.py, which shares nothing with the program: stack, n, columns; first and last element; the last
 * element that was drawn anew (columns: none) and its value; how many replacements were refused in their turn; SHA-256 of all
 * elements as u32, little endian. */
static const struct {
    uint32_t stack, n, cols, first, last, anew, anew_value, refused_again;
    const char *sha256;
} vectors[] = {
    {0, 0, 1, 8926360, 8926360, 1, 0, 0, "674fb814e4f620716d57cdb936d4b1e092e0f0ab4ad330afd3c69386dcd1acbc"},
    {0, 0, 2048, 8926360, 4736013, 1826, 1968627, 0, "d9b4bbe70fa8f981ee32923e8620c60738315a43962a50547ff1b5c4d8172fa0"},
    {3, 63, 2048, 8074943, 4868541, 2045, 8526433, 0, "a7524f8e7540c67676d9224d37a60c1e887a4ac27ff30ce8918d1ec462e48693"},
    {3, 64, 2048, 16644376, 8604503, 1933, 6217854, 0, "42480febcbfc68e0cbd74d06f7c60cc115878314f44201c0c64253e6d776c43d"},
    {1, 2, 8192, 12038060, 8998433, 8097, 13063468, 1, "778251dbca078fc483afd53c6467a545f50bde1298e7e052aaac02d766011d41"},
    {64, 1000003, 8192, 191954, 9644698, 8110, 1476091, 0, "f80daf66e21bfe4fdbac10aea685e719dbc5711a682c348dd6460c48829fe4e4"},
    {7, 0, 8193, 59960611, 62386090, 8193, 0, 0, "e1ff3c99e4e964f0d73916d6ba3e9780de03c9d18495ea617f3a12eb696622f0"},
    {5, 2637, 16000, 4606775, 39657219, 15460, 4486753, 0, "f16c4341643215fc5faed7db639eeb49caf17a3e886d75ed043dbe58d3b2812b"},
};

TEST(masks_are_those_of_an_independent_implementation) {
    static uint32_t r[COLS_MAX];
    static uint8_t le[4 * COLS_MAX];
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        uint8_t digest[32], want[32];
        uint32_t cols = vectors[i].cols;
        mask_of(field_of(cols), vectors[i].stack, vectors[i].n, r, cols);
        CHECK_INT(r[0], vectors[i].first);
        CHECK_INT(r[cols - 1], vectors[i].last);
        if (vectors[i].anew < cols) CHECK_INT(r[vectors[i].anew], vectors[i].anew_value);
        for (uint32_t j = 0; j < cols; j++)
            for (uint32_t b = 0; b < 4; b++) le[4 * j + b] = (uint8_t)(r[j] >> (8 * b));
        sha256_of(digest, le, (size_t)4 * cols);
        CHECK_INT(hex_decode(want, 32, vectors[i].sha256, 64), 0);
        CHECK_MEM(digest, want, 32);
    }
}

TEST(each_slot_has_a_mask_of_its_own) {
    enum { COLS = 32 };
    static const struct {
        uint32_t stack, n;
    } slots[] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}, {0, 63}, {0, 64}, {0, 65}, {64, 0}, {0, 256}, {256, 0}, {1, 64}};
    uint32_t r[sizeof slots / sizeof *slots][COLS];
    for (size_t i = 0; i < sizeof slots / sizeof *slots; i++) {
        mask_of(field_of(COLS), slots[i].stack, slots[i].n, r[i], COLS);
        for (size_t k = 0; k < i; k++) {
            int equal = 0;
            for (int j = 0; j < COLS; j++) equal += r[i][j] == r[k][j];
            CHECK_INT(equal, 0);
        }
    }
}

/* What worker A receives for 2^20 elements of one input: in 256 ranges of equal width, by low byte, and neighbours together. */
static void received_is_uniform(const struct field *f, uint32_t cols, int32_t x_even, int32_t x_odd) {
    static uint32_t r[COLS_MAX], u[COLS_MAX], back[COLS_MAX];
    static int32_t x[COLS_MAX];
    static uint8_t bytes[4 * COLS_MAX];
    uint64_t range[256] = {0}, low[256] = {0}, pairs[256] = {0}, all = 0;
    for (uint32_t j = 0; j < cols; j++) x[j] = j % 2 ? x_odd : x_even;
    for (uint32_t n = 0; all < 1 << 20; n++, all += cols) {
        mask_of(f, 9, n, r, cols);
        CHECK_INT(pair_mask_add(f, x, r, u, cols), 0);
        CHECK_INT(residues_pack(f, bytes, u, cols), 0);
        CHECK_INT(residues_unpack(f, back, cols, bytes, residues_bytes(f, cols)), 0);
        for (uint32_t j = 0; j < cols; j++) {
            range[(uint64_t)back[j] * 256 / f->p]++;
            low[back[j] & 255]++;
            if (j % 2) pairs[(uint64_t)back[j - 1] * 16 / f->p * 16 + (uint64_t)back[j] * 16 / f->p]++;
        }
    }
    CHECK(looks_uniform(range, 256));
    CHECK(looks_uniform(low, 256));
    CHECK(looks_uniform(pairs, 256));
}

TEST(what_a_receives_is_uniform_whatever_the_input) {
    const uint32_t cols[2] = {2048, 9000};
    for (int i = 0; i < 2; i++) {
        const struct field *f = field_of(cols[i]);
        int32_t half = (int32_t)(f->p / 2);
        received_is_uniform(f, cols[i], 0, 0);
        received_is_uniform(f, cols[i], 1, 1);
        received_is_uniform(f, cols[i], 65536, -65536);
        received_is_uniform(f, cols[i], half, half);
        received_is_uniform(f, cols[i], -half, half);
    }
}

TEST(the_measure_of_uniformity_sees_a_small_bias) {
    uint64_t counts[256];
    for (int i = 0; i < 256; i++) counts[i] = 4096;
    CHECK(looks_uniform(counts, 256));
    for (int i = 0; i < 16; i++) counts[i] += 512; /* one value in sixteen is an eighth likelier */
    CHECK(!looks_uniform(counts, 256));
}

TEST(for_every_input_every_residue_is_sent_under_exactly_one_mask) {
    enum { P = 251 };
    struct field f = toy_field(P);
    for (int32_t x = -P / 2; x <= P / 2; x++) {
        unsigned seen[P] = {0};
        for (uint32_t r = 0; r < P; r++) {
            uint32_t u;
            CHECK_INT(pair_mask_add(&f, &x, &r, &u, 1), 0);
            CHECK(u < P);
            seen[u]++;
        }
        for (int u = 0; u < P; u++) CHECK_INT(seen[u], 1);
    }
}

TEST(masks_are_uniform_where_many_draws_are_refused) {
    enum { P = 17, COLS = 4096, COLUMNS = 160 }; /* 15 of 32 draws are refused, many again and again */
    struct field f = toy_field(P);
    static uint32_t r[COLS];
    uint64_t single[P] = {0}, pairs[P * P] = {0};
    CHECK_INT(f.draw_bits, 5);
    for (uint32_t n = 0; n < COLUMNS; n++) {
        mask_of(&f, 3, n, r, COLS);
        for (int j = 0; j < COLS; j++) {
            CHECK(r[j] < P);
            single[r[j]]++;
            if (j % 2) pairs[r[j - 1] * P + r[j]]++;
        }
    }
    CHECK(looks_uniform(single, P));
    CHECK(looks_uniform(pairs, (size_t)P * P));
}

TEST(what_is_masked_comes_back_and_what_does_not_fit_is_refused) {
    const uint32_t cols[2] = {64, 8193};
    for (int i = 0; i < 2; i++) {
        const struct field *f = field_of(cols[i]);
        int32_t half = (int32_t)(f->p / 2);
        int32_t x[6] = {0, 1, -1, half, -half, 12345}, y[6];
        uint32_t r[6], u[6];
        mask_of(f, 1, 1, r, 6);
        CHECK_INT(pair_mask_add(f, x, r, u, 6), 0);
        pair_mask_remove(f, u, r, y, 6);
        CHECK_MEM(x, y, sizeof x);
        const int32_t wrong[] = {half + 1, -half - 1, INT32_MAX, INT32_MIN};
        for (int k = 0; k < 4; k++) {
            x[2] = wrong[k];
            CHECK_INT(pair_mask_add(f, x, r, u, 6), ERR_RANGE);
        }
    }
}

TESTS_MAIN("pair_mask", T(masks_are_those_of_an_independent_implementation), T(each_slot_has_a_mask_of_its_own),
           T(what_a_receives_is_uniform_whatever_the_input), T(the_measure_of_uniformity_sees_a_small_bias),
           T(for_every_input_every_residue_is_sent_under_exactly_one_mask), T(masks_are_uniform_where_many_draws_are_refused),
           T(what_is_masked_comes_back_and_what_does_not_fit_is_refused))
