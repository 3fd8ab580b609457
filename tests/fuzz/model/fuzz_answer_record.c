/* Fuzz: a record of an answer from a stranger. What is read can be written, and reads as the same again. */
#include "tests/fuzz/fuzz.h"

#include "model/answer_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct answer_record a, b;
    struct buf one, two;
    struct why why = {{0}};
    char *own = fuzz_copy(data, n);
    int r = answer_record_read(&a, own, n, &why);
    free(own);
    CHECK(r == 0 || (r < 0 && why.text[0]));
    if (r != 0) return 0;
    CHECK(answer_record_write(&one, &a) == 0);
    CHECK(answer_record_read(&b, one.data, one.len, &why) == 0);
    CHECK(answer_record_write(&two, &b) == 0);
    CHECK(a.count == b.count && a.prompt_count == b.prompt_count && a.stop == b.stop && a.sampling.seed == b.sampling.seed);
    CHECK(memcmp(a.chain, b.chain, DIGEST_BYTES) == 0 && strcmp(a.profile, b.profile) == 0);
    buf_release(&one);
    buf_release(&two);
    answer_record_release(&a);
    answer_record_release(&b);
    return 0;
}
