/* blind/slots_parts.h - what a session is inside: for slots.c and the modes' own files (pair_fill.c), nobody else. */
#ifndef BLIND_SLOTS_PARTS_H
#define BLIND_SLOTS_PARTS_H

#include <sys/types.h>

#include "blind/pair_mask.h"
#include "blind/slots.h"

enum { SESSION_OF_OURS = 0x10c4ed, SLOTS_SPOILED = UINT32_MAX };

/* All of it lies in pages of base/secret.h: in a forked child everything here reads as zero, and so as a session that is not alive. */
struct blind_session {
    uint32_t of_ours; /* SESSION_OF_OURS, until it ends */
    pid_t pid;        /* of the process that made it: the second lock, should the first ever fail */
    uint32_t stacks;
    const struct linear *linear;
    uint8_t name[SLOTS_SESSION_BYTES];
    uint8_t key[PAIR_KEY_BYTES];       /* session mask key */
    uint8_t batch_key[PAIR_KEY_BYTES]; /* of the batch used last: most stacks are at the same one */
    uint32_t batch;
    int batch_known;
    uint32_t *scratch; /* one column of the widest stack */
    uint32_t next[];   /* [stacks]: the n of the next slot */
};

#endif
