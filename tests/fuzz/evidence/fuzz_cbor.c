/* Fuzz: CBOR by each set of rules. What is deterministic is well-formed in every way; its pieces, written again, are the same bytes. */
#include "tests/fuzz/fuzz.h"

#include "evidence/cbor.h"

/* One item, read by its type and written again. */
static void copy(struct cbor *c, struct writer *w, int depth) {
    struct cbor_list l;
    struct ev_bytes s;
    CHECK(depth > 0);
    switch (cbor_peek(c)) {
    case CBOR_UINT: cbor_put_uint(w, cbor_uint(c)); break;
    case CBOR_BYTES:
        s = cbor_bytes(c, SIZE_MAX);
        cbor_put_bytes(w, s.p, s.n);
        break;
    case CBOR_ARRAY:
        l = cbor_array(c);
        cbor_put_array(w, l.left);
        while (cbor_next(c, &l)) copy(c, w, depth - 1);
        break;
    case CBOR_MAP:
        l = cbor_map(c);
        cbor_put_map(w, l.left);
        while (cbor_next(c, &l)) {
            copy(c, w, depth - 1);
            copy(c, w, depth - 1);
        }
        break;
    case CBOR_TAG:
        cbor_put_tag(w, cbor_tag(c));
        copy(c, w, depth - 1);
        break;
    default: s = cbor_raw(c); write_bytes(w, s.p, s.n);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    char *own = fuzz_copy(data, n);
    int strict = cbor_check(own, n, CBOR_DETERMINISTIC), definite = cbor_check(own, n, 0),
        open = cbor_check(own, n, CBOR_INDEFINITE);
    if (strict == 0) CHECK(definite == 0);
    if (definite == 0) CHECK(open == 0);
    if (strict == 0) {
        uint8_t *again = malloc(n);
        CHECK(again != NULL);
        struct writer w = writer_over(again, n);
        struct cbor c = cbor_over(own, n, CBOR_DETERMINISTIC);
        copy(&c, &w, CBOR_DEPTH_MAX + 2);
        CHECK(cbor_end(&c) == 0 && w.err == 0 && w.len == n && memcmp(again, own, n) == 0);
        free(again);
    }
    free(own);
    return 0;
}
