/* net/link_log.c - see link_log.h. */
#include "net/link_log.h"
#include "base/clock.h"
#include "net/h2.h"

enum { AGAIN_MS = 60000 };

void link_log_up(struct link_log *k) { *k = (struct link_log){0}; }

void link_log_fault(struct link_log *k, enum log_level level, const char *what, const char *where, const char *fault,
                    const char *names) {
    uint64_t now = clock_mono_ms();
    k->untold = fault == k->fault ? k->untold + 1 : 1;
    if (fault == k->fault && now - k->told_ms < AGAIN_MS) level = LOG_DEBUG;
    if (*names)
        log_event(level, "link", what, LOG_NAME("coordinator", where), LOG_CODE("reason", fault), LOG_NAME("names", names),
                  LOG_COUNT("times", k->untold));
    else
        log_event(level, "link", what, LOG_NAME("coordinator", where), LOG_CODE("reason", fault), LOG_COUNT("times", k->untold));
    k->fault = fault;
    if (level == LOG_DEBUG) return;
    k->told_ms = now;
    k->untold = 0;
}

void link_log_gone(struct link_log *k, enum log_level level, const char *where, const struct h2 *h, int err, int was_up) {
    link_log_fault(k, level, was_up ? "lost" : "cannot connect", where, h2_gone_text(h, err), h2_gone_names(h));
}
