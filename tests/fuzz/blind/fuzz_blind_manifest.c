/* Fuzz: manifests of blind computing. What is accepted has one spelling, stays within its limits, and is the same as itself. */
#include "tests/fuzz/fuzz.h"

#include "blind/blind_manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static uint8_t again[BLIND_MANIFEST_BYTES_MAX];
    struct reader in = reader_over(data, n);
    struct blind_manifest m;
    if (blind_manifest_read(&in, &m, NULL) != 0) return 0;
    struct writer w = writer_over(again, sizeof again);
    blind_manifest_write(&w, &m);
    CHECK(w.err == 0 && w.len == n && memcmp(again, data, n) == 0);
    CHECK(blind_manifest_check(&m, NULL) == 0 && blind_manifest_same(&m, &m, NULL) == 0);
    blind_manifest_release(&m);
    return 0;
}
