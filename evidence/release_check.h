/* evidence/release_check.h - whether a node runs a published release: the engine that its key statement names must be one that the log has and
 * that is in force, and the evidence must have that release's measurement.
 *
 * Notes, after those of tlog_judge (evidence/tlog_client.h) about the proof:
 *     log_rollback         refused  the proof's tree is smaller than one that the caller has seen
 *     release_leaf         refused  what is proved is no release
 *     release_engine       refused  the key statement names another engine than "NAME-VERSION" of the release, or is not known
 *     release_measurement  refused  the evidence has none of the release's measurements; the release lists none for evidence of this kind; no
 *                                   member of the envelope names a program
 * Nothing is said of engine and measurement when the proof is not good. Unchecked: "release_measurement" when the member that would have it did
 * not verify. */
#ifndef EVIDENCE_RELEASE_CHECK_H
#define EVIDENCE_RELEASE_CHECK_H

#include "evidence/tlog_client.h"

struct release_question {
    const struct log_policy *log;
    struct ev_bytes proof;    /* evidence/tlog_bundle.h */
    const char *engine_id;    /* K's; NULL: not known */
    uint64_t log_size_seen;   /* 0: none */
    enum ev_kind kind;        /* of the member that names the program; EV_KIND_NONE: there is none */
    struct ev_bytes evidence; /* its */
    int verified;             /* it is good */
    int64_t now;
};
void release_check(const struct release_question *q, struct ev_report *out);

#endif
