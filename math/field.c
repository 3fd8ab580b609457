/* math/field.c - arithmetic in the two fields of blind products. */
#include "math/field.h"

#include "base/mem.h"

static const struct field p24 = {FIELD_P24, 24, 3, 24, 3, 65536, UINT64_C(0x10102060b17), 10066849};
static const struct field p26 = {FIELD_P26, 26, 4, 26, 4, 4096, UINT64_C(0x4000005000), 51200};

const struct field *field_of(uint32_t cols) { return cols <= FIELD_P24_COLS ? &p24 : &p26; }

/* Four products at a time take half as long as one by one. */
uint32_t field_dot(const struct field *f, const uint32_t *a, const uint32_t *b, size_t n) {
    uint32_t r = 0;
    for (size_t i = 0; i < n;) {
        size_t end = n - i < f->terms_max ? n : i + f->terms_max;
        uint64_t even = 0, odd = 0; /* their sum fits too */
        for (; end - i >= 4; i += 4) {
            even += (uint64_t)a[i] * b[i] + (uint64_t)a[i + 1] * b[i + 1];
            odd += (uint64_t)a[i + 2] * b[i + 2] + (uint64_t)a[i + 3] * b[i + 3];
        }
        for (; i < end; i++) even += (uint64_t)a[i] * b[i];
        r = field_add(f, r, field_reduce(f, even + odd));
    }
    return r;
}

/* A row has thousands of weights but at most 256 different ones, so each multiple of s is found once, by additions; a look-up and
 * an addition are then left for each column. */
void field_add_scaled(const struct field *f, uint32_t *acc, uint32_t s, const int8_t *w, size_t n) {
    const uint32_t p = f->p;
    uint32_t multiple[256] = {0}; /* of w at (uint8_t)w, less p: what an addition mod p takes off */
    for (int i = 1; i < 128; i++) multiple[i] = field_add(f, multiple[i - 1], s);
    for (int i = 255; i >= 128; i--) multiple[i] = field_sub(f, multiple[(i + 1) % 256], s);
    for (int i = 0; i < 256; i++) multiple[i] -= p;
    for (size_t j = 0; j < n; j++) {
        uint32_t d = acc[j] + multiple[(uint8_t)w[j]];
        acc[j] = d + (p & -(d >> 31));
    }
    mem_wipe(multiple, sizeof multiple); /* s is a secret of the one who checks */
}
