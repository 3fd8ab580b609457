/* Fuzz: the RECEIPT file, and receipt, usage statement and countersignature by themselves. */
#include "tests/fuzz/fuzz.h"

#include "seal/transcript.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static struct transcript t;
    static struct receipt r;
    static struct usage u;
    static struct countersign c;
    if (transcript_read(data, n, &t) == 0) {
        struct buf again;
        buf_init(&again, TRANSCRIPT_BYTES_MAX);
        CHECK(transcript_write(&again, &t) == 0);
        if (data[0] == TRANSCRIPT_VERSION)
            CHECK(again.len == n && memcmp(again.data, data, n) == 0);
        else /* version 2: what is written says besides that nothing was shown */
            CHECK(again.len == n + 1 && memcmp(again.data + 1, data + 1, n - 1) == 0 && again.data[n] == 0);
        buf_release(&again);
        (void)transcript_verify(&t, NULL);
        (void)transcript_model(&t);
    }
    uint8_t out[RECEIPT_BYTES_MAX];
    struct writer w = writer_over(out, sizeof out);
    struct reader in = reader_over(data, n);
    if (receipt_read(&in, &r) == 0) {
        receipt_write(&w, &r);
        CHECK(w.len == n && memcmp(out, data, n) == 0);
    }
    in = reader_over(data, n);
    w = writer_over(out, sizeof out);
    if (usage_read(&in, &u) == 0) {
        usage_write(&w, &u);
        CHECK(w.len == n && memcmp(out, data, n) == 0);
    }
    in = reader_over(data, n);
    w = writer_over(out, sizeof out);
    if (countersign_read(&in, &c) == 0) {
        countersign_write(&w, &c);
        CHECK(w.len == n && memcmp(out, data, n) == 0);
    }
    return 0;
}
