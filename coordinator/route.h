/* coordinator/route.h - a way to a node: how a job's bytes get there and back, whoever holds the node's link.
 *
 * Today there is one way, a link of this coordinator's own (route_local.c). A node held by another coordinator comes behind
 * the same calls. Flow control is part of it: what arrives counts against a window until route_consume, and on_sent tells
 * when what was written has left, so that a relay never holds more than one window each way. */
#ifndef COORDINATOR_ROUTE_H
#define COORDINATOR_ROUTE_H

#include <stddef.h>
#include <stdint.h>

#include "seal/codes.h"

struct route;
struct route_job;

struct route_events {                              /* all are set */
    void (*on_accepted)(void *arg);                /* the node takes the job: the stream follows */
    void (*on_refused)(void *arg, enum code code); /* last call */
    void (*on_data)(void *arg, const uint8_t *p, size_t n);
    void (*on_usage)(void *arg, const char *hex); /* the node's usage statement, unchecked */
    void (*on_sent)(void *arg, size_t n);
    void (*on_end)(void *arg);  /* last call: the stream came whole */
    void (*on_lost)(void *arg); /* last call: node or way gone, or the node broke the job off */
};
enum route_kind {
    ROUTE_JOB,      /* one envelope up, then one stream down */
    ROUTE_BLIND,    /* a worker session: both ways until one side ends; windows are ROUTE_BLIND_WINDOW */
    ROUTE_EVIDENCE, /* a nonce up, then an evidence envelope down */
    ROUTE_ACTIVATE  /* a credential up, then its secret down */
};
enum { ROUTE_BLIND_WINDOW = 1 << 20, ROUTE_BLIND_WRITE = 2 * ROUTE_BLIND_WINDOW };
struct route_ops {
    int (*open)(struct route *w, enum route_kind kind, const struct route_events *ev, void *arg, struct route_job **out);
    int (*write)(struct route_job *j, const uint8_t *p, size_t n);
    int (*end)(struct route_job *j);
    void (*consume)(struct route_job *j, size_t n);
    void (*cancel)(struct route_job *j);
};
struct route {
    const struct route_ops *ops;
};
struct route_job {
    struct route *way;
};

/* 0: *out lives until its last call has returned, or route_cancel. ERR_BUSY, ERR_LOST, ERR_NOMEM. No event comes from inside. */
static inline int route_open(struct route *w, enum route_kind kind, const struct route_events *ev, void *arg,
                             struct route_job **out) {
    return w->ops->open(w, kind, ev, arg, out);
}
/* All n bytes or none: ERR_BUSY over the buffer (never when no more than a window is unsent), ERR_LOST. */
static inline int route_write(struct route_job *j, const uint8_t *p, size_t n) { return j->way->ops->write(j, p, n); }
static inline int route_end(struct route_job *j) { return j->way->ops->end(j); } /* the envelope is whole */
static inline void route_consume(struct route_job *j, size_t n) { j->way->ops->consume(j, n); }
static inline void route_cancel(struct route_job *j) { j->way->ops->cancel(j); } /* no event follows */

/* ---- the local way ---- */
struct h2;
struct route_local {
    struct route route;
    struct h2 *link;
};
void route_local_init(struct route_local *w, struct h2 *link);

#endif
