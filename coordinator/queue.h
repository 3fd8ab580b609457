/* coordinator/queue.h - requests that wait for a free candidate: bounded, fair between gateway addresses, with deadlines.
 *
 * Each address has a lane of its own, first come first served; lanes take turns, one request each. Nothing is allocated
 * after queue_init: waiters are embedded in their owners' memory. */
#ifndef COORDINATOR_QUEUE_H
#define COORDINATOR_QUEUE_H

#include <stddef.h>
#include <stdint.h>

struct lane;
struct waiter {                   /* zeroed before the first queue_add; all fields are the queue's */
    struct waiter *prev, *next;   /* in its lane */
    struct waiter *older, *newer; /* in order of arrival, over all lanes */
    struct lane *lane;            /* NULL: not queued */
    uint64_t deadline_ms;
};
struct queue {
    struct lane *lanes, *turn, *unused; /* turn: the ring of lanes in use, the next to be served first */
    struct waiter *oldest, *newest;
    uint32_t count, max, lane_max;
    uint64_t wait_ms;
};
/* max waiters in all, lane_max of one address, each waiting at most wait_ms. 0 or ERR_NOMEM. */
int queue_init(struct queue *q, uint32_t max, uint32_t lane_max, uint64_t wait_ms);
void queue_release(struct queue *q); /* nobody may wait any more; fine on a zeroed queue */
/* 0; ERR_BUSY: the queue is full; ERR_LIMIT: the address's share of it is. */
int queue_add(struct queue *q, struct waiter *w, const uint8_t addr[16], uint64_t now_ms);
void queue_remove(struct queue *q, struct waiter *w); /* not queued is fine */
int queue_has(const struct waiter *w);
/* Takes out the next waiter in fair order for whom can() says 1; its lane then waits for all others. NULL: nobody. */
struct waiter *queue_next(struct queue *q, int (*can)(void *arg, struct waiter *w), void *arg);
/* Takes out a waiter whose deadline has passed; NULL: none. */
struct waiter *queue_expired(struct queue *q, uint64_t now_ms);
/* Milliseconds until the next deadline; UINT64_MAX when nobody waits. */
uint64_t queue_due_ms(const struct queue *q, uint64_t now_ms);

#endif
