/* net/loop.h - one event loop: timers, signals, work from other threads, and a list of things to free later.
 *
 * Everything here belongs to the loop's own thread, except loop_post and mailbox_post, which any thread may call. */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct event_base;
struct loop;
/* Must come before any other use of libevent in the process (it sets allocators that wipe). ERR_NOMEM, ERR_IO. */
int loop_new(struct loop **out);
/* Runs what is still on the free-later list, then frees. Timers, mailboxes and sockets must be closed before. NULL is fine. */
void loop_free(struct loop *l);
/* Until loop_stop. 0 or ERR_IO. */
int loop_run(struct loop *l);
void loop_stop(struct loop *l); /* loop_run returns after the running callback */
struct event_base *loop_base(struct loop *l);

/* ---- timers: one shot, precise to the clock's microseconds ---- */
struct timer;
int timer_new(struct timer **out, struct loop *l, void (*fn)(void *arg), void *arg);
void timer_free(struct timer *t);                  /* NULL is fine; also from inside its own callback */
void timer_start_ms(struct timer *t, uint64_t ms); /* starts or moves it */
void timer_start_us(struct timer *t, uint64_t us);
void timer_stop(struct timer *t);
int timer_running(const struct timer *t);

/* ---- signals ---- */
enum { LOOP_SIGNALS_MAX = 8 };
/* fn runs on the loop, not in signal context. ERR_LIMIT after LOOP_SIGNALS_MAX, ERR_NOMEM. */
int loop_on_signal(struct loop *l, int signum, void (*fn)(void *arg), void *arg);

/* ---- later: fn(arg) once the running callback has returned; how a link is freed while its own callback runs ---- */
struct later { /* embed it in the thing to be freed */
    void (*fn)(void *arg);
    void *arg;
    struct later *next; /* loop.c's */
    int queued;         /* loop.c's; a second loop_later before it ran does nothing */
};
void loop_later(struct loop *l, struct later *x);

/* ---- work from other threads ---- */
/* Embeds in the poster's own message; given back when fn runs on the loop. Never fails and never allocates: the bound on
 * how many are under way is the poster's. Safe from any thread. */
struct loop_job {
    void (*fn)(struct loop_job *j);
    struct loop_job *next; /* loop.c's */
};
void loop_post(struct loop *l, struct loop_job *j);

/* Messages of one fixed size, copied into a ring of fixed length. Wiped once they are read. */
struct mailbox;
int mailbox_new(struct mailbox **out, struct loop *l, size_t item_bytes, size_t items,
                void (*on_item)(void *arg, const void *item), void *arg);
void mailbox_free(struct mailbox *m); /* after its writers have ended; unread items are wiped; NULL is fine */
/* From any thread. 0 or ERR_BUSY (full). */
int mailbox_post(struct mailbox *m, const void *item);
/* From any thread but the loop's: waits for room. ERR_CANCELLED once mailbox_close was called. */
int mailbox_post_wait(struct mailbox *m, const void *item);
/* Wakes waiting writers; every later post is ERR_CANCELLED. For shutdown, before joining the writers. */
void mailbox_close(struct mailbox *m);

#endif
