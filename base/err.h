/* base/err.h - the one set of error numbers, and a place for the sentence a user reads.
 *
 * A function that can fail returns 0 (or a count) or a negative ERR_*. Functions that work on files and options also take
 * a `struct why`, where they say what was wrong and what to do: it never holds content (prompts, answers, tokens, keys). */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum err {
    ERR_NOMEM = -1,        /* no memory, or an arena or buffer is at its maximum */
    ERR_SHORT = -2,        /* input ends too early */
    ERR_MORE = -3,         /* not an error: nothing taken, call again with more bytes */
    ERR_LIMIT = -4,        /* a count or size is over a fixed limit */
    ERR_FORMAT = -5,       /* malformed */
    ERR_TRAILING = -6,     /* bytes left over */
    ERR_VERSION = -7,      /* a version or suite we do not speak */
    ERR_RANGE = -8,        /* a value outside its range */
    ERR_UNSUPPORTED = -9,  /* well-formed, but not something we do */
    ERR_NOTFOUND = -10,    /* no such file, key, model, id */
    ERR_EXISTS = -11,      /* already there */
    ERR_IO = -12,          /* a system call failed; errno is kept where it matters */
    ERR_BUSY = -13,        /* full for now; try later */
    ERR_WRONG_STATE = -14, /* not allowed in this state */
    ERR_AUTH = -15,        /* a signature, tag, proof or digest does not match */
    ERR_TIME = -16,        /* outside its validity, or a clock is off */
    ERR_REPLAY = -17,      /* seen before */
    ERR_CANCELLED = -18,   /* the one who asked has left */
    ERR_CONTEXT = -19,     /* prompt and answer do not fit the context */
    ERR_NONFINITE = -20,   /* NaN or infinity where arithmetic forbids it */
    ERR_USAGE = -21,       /* wrong command line or configuration */
    ERR_PERM = -22,        /* not permitted */
    ERR_LOST = -23,        /* the peer is gone */
    ERR_INTERNAL = -24,    /* a bug of ours */
};

/* A short English phrase for an ERR_* ("malformed"). Never NULL. */
const char *err_text(int err);

struct why {
    char text[320];
};

/* Fills w (may be NULL) by printf rules and returns err, so that a failing path is one line:
 *     return why_set(why, ERR_RANGE, "%s: block count %u is over %u", path, n, MAX); */
int why_set(struct why *w, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* w->text, or the phrase for err when nothing was set. */
const char *why_text(const struct why *w, int err);

#endif
