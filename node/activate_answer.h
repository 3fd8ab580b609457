/* node/activate_answer.h - `POST /lull/v1/activate` on the link: a credential that somebody made for this node's EK and AK in, the secret that the
 * TPM finds in it out (TPM2_ActivateCredential). It shows its maker that both keys are in one TPM. The TPM opens a credential for this AK's
 * name alone, so nothing else can be had from it this way. Only a node with a TPM answers.
 *
 * 400: no credential, or not for these keys. 429: asked too often (node/chip_turns.h). 503: the chip does not
 * answer. */
#ifndef NODE_ACTIVATE_ANSWER_H
#define NODE_ACTIVATE_ANSWER_H

#include "node/node_parts.h"

/* n->chip is there. */
void activate_answer_begin(struct node *n, struct h2_stream *s);

#endif
