/* evidence/prefetched.h - a nonce that nobody chose: evidence made ahead, once for all clients, is as fresh as the log's checkpoint and
 * the times at which witnesses signed it.
 *
 *     nonce = SHA-256("lull nonce v1" || checkpoint body || cosignatures by ascending key), a cosignature is u64 time || signature 64
 *
 * The body alone would not do: it stays the same while the log rests. The envelope carries, as member "nonce", a CBOR array
 *
 *     [body bytes, log's signature bytes 64, [+ [witness key bytes 32, time uint, signature bytes 64]]]     keys ascending
 *
 * Body and signatures are those of a C2SP checkpoint: body is the note's text (origin, size, root, each with its newline); the log
 * signs the body, a witness signs "cosignature/v1\ntime N\n" || body, both with Ed25519. */
#ifndef EVIDENCE_PREFETCHED_H
#define EVIDENCE_PREFETCHED_H

#include "evidence/evidence.h"
#include "evidence/log_policy.h"

enum { EV_CHECKPOINT_BYTES_MAX = 4096 };

struct ev_cosignature {
    uint8_t key[32], sig[64];
    uint64_t time; /* seconds since 1970 */
};
struct ev_prefetched {
    struct ev_bytes body; /* points into the bytes that were read */
    uint8_t log_sig[64];
    unsigned count;
    struct ev_cosignature cosignature[EV_WITNESSES_MAX];
    uint64_t log_size; /* of the checkpoint */
};
/* Syntax only. ERR_FORMAT (also: keys not ascending, a body that is no checkpoint), ERR_LIMIT, ERR_SHORT, ERR_TRAILING. */
int ev_prefetched_read(struct ev_prefetched *p, struct ev_bytes bytes);
/* Since when it counts: the oldest of the k newest times of the policy's witnesses. 0: fewer than k have signed. No signature is checked. */
uint64_t ev_prefetched_time(const struct ev_prefetched *p, const struct log_policy *policy);
void ev_prefetched_nonce(uint8_t nonce[32], const struct ev_prefetched *p);

/* Notes, in this order:
 *   nonce_log       REFUSED  the policy names no log, or another origin
 *   log_signature   INVALID  the log's signature over the body
 *   cosignatures    INVALID  a signature, by whatever key, does not verify
 *   witnesses       REFUSED  fewer than k of them are the policy's
 *   nonce_time      INVALID  a time is ahead of `now`: the caller's clock is behind, or the witness's is ahead
 *   nonce_age       REFUSED  older than max_age_s, counted from the oldest of the k newest times of the policy's witnesses
 *   log_rollback    REFUSED  the checkpoint is smaller than one that the caller has seen (log_size_seen; 0: none)
 * 1: all good. */
int ev_prefetched_check(struct ev_report *r, const struct ev_prefetched *p, const struct log_policy *policy, int64_t max_age_s,
                        int64_t now, uint64_t log_size_seen);

#endif
