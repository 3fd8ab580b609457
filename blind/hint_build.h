/* blind/hint_build.h - makes a hint file while a model's integers stream by once.
 *
 * PATH.part takes the data; PATH.journal notes each stack that is whole and on disk, with its digest. After an interruption the
 * same call goes on from there: stacks in the journal need not be streamed again. The finished file gets its name only when all
 * of it is on disk. One builder at a time for a path. The journal and the part file are believed: they must not be anybody else's
 * to write (mode 0600). */
#ifndef BLIND_HINT_BUILD_H
#define BLIND_HINT_BUILD_H

#include "blind/hint.h"
#include "blind/lattice_public.h"

struct hint_build;
/* id->linear and a (of at least the widest stack's columns) must outlive it. Takes the disk space at once. ERR_BUSY: another
 * builder has it; ERR_EXISTS: path is there; ERR_RANGE; ERR_IO (no space left, no such folder); ERR_NOMEM. pool: NULL for one
 * thread. */
int hint_build_open(struct hint_build **out, const char *path, const struct hint_id *id, const struct lattice_public *a,
                    const struct kern *k, struct pool *pool, struct why *why);
/* Closes, keeps what is whole for the next time. NULL is fine. */
void hint_build_close(struct hint_build *b);

/* 1 if the stack is whole already. */
int hint_build_has(const struct hint_build *b, uint32_t stack);
/* Rows [first, first + count) of a stack: count * cols integers. Rows of one stack in order, from 0, without a gap; another stack
 * may only begin when the one before is whole. ERR_WRONG_STATE; ERR_IO. */
int hint_build_rows(struct hint_build *b, uint32_t stack, uint32_t first, uint32_t count, const int8_t *w, struct why *why);
/* For a progress line: weights of whole stacks and rows so far, of all. */
void hint_build_progress(const struct hint_build *b, uint64_t *done, uint64_t *all);
/* When every stack is whole: the head, the name, the digest to keep. ERR_WRONG_STATE: something is missing; ERR_IO. */
int hint_build_finish(struct hint_build *b, uint8_t digest[32], struct why *why);

#endif
