/* math/read_speed.c - see read_speed.h. Loads as wide as the kernels', whose sums have chains enough to hide the additions. */
#include "math/read_speed.h"

#include "base/clock.h"
#include "math/kern_table.h"

enum { PIECE = 4096, FLOATS = PIECE / sizeof(float) };

struct job {
    const struct kern *k;
    const float *mem;
};

static void read_pieces(void *arg, uint32_t begin, uint32_t end) {
    const struct job *j = arg;
    volatile float sum = j->k->sum64(j->mem + (size_t)begin * FLOATS, (size_t)(end - begin) * FLOATS); /* or nothing is read */
    (void)sum;
}

double read_speed(struct pool *p, const struct kern *k, const float *mem, size_t bytes, unsigned times) {
    struct job j = {k, mem};
    uint64_t start = clock_mono_ns();
    for (unsigned i = 0; i < times; i++) pool_range(p, (uint32_t)(bytes / PIECE), 0, read_pieces, &j);
    return (double)bytes * times * 1e9 / (double)(clock_mono_ns() - start + 1);
}
