/* node/hardening_try.h - tries, in this very process, what the measures should have made impossible. */
#ifndef NODE_HARDENING_TRY_H
#define NODE_HARDENING_TRY_H

enum { TRIES = 8 };
struct hardening_try {
    const char *name; /* "open a file elsewhere" */
    int refused;
};
void hardening_tries(struct hardening_try t[TRIES]);

#endif
