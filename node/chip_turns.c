/* node/chip_turns.c - see chip_turns.h. */
#include "node/chip_turns.h"

#include <stddef.h>

/* The oldest of the last few makes room, if it is long enough ago. */
int chip_turns_take(struct chip_turns *t, uint64_t now_ms) {
    size_t oldest = 0;
    for (size_t i = 1; i < CHIP_BURST; i++)
        if (t->taken_ms[i] < t->taken_ms[oldest]) oldest = i;
    if (t->taken_ms[oldest] && now_ms - t->taken_ms[oldest] < CHIP_SPAN_MS) return 0;
    t->taken_ms[oldest] = now_ms;
    return 1;
}
