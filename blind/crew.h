/* blind/crew.h - the workers that serve one role together: mostly one, which holds the whole model, else several whose parts make it up.
 * Whoever is asked for a stack is the first member that holds it.
 *
 * A part joins only if it holds a CREW_MAX-th of all stacks in a row, or all that is missing in between; where that leads to more than CREW_MAX
 * members all the same, only a worker with the whole model will do: workers that hold crumbs keep nobody from being served. Belongs to
 * one thread. */
#ifndef BLIND_CREW_H
#define BLIND_CREW_H

#include "blind/conversation.h"
#include "blind/roster.h"

struct crew {
    struct conversation member[CREW_MAX]; /* those that are open serve */
    uint32_t members;                     /* that have their memory, open or not: no member's place is anybody else's */
    struct conversation_opts hello;
    int complete; /* every stack is held: looked up before each product, so it is kept */
    int whole;    /* parts were too many: only a worker that holds everything will do */
};
/* hello: to each of them; its from and to are the crew's own. What it points to must outlive the crew. ERR_NOMEM. */
int crew_init(struct crew *c, const struct conversation_opts *hello);
void crew_release(struct crew *c); /* closes too; fine on a zeroed one */

/* Finds workers until every stack is held; who is there stays. 0; ERR_LOST with why: there are none, and those found so far stay; ERR_NOMEM;
 * ERR_LIMIT: gaps that were filled one by one have left too many small parts. Then the caller takes back what it asked of them, closes all,
 * and calls again, which finds somebody with the whole model or nobody. */
int crew_connect(struct crew *c, struct roster *r, enum pair_role role, struct why *why);
/* Whom to ask for this stack; NULL: nobody now. */
struct conversation *crew_of(struct crew *c, uint32_t stack);
void crew_drop(struct crew *c, struct conversation *who); /* this one */
void crew_close(struct crew *c);                          /* all of them */

/* Identities of those that serve; how many. */
uint32_t crew_serving(const struct crew *c, uint8_t out[CREW_MAX][32]);
/* Of all that ever were members. */
void crew_bytes(const struct crew *c, uint64_t *up, uint64_t *down);
/* What the least of the members allows (blind_ready.ranges_max); `most` when there is none. */
uint32_t crew_ranges_max(const struct crew *c, uint32_t most);

#endif
