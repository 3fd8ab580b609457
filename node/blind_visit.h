/* node/blind_visit.h - a client's visit at a worker, one sealed session (seal/session.h): sealed bytes in and out on the loop's thread, a
 * seat at the worker's thread of the model that the hello names. What carries the bytes is behind blind_pipe: a stream of the
 * coordinator's link, or one of a connection of our own. */
#ifndef NODE_BLIND_VISIT_H
#define NODE_BLIND_VISIT_H

#include <stddef.h>
#include <stdint.h>

#include "blind/message.h"

struct node;
struct blind_visit;

enum {
    BLIND_UNSENT_MAX = 1 << 20, /* bytes that wait in the pipe before the next answer is sealed */
    BLIND_UNSEATED_MAX =
        32 /* visits without a seat: not greeted yet, or over and what was said leaves; one more ends the oldest */
};
struct blind_times {    /* of a node's visits */
    uint32_t hello_ms;  /* for start and hello to come */
    uint32_t idle_ms;   /* without a message from the client and nothing unanswered */
    uint32_t stall_ms;  /* the client takes nothing of what waits for it; once it is over, for all of that to leave */
    uint32_t leave_ms;  /* for the same, once it was told to end */
    uint32_t scarce_ms; /* where all seats are taken and somebody asks for one: without a message either way */
};
#define BLIND_TIMES_USUAL \
    { .hello_ms = 10000, .idle_ms = 600000, .stall_ms = 60000, .leave_ms = 5000, .scarce_ms = 60000 }

/* None may call the session back from inside. */
struct blind_pipe {
    int (*write)(void *arg, const void *p, size_t n); /* all of it, or an ERR_* that ends the session */
    void (*end)(
        void *arg); /* nothing more is written; the pipe closes and its owner calls blind_visit_free. Whether the session was
                             * whole its last chunk says */
    void (*drop)(void *arg);              /* at once, with what was not sent; the session is freed behind it by itself */
    void (*consume)(void *arg, size_t n); /* n received bytes are dealt with */
    void *arg;
};
/* Whoever has a seat and uses it keeps it; when all are taken, the one that was not used for the longest, at least scarce_ms, is ended, and who
 * asked hears that it is busy and may come again. Who comes when BLIND_UNSEATED_MAX have none takes the place of the first of these. ERR_NOMEM. */
int blind_visit_open(struct blind_visit **out, struct node *n, const struct blind_pipe *pipe);
void blind_visit_bytes(struct blind_visit *b, const uint8_t *p, size_t n);
void blind_visit_sent(struct blind_visit *b, size_t n); /* n bytes have left the pipe */
void blind_visit_end(struct blind_visit *b);            /* the client sends no more */
void blind_visit_free(struct blind_visit *b);           /* the pipe is gone; forgets, wipes */

size_t blind_visit_count(const struct node *n);
/* Every session ends, within leave_ms. Those of DRAINING that have nothing unanswered the threads end earlier (blind_thread_drain). */
void blind_visit_fail_all(struct node *n, enum blind_code code);

/* ---- blind_way.c: a stream of the coordinator's link ---- */
struct h2_stream;
void blind_way_begin(struct node *n, struct h2_stream *s);

#endif
