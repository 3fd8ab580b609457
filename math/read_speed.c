/* math/read_speed.c - see read_speed.h. One load and one addition for each 8 bytes, in chains enough to hide the addition. */
#include "math/read_speed.h"

#include <stdatomic.h>

#include "base/clock.h"

enum { PIECE = 4096, WORDS = PIECE / 8, CHAINS = 16 };

struct job {
    const uint64_t *mem;
    atomic_uint_least64_t sum; /* so that no compiler finds the reading useless */
};

static void read_pieces(void *arg, uint32_t begin, uint32_t end) {
    struct job *j = arg;
    uint64_t sum[CHAINS] = {0}, all = 0;
    const uint64_t *at = j->mem + (size_t)begin * WORDS, *stop = j->mem + (size_t)end * WORDS;
    for (; at < stop; at += CHAINS)
        for (int i = 0; i < CHAINS; i++) sum[i] += at[i];
    for (int i = 0; i < CHAINS; i++) all += sum[i];
    atomic_fetch_add_explicit(&j->sum, all, memory_order_relaxed);
}

double read_speed(struct pool *p, const void *mem, size_t bytes, unsigned times) {
    struct job j = {.mem = mem};
    uint64_t start = clock_mono_ns();
    for (unsigned i = 0; i < times; i++) pool_range(p, (uint32_t)(bytes / PIECE), 0, read_pieces, &j);
    return (double)bytes * times * 1e9 / (double)(clock_mono_ns() - start + 1);
}
