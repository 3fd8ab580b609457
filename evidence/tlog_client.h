/* evidence/tlog_client.h - when a user may act on an entry of the log, and what a client keeps so that it is never led back.
 *
 * An entry counts when it is in a tree that k of the user's n witnesses have signed within 24 hours, which grew out of the last tree
 * that this client has seen, and a state leaf in date of the same tree lists it as in force. That something was not revoked cannot be shown
 * by a log, so nothing is in force without such a state. The clock cannot be shown either: but one that is behind a witness's signature is
 * wrong, and under it old states would be in date again.
 *
 * Between two states of at most 24 hours, whoever can hold back a newer state can show the older one until it ends; not to a client that has
 * seen the newer one. */
#ifndef EVIDENCE_TLOG_CLIENT_H
#define EVIDENCE_TLOG_CLIENT_H

#include "evidence/evidence.h"
#include "evidence/log_policy.h"
#include "evidence/tlog_bundle.h"
#include "evidence/tlog_leaf.h"

enum { TLOG_AGE_S_MAX = 24 * 3600, TLOG_KEPT_BYTES_MAX = 512 };

/* What a client keeps of one log. size 0: nothing yet. */
struct tlog_kept {
    char origin[EV_ORIGIN_BYTES_MAX + 1];
    uint64_t size;
    struct tlog_hash root;
    int64_t newest;  /* time of the newest cosignature seen */
    uint64_t states; /* index of the newest state leaf seen, plus one; 0: none */
};
/* As text: "lull log kept v1", origin, size, root, newest, states, each with its newline. ERR_FORMAT, ERR_VERSION. */
int tlog_kept_read(struct tlog_kept *out, struct ev_bytes text);
int tlog_kept_text(struct buf *b, const struct tlog_kept *k); /* b is initialised here */

struct tlog_question {
    const struct log_policy *trust; /* given; origin, keys, k of n */
    const struct tlog_kept *kept;   /* size 0 at the first time */
    struct ev_bytes bundle;         /* the file, tlog_bundle.h */
    int64_t now;
};
/* What is true, if *out says so. */
struct tlog_answer {
    struct tlog_leaf leaf;
    uint64_t index;
    /* What to keep from now on. It moves on when the checkpoint is good, whatever becomes of the leaf, and is never behind *kept: equal to it
     * when the checkpoint is not good. */
    struct tlog_kept next;
};
/* Notes, in this order; what cannot be looked at after a failure is left out:
 *   proof_form      UNSUPPORTED  no proof, or of another version
 *   checkpoint_form UNSUPPORTED  the checkpoint is no signed note, or no checkpoint
 *   leaf_form       UNSUPPORTED  the entry is no leaf that we know; likewise state_form, of the state
 *   origin          REFUSED      another log than the policy's, or than the one kept
 *   log_signature   INVALID      the log's own signature is not there
 *   cosignatures    INVALID      a signature claims a key of the policy's and does not verify
 *   witnesses       REFUSED      fewer than k
 *   clock           INVALID      now is behind the newest cosignature, here or kept
 *   cosigned_age    REFUSED      the k-th newest is older than 24 hours
 *   log_rollback    REFUSED      smaller than the tree that was kept
 *   consistency     INVALID      not the same tree grown on; REFUSED: there is no proof from the size kept
 *   inclusion       INVALID      the leaf is not at its place; likewise state_inclusion
 *   state           REFUSED      there is no state, or it is older than one seen before
 *   state_date      REFUSED      before its beginning or after its end
 *   in_force        REFUSED      the state does not list the leaf, or lists it as revoked
 *   hour            REFUSED      a list of nodes of another hour than this one and the one before
 * 0, or ERR_NOMEM. */
int tlog_judge(const struct tlog_question *q, struct tlog_answer *a, struct ev_report *out);

#endif
