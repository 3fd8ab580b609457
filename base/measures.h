/* base/measures.h - what a process did to protect itself, and what the system gave of it. A measure that is missing is named, never
 * passed over: whoever lends a machine, or verifies one, must be able to see it. */
#ifndef BASE_MEASURES_H
#define BASE_MEASURES_H

#include "base/err.h"

enum measure_state { MEASURE_GIVEN, MEASURE_PARTLY, MEASURE_MISSING };
enum { MEASURES_MAX = 32 };
struct measure {
    const char *name; /* static: "no_core_files" */
    enum measure_state state;
    char what[200]; /* what it keeps out, or why it is missing and what would give it */
};
struct measures {
    struct measure list[MEASURES_MAX];
    unsigned count;
};
void measure_note(struct measures *m, const char *name, enum measure_state state, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* After a call that confines: r 0, `given`; else missing, for that reason. */
void measure_note_result(struct measures *m, const char *name, int r, const struct why *why, const char *given);
/* Appends another process's list: names are literals, so both must be the same program. */
void measures_add(struct measures *m, const struct measures *more);
const char *measure_state_name(enum measure_state s); /* "given", "partly", "missing" */
unsigned measures_in_state(const struct measures *m, enum measure_state s);

#endif
