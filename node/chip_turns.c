/* node/chip_turns.c - see chip_turns.h. */
#include "node/chip_turns.h"

#include <stddef.h>

/* The oldest of the last few makes room, if it is long enough ago. */
int chip_turns_take(struct chip_turns *t, uint64_t now_ms) {
    size_t oldest = 0;
    if (now_ms < t->rest_until_ms) return 0;
    for (size_t i = 1; i < CHIP_BURST; i++)
        if (t->taken_ms[i] < t->taken_ms[oldest]) oldest = i;
    if (t->taken_ms[oldest] && now_ms - t->taken_ms[oldest] < CHIP_SPAN_MS) return 0;
    t->taken_ms[oldest] = now_ms;
    return 1;
}

/* Quick chips never notice: four turns of 100 milliseconds in four seconds leave more than that. */
void chip_turns_done(struct chip_turns *t, uint64_t began_ms, uint64_t now_ms) {
    uint64_t until = now_ms + CHIP_REST * (now_ms - began_ms);
    if (until > t->rest_until_ms) t->rest_until_ms = until;
}
