/* blind/hint_journal.h - which stacks of a hint under construction are whole. For blind/hint_build.c.
 *
 *     identity 32 (SHA-256 of the head without digests) | per whole stack: u32 stack, little endian | digest 32 |
 *     the first 12 bytes of SHA-256("lull hint journal v1" || identity || u32 stack || digest)
 * A line that was cut off, or is not whole for another reason, ends the journal: what follows it is made again. */
#ifndef BLIND_HINT_JOURNAL_H
#define BLIND_HINT_JOURNAL_H

#include <stdint.h>

#include "base/err.h"

struct hint_journal {
    int fd; /* -1 when closed */
    char path[640];
    uint8_t identity[32];
    uint64_t end;
};
/* Reads what is there, unless it has another identity, and sets whole[] and digests[][32] for its stacks. ERR_IO. */
int hint_journal_open(struct hint_journal *j, const char *path, const uint8_t identity[32], uint32_t stacks, uint8_t *whole,
                      uint8_t *digests, struct why *why);
/* Notes a stack, on disk when this returns 0. ERR_IO. */
int hint_journal_add(struct hint_journal *j, uint32_t stack, const uint8_t digest[32], struct why *why);
void hint_journal_close(struct hint_journal *j);
void hint_journal_remove(struct hint_journal *j); /* closes too */

#endif
