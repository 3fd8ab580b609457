/* tests/e2e/tap.c - see tap.h. */
#include "tests/e2e/tap.h"

#include <stdarg.h>
#include <stdio.h>

static int seen, failed;

int tap_ok(int good, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    printf("%sok %d - ", good ? "" : "not ", ++seen);
    vprintf(fmt, ap);
    printf("\n");
    va_end(ap);
    fflush(stdout);
    failed += !good;
    return good;
}

void tap_skip(const char *name, const char *why) { printf("ok %d - %s # SKIP %s: %s\n", ++seen, name, name, why); }

void tap_note(const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    printf("# ");
    vprintf(fmt, ap);
    printf("\n");
    va_end(ap);
    fflush(stdout);
}

int tap_done(void) {
    printf("1..%d\n", seen);
    return failed != 0 || seen == 0;
}
