/* blind/asker.h - products of masked inputs: whole tickets of slots (blind/slots.h) to those who serve the role that sees
 * inputs (blind/crew.h), and their checked answers back. A worker that fails is named and left, and the next of its role is asked again.
 *
 * A round is one product, or two that the pass needs together (model/linear.h): their tickets leave one after the other, before
 * any answer is waited for.
 *
 * A ticket goes over the connections that its session belongs to, and over no other: all of them are there before the session is made, and
 * with the first that dies all are closed. What was masked for them is thrown away, and the inputs are masked again with a fresh
 * session's keys.
 *
 * Belongs to one thread. What others may ask is in the counts, under the owner's lock. */
#ifndef BLIND_ASKER_H
#define BLIND_ASKER_H

#include <pthread.h>

#include "blind/crew.h"
#include "blind/pass.h"
#include "blind/prepared.h"
#include "blind/roster.h"
#include "blind/slots.h"

struct blind_counts {
    uint64_t products;                         /* columns through one stack that were asked for, again after a loss too */
    uint64_t verified;                         /* answers to them that passed their check; nothing else was used */
    uint64_t bytes_up, bytes_down;             /* of sealed messages */
    uint64_t up[PAIR_ROLES], down[PAIR_ROLES]; /* the same by role; the one of `lattice` is PAIR_A */
    uint64_t sessions;
    uint64_t wait_mask_ns, wait_data_ns;       /* waited for masks, for answers to inputs */
    uint8_t serving[PAIR_ROLES][CREW_MAX][32]; /* identities of those who serve now */
    uint32_t served[PAIR_ROLES];               /* how many */
};

struct asker_opts {
    const struct prepared *prepared;
    struct roster *roster;
    enum blind_role role;
    const uint8_t *token;
    uint8_t token_n;
    uint32_t answer_ms, decode_columns;
    pthread_mutex_t *lock; /* of counts */
    struct blind_counts *counts;
    void (*lost)(void *owner); /* a connection is gone, or is about to be left: the session of slots ends here */
    void *owner;
};
struct asker {
    struct asker_opts o;
    struct crew crew;
    const struct linear *stacks;
    uint32_t stack_count;
    uint32_t *z, *u; /* secret pages: the answer; one column of input */
    size_t z_words;
    struct why why; /* why nobody is left */
};
/* ERR_NOMEM. What o points to must outlive it. */
int asker_init(struct asker *a, const struct asker_opts *o);
void asker_release(struct asker *a); /* fine on a zeroed one */

/* Columns of a round of `asks` stacks from `first` on that go out at once: they fit messages and what a worker keeps unanswered, and
 * there is room for their answers. */
uint32_t asker_columns_max(const struct asker *a, uint32_t first, unsigned asks);
/* Somebody to ask, for every stack: 0; ERR_LOST and a->why. Sessions are made after it. */
int asker_connect(struct asker *a);
/* One round's tickets, at most LINEAR_ASKS_MAX: wu[ticket->count] of each passed, in a->z; asker_forget wipes them. ERR_IO: the
 * worker failed and was left, its session has ended (o.lost), and the tickets are of no use any more. */
struct asked {
    const struct slots *ticket;
    struct answer *wu;
};
int asker_ask(struct asker *a, const struct asked *asked, unsigned asks);
void asker_forget(const struct asked *asked, unsigned asks);

/* asker_cut.c: products of linear_ops, cut into chunks and filled up as the pass says. chunk computes `wanted` of count columns of
 * each of a round's stacks, the others being padding; after ERR_IO, which is asker_ask's, it is called again, for another session.
 * ERR_RANGE: no such stack or round, no columns; else what chunk returns: ERR_LOST when nobody of the role is left. */
struct asker_part {
    uint32_t stack, count, wanted;
    const int32_t *x; /* NULL: nothing is wanted */
    int32_t *y;
};
typedef int asker_chunk(void *owner, const struct asker_part *part, unsigned parts);
int asker_products(struct asker *a, struct pass *pass, asker_chunk *chunk, void *owner, const struct linear_ask *ask,
                   unsigned asks);

#endif
