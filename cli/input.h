/* cli/input.h - text from standard input, for commands that take it there. */
#ifndef CLI_INPUT_H
#define CLI_INPUT_H

#include "base/err.h"
#include "base/mem.h"

/* All of standard input into b (initialised here; release it also after a failure), with a NUL behind it that is not counted.
 * ERR_LIMIT over max bytes, ERR_IO. */
int input_read(struct buf *b, size_t max, struct why *why);

#endif
