/* cli/terminal.c - see terminal.h. */
#include "cli/terminal.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "cli/cli.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static int is_control(uint32_t cp) { return (cp < 0x20 && cp != '\n' && cp != '\t') || (cp >= 0x7f && cp < 0xa0); }

size_t terminal_clean(const char *text, size_t n, char *out) {
    size_t to = 0;
    for (size_t i = 0; i < n;) {
        uint32_t cp;
        int len = utf8_get((const uint8_t *)text + i, n - i, &cp);
        if (len > 0 && !is_control(cp)) {
            memcpy(out + to, text + i, (size_t)len);
            to += (size_t)len;
        } else {
            memcpy(out + to, "\xef\xbf\xbd", 3);
            to += 3;
        }
        i += len > 0 ? (size_t)len : 1;
    }
    return to;
}

/* errno of the first write that failed: later calls on stdout would say something else. */
static int write_errno;

static int flush_output(void) {
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout)) return 0;
    if (!write_errno) write_errno = errno ? errno : EIO;
    return ERR_IO;
}

int terminal_write(const char *text, size_t n) {
    char *clean = isatty(STDOUT_FILENO) ? malloc(3 * n + 1) : NULL;
    errno = 0;
    if (clean) {
        size_t len = terminal_clean(text, n, clean);
        fwrite(clean, 1, len, stdout);
        mem_wipe(clean, 3 * n + 1);
        free(clean);
    } else if (!isatty(STDOUT_FILENO))
        fwrite(text, 1, n, stdout);
    if (ferror(stdout) && !write_errno) write_errno = errno ? errno : EIO;
    return flush_output();
}

int terminal_output_end(const char *command) {
    if (flush_output() == 0) return EXIT_OK;
    if (write_errno == EPIPE) return EXIT_PIPE;
    fprintf(stderr, "lull %s: standard output: %s\n", command, strerror(write_errno));
    return EXIT_FAILED;
}

void terminal_note(const char *text) {
    int dim = isatty(STDERR_FILENO);
    fprintf(stderr, "%s%s%s\n", dim ? "\033[2m" : "", text, dim ? "\033[0m" : "");
}

/* ---- echo ---- */

static struct termios with_echo;
static volatile sig_atomic_t echo_is_off;
static const int fatal[] = {SIGTERM, SIGHUP, SIGQUIT};

/* tcsetattr is safe in signal handlers (POSIX, 2.4.3). */
static void restore(void) {
    if (!echo_is_off) return;
    (void)tcsetattr(STDIN_FILENO, TCSANOW, &with_echo);
    echo_is_off = 0;
}

static void on_fatal(int sig) {
    restore();
    signal(sig, SIG_DFL);
    raise(sig);
}

/* From the background a change of the terminal would stop us. */
static int in_front(void) { return isatty(STDIN_FILENO) && tcgetpgrp(STDIN_FILENO) == getpgrp(); }

void terminal_echo_off(void) {
    static int prepared;
    if (echo_is_off || !in_front() || tcgetattr(STDIN_FILENO, &with_echo) != 0) return;
    if (!prepared++) {
        atexit(restore);
        for (size_t i = 0; i < sizeof fatal / sizeof fatal[0]; i++) signal(fatal[i], on_fatal);
    }
    struct termios quiet = with_echo;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    echo_is_off = 1;
    (void)tcsetattr(STDIN_FILENO, TCSANOW, &quiet);
}

void terminal_echo_on(void) {
    if (in_front()) restore();
}
