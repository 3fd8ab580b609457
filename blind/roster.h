/* blind/roster.h - which worker serves a role, which one may be next, and which ones never again.
 *
 * Within a role only: who has served A never serves B (blind/operators.h). What goes wrong is kept as incidents, each naming a
 * worker. A worker that is accused is out for the life of the roster; one whose connections break, or that is late, is out
 * after ROSTER_LOSSES in a row, until roster_again. One that was late rests besides, whatever roster_again says: it comes after
 * all others for ROSTER_RESTS times what an answer may take, and for twice as long each further time, up to
 * 2^ROSTER_RESTS_DOUBLED times. One whose columns for us are used up rests too, for ROSTER_UNPAID_MS: more may be paid for
 * meanwhile. May be used from several threads, each with a conversation of its own. */
#ifndef BLIND_ROSTER_H
#define BLIND_ROSTER_H

#include <stddef.h>
#include <stdint.h>

#include "blind/conversation.h"
#include "blind/fault.h"
#include "blind/operators.h"

enum { ROSTER_RESTS = 2, ROSTER_RESTS_DOUBLED = 6, ROSTER_UNPAID_MS = 30000 };
enum { CREW_MAX = 8 /* workers of a role at once (blind/crew.h) */ };
enum { ROSTER_LOSSES = 3, ROSTER_WORKERS_MAX = 256, ROSTER_INCIDENTS_MAX = 256, ROSTER_PLACES_MAX = 1024 };

/* Where workers come from. */
struct blind_source {
    /* A new connection to the worker at this place (0, 1, 2, ...) of the role's list, which may change; key statement and
     * operator's signature are checked. ERR_NOTFOUND: the list ends before; another ERR_*: that one cannot be reached. Any
     * thread. */
    int (*open)(void *state, enum pair_role role, uint32_t place, struct blind_link *out);
    void *state;
};

struct roster;
/* policy is copied. ERR_NOMEM. */
int roster_new(struct roster **out, const struct blind_source *source, const struct operators *policy);
void roster_free(struct roster *r); /* NULL is fine */

/* Who is looked for. */
struct roster_want {
    enum pair_role role;
    const struct conversation_opts *hello; /* with the stacks that must be held */
    const uint8_t (*beside)[32];           /* these serve already, and are not asked */
    uint32_t beside_count;
};
/* Finds a worker that greets us, from the first place on, those that rest last. 0; ERR_LOST: there is none, and why says what
 * became of those that there were. */
int roster_connect(struct roster *r, const struct roster_want *want, struct conversation *c, struct why *why);
/* The worker at the other end of c did this (fault not FAULT_NONE), about that stack or UINT32_MAX. */
void roster_report(struct roster *r, enum pair_role role, const struct conversation *c, enum blind_fault fault, uint8_t code,
                   uint32_t stack);
/* A checked answer came from it: connections that broke before are forgotten. */
void roster_praise(struct roster *r, const struct conversation *c);
/* Connections that broke, and answers that were late, no longer keep anybody out. */
void roster_again(struct roster *r);
/* 1: nobody serves a role, and there are workers that would, were columns paid for (FAULT_QUOTA): the role, and one of them. It holds from
 * the roster_connect that found nobody until one finds somebody. Any thread. */
int roster_unpaid(struct roster *r, enum pair_role *role, uint8_t identity[32]);

/* The first `max` incidents from number `from` on, oldest first; returns how many. The last ROSTER_INCIDENTS_MAX are kept: of
 * older ones nothing comes. */
size_t roster_incidents(struct roster *r, size_t from, struct blind_incident *out, size_t max);
size_t roster_incident_count(struct roster *r);

#endif
