/* evidence/tlog_checkpoint.h - what a log says of itself: origin, number of entries, root (c2sp.org/tlog-checkpoint), and whether those
 * whom a user trusts have signed it. */
#ifndef EVIDENCE_TLOG_CHECKPOINT_H
#define EVIDENCE_TLOG_CHECKPOINT_H

#include "evidence/log_policy.h"
#include "evidence/tlog_merkle.h"
#include "evidence/tlog_note.h"

struct tlog_checkpoint {
    struct ev_bytes origin; /* points into the text */
    uint64_t size;
    struct tlog_hash root;
};
/* Decimal without leading zeros, at most TLOG_SIZE_MAX. ERR_FORMAT. */
int tlog_number_read(uint64_t *out, const char *text, size_t n);
/* A note's text: three lines, and extension lines, none of them empty, which are read over. ERR_FORMAT, ERR_LIMIT. */
int tlog_checkpoint_read(struct tlog_checkpoint *out, struct ev_bytes text);
/* The three lines. b is initialised here. */
int tlog_checkpoint_text(struct buf *b, const char *origin, uint64_t size, const struct tlog_hash *root);

/* Times at which the policy's witnesses have signed this note, newest first; each witness counts once, with its newest. */
struct tlog_witnessed {
    int log_signed;  /* the log's key, under the log's origin as its name, has signed the text */
    unsigned broken; /* signatures that claim a key of the policy's and do not verify */
    unsigned count;
    uint64_t time[EV_WITNESSES_MAX];
};
/* Names of witnesses are not compared: what a cosignature covers does not have the name in it, and a policy lists keys. */
void tlog_witnessed(struct tlog_witnessed *out, const struct tlog_note *note, const struct log_policy *trust);

#endif
