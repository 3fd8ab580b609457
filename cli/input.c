/* cli/input.c - see input.h. */
#include "cli/input.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { PIECE = 65536 };

int input_read(struct buf *b, size_t max, struct why *why) {
    buf_init(b, max + PIECE + 1); /* room to find that it is longer */
    for (;;) {
        uint8_t *to = buf_room(b, PIECE);
        if (!to || b->len > max) return why_set(why, ERR_LIMIT, "standard input: longer than %zu bytes", max);
        ssize_t n = read(STDIN_FILENO, to, PIECE);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return why_set(why, ERR_IO, "standard input: %s", strerror(errno));
        if (n == 0) {
            *to = 0;
            return 0;
        }
        b->len += (size_t)n;
    }
}
