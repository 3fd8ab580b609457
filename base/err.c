/* base/err.c - phrases for the error numbers. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const phrases[] = {
    [0] = "success",
    [-ERR_NOMEM] = "out of memory",
    [-ERR_SHORT] = "ends too early",
    [-ERR_MORE] = "more input needed",
    [-ERR_LIMIT] = "over a limit",
    [-ERR_FORMAT] = "malformed",
    [-ERR_TRAILING] = "has bytes left over",
    [-ERR_VERSION] = "unknown version",
    [-ERR_RANGE] = "value out of range",
    [-ERR_UNSUPPORTED] = "not supported",
    [-ERR_NOTFOUND] = "not found",
    [-ERR_EXISTS] = "exists already",
    [-ERR_IO] = "input or output failed",
    [-ERR_BUSY] = "busy",
    [-ERR_WRONG_STATE] = "not possible in this state",
    [-ERR_AUTH] = "does not verify",
    [-ERR_TIME] = "outside its time",
    [-ERR_REPLAY] = "seen before",
    [-ERR_CANCELLED] = "cancelled",
    [-ERR_CONTEXT] = "does not fit the context",
    [-ERR_NONFINITE] = "holds NaN or infinity",
    [-ERR_USAGE] = "wrong usage",
    [-ERR_PERM] = "not permitted",
    [-ERR_LOST] = "connection lost",
    [-ERR_INTERNAL] = "internal error",
};

const char *err_text(int err) {
    if (err > 0 || err <= -(int)(sizeof phrases / sizeof phrases[0])) return "unknown error";
    return phrases[-err] ? phrases[-err] : "unknown error";
}

int why_set(struct why *w, int err, const char *fmt, ...) {
    if (!w) return err;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(w->text, sizeof w->text, fmt, ap);
    va_end(ap);
    return err;
}

const char *why_text(const struct why *w, int err) { return w && w->text[0] ? w->text : err_text(err); }
