/* evidence/vouched.h - ev_check for what stands in signed bytes: until signature and chain are good nobody vouches for them. */
#ifndef EVIDENCE_VOUCHED_H
#define EVIDENCE_VOUCHED_H

#include "evidence/evidence.h"

/* vouched 1: ev_check. vouched 0: only what is wrong is noted, so that a user sees all of it, and as EV_INVALID where it would be
 * EV_UNSUPPORTED: the bytes are forged before they are of an unknown version. Returns ok. */
int ev_check_vouched(struct ev_report *r, int vouched, const char *name, int ok, enum ev_verdict as, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));

#endif
