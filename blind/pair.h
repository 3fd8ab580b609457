/* blind/pair.h - mode `pair`, the client's half: the large products of a forward pass (model/linear.h) by two workers of
 * different operators. Experimental construction, not yet reviewed.
 *
 * A gets masked integers, B computes the products of the masks ahead of their use, on a thread of its own; every answer is
 * checked before it is used, and nothing is sent to A before B's product for that very slot is held and checked
 * (blind/pair_fill.h). What a worker sees depends on counts of columns alone: prompts go in chunks of 64 columns, the last one
 * filled up with zeros that are masked, spent and checked like the rest; tokens after it go in passes of a fixed number of
 * columns.
 *
 * A session of slots ends with the connection that carries its inputs: columns that are unanswered then are masked again, under
 * a fresh session's keys, for the next worker of the role (blind/asker.h). The caller notices nothing: keys and values are its own.
 *
 * product (pair_ops) is called from one thread at a time; so is everything else here, unless it says otherwise. */
#ifndef BLIND_PAIR_H
#define BLIND_PAIR_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "blind/asker.h"
#include "blind/operators.h"
#include "blind/prepared.h"
#include "blind/roster.h"
#include "model/linear.h"

struct pair;
struct pair_opts {
    const struct prepared *prepared; /* must outlive the pair */
    struct blind_source workers;     /* called from two threads */
    struct operators policy;
    const uint8_t *token[PAIR_ROLES]; /* of the quota at A's and B's; token_n 0: none. Must outlive the pair */
    uint8_t token_n[PAIR_ROLES];
    uint32_t answer_ms;      /* one answer may take, and a greeting; 0: 30000 */
    uint32_t decode_columns; /* of each pass after the prompt; 0: 1 */
    size_t ahead_bytes;      /* memory for B's products ahead of their use; 0: 64 MiB. What a pass needs is held in any case */
};
/* Connects to nobody yet. ERR_NOMEM; ERR_PERM: no operators for A or for B; ERR_RANGE. */
int pair_new(struct pair **out, const struct pair_opts *o, struct why *why);
void pair_free(struct pair *p); /* says bye; wipes; NULL is fine */

/* State: struct pair. product returns ERR_LOST: no worker is left for a role, and pair_why says what became of them. The same
 * pass, or another, can be tried again then. ERR_RANGE: no such stack, no columns, or integers out of bounds. */
extern const struct linear_ops pair_ops;
/* To be called before a prompt's first pass: so many columns of it follow, cut into passes as the caller likes. Without it a
 * prompt whose last pass is a single column would show that. */
void pair_prompt(struct pair *p, uint32_t columns);
/* Why the last product failed. */
void pair_why(const struct pair *p, struct why *why);

/* Any thread. What is under way counts when it is done. */
void pair_count(struct pair *p, struct blind_counts *out);
/* Who serves a role now, the first of several: 1 and the identity, or 0. Any thread. */
int pair_serving(struct pair *p, enum pair_role role, uint8_t identity[32]);
/* What went wrong with whom (blind/roster.h). Any thread; lives as long as p. */
struct roster *pair_roster(struct pair *p);

#endif
