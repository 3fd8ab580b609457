/* blind: residues as bytes. */
#include <stdlib.h>

#include "blind/residues.h"
#include "tests/check.h"

enum { N_MAX = 70 };
static const struct field *field_no(int i) { return field_of(i == 0 ? 1 : FIELD_P24_COLS + 1); }

/* Bit by bit, as the header says it. */
static void pack_slowly(const struct field *f, uint8_t *out, const uint32_t *r, size_t n) {
    memset(out, 0, residues_bytes(f, n));
    for (size_t i = 0; i < n; i++)
        for (size_t b = 0; b < f->wire_bits; b++) {
            size_t at = i * f->wire_bits + b;
            out[at / 8] = (uint8_t)(out[at / 8] | (r[i] >> b & 1) << at % 8);
        }
}

static void some_residues(const struct field *f, uint32_t *r, size_t n) {
    random_bytes(r, n * sizeof *r);
    for (size_t i = 0; i < n; i++) r[i] = i % 5 == 0 ? f->p - 1 : i % 7 == 0 ? 0 : r[i] % f->p;
}

TEST(residues_lie_low_bits_first_without_gaps) {
    for (int i = 0; i < 2; i++) {
        const struct field *f = field_no(i);
        for (size_t n = 0; n <= N_MAX; n++) {
            uint32_t r[N_MAX + 1], back[N_MAX + 1];
            uint8_t bytes[4 * N_MAX + 16], slow[4 * N_MAX + 16];
            some_residues(f, r, n);
            memset(bytes, 0xa5, sizeof bytes);
            CHECK_INT(residues_pack(f, bytes, r, n), 0);
            size_t len = residues_bytes(f, n);
            CHECK_INT(len, (n * f->wire_bits + 7) / 8);
            pack_slowly(f, slow, r, n);
            if (n) CHECK_MEM(bytes, slow, len);
            for (size_t k = len; k < sizeof bytes; k++) CHECK_INT(bytes[k], 0xa5);
            memset(back, 0xa5, sizeof back);
            CHECK_INT(residues_unpack(f, back, n, bytes, len), 0);
            if (n) CHECK_MEM(back, r, n * sizeof *r);
            CHECK_INT(back[n], 0xa5a5a5a5);
        }
    }
}

TEST(values_from_p_up_are_refused_at_both_ends) {
    for (int i = 0; i < 2; i++) {
        const struct field *f = field_no(i);
        for (size_t n = 1; n <= 9; n++)
            for (size_t at = 0; at < n; at++) {
                uint32_t r[9], back[9];
                uint8_t bytes[64];
                some_residues(f, r, n);
                const uint32_t wrong[] = {f->p, f->p + 1, (1u << f->wire_bits) - 1, 1u << f->wire_bits, 1u << 31, UINT32_MAX};
                for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
                    r[at] = wrong[k];
                    CHECK_INT(residues_pack(f, bytes, r, n), ERR_RANGE);
                    if (wrong[k] >> f->wire_bits) continue; /* has no spelling on the wire */
                    pack_slowly(f, bytes, r, n);
                    CHECK_INT(residues_unpack(f, back, n, bytes, residues_bytes(f, n)), ERR_RANGE);
                }
            }
    }
}

TEST(other_lengths_and_spare_bits_are_refused) {
    for (int i = 0; i < 2; i++) {
        const struct field *f = field_no(i);
        for (size_t n = 1; n <= 9; n++) {
            uint32_t r[9], back[9];
            uint8_t bytes[64] = {0};
            some_residues(f, r, n);
            size_t len = residues_bytes(f, n);
            CHECK_INT(residues_pack(f, bytes, r, n), 0);
            for (size_t k = 0; k < len; k++) CHECK_INT(residues_unpack(f, back, n, bytes, k), ERR_SHORT);
            CHECK_INT(residues_unpack(f, back, n, bytes, len + 1), ERR_TRAILING);
            for (size_t bit = n * f->wire_bits; bit < 8 * len; bit++) {
                bytes[bit / 8] = (uint8_t)(bytes[bit / 8] ^ 1u << bit % 8);
                CHECK_INT(residues_unpack(f, back, n, bytes, len), ERR_FORMAT);
                bytes[bit / 8] = (uint8_t)(bytes[bit / 8] ^ 1u << bit % 8);
            }
        }
    }
}

TEST(lists_over_the_limit_are_refused) {
    const struct field *f = field_no(0);
    uint32_t r[1] = {0};
    uint8_t bytes[4] = {0};
    CHECK_INT(residues_pack(f, bytes, r, (size_t)RESIDUES_MAX + 1), ERR_LIMIT);
    CHECK_INT(residues_unpack(f, r, (size_t)RESIDUES_MAX + 1, bytes, residues_bytes(f, (size_t)RESIDUES_MAX + 1)), ERR_LIMIT);
}

TESTS_MAIN("residues", T(residues_lie_low_bits_first_without_gaps), T(values_from_p_up_are_refused_at_both_ends),
           T(other_lengths_and_spare_bits_are_refused), T(lists_over_the_limit_are_refused))
