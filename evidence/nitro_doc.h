/* evidence/nitro_doc.h - the two layers of a Nitro attestation document, read and bounded; nothing is believed here. */
#ifndef EVIDENCE_NITRO_DOC_H
#define EVIDENCE_NITRO_DOC_H

#include "evidence/nitro.h"

enum {
    NITRO_PAYLOAD_MAX = 16384,
    NITRO_CERT_MAX = 1024,
    NITRO_BUNDLE_MAX = EV_CERTS_MAX - 1,
    NITRO_USER_MAX = 1024,
    NITRO_MODULE_ID_MAX = 256,
};

/* COSE_Sign1 (RFC 9052, 4.2): [protected, unprotected, payload, signature]. Slices of the evidence. */
struct nitro_cose {
    struct ev_bytes protected_header, payload, signature;
};
struct nitro_doc {
    struct ev_bytes module_id, digest;
    uint64_t timestamp_ms;           /* since 1970; 1..NITRO_TIMESTAMP_MAX */
    struct ev_bytes pcr[NITRO_PCRS]; /* n 0: not in the document; else 32, 48 or 64 bytes */
    struct ev_bytes certificate;     /* the leaf */
    struct ev_bytes bundle[NITRO_BUNDLE_MAX];
    unsigned bundle_count;
    struct ev_bytes public_key, user_data, nonce; /* n 0: absent, null or empty */
};
#define NITRO_TIMESTAMP_MAX 253402300799999u /* the end of the year 9999 */

/* 0, or ERR_* with why saying where. */
int nitro_cose_read(struct nitro_cose *out, struct ev_bytes evidence, struct why *why);
/* 1: the protected header says ES384 and nothing else. */
int nitro_is_es384(struct ev_bytes protected_header);
int nitro_doc_read(struct nitro_doc *out, struct ev_bytes payload, struct why *why);

#endif
