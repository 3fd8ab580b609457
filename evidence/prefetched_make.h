/* evidence/prefetched_make.h - the nonce that nobody chose (evidence/prefetched.h), out of a log's cosigned checkpoint. */
#ifndef EVIDENCE_PREFETCHED_MAKE_H
#define EVIDENCE_PREFETCHED_MAKE_H

#include "base/mem.h"
#include "evidence/prefetched.h"
#include "evidence/tlog_note.h"

enum { EV_PREFETCHED_BYTES_MAX = EV_CHECKPOINT_BYTES_MAX + 128 + EV_WITNESSES_MAX * 128 };

/* Member "nonce" into out, which is initialised here: the note's text, the log's signature, and of each of trust's witnesses the newest
 * signature that verifies, by ascending key. *oldest: of those times. ERR_AUTH: not signed by the log, or by fewer than trust->k witnesses,
 * with why; ERR_FORMAT: no checkpoint of trust's origin; ERR_NOMEM. */
int ev_prefetched_of_note(struct buf *out, const struct tlog_note *note, const struct log_policy *trust, uint64_t *oldest,
                          struct why *why);

#endif
