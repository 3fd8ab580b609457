/* node/chip_turns.h - how often strangers may keep the node's TPM busy: CHIP_BURST times in CHIP_SPAN_MS for each purpose, and for a fifth of
 * the time at most: some chips are ten times as slow as others, and whatever the chip does, the loop waits for. Pure. */
#ifndef NODE_CHIP_TURNS_H
#define NODE_CHIP_TURNS_H

#include <stdint.h>

enum { CHIP_BURST = 4, CHIP_SPAN_MS = 4000, CHIP_REST = 4 /* times as long as a turn took */ };
struct chip_turns {
    uint64_t taken_ms[CHIP_BURST]; /* 0: not yet */
    uint64_t rest_until_ms;
};
/* 1: a turn is taken; 0: it was too often. now_ms: monotonic, not 0. */
int chip_turns_take(struct chip_turns *t, uint64_t now_ms);
/* The chip was busy with one from began_ms to now_ms. */
void chip_turns_done(struct chip_turns *t, uint64_t began_ms, uint64_t now_ms);

#endif
