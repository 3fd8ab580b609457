/* Fuzz: lists of residues. The first byte chooses the field, the second how many are expected; what is accepted has one spelling. */
#include "tests/fuzz/fuzz.h"

#include "blind/residues.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    if (n < 2) return 0;
    const struct field *f = field_of(data[0] & 1 ? FIELD_P24_COLS + 1 : 1);
    size_t count = data[1], bytes = residues_bytes(f, count);
    uint32_t *r = malloc((count ? count : 1) * sizeof *r);
    uint8_t *again = malloc(bytes ? bytes : 1);
    CHECK(r && again);
    if (residues_unpack(f, r, count, data + 2, n - 2) == 0) {
        CHECK(bytes == n - 2);
        for (size_t i = 0; i < count; i++) CHECK(r[i] < f->p);
        CHECK(residues_pack(f, again, r, count) == 0 && memcmp(again, data + 2, bytes) == 0);
    }
    free(again);
    free(r);
    return 0;
}
