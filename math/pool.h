/* math/pool.h - a fixed pool of compute threads: the caller and count - 1 workers. No allocation after pool_new.
 *
 * One thread dispatches (the engine's); jobs do not nest. Workers spin for a few microseconds after a job, as a decoding
 * engine dispatches again at once, then sleep, so that an idle node uses no processor time. */
#ifndef MATH_POOL_H
#define MATH_POOL_H

#include <stdint.h>

#include "base/err.h"

enum { POOL_THREADS_MAX = 256 };
struct pool;

/* threads 1..POOL_THREADS_MAX; 0 means as many as the process may run on. ERR_RANGE, ERR_NOMEM. */
int pool_new(struct pool **out, unsigned threads, struct why *why);
/* Waits for the workers to end. NULL is fine. Never while a job runs. */
void pool_free(struct pool *p);
unsigned pool_threads(const struct pool *p);

/* Runs fn(arg, i, n) once in each of the n threads (i = 0 is the caller) and returns when all are done. What the caller wrote
 * before is seen by fn, what fn wrote is seen by the caller. */
typedef void pool_each_fn(void *arg, unsigned thread, unsigned threads);
void pool_each(struct pool *p, pool_each_fn *fn, void *arg);

/* Runs fn(arg, begin, end) over pieces of [0, count), handed out to whichever thread is free; step items to a piece (the
 * last may be shorter; 0: large ones first, single items at the end). fn must not depend on which thread it runs in. */
typedef void pool_range_fn(void *arg, uint32_t begin, uint32_t end);
void pool_range(struct pool *p, uint32_t count, uint32_t step, pool_range_fn *fn, void *arg);

#endif
