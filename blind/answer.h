/* blind/answer.h - one column of a worker's answer, from its bytes to a checked product.
 *
 * Unpacked, range-checked, checked (blind/freivalds.h) and only then used, always on the one array that the caller gave: there is no
 * second copy that could differ. Rows may arrive in pieces; nothing is released before all have come and passed. The state is a one-way
 * street: a refused column stays refused, and a resend is a new struct answer with the same input. */
#ifndef BLIND_ANSWER_H
#define BLIND_ANSWER_H

#include "blind/freivalds.h"

enum answer_state { ANSWER_NONE, ANSWER_OPEN, ANSWER_PASSED, ANSWER_REFUSED };
enum answer_input { ANSWER_TO_DATA, ANSWER_TO_MASK }; /* of a masked x, or of the mask alone */
enum { ANSWER_SESSION_BYTES = 16 };

/* What was asked: nothing may be put together from answers of different slots. */
struct answer_slot {
    uint8_t session[ANSWER_SESSION_BYTES];
    uint32_t stack, n; /* n: number of the column in the session */
    enum answer_input input;
};

/* To be read by callers, not written. */
struct answer {
    const struct freivalds *check;
    struct answer_slot slot;
    uint32_t *z;      /* [rows], the caller's: the product mod p once the state is ANSWER_PASSED, else not to be read */
    uint32_t rows_in; /* rows that have arrived */
    uint32_t want[FREIVALDS_VECTORS], sum[FREIVALDS_VECTORS];
    enum answer_state state;
};
/* Expects the product of u (cols residues, only read now). */
void answer_begin(struct answer *a, const struct freivalds *check, const struct answer_slot *slot, uint32_t *z,
                  const uint32_t *u);
/* Rows [first, first + count) in residues_bytes(count) bytes; first must be rows_in. 0; or the column is refused for good: ERR_RANGE (a
 * row out of place or too many, a value >= p), ERR_SHORT, ERR_TRAILING, ERR_FORMAT (residues.h), ERR_AUTH (the last row came, and the
 * product is wrong); ERR_WRONG_STATE: not open. */
int answer_rows(struct answer *a, uint32_t first, uint32_t count, const uint8_t *bytes, size_t n);
/* The checked product, or NULL unless it passed. */
const uint32_t *answer_product(const struct answer *a);
/* Wipes z and forgets everything. Fine on a zeroed one. */
void answer_end(struct answer *a);

#endif
