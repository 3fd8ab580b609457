/* evidence/ev_envelope.h - the envelope: all evidence of a node for one nonce and one key statement, as a CMW collection
 * (evidence/cmw.h) of type EV_ENVELOPE_TYPE. JSON for people, deterministic CBOR for the wire; both hold the same members.
 *
 *     label     media type                                     holds
 *     gpu       application/vnd.lull.nvidia-gpu+cbor           parts, one for each GPU, at most EV_PARTS_MAX
 *     tpm       application/vnd.lull.tpm-quote+cbor            one part
 *     cpu       application/vnd.lull.sev-snp+cbor, tdx+cbor    one part
 *               or aws-nitro+cbor
 *     apple     application/vnd.lull.apple-mda+cbor            one part
 *     nonce     application/vnd.lull.prefetched-nonce+cbor     a nonce that nobody chose (evidence/prefetched.h)
 *     software  application/vnd.lull.software+json             what the node says of itself: canonical JSON, believed by nobody
 *
 * The indicator of each is 4, evidence. A member's value, whose SHA-256 enters L (evidence/binding.h), is deterministic CBOR:
 *
 *     [+ {0: evidence bytes, ? 1: [+ certificate bytes], ? 2: public key bytes, ? 3: collateral bytes, ? 4: event log}]
 *
 * Evidence, key, collateral and event log are what the kind's header says; only tdx has a log here (a TPM's are in its evidence). Caps: EV_ENVELOPE_BYTES_MAX for the whole, eight certificates of 4 KiB
 * for a part, and by kind what ev_envelope_caps says. Other labels and types, a label twice, and an envelope within one are refused.
 * Nothing is compressed. */
#ifndef EVIDENCE_EV_ENVELOPE_H
#define EVIDENCE_EV_ENVELOPE_H

#include "evidence/binding.h"
#include "evidence/cmw.h"
#include "evidence/policy.h"
#include "evidence/prefetched.h"

#define EV_ENVELOPE_TYPE "tag:lull.example,2026:evidence"
enum { EV_ENVELOPE_BYTES_MAX = CMW_BYTES_MAX, EV_PARTS_MAX = 16, EV_ENVELOPE_CERTS_MAX = 8, EV_SOFTWARE_BYTES_MAX = 16 * 1024 };

struct ev_part {
    struct ev_bytes evidence, key, collateral, event_log;
    unsigned certs;
    struct ev_bytes cert[EV_ENVELOPE_CERTS_MAX];
};
struct ev_member {
    enum ev_kind kind;
    struct ev_bytes bytes; /* as the envelope carries it */
    uint8_t digest[32];    /* of them */
    unsigned parts;
    struct ev_part part[EV_PARTS_MAX];
};
struct ev_envelope {
    struct cmw cmw;
    unsigned members; /* in the order in which they were made */
    struct ev_member member[EV_MEMBERS_MAX];
    int has_nonce;
    struct ev_prefetched nonce;
    struct ev_bytes software; /* n 0: none */
};
/* Reads either spelling; everything points into the bytes, which must stay, or into *out. Release it also after a failure. Large: keep
 * it off the stack. ERR_EXISTS, ERR_LIMIT, ERR_UNSUPPORTED (a label or type that is not known, an envelope within one), ERR_FORMAT ... */
int ev_envelope_read(struct ev_envelope *out, const void *p, size_t n, struct why *why);
void ev_envelope_release(struct ev_envelope *e);

/* Limits of a kind's evidence and of what is beside it; event_log_max 0: it has none. */
struct ev_caps {
    size_t evidence_min, evidence_max, collateral_max, event_log_max;
};
struct ev_caps ev_envelope_caps(enum ev_kind kind);

/* The media type of a kind's member, and the value of a member. Writing, for whoever collects. */
const char *ev_envelope_media_type(enum ev_kind kind); /* NULL: none */
#define EV_NONCE_MEDIA_TYPE    "application/vnd.lull.prefetched-nonce+cbor"
#define EV_SOFTWARE_MEDIA_TYPE "application/vnd.lull.software+json"
void ev_envelope_put_member(struct writer *w, const struct ev_part *parts, unsigned count);

#endif
