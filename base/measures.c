/* base/measures.c - see measures.h. */
#include "base/measures.h"

#include <stdarg.h>
#include <stdio.h>

void measure_note(struct measures *m, const char *name, enum measure_state state, const char *fmt, ...) {
    if (m->count == MEASURES_MAX) return;
    struct measure *one = &m->list[m->count++];
    va_list args;
    one->name = name;
    one->state = state;
    va_start(args, fmt);
    vsnprintf(one->what, sizeof one->what, fmt, args);
    va_end(args);
}

void measure_note_result(struct measures *m, const char *name, int r, const struct why *why, const char *given) {
    measure_note(m, name, r == 0 ? MEASURE_GIVEN : MEASURE_MISSING, "%s", r == 0 ? given : why_text(why, r));
}

void measures_add(struct measures *m, const struct measures *more) {
    for (unsigned i = 0; i < more->count && i < MEASURES_MAX; i++)
        if (m->count < MEASURES_MAX) m->list[m->count++] = more->list[i];
}

const char *measure_state_name(enum measure_state s) {
    static const char *const names[] = {"given", "partly", "missing"};
    return (unsigned)s < sizeof names / sizeof *names ? names[s] : "missing";
}

unsigned measures_in_state(const struct measures *m, enum measure_state s) {
    unsigned n = 0;
    for (unsigned i = 0; i < m->count; i++) n += m->list[i].state == s;
    return n;
}
