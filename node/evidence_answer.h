/* node/evidence_answer.h - `POST /lull/v1/evidence` on the link: 32 bytes of a client's nonce in, this node's evidence for it out, an envelope
 * (evidence/ev_envelope.h) bound to the newest key statement; or nothing in, and the evidence that was made ahead out (node/evidence_ahead.h).
 * Only a node with a TPM has any.
 *
 * 400: neither. 404: none was made ahead. 429: asked too often (node/chip_turns.h). 503: the chip does
 * not answer. */
#ifndef NODE_EVIDENCE_ANSWER_H
#define NODE_EVIDENCE_ANSWER_H

#include "node/node_parts.h"

/* n->chip is there. */
void evidence_answer_begin(struct node *n, struct h2_stream *s);

#endif
