/* model/grammar_match.h - where in a grammar a text stands: a pushdown automaton that is made deterministic as it runs.
 *
 * A place is a node of the program and a stack of nodes to return to; a state is the set of places that the bytes so far
 * lead to. Stacks share their lower parts and equal stacks are one, so states compare as numbers; each state remembers where
 * its bytes lead, and one that comes again costs a look into a table. All memory is taken at the start.
 *
 * What a state allows depends on the grammar and the bytes alone: stacks deeper than GRAM_DEPTH_MAX are dropped, and sets
 * of more places than fit are dead, always. When the tables are full they are emptied but for the root state, which
 * changes nothing but time, and fails only where the states of one way do not fit. */
#ifndef MODEL_GRAMMAR_MATCH_H
#define MODEL_GRAMMAR_MATCH_H

#include "model/grammar_parts.h"

enum {
    GRAM_DEPTH_MAX = 512,   /* calls within each other */
    GRAM_PLACES_MAX = 1024, /* of one state, that wait for a byte */
    GRAM_VISITS_MAX = 8192, /* places passed through for one byte */
    GRAM_STATES_MAX = 4096, /* struct gram_room as it is used to answer */
    GRAM_STACKS_MAX = 32768,
    GRAM_SETS_MAX = 65536,
    GRAM_WORK_MAX = 1 << 22,
};
/* What is remembered, and how much work one mask may be. Tests take less, to get to the limits. */
struct gram_room {
    uint32_t states, stacks; /* powers of two, up to GRAM_STATES_MAX and GRAM_STACKS_MAX */
    uint32_t sets;           /* places of all remembered states, up to GRAM_SETS_MAX */
    uint64_t work;           /* places visited and ways followed (model/grammar_run.h) */
};
extern const struct gram_room gram_room_full;
enum { GRAM_FULL = 0, GRAM_DEAD = 1 }; /* no states; true ones are numbered from 2 */

struct gram_stack { /* 0: the empty one */
    uint32_t ret, below, depth, chain;
};
struct gram_place {
    uint32_t node, stack;
};
struct gram_state {
    uint32_t first, chain;
    uint16_t count;
    uint8_t accepts; /* the text may end here */
};
struct gram_match {
    const struct grammar *g;
    struct gram_room room;
    uint32_t root;    /* the state of the text so far */
    uint32_t emptied; /* how often states were forgotten: numbers from before mean nothing */
    uint64_t work;    /* places visited and ways followed since somebody set it to 0 */

    struct gram_stack *stack;
    struct gram_place *place;
    struct gram_state *state;
    uint16_t *step; /* [state][class]: a state, DEAD, or FULL for not known yet */
    uint32_t stacks, places, states;
    uint32_t stacks_most, places_most; /* that were in use before the tables were emptied: to be wiped */
    uint32_t *stack_head, *state_head; /* hash chains */

    /* of the byte at hand */
    struct gram_place *todo;
    uint32_t todos, *seen; /* seen: hash of todo, 1 + index */
    int accepts;
};
/* At the beginning of the text. g must outlive it. ERR_NOMEM, ERR_LIMIT (the beginning alone is over a limit). */
int gram_match_new(struct gram_match **out, const struct grammar *g);
int gram_match_new_in(struct gram_match **out, const struct grammar *g, const struct gram_room *room);
void gram_match_free(struct gram_match *m); /* wipes; NULL is fine */

/* Where a byte leads from a state; for gram_match_step. */
uint32_t gram_match_find(struct gram_match *m, uint32_t state, uint32_t class);
/* The state after one more byte, GRAM_DEAD when no text goes on so, GRAM_FULL: empty the tables and start over from root. */
static inline uint32_t gram_match_step(struct gram_match *m, uint32_t state, uint8_t byte) {
    uint32_t class = m->g->class_of[byte], to = m->step[(size_t)state * m->g->classes + class];
    return to != GRAM_FULL ? to : gram_match_find(m, state, class);
}
/* Forgets all states but root, which may get another number. */
void gram_match_empty(struct gram_match *m);
/* Moves root over the bytes. 0; ERR_RANGE: they are not allowed here; ERR_LIMIT: they need more memory than there is. Root
 * stays where it was on failure. */
int gram_match_advance(struct gram_match *m, const uint8_t *p, size_t n);

#endif
