/* evidence/envelope_write.h - envelopes (evidence/ev_envelope.h) with one member or none, for whoever collects. */
#ifndef EVIDENCE_ENVELOPE_WRITE_H
#define EVIDENCE_ENVELOPE_WRITE_H

#include "evidence/ev_envelope.h"

struct ev_writing {
    enum ev_kind kind; /* EV_KIND_NONE: no member */
    const struct ev_part *part;
    struct ev_bytes prefetched; /* n 0: the nonce was the client's */
    struct ev_bytes software;   /* n 0: the node says nothing of itself */
};
/* As it goes over the wire, into out, which is initialised here and to be released in any case. ERR_LIMIT: more than an envelope holds;
 * ERR_NOMEM. */
int ev_envelope_write(struct buf *out, const struct ev_writing *w);
/* The same for people. out is initialised here. ERR_* as cmw_read. */
int ev_envelope_as_json(struct buf *out, const void *cbor, size_t n);

#endif
