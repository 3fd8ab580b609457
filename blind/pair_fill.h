/* blind/pair_fill.h - mode `pair` over slots: the only place where an input meets its mask, and where a product leaves it.
 *
 * The order is in the calls: B's product of a mask is checked (pair_expect_mask, answer_rows) before pair_fill takes the input of that slot;
 * A's product of the masked input is checked (pair_expect_input, answer_rows) before pair_open takes the mask off. Neither takes an answer
 * of another slot, or one that has not passed. So B can delay, but never strand a spent slot. */
#ifndef BLIND_PAIR_FILL_H
#define BLIND_PAIR_FILL_H

#include "blind/answer.h"
#include "blind/pair_mask.h"
#include "blind/slots.h"

/* The key that B gets when a batch is ordered. ERR_WRONG_STATE: the session is not alive. */
int pair_order_key(const struct blind_session *s, uint32_t batch, uint8_t key[PAIR_KEY_BYTES]);
/* Begins B's answer for column n of the stack (spent or not): W r, into z[rows]. ERR_WRONG_STATE, ERR_RANGE (check is of another shape). */
int pair_expect_mask(struct blind_session *s, const struct freivalds *check, uint32_t stack, uint32_t n, struct answer *a,
                     uint32_t *z);
/* Masks x (cols integers, |x| < p / 2) into the ticket's next column. wr: B's answer for that slot, passed. ERR_WRONG_STATE: it is not,
 * or as slots_fill; ERR_RANGE. */
int pair_fill(struct blind_session *s, struct slots *t, const int32_t *x, const struct answer *wr);
/* Begins A's answer for column i of a whole ticket, into z[rows]; u: room for cols residues. */
int pair_expect_input(const struct slots *t, uint32_t i, const struct freivalds *check, struct answer *a, uint32_t *z,
                      uint32_t *u);
/* y[rows] = W x, exact, from the two answers of one slot. ERR_WRONG_STATE: one has not passed, or they are of different slots. */
int pair_open(const struct answer *wu, const struct answer *wr, int32_t *y);

#endif
