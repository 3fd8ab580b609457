/* cli/terminal.h - text that somebody else's machine made, on this user's terminal. */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <stddef.h>

/* Writes n bytes to stdout and flushes. On a terminal, control characters (C0 and C1 but for newline and tab, and DEL) become
 * U+FFFD, so that an answer cannot move the cursor, change the title or hide text; into a file or a pipe bytes go as they are.
 * 0 or ERR_IO. */
int terminal_write(const char *text, size_t n);
/* The same decision without the output: writes the safe form of text to out (room for 3 n bytes) and returns its length. */
size_t terminal_clean(const char *text, size_t n, char *out);

#endif
