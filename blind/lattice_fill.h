/* blind/lattice_fill.h - mode `lattice` over slots: the only place where an input meets its mask, and where a product leaves it.
 *
 * A store of masks (blind/lattice_store.h) serves one session. Its masks are spent by the session's own order of slots, and are
 * wiped as they are used, so that neither of the two alone could use one twice. */
#ifndef BLIND_LATTICE_FILL_H
#define BLIND_LATTICE_FILL_H

#include "blind/answer.h"
#include "blind/lattice_store.h"
#include "blind/slots.h"

/* Masks x (cols integers, |x| <= p / 2) into the ticket's next column, made now if it was not made ahead. ERR_WRONG_STATE,
 * ERR_RANGE, ERR_NOMEM, ERR_BUSY: then the slot is lost, and no column of the ticket can be filled. */
int lattice_fill(struct blind_session *s, struct slots *t, struct lattice_store *masks, const int32_t *x);
/* Begins the worker's answer for column i of a whole ticket, into z[rows]; u: room for cols residues. As pair_expect_input. */
int lattice_expect(const struct slots *t, uint32_t i, const struct freivalds *check, struct answer *a, uint32_t *z, uint32_t *u);
/* y[rows] = W x and the noise of blind/lattice_block.h. ERR_WRONG_STATE: the answer has not passed, is of another session, or was
 * opened. */
int lattice_open(const struct blind_session *s, struct lattice_store *masks, const struct answer *a, int32_t *y);

#endif
