/* blind: Merkle tree hashes of RFC 6962. */
#include <stdlib.h>

#include "base/hash.h"
#include "blind/merkle.h"
#include "tests/check.h"

/* The eight entries that implementations of RFC 6962 are tested with, and the roots over the first n of them, from the proof vectors of
 * transparency-dev/merkle (Apache-2.0). */
static const struct {
    const char *bytes;
    size_t n;
} entries[8] = {{"", 0},         {"\x00", 1}, {"\x10", 1},     {"\x20\x21", 2},
                {"\x30\x31", 2}, {"@ABC", 4}, {"PQRSTUVW", 8}, {"`abcdefghijklmno", 16}};
static const struct {
    unsigned n;
    const char *root;
} roots[] = {{0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
             {1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
             {2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"},
             {3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"},
             {5, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"},
             {6, "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"},
             {7, "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"},
             {8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"}};

TEST(roots_are_those_of_the_rfc_6962_vectors) {
    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++) {
        struct merkle m;
        uint8_t root[32], want[32];
        merkle_init(&m);
        for (unsigned k = 0; k < roots[i].n; k++) CHECK_INT(merkle_add(&m, entries[k].bytes, entries[k].n), 0);
        merkle_root(&m, root);
        CHECK_INT(hex_decode(want, 32, roots[i].root, 64), 0);
        CHECK_MEM(root, want, 32);
    }
}

/* The definition, recursively, over entries that are their own numbers. */
static void by_definition(uint8_t out[32], uint32_t first, uint32_t n) {
    uint8_t in[65] = {0};
    size_t len = 5;
    if (n == 1) {
        memcpy(in + 1, &first, 4);
    } else {
        uint32_t k = 1;
        while (2 * k < n) k *= 2;
        in[0] = 1;
        by_definition(in + 1, first, k);
        by_definition(in + 33, first + k, n - k);
        len = 65;
    }
    sha256_of(out, in, len);
}

TEST(a_root_at_any_count_is_the_definitions_and_leaves_the_tree_as_it_is) {
    struct merkle m;
    uint8_t root[32], want[32];
    merkle_init(&m);
    for (uint32_t n = 1; n <= 300; n++) {
        uint32_t entry = n - 1;
        CHECK_INT(merkle_add(&m, &entry, 4), 0);
        merkle_root(&m, root);
        by_definition(want, 0, n);
        CHECK_MEM(root, want, 32);
    }
}

TEST(a_rows_entry_is_its_weights_then_its_scale) {
    const int8_t w[5] = {-127, 0, 1, 127, -1};
    const uint8_t entry[9] = {0x81, 0, 1, 0x7f, 0xff, 0x00, 0x00, 0xc0, 0x3f}; /* 1.5f in little endian */
    struct merkle a, b;
    uint8_t root_a[32], root_b[32];
    merkle_init(&a);
    merkle_init(&b);
    CHECK_INT(merkle_add_row(&a, w, 5, 1.5f), 0);
    CHECK_INT(merkle_add(&b, entry, sizeof entry), 0);
    merkle_root(&a, root_a);
    merkle_root(&b, root_b);
    CHECK_MEM(root_a, root_b, 32);
}

TEST(every_bit_of_every_row_decides_the_root) {
    enum { ROWS = 7, COLS = 3 };
    int8_t w[ROWS][COLS];
    float scale[ROWS];
    uint8_t good[32], root[32];
    struct merkle m;
    random_bytes(w, sizeof w);
    for (int i = 0; i < ROWS; i++) scale[i] = (float)(i + 1);
    for (int flip = -1; flip < ROWS * (COLS + 4) * 8; flip++) {
        int row = flip / ((COLS + 4) * 8), bit = flip % ((COLS + 4) * 8);
        int8_t was[COLS];
        float scale_was = scale[flip < 0 ? 0 : row];
        memcpy(was, w[flip < 0 ? 0 : row], COLS);
        if (flip >= 0 && bit < COLS * 8) w[row][bit / 8] = (int8_t)(w[row][bit / 8] ^ 1 << bit % 8);
        if (flip >= 0 && bit >= COLS * 8) {
            uint32_t bits;
            memcpy(&bits, &scale[row], 4);
            bits ^= 1u << (bit - COLS * 8);
            memcpy(&scale[row], &bits, 4);
        }
        merkle_init(&m);
        for (int i = 0; i < ROWS; i++) CHECK_INT(merkle_add_row(&m, w[i], COLS, scale[i]), 0);
        merkle_root(&m, flip < 0 ? good : root);
        if (flip < 0) continue;
        CHECK(memcmp(root, good, 32) != 0);
        memcpy(w[row], was, COLS);
        scale[row] = scale_was;
    }
}

TEST(more_leaves_than_a_count_holds_are_refused) {
    struct merkle m;
    merkle_init(&m);
    m.count = UINT32_MAX;
    CHECK_INT(merkle_add(&m, "", 0), ERR_LIMIT);
}

TESTS_MAIN("merkle", T(roots_are_those_of_the_rfc_6962_vectors),
           T(a_root_at_any_count_is_the_definitions_and_leaves_the_tree_as_it_is), T(a_rows_entry_is_its_weights_then_its_scale),
           T(every_bit_of_every_row_decides_the_root), T(more_leaves_than_a_count_holds_are_refused))
