/* blind/hint_check.h - is a hint that somebody else made the right one? Freivalds' check over Z_q: for three secret vectors v,
 * uniform over Z_q and drawn before the hint is fetched, v^T H = (v^T W) A in every value. A wrong row passes with probability
 * q^-3 < 2^-92. A wrong hint shows no input to anybody (nothing of it is sent), but takes off other masks than were put on. */
#ifndef BLIND_HINT_CHECK_H
#define BLIND_HINT_CHECK_H

#include "blind/hint.h"
#include "blind/lattice_public.h"

struct hint_check;
/* Draws v. linear: [stacks]; must outlive it. In secret memory, 24 bytes a row and column. ERR_NOMEM, ERR_RANGE. */
int hint_check_new(struct hint_check **out, const struct linear *linear, uint32_t stacks);
void hint_check_free(struct hint_check *c); /* wipes; NULL is fine */
/* While the weights stream by: rows [first, first + count) of a stack, each once, any order. ERR_RANGE. */
int hint_check_rows(struct hint_check *c, uint32_t stack, uint32_t first, uint32_t count, const int8_t *w);
/* After all rows: 0, or ERR_AUTH: the stack's hint is wrong; why names it. ERR_RANGE; ERR_NOMEM. */
int hint_check_stack(struct hint_check *c, const struct kern *k, const struct hint *h, const struct lattice_public *a,
                     uint32_t stack, struct why *why);

#endif
