/* evidence/tlog_bundle.h - a proof that can be checked offline: a checkpoint with its signatures, one entry in its place, the state that
 * lists it, and how the tree grew out of an earlier one. One JSON object:
 *
 *     {"v": 1, "checkpoint": TEXT, "leaf": PLACED, "state": PLACED, "consistency": {"from": SIZE, "proof": [BASE64, ...]}}
 *     PLACED = {"index": N, "entry": TEXT, "proof": [BASE64, ...]}
 *
 * "state" is absent when the leaf is a state, "consistency" when the proof is for nobody's kept checkpoint in particular. The checkpoint is
 * the log's own text, byte for byte. Nothing in here is believed: tlog_client.h checks it. */
#ifndef EVIDENCE_TLOG_BUNDLE_H
#define EVIDENCE_TLOG_BUNDLE_H

#include "base/json.h"
#include "evidence/tlog_merkle.h"
#include "evidence/tlog_note.h"

enum { TLOG_BUNDLE_VERSION = 1, TLOG_BUNDLE_FILE_MAX = 1 << 20 };

struct tlog_placed {
    uint64_t index;
    struct ev_bytes entry;
    struct tlog_proof proof;
};
struct tlog_bundle {
    struct ev_bytes checkpoint;
    struct tlog_placed leaf, state;
    int has_state, has_consistency;
    uint64_t from;
    struct tlog_proof consistency;
    json_t *json; /* owns the bytes above after tlog_bundle_read */
};
/* *out is to be released in any case. ERR_FORMAT, ERR_VERSION, ERR_LIMIT. */
int tlog_bundle_read(struct tlog_bundle *out, const void *text, size_t n, struct why *why);
void tlog_bundle_release(struct tlog_bundle *b);
/* b is initialised here. ERR_NOMEM; ERR_FORMAT: an entry that is not UTF-8. */
int tlog_bundle_text(struct buf *b, const struct tlog_bundle *bundle);

#endif
