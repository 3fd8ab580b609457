/* math/read_speed.h - how fast this machine reads memory: the yardstick for decoding, which reads every weight per token. */
#ifndef MATH_READ_SPEED_H
#define MATH_READ_SPEED_H

#include <stddef.h>

#include "math/kern.h"
#include "math/pool.h"

/* Bytes per second at which the pool's threads together read `bytes` bytes, `times` times, in order, in pieces as the matrix product
 * takes them. Larger than all caches, backed by pages of its own (written once), 64-byte aligned; bytes is a multiple of 4096. */
double read_speed(struct pool *p, const struct kern *k, const float *mem, size_t bytes, unsigned times);

#endif
