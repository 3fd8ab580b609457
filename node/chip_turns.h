/* node/chip_turns.h - how often strangers may keep the node's TPM busy: CHIP_BURST times in CHIP_SPAN_MS for each purpose. Pure. */
#ifndef NODE_CHIP_TURNS_H
#define NODE_CHIP_TURNS_H

#include <stdint.h>

enum { CHIP_BURST = 4, CHIP_SPAN_MS = 4000 };
struct chip_turns {
    uint64_t taken_ms[CHIP_BURST]; /* 0: not yet */
};
/* 1: a turn is taken; 0: it was too often. now_ms: monotonic, not 0. */
int chip_turns_take(struct chip_turns *t, uint64_t now_ms);

#endif
