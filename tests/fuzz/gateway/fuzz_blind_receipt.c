/* Fuzz: receipts of tier blind. What is called consistent has a model, workers and answers that passed; what is not says why. */
#include "tests/fuzz/fuzz.h"

#include "gateway/gw_blind_judge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct gw_blind_judged v;
    char *own = fuzz_copy(data, n);
    gw_blind_judge(&v, own, n);
    CHECK(v.readable || v.bad);
    if (!v.bad) CHECK(v.workers > 0 && v.verified > 0 && model_name_is_full(v.model) && strlen(v.manifest) == 64);
    free(own);
    return 0;
}
