/* evidence/vouched.c - see vouched.h. */
#include "evidence/vouched.h"

#include <stdarg.h>
#include <stdio.h>

int ev_check_vouched(struct ev_report *r, int vouched, const char *name, int ok, enum ev_verdict as, const char *fmt, ...) {
    char why[sizeof r->factor[0].why];
    va_list args;
    va_start(args, fmt);
    vsnprintf(why, sizeof why, fmt, args);
    va_end(args);
    if (ok && !vouched) return 1;
    return ev_check(r, name, ok, !vouched && as == EV_UNSUPPORTED ? EV_INVALID : as, "%s", why);
}
