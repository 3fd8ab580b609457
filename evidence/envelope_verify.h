/* evidence/envelope_verify.h - what an envelope shows to a caller who knows the node's key statement, the nonce and the channel.
 *
 * Every member is verified by its kind with the binding value that the caller's knowledge gives; the class follows from what has been
 * verified. All must be good: a member that fails makes the whole fail, since whoever sent it cannot be told from a liar.
 *
 * Factors of the whole, beside those of each member:
 *     envelope       unsupported  not an envelope, over a limit, a label twice
 *     nonce          refused      the caller has none, and the envelope carries none
 *     nonce_log ... log_rollback  a prefetched nonce: evidence/prefetched.h
 *     key_statement  refused      the caller does not know K's hash, so nothing is bound to anybody
 *     channel        refused      the caller has a TLS session with the node and asks about channel 0, which it must not take, or
 *                                 about channel 1 without an exporter value
 *     operator       refused      the policy names operators, and K's is none of them
 *     gpu_twice      invalid      two parts of the member gpu are signed by the key of one GPU
 *     class          refused      all is good and shows a class that the policy does not accept
 * and in a TPM's member
 *     event_log, ima_log, boot_aggregate, ima_entries: evidence/tpm_logs.h (in a quote of another form "ima_log" is refused where the policy
 *                                 names programs: it has no place for a list)
 *     seal_key_statement  invalid  the seal key that the TPM holds is not K's; refused: K's is none of a TPM, or not known
 * and, with a proof of a release from the log, one more report of label "release" (evidence/release_check.h), of the member cpu, or of tpm where
 * there is none, and the factor
 *     release        as that report   the node does not show that it runs this release; refused: the policy requires a proof, and there is none
 * Unchecked in the whole: "release" (that the engine named in K is what the measurement belongs to) without such a proof, "software" (what
 * the node says of itself). */
#ifndef EVIDENCE_ENVELOPE_VERIFY_H
#define EVIDENCE_ENVELOPE_VERIFY_H

#include "evidence/ev_envelope.h"
#include "evidence/tpm_member.h"

/* What the caller knows, from elsewhere than the evidence. */
struct ev_expected {
    const uint8_t *key_hash; /* SHA-256(K), 32 bytes; NULL: not known */
    const uint8_t *nonce;    /* 32 bytes, the caller's own; NULL: the envelope's prefetched one */
    unsigned channel;        /* 0 or 1 */
    const uint8_t *x;        /* channel 1: 32 bytes of its TLS session; channel 0: NULL */
    int tls;                 /* the caller has a TLS session with the node itself */
    const uint8_t
        *seal_key; /* K's, 32 bytes, if it is one of P-256 (the x coordinate), as a TPM's is; NULL: not known, or another */
    const struct tpm_activated *activated; /* TPMs that the caller has challenged itself; NULL: none */
    const uint8_t *operator_id;            /* 16 bytes, from K; NULL: none, or not known */
    uint64_t log_size_seen;                /* of the largest checkpoint that the caller has seen; 0: none */
    struct ev_bytes release; /* a proof from the policy's log (evidence/tlog_bundle.h) of the release that must run; n 0: none */
    const char *engine_id;   /* K's; NULL: not known */
    const struct ev_policy *policy; /* never NULL */
    int64_t now;
};

struct ev_member_report {
    const char *label; /* "cpu"; "release": of the log's proof, kind EV_KIND_NONE */
    enum ev_kind kind;
    unsigned part; /* of the member gpu, from 0 */
    struct ev_report report;
};
enum { EV_MEMBER_REPORTS_MAX = EV_PARTS_MAX + 4 };
struct ev_envelope_report { /* about half a megabyte */
    struct ev_report whole; /* its factors, and the verdict of each member as a factor of the member's label */
    enum ev_class shows; /* what was verified, also when the policy refuses that class; EV_CLASS_NONE when anything else failed */
    uint64_t nonce_time,
        log_size; /* of a prefetched nonce: since when it counts (seconds since 1970), and its checkpoint's size; else 0 */
    unsigned members;
    struct ev_member_report member[EV_MEMBER_REPORTS_MAX];
};
struct ev_envelope_report *ev_envelope_report_new(void); /* NULL: no memory */
void ev_envelope_report_free(struct ev_envelope_report *r);

void ev_envelope_verify(const void *p, size_t n, const struct ev_expected *want, struct ev_envelope_report *out);
enum ev_verdict ev_envelope_verdict(const struct ev_envelope_report *r);

/* The same with the verifier of single pieces given, so that a test can play all the manufacturers: ev_envelope_verify passes
 * those that end in the pinned roots. */
typedef void ev_verifier(enum ev_kind kind, const struct ev_input *in, const struct tpm_activated *activated,
                         struct ev_report *out);
void ev_envelope_verify_with(const void *p, size_t n, const struct ev_expected *want, ev_verifier *verify,
                             struct ev_envelope_report *out);

#endif
