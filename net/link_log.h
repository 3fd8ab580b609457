/* net/link_log.h - what a daemon logs about a link that it keeps dialling: each new fault at once, the same one again at most
 * once a minute with how often it came, so that a wrong option is seen and a long outage does not fill a disk. */
#ifndef NET_LINK_LOG_H
#define NET_LINK_LOG_H

#include <stdint.h>

#include "base/log.h"

struct h2;
struct link_log {      /* zeroed at start */
    const char *fault; /* the last one, told or not; NULL: the link was up since */
    uint64_t told_ms;
    uint32_t untold; /* times since it was told */
};
void link_log_up(struct link_log *k);
/* In on_gone of h. was_up: "lost", else "cannot connect". */
void link_log_gone(struct link_log *k, enum log_level level, const char *where, const struct h2 *h, int err, int was_up);
/* Any fault: what is a literal ("refused"), fault one too; names may be "". */
void link_log_fault(struct link_log *k, enum log_level level, const char *what, const char *where, const char *fault,
                    const char *names);

#endif
