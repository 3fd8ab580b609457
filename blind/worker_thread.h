/* blind/worker_thread.h - a thread that owns one blind worker, and seats at it: one for each session, with a bounded queue of messages each
 * way. Whoever holds the connection (a node's loop, a link inside the process) puts opened messages in and takes answers out, and never
 * waits for the thread; the thread never waits for a seat. */
#ifndef BLIND_WORKER_THREAD_H
#define BLIND_WORKER_THREAD_H

#include "blind/blind_worker.h"

struct blind_thread;
/* o and what it points to must outlive the thread. delay_us: how long a message waits before the worker sees it, to measure what a
 * network's delay does; else 0. ERR_NOMEM and what blind_worker_new returns. */
int blind_thread_new(struct blind_thread **out, const struct blind_worker_opts *o, uint32_t delay_us);
/* Joins and frees, what waits is wiped. No seat may be used any more. NULL is fine. */
void blind_thread_free(struct blind_thread *t);
/* No new seats; a session that has nothing unanswered is told so and ends, now or once it has. */
void blind_thread_drain(struct blind_thread *t);
void blind_thread_count(struct blind_thread *t, struct blind_worker_counts *out);

struct blind_seat;
/* wake: there is something to take, or room to put after blind_seat_room was too small. From the thread, with its lock held: short, and no
 * call of this file. account as blind_client_open takes it. ERR_BUSY: as many as the worker takes; ERR_WRONG_STATE: drains; ERR_NOMEM. */
int blind_seat_open(struct blind_seat **out, struct blind_thread *t, struct blind_account *account, void (*wake)(void *arg),
                    void *arg);
/* Bytes of the longest message that blind_seat_put takes now, at most BLIND_MESSAGE_MAX. When it is less, wake follows. */
size_t blind_seat_room(struct blind_seat *s);
/* Copies. ERR_BUSY: no room. ERR_NOMEM. */
int blind_seat_put(struct blind_seat *s, const uint8_t *message, size_t n);
void blind_seat_fail(struct blind_seat *s, enum blind_code code); /* an error of ours; answers that wait still come before it */

struct blind_out {
    uint8_t *message; /* blind_out_free */
    size_t n;
    int final;         /* the last one */
    uint64_t since_us; /* monotonic: when the worker put it */
};
/* The length of the next message, and since when it waits (NULL: not asked); 0: none. */
size_t blind_seat_next(struct blind_seat *s, uint64_t *since_us);
/* 0; ERR_MORE: none; ERR_NOMEM: one was lost for want of memory, the session cannot go on. */
int blind_seat_take(struct blind_seat *s, struct blind_out *out);
void blind_out_free(struct blind_out *o);    /* wipes */
void blind_seat_close(struct blind_seat *s); /* no wake once it has returned; NULL is fine */

#endif
