/* blind/asker.h - products of masked inputs: a whole ticket of slots (blind/slots.h) to whoever serves the role that sees
 * inputs, and its checked answer back. A worker that fails is named and left, and the next of its role is asked again.
 *
 * A ticket goes over the connection that its session belongs to, and over no other: what was masked for a connection that has
 * died is thrown away, and the inputs are masked again with a fresh session's keys.
 *
 * Belongs to one thread. What others may ask is in the counts, under the owner's lock. */
#ifndef BLIND_ASKER_H
#define BLIND_ASKER_H

#include <pthread.h>

#include "blind/conversation.h"
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
    uint64_t wait_mask_ns, wait_data_ns; /* waited for masks, for answers to inputs */
    uint8_t serving[PAIR_ROLES][32];     /* identities of who serves now */
    int served[PAIR_ROLES];
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
    void (*lost)(void *owner); /* the connection is gone, or is about to be left: the session of slots ends here */
    void *owner;
};
struct asker {
    struct asker_opts o;
    struct conversation_opts hello;
    struct conversation conv;
    const struct linear *stacks;
    uint32_t stack_count;
    uint32_t *z, *u; /* secret pages: the answer; one column of input */
    size_t z_words;
    struct why why; /* why nobody is left */
};
/* ERR_NOMEM. What o points to must outlive it. */
int asker_init(struct asker *a, const struct asker_opts *o);
void asker_release(struct asker *a); /* fine on a zeroed one */

/* Columns of a stack that go into one message, and whose answer there is room for. */
uint32_t asker_columns_max(const struct asker *a, uint32_t stack);
/* Somebody to ask: 0; ERR_LOST and a->why. Sessions are made after it. */
int asker_connect(struct asker *a);
/* The products of a whole ticket: wu[count] passed, in a->z; asker_forget wipes them. ERR_IO: the worker failed and was left,
 * its session has ended (o.lost), and the ticket is of no use any more. */
int asker_ask(struct asker *a, const struct slots *ticket, struct answer *wu);
void asker_forget(const struct slots *ticket, struct answer *wu);

/* One product of linear_ops, cut into chunks and filled up as the pass says. chunk computes `wanted` of count columns, the
 * others being padding; after ERR_IO, which is asker_ask's, it is called again, for another session. ERR_RANGE: no such stack,
 * no columns; else what chunk returns: ERR_LOST when nobody of the role is left. */
typedef int asker_chunk(void *owner, uint32_t stack, uint32_t count, uint32_t wanted, const int32_t *x, int32_t *y);
int asker_product(struct asker *a, struct pass *pass, asker_chunk *chunk, void *owner, uint32_t stack, uint32_t count,
                  const int32_t *x, int32_t *y);

#endif
