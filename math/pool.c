/* math/pool.c - the compute threads. A job is a new number in `job`; workers that run see it within a few hundred
 * nanoseconds, workers that sleep are woken through a condition variable.
 *
 * The sleeping handshake: a sleeper first raises its counter, then looks at the number; a waker first changes the number,
 * then looks at the counter (all sequentially consistent). So either the sleeper sees the change or the waker the sleeper. */
#include "math/pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/mem.h"
#include "math/kern.h"

struct worker {
    struct pool *pool;
    pthread_t thread;
    unsigned index;
};
struct pool {
    unsigned threads, started;
    unsigned spins;   /* looks before sleeping; 0 where there are more threads than processors */
    pool_each_fn *fn; /* written before `job` changes, read after */
    void *arg;
    _Alignas(64) atomic_uint job;
    atomic_uint sleepers;
    atomic_int stop;
    _Alignas(64) atomic_uint pending; /* workers that have not finished the job */
    atomic_int caller_sleeps;
    pthread_mutex_t lock; /* for the two conditions only */
    pthread_cond_t work, done;
    struct worker workers[];
};

enum { SPINS = 2000 }; /* some 30 microseconds: longer than the engine's own work between two jobs */

static void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Waits until job differs from seen; returns it. */
static unsigned wait_job(struct pool *p, unsigned seen) {
    for (unsigned i = 0; i < p->spins; i++) {
        unsigned job = atomic_load_explicit(&p->job, memory_order_acquire);
        if (job != seen) return job;
        relax();
    }
    pthread_mutex_lock(&p->lock);
    atomic_fetch_add(&p->sleepers, 1);
    while (atomic_load(&p->job) == seen) pthread_cond_wait(&p->work, &p->lock);
    atomic_fetch_sub(&p->sleepers, 1);
    pthread_mutex_unlock(&p->lock);
    return atomic_load(&p->job);
}

static void wait_done(struct pool *p) {
    for (unsigned i = 0; i < p->spins; i++) {
        if (atomic_load_explicit(&p->pending, memory_order_acquire) == 0) return;
        relax();
    }
    pthread_mutex_lock(&p->lock);
    atomic_exchange(
        &p->caller_sleeps,
        1); /* not a store: a caller once slept for ever under qemu-user; a load passing the store is the suspected cause */
    while (atomic_load(&p->pending) != 0) pthread_cond_wait(&p->done, &p->lock);
    atomic_store(&p->caller_sleeps, 0);
    pthread_mutex_unlock(&p->lock);
}

static void *worker_main(void *arg) {
    struct worker *w = arg;
    struct pool *p = w->pool;
    unsigned seen = 0;
    if (!kern_float_mode_ok()) abort(); /* another rounding mode would silently change every answer */
    for (;;) {
        seen = wait_job(p, seen);
        if (atomic_load(&p->stop)) return NULL;
        p->fn(p->arg, w->index, p->threads);
        if (atomic_fetch_sub(&p->pending, 1) == 1 && atomic_load(&p->caller_sleeps)) {
            pthread_mutex_lock(&p->lock);
            pthread_cond_signal(&p->done);
            pthread_mutex_unlock(&p->lock);
        }
    }
}

static void announce(struct pool *p) {
    atomic_fetch_add(&p->job, 1);
    if (atomic_load(&p->sleepers) == 0) return;
    pthread_mutex_lock(&p->lock);
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->lock);
}

static unsigned processors(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    int n = CPU_COUNT(&set);
    return n < 1 ? 1 : n > POOL_THREADS_MAX ? POOL_THREADS_MAX : (unsigned)n;
}

/* Signals stay with the threads that expect them. */
static int start_workers(struct pool *p) {
    sigset_t all, before;
    int err = 0;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (err == 0 && p->started + 1 < p->threads) {
        struct worker *w = &p->workers[p->started];
        *w = (struct worker){.pool = p, .index = p->started + 1};
        err = pthread_create(&w->thread, NULL, worker_main, w);
        if (err == 0) p->started++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return err;
}

int pool_new(struct pool **out, unsigned threads, struct why *why) {
    unsigned cpus = processors();
    if (threads > POOL_THREADS_MAX) return why_set(why, ERR_RANGE, "%u threads: the most is %d", threads, POOL_THREADS_MAX);
    if (threads == 0) threads = cpus;
    size_t size = (sizeof(struct pool) + threads * sizeof(struct worker) + 63) & ~(size_t)63;
    struct pool *p = aligned_alloc(64, size);
    if (p == NULL) return why_set(why, ERR_NOMEM, "no memory for %u threads", threads);
    if (!kern_float_mode_ok()) abort(); /* the caller computes too */
    *p = (struct pool){.threads = threads, .spins = threads > cpus ? 0 : SPINS};
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work, NULL);
    pthread_cond_init(&p->done, NULL);
    if (start_workers(p) != 0) {
        pool_free(p);
        return why_set(why, ERR_NOMEM, "the system does not let us start %u threads", threads);
    }
    *out = p;
    return 0;
}

void pool_free(struct pool *p) {
    if (p == NULL) return;
    atomic_store(&p->stop, 1);
    announce(p);
    for (unsigned i = 0; i < p->started; i++) pthread_join(p->workers[i].thread, NULL);
    pthread_cond_destroy(&p->done);
    pthread_cond_destroy(&p->work);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

unsigned pool_threads(const struct pool *p) { return p->threads; }

void pool_each(struct pool *p, pool_each_fn *fn, void *arg) {
    if (p->threads > 1) {
        p->fn = fn;
        p->arg = arg;
        atomic_store(&p->pending, p->threads - 1);
        announce(p);
    }
    fn(arg, 0, p->threads);
    if (p->threads > 1) wait_done(p);
}

struct range_job {
    pool_range_fn *fn;
    void *arg;
    uint32_t count, step; /* step 0: as many as range_step says */
    atomic_uint_least64_t next;
};

/* The next piece: half of each thread's share of what is left. A thread that the system holds up in the middle then keeps the
 * others waiting for little, and at the end all finish within one item of each other. */
static uint64_t range_step(const struct range_job *j, uint64_t begin, unsigned threads) {
    uint64_t left = j->count - begin, step = j->step ? j->step : (left + 2 * threads - 1) / (2 * threads);
    return step < left ? step : left;
}

static void range_part(void *arg, unsigned thread, unsigned threads) {
    struct range_job *j = arg;
    uint64_t begin = atomic_load_explicit(&j->next, memory_order_relaxed), step;
    (void)thread;
    while (begin < j->count) {
        step = range_step(j, begin, threads);
        if (!atomic_compare_exchange_weak_explicit(&j->next, &begin, begin + step, memory_order_relaxed, memory_order_relaxed))
            continue; /* begin is now what another thread left */
        j->fn(j->arg, (uint32_t)begin, (uint32_t)(begin + step));
        begin = atomic_load_explicit(&j->next, memory_order_relaxed);
    }
}

void pool_range(struct pool *p, uint32_t count, uint32_t step, pool_range_fn *fn, void *arg) {
    if (count == 0) return;
    if (p->threads == 1 || count == 1 || (step && count <= step)) {
        fn(arg, 0, count);
        return;
    }
    struct range_job job = {fn, arg, count, step, 0};
    pool_each(p, range_part, &job);
}
