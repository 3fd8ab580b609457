/* coordinator/store_thread.c - the thread behind the store: a ring of rows, committed in batches. See store.h.
 *
 * Rows leave the ring only after their commit. When the database fails (disk full, locked), the batch is tried again every
 * RETRY_MS; meanwhile places run out and the coordinator refuses new work, which is what the operator must notice. */
#include "coordinator/store.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    BATCH_MAX = 512,
    RETRY_MS = 500,
    LOG_AGAIN_MS = 10000,
    FORGET_EVERY_MS = 600000,
    FORGET_ROWS = 5000,
    FORGET_SOON_MS = 20,
    TOTALS_MS = 500,
    IDLE_MS = 5000
};

struct row {
    enum { ROW_JOB, ROW_NODE } kind;
    union {
        struct store_job job;
        struct store_node node;
    };
};
struct store {
    pthread_mutex_t lock;
    pthread_cond_t work;
    pthread_t thread;
    struct row *ring; /* rows head..tail-1 are not changed by anyone until head passes them */
    uint32_t rows_max;
    uint64_t head, tail;        /* lock */
    uint32_t reserved;          /* lock */
    int stop;                   /* lock */
    uint64_t stop_by_ms;        /* lock */
    struct store_totals totals; /* lock */
    struct store_backend db;    /* thread only, as all below */
    uint32_t keep_days;
    uint64_t logged_ms, forgot_ms, totals_ms;
    int totals_stale;
};

/* ---- the loop's side ---- */
static int take_place(struct store *s) {
    if (s->stop || s->tail - s->head + s->reserved >= s->rows_max) return ERR_BUSY;
    s->reserved++;
    return 0;
}

int store_reserve(struct store *s) {
    pthread_mutex_lock(&s->lock);
    int r = take_place(s);
    pthread_mutex_unlock(&s->lock);
    return r;
}

void store_unreserve(struct store *s) {
    pthread_mutex_lock(&s->lock);
    if (s->reserved) s->reserved--;
    pthread_mutex_unlock(&s->lock);
}

static void put(struct store *s, const struct row *row) {
    pthread_mutex_lock(&s->lock);
    if (s->reserved && s->tail - s->head < s->rows_max) { /* always so for callers that reserved */
        s->reserved--;
        s->ring[s->tail++ % s->rows_max] = *row;
        pthread_cond_signal(&s->work);
    }
    pthread_mutex_unlock(&s->lock);
}

void store_put_job(struct store *s, const struct store_job *j) {
    struct row row = {.kind = ROW_JOB, .job = *j};
    put(s, &row);
}

void store_put_node(struct store *s, const struct store_node *n) {
    struct row row = {.kind = ROW_NODE, .node = *n};
    put(s, &row);
}

void store_totals(struct store *s, struct store_totals *out) {
    pthread_mutex_lock(&s->lock);
    *out = s->totals;
    pthread_mutex_unlock(&s->lock);
}

uint64_t store_written(struct store *s) {
    pthread_mutex_lock(&s->lock);
    uint64_t n = s->head;
    pthread_mutex_unlock(&s->lock);
    return n;
}

uint32_t store_waiting(struct store *s) {
    pthread_mutex_lock(&s->lock);
    uint32_t n = (uint32_t)(s->tail - s->head);
    pthread_mutex_unlock(&s->lock);
    return n;
}

/* ---- the thread's side ---- */
static int write_rows(struct store *s, uint64_t from, uint64_t to) {
    const struct store_ops *ops = s->db.ops;
    int r = ops->begin(s->db.self);
    for (uint64_t i = from; r == 0 && i < to; i++) {
        const struct row *row = &s->ring[i % s->rows_max];
        r = row->kind == ROW_JOB ? ops->put_job(s->db.self, &row->job) : ops->put_node(s->db.self, &row->node);
    }
    if (r == 0) r = ops->commit(s->db.self);
    if (r != 0) ops->rollback(s->db.self);
    return r;
}

static void note_failure(struct store *s, int err) {
    uint64_t now = clock_mono_ms();
    if (s->logged_ms && now - s->logged_ms < LOG_AGAIN_MS) return;
    s->logged_ms = now;
    log_event(LOG_ERROR, "store", "cannot_write", LOG_CODE("reason", err_text(err)), LOG_COUNT("rows_waiting", store_waiting(s)));
}

static void refresh_totals(struct store *s, int force) {
    uint64_t now = clock_mono_ms(), day = clock_unix_ms() / 86400000;
    struct store_totals t;
    if (!force && now - s->totals_ms < TOTALS_MS) {
        s->totals_stale = 1;
        return;
    }
    s->totals_ms = now;
    s->totals_stale = 0;
    if (s->db.ops->totals(s->db.self, day, &t) != 0) return; /* the page shows the last ones */
    pthread_mutex_lock(&s->lock);
    s->totals = t;
    pthread_mutex_unlock(&s->lock);
}

/* Retention, a few rows at a time, so that a large backlog does not hold up accounting. */
static void forget_old(struct store *s) {
    uint64_t now = clock_mono_ms(), keep_ms = (uint64_t)s->keep_days * 86400000, unix_ms = clock_unix_ms();
    uint32_t count = 0;
    if (!s->keep_days || unix_ms <= keep_ms || (s->forgot_ms && now - s->forgot_ms < FORGET_EVERY_MS)) return;
    int r = s->db.ops->begin(s->db.self);
    if (r == 0) r = s->db.ops->forget(s->db.self, unix_ms - keep_ms, FORGET_ROWS, &count);
    if (r == 0) r = s->db.ops->commit(s->db.self);
    if (r != 0) s->db.ops->rollback(s->db.self);
    if (r == 0 && count == FORGET_ROWS) return; /* more to do: at the next turn */
    s->forgot_ms = now ? now : 1;
}

static void wait_ms(struct store *s, uint64_t ms) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(ms / 1000);
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) until.tv_sec++, until.tv_nsec -= 1000000000;
    (void)pthread_cond_timedwait(&s->work, &s->lock, &until);
}

/* One turn with the lock held at entry and exit: writes a batch, or does the chores. */
static void turn(struct store *s) {
    uint64_t from = s->head, to = s->tail - s->head > BATCH_MAX ? s->head + BATCH_MAX : s->tail;
    pthread_mutex_unlock(&s->lock);
    int r = 0;
    if (to > from) {
        r = write_rows(s, from, to);
        if (r != 0) note_failure(s, r);
    } else
        forget_old(s);
    if (r == 0) refresh_totals(s, to == from && s->totals_stale);
    pthread_mutex_lock(&s->lock);
    if (r == 0)
        s->head = to;
    else if (!(s->stop && clock_mono_ms() >= s->stop_by_ms))
        wait_ms(s, RETRY_MS);
}

static void *store_run(void *arg) {
    struct store *s = arg;
    pthread_mutex_lock(&s->lock);
    for (;;) {
        int more = s->head != s->tail;
        if (s->stop && (!more || clock_mono_ms() >= s->stop_by_ms)) break;
        if (!more) wait_ms(s, s->totals_stale ? TOTALS_MS : s->keep_days && !s->forgot_ms ? FORGET_SOON_MS : IDLE_MS);
        turn(s);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* ---- birth and death ---- */
static int make_locks(struct store *s) {
    pthread_condattr_t mono;
    if (pthread_condattr_init(&mono) != 0) return ERR_NOMEM;
    (void)pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
    int failed = pthread_mutex_init(&s->lock, NULL) != 0 || pthread_cond_init(&s->work, &mono) != 0;
    pthread_condattr_destroy(&mono);
    return failed ? ERR_NOMEM : 0;
}

static void release(struct store *s) {
    s->db.ops->close(s->db.self);
    pthread_cond_destroy(&s->work);
    pthread_mutex_destroy(&s->lock);
    free(s->ring);
    free(s);
}

int store_start(struct store **out, const struct store_backend *b, uint32_t rows_max, uint32_t keep_days, struct why *why) {
    struct store *s = mem_zalloc(1, sizeof *s);
    struct row *ring = mem_zalloc(rows_max, sizeof *ring);
    if (!s || !ring || make_locks(s) != 0) {
        free(s);
        free(ring);
        b->ops->close(b->self);
        return ERR_NOMEM;
    }
    s->ring = ring;
    s->rows_max = rows_max;
    s->keep_days = keep_days;
    s->db = *b;
    refresh_totals(s, 1); /* before the thread exists: the page is right from the first request on */
    int failed = pthread_create(&s->thread, NULL, store_run, s);
    if (failed) {
        release(s);
        return why_set(why, ERR_NOMEM, "store thread: %s", strerror(failed));
    }
    *out = s;
    return 0;
}

uint32_t store_stop(struct store *s, uint32_t limit_ms) {
    if (!s) return 0;
    pthread_mutex_lock(&s->lock);
    s->stop = 1;
    s->stop_by_ms = clock_mono_ms() + limit_ms;
    pthread_cond_broadcast(&s->work);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    uint32_t lost = (uint32_t)(s->tail - s->head);
    release(s);
    return lost;
}
