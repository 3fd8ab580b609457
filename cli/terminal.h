/* cli/terminal.h - text that somebody else's machine made, on this user's terminal; and what the user types meanwhile. */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <stddef.h>

/* Writes n bytes to stdout and flushes. On a terminal, control characters (C0 and C1 but for newline and tab, and DEL) become
 * U+FFFD, so that an answer cannot move the cursor, change the title or hide text; into a file or a pipe bytes go as they are.
 * 0 or ERR_IO. */
int terminal_write(const char *text, size_t n);
/* The same decision without the output: writes the safe form of text to out (room for 3 n bytes) and returns its length. */
size_t terminal_clean(const char *text, size_t n, char *out);

/* Flushes stdout. 0, or the exit status of a command whose output could not be written: 141 without a word when the reader has
 * left, as for a program that dies of SIGPIPE, else EXIT_FAILED and a line on stderr that says why. Sees what terminal_write saw. */
int terminal_output_end(const char *command);

/* While an answer streams, keys that are pressed must not appear in its middle: no echo, until terminal_echo_on. Does nothing
 * unless stdin is a terminal that this process is in front of. A signal that ends the process, and exit(), restore it. What was
 * typed stays to be read. */
void terminal_echo_off(void);
void terminal_echo_on(void);

/* One line on stderr, dim when that is a terminal. */
void terminal_note(const char *text);

#endif
