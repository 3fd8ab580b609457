/* Fuzz: records, signed and unsigned, and the directory answer. What is accepted has exactly one spelling. */
#include "tests/fuzz/fuzz.h"

#include "seal/dirlist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static uint8_t again[RECORD_BYTES_MAX];
    static struct record r;
    struct reader in = reader_over(data, n);
    if (record_read(&in, &r) == 0) {
        struct writer w = writer_over(again, sizeof again);
        record_write(&w, &r);
        CHECK(w.err == 0 && w.len == n && memcmp(again, data, n) == 0);
        (void)record_verify(&r, 1800000000);
    }
    in = reader_over(data, n);
    if (record_read_unsigned(&in, &r) == 0) {
        struct writer w = writer_over(again, sizeof again);
        record_signed_bytes(&w, &r);
        CHECK(w.err == 0 && w.len == n && memcmp(again, data, n) == 0);
    }
    struct dirlist_head h;
    struct dirlist_entry e;
    in = reader_over(data, n);
    if (dirlist_read_head(&in, &h) == 0)
        for (unsigned i = 0; i < h.count && dirlist_read_entry(&in, &e) == 0; i++) {
            struct reader one = reader_over(e.record, e.record_n);
            (void)record_read(&one, &r);
        }
    return 0;
}
