/* model/memory.h - how much memory may still be taken, so that a model that does not fit is refused instead of swapped. */
#ifndef MODEL_MEMORY_H
#define MODEL_MEMORY_H

#include <stdint.h>

#include "base/err.h"

/* Bytes that this process can take without pushing others out: the system's MemAvailable (proc(5)), less where a control group
 * of this process, v1 or v2, leaves less; files that the group has cached count as free. UINT64_MAX: nobody says. root is put
 * before /proc and /sys: "" but in tests. */
uint64_t memory_available(const char *root);
/* 0, or ERR_NOMEM with the numbers when `bytes` more for `what` ("the weights") are not available. */
int memory_check(uint64_t bytes, const char *what, struct why *why);

#endif
