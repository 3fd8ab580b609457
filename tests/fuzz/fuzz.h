/* tests/fuzz/fuzz.h - what every fuzz target begins with. A CHECK that fails is a finding. */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(c)           \
    do {                   \
        if (!(c)) abort(); \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerInitialize(int *argc, char ***argv); /* where a target has something to prepare */

/* A copy of exactly n bytes, to be freed: reading on behind them is noticed, which inside the input it is not. */
static inline char *fuzz_copy(const uint8_t *p, size_t n) {
    char *own = malloc(n ? n : 1);
    CHECK(own != NULL);
    if (n) memcpy(own, p, n);
    return own;
}

#endif
