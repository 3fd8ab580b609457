/* blind/pair_parts.h - what the files of mode `pair` share. Private to them.
 *
 *   pair.c        birth and death; products, cut into chunks
 *   pair_chunk.c  one chunk: a session, B's half, the mask, A's half, the check, and the mask off again
 *   pair_plan.c   what is ordered from B, and when
 *   pair_stock.c  B's products by slot: ordered, asked for, held, used
 *   pair_ahead.c  the thread that talks to B
 *
 * The caller's thread owns the conversation with A, the other thread the one with B. `lock` guards what both touch, the
 * session of slots included: a session serves one thread at a time. */
#ifndef BLIND_PAIR_PARTS_H
#define BLIND_PAIR_PARTS_H

#include <pthread.h>

#include "blind/asker.h"
#include "blind/pair.h"
#include "blind/pair_fill.h"

enum {
    PAIR_RANGES_MAX = 64, /* of one order */
    PAIR_SPARE_MAX = 24,  /* blocks of memory that are kept for the next range */
    PAIR_ANSWER_MS = 30000,
    PAIR_AHEAD_BYTES = 64 << 20
};

/* B's products for columns n .. n + count - 1 of a stack, in one block of secret pages. */
enum range_state { RANGE_ORDERED, RANGE_ASKED, RANGE_HELD };
struct range {
    struct range *next; /* of the stack, by n */
    struct range *then; /* of the queue it is in */
    uint32_t stack, n, count, used;
    uint32_t order;          /* ranges of one order go out in one message */
    enum range_state state;  /* lock */
    int stale;               /* lock: of a session that has ended */
    struct conversation *by; /* who is asked: the other thread's */
    uint32_t seq;            /* of the order, and its place in it: the other thread's */
    uint16_t item;
    size_t bytes;          /* of this block */
    struct answer *answer; /* [count]; begun when asked for */
    uint32_t *z;           /* [count][rows] */
};
struct ranges {
    struct range *head, *tail;
};
struct stock {
    struct range *first, *last;
    uint32_t ordered_to; /* the n of the next column to be ordered */
};

struct pair {
    const struct prepared *prepared;
    const struct linear *stacks;
    uint32_t stack_count, answer_ms;
    uint32_t low, refill; /* a stack with fewer than `low` columns ordered is given `refill` more */
    size_t ahead_bytes;
    struct roster *roster;

    /* the caller's thread */
    struct asker asker; /* of A */
    struct pass pass;
    int32_t *zeros; /* a column of padding */

    pthread_mutex_t lock;
    pthread_cond_t work, news;           /* for the other thread; for the caller's */
    struct blind_session *session;       /* lock */
    struct stock *stock;                 /* lock; [stack_count] */
    struct ranges ordered;               /* lock: not asked for yet, in order of use */
    uint32_t order;                      /* lock: the last number given to an order */
    struct range *spare[PAIR_SPARE_MAX]; /* lock */
    uint32_t spares;
    int stopping, b_lost;       /* lock; b_lost: nobody was found, until asked again */
    struct why b_why;           /* lock */
    struct blind_counts counts; /* lock */

    /* the other thread */
    pthread_t thread;
    int started;
    struct crew b;
    struct ranges asked; /* in order of their answers */
    uint32_t asked_count;
    uint64_t due_since_ms; /* since when the first of them is due */
};

/* ---- pair_stock.c: with the lock held ---- */

void ranges_add(struct ranges *q, struct range *r);
struct range *ranges_take(struct ranges *q);
/* Puts all of `front` before what is in q. */
void ranges_prepend(struct ranges *q, struct ranges *front);
/* Orders columns n = ordered_to .. of the stack, as the next ranges of order p->order. ERR_NOMEM. */
int stock_order(struct pair *p, uint32_t stack, uint32_t columns);
/* Columns of the stack that are ordered and not yet spent. */
uint32_t stock_ahead(const struct pair *p, uint32_t stack);
/* B's answer for column n, if it is held; NULL if not. */
struct answer *stock_answer(struct pair *p, uint32_t stack, uint32_t n);
/* Column n is used: wiped, and its block is free once all of it is. */
void stock_used(struct pair *p, uint32_t stack, uint32_t n);
/* The session has ended: nothing of it will be used. What is asked for is left to the other thread, as stale. */
void stock_drop(struct pair *p);
/* Wipes a range that is in no list and gives its block back. */
void range_free(struct pair *p, struct range *r);
void stock_release(struct pair *p); /* at the end: all of it, spare blocks too */

/* ---- pair_plan.c: with the lock held ---- */

void plan_init(struct pair *p);
/* A product of `columns` columns of the stack is next: orders what it needs and what comes after it. */
int plan_orders(struct pair *p, uint32_t stack, uint32_t columns);

/* ---- pair_chunk.c ---- */

/* An asker_chunk; the owner is the pair. */
int pair_chunk(void *owner, const struct asker_part *part, unsigned parts);
/* No further slot of the session is spent; likewise. */
void pair_end_session(void *owner);

/* ---- pair_ahead.c ---- */

void *pair_ahead_run(void *arg);

#endif
