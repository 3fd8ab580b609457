/* node/evidence_ahead.h - evidence that is made before anybody asks: for the nonce in the file `nonce` of the data folder (`lull log nonce`,
 * evidence/prefetched.h), once for all clients. The record names it by its hash, for as long as its key statement is in use, since
 * receipts say that hash too.
 *
 * So it is made with each key statement; and when the file has changed, a new statement is made for it, though not within
 * EVIDENCE_AHEAD_MIN_MS of the last, so that keys that clients still seal to stay known. What the nonce is worth (who signed it, how old it
 * is) clients judge; a file that is no such nonce is said in the log, and there is no evidence ahead. */
#ifndef NODE_EVIDENCE_AHEAD_H
#define NODE_EVIDENCE_AHEAD_H

#include "node/node_parts.h"

#define EVIDENCE_NONCE_FILE "nonce"
enum { EVIDENCE_LOOK_MS = 5000, EVIDENCE_AHEAD_MIN_MS = 900000 };
/* For the newest key statement, which has just been made; waits for the chip. Nothing without a chip or a file. */
void evidence_ahead_make(struct node *n);
/* From now on the file is looked at. ERR_NOMEM. */
int evidence_ahead_watch(struct node *n);
/* NULL: none. */
const struct buf *evidence_ahead(const struct node *n);
void evidence_ahead_release(struct node *n);

#endif
