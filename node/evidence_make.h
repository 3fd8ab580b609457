/* node/evidence_make.h - a node's evidence: what its TPM says of the boot and of the seal key, for a nonce, as an envelope that is bound to the
 * newest key statement. Of a machine without a TPM there is none. */
#ifndef NODE_EVIDENCE_MAKE_H
#define NODE_EVIDENCE_MAKE_H

#include "evidence/evidence.h"
#include "node/node_parts.h"

/* n->chip is there; the call waits for the chip. prefetched: the member that the nonce comes from, or n 0. out is initialised here, and
 * to be released in any case. ERR_LOST, ERR_IO: the chip does not answer; ERR_LIMIT, ERR_NOMEM. */
int evidence_make(struct node *n, const uint8_t nonce[32], struct ev_bytes prefetched, struct buf *out, struct why *why);

#endif
