/* net/loop.c - see loop.h. libevent's own locking is not used: other threads only touch the mutexes and the eventfd here. */
#include "net/loop.h"
#include "base/mem.h"
#include "base/secret.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct watch {
    void (*fn)(void *arg);
    void *arg;
    struct event *ev;
};

struct loop {
    struct event_base *base;
    struct event *later_ev;
    struct later *later_head, **later_tail;
    struct event *wake_ev;
    int wake_fd;
    pthread_mutex_t lock;
    struct loop_job *jobs, **jobs_tail; /* lock */
    struct watch signals[LOOP_SIGNALS_MAX];
    size_t signal_count;
};

static void ready_process(void) {
    event_set_mem_functions(wiped_malloc, wiped_realloc, wiped_free);
    signal(SIGPIPE, SIG_IGN); /* a peer that has left is an error of write, not the end of the process */
}

static void run_later(struct loop *l) {
    while (l->later_head) {
        struct later *x = l->later_head;
        l->later_head = x->next;
        if (!l->later_head) l->later_tail = &l->later_head;
        x->queued = 0; /* before fn: it may free x */
        x->fn(x->arg);
    }
}

static void on_later(evutil_socket_t fd, short what, void *arg) {
    (void)fd, (void)what;
    run_later(arg);
}

void loop_later(struct loop *l, struct later *x) {
    if (x->queued) return;
    x->queued = 1;
    x->next = NULL;
    *l->later_tail = x;
    l->later_tail = &x->next;
    event_active(l->later_ev, 0, 0);
}

static void run_jobs(struct loop *l) {
    pthread_mutex_lock(&l->lock);
    struct loop_job *j = l->jobs;
    l->jobs = NULL;
    l->jobs_tail = &l->jobs;
    pthread_mutex_unlock(&l->lock);
    while (j) {
        struct loop_job *next = j->next; /* fn may free j */
        j->fn(j);
        j = next;
    }
}

static void on_wake(evutil_socket_t fd, short what, void *arg) {
    (void)what;
    uint64_t n;
    ssize_t r = read(fd, &n, sizeof n);
    (void)r; /* empty is fine: the list under the lock is what counts */
    run_jobs(arg);
}

void loop_post(struct loop *l, struct loop_job *j) {
    j->next = NULL;
    pthread_mutex_lock(&l->lock);
    int was_empty = l->jobs == NULL;
    *l->jobs_tail = j;
    l->jobs_tail = &j->next;
    if (was_empty) {
        uint64_t one = 1;
        ssize_t r = write(l->wake_fd, &one, sizeof one);
        (void)r; /* fails only when the counter is near 2^64: then the loop is awake anyway */
    }
    pthread_mutex_unlock(&l->lock);
}

int loop_new(struct loop **out) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, ready_process);
    struct loop *l = mem_zalloc(1, sizeof *l);
    if (!l) return ERR_NOMEM;
    l->later_tail = &l->later_head;
    l->jobs_tail = &l->jobs;
    pthread_mutex_init(&l->lock, NULL);
    l->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    struct event_config *cfg = event_config_new();
    /* Without this flag timers follow a coarse clock: a timer of 0.1 ms fires after 4 ms. */
    if (cfg && event_config_set_flag(cfg, EVENT_BASE_FLAG_PRECISE_TIMER) == 0) l->base = event_base_new_with_config(cfg);
    if (cfg) event_config_free(cfg);
    if (l->base && l->wake_fd >= 0) {
        l->later_ev = event_new(l->base, -1, 0, on_later, l);
        l->wake_ev = event_new(l->base, l->wake_fd, EV_READ | EV_PERSIST, on_wake, l);
    }
    if (!l->later_ev || !l->wake_ev || event_add(l->wake_ev, NULL) != 0) {
        loop_free(l);
        return ERR_NOMEM;
    }
    *out = l;
    return 0;
}

void loop_free(struct loop *l) {
    if (!l) return;
    run_jobs(l);
    run_later(l);
    for (size_t i = 0; i < l->signal_count; i++) event_free(l->signals[i].ev);
    if (l->later_ev) event_free(l->later_ev);
    if (l->wake_ev) event_free(l->wake_ev);
    if (l->base) event_base_free(l->base);
    if (l->wake_fd >= 0) close(l->wake_fd);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

int loop_run(struct loop *l) { return event_base_loop(l->base, EVLOOP_NO_EXIT_ON_EMPTY) < 0 ? ERR_IO : 0; }
void loop_stop(struct loop *l) { (void)event_base_loopbreak(l->base); }
struct event_base *loop_base(struct loop *l) {
    return l->base;
}

/* ---- timers ---- */
struct timer {
    struct event *ev;
    void (*fn)(void *arg);
    void *arg;
};

static void on_timer(evutil_socket_t fd, short what, void *arg) {
    (void)fd, (void)what;
    struct timer *t = arg;
    t->fn(t->arg); /* may free t */
}

int timer_new(struct timer **out, struct loop *l, void (*fn)(void *arg), void *arg) {
    struct timer *t = mem_zalloc(1, sizeof *t);
    if (!t) return ERR_NOMEM;
    t->fn = fn;
    t->arg = arg;
    t->ev = evtimer_new(l->base, on_timer, t);
    if (!t->ev) {
        free(t);
        return ERR_NOMEM;
    }
    *out = t;
    return 0;
}

void timer_free(struct timer *t) {
    if (!t) return;
    event_free(t->ev);
    free(t);
}

void timer_start_us(struct timer *t, uint64_t us) {
    struct timeval tv = {.tv_sec = (time_t)(us / 1000000), .tv_usec = (suseconds_t)(us % 1000000)};
    evtimer_add(t->ev, &tv);
}

void timer_start_ms(struct timer *t, uint64_t ms) { timer_start_us(t, ms * 1000); }
void timer_stop(struct timer *t) { evtimer_del(t->ev); }
int timer_running(const struct timer *t) { return evtimer_pending(t->ev, NULL) != 0; }

/* ---- signals ---- */
static void on_signal(evutil_socket_t fd, short what, void *arg) {
    (void)fd, (void)what;
    struct watch *w = arg;
    w->fn(w->arg);
}

int loop_on_signal(struct loop *l, int signum, void (*fn)(void *arg), void *arg) {
    if (l->signal_count == LOOP_SIGNALS_MAX) return ERR_LIMIT;
    struct watch *w = &l->signals[l->signal_count];
    *w = (struct watch){.fn = fn, .arg = arg, .ev = evsignal_new(l->base, signum, on_signal, w)};
    if (!w->ev) return ERR_NOMEM;
    if (evsignal_add(w->ev, NULL) != 0) {
        event_free(w->ev);
        return ERR_IO;
    }
    l->signal_count++;
    return 0;
}
