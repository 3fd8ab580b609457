/* blind/worker_thread.c - see worker_thread.h: the thread that does what its seats ask, and steps the worker. */
#include "base/clock.h"
#include "base/mem.h"
#include "blind/worker_seat.h"

#include <stdlib.h>

/* ---- commands: on the worker's thread ---- */

static void seat_begin(struct blind_thread *t, struct blind_seat *s) {
    struct blind_sink sink = {.put = seat_sink_put, .room = seat_sink_room, .arg = s};
    s->next = t->open;
    if (s->next) s->next->prev = s;
    t->open = s;
    if (blind_client_open(&s->client, t->worker, &sink, s->account) == 0) return;
    pthread_mutex_lock(&t->lock); /* as many seats as clients are let in, so this is want of memory */
    s->lost = s->ended = 1;
    if (s->wake) s->wake(s->arg);
    pthread_mutex_unlock(&t->lock);
}

static void seat_free(struct blind_thread *t, struct blind_seat *s) {
    if (s->next) s->next->prev = s->prev;
    if (s->prev)
        s->prev->next = s->next;
    else if (t->open == s)
        t->open = s->next;
    blind_client_close(s->client);
    while (s->head) {
        struct seat_answer *a = s->head;
        s->head = a->next;
        seat_answer_free(a);
    }
    free(s);
    pthread_mutex_lock(&t->lock);
    t->seats--;
    pthread_mutex_unlock(&t->lock);
}

/* The message's memory goes to the client. */
static void seat_message(struct blind_thread *t, struct blind_seat *s, struct seat_command *c) {
    size_t n = c->n;
    if (s->client && !s->ended) {
        s->ended = blind_client_message(s->client, c->message, n);
        c->message = NULL;
    }
    pthread_mutex_lock(&t->lock);
    s->in_bytes -= n;
    int wake = s->starved && s->wake;
    s->starved = 0;
    if (wake) s->wake(s->arg);
    pthread_mutex_unlock(&t->lock);
}

static void seat_end(struct blind_seat *s, enum blind_code code) {
    if (s->ended || !s->client) return;
    blind_client_fail(s->client, code);
    s->ended = 1;
}

static void command_do(struct blind_thread *t, struct seat_command *c) {
    switch (c->kind) {
    case COMMAND_OPEN: seat_begin(t, c->seat); break;
    case COMMAND_MESSAGE: seat_message(t, c->seat, c); break;
    case COMMAND_FAIL: seat_end(c->seat, c->code); break;
    case COMMAND_CLOSE: seat_free(t, c->seat); break;
    }
    seat_command_free(c);
}

/* The first command whose time has come; NULL: none. */
static struct seat_command *command_next(struct blind_thread *t) {
    pthread_mutex_lock(&t->lock);
    struct seat_command *c = t->head;
    if (c && c->due_us && clock_mono_us() < c->due_us) c = NULL;
    if (c && !(t->head = c->next)) t->tail = NULL;
    pthread_mutex_unlock(&t->lock);
    return c;
}

/* ---- the thread ---- */

static void end_idle(struct blind_thread *t) {
    pthread_mutex_lock(&t->lock);
    int draining = t->draining;
    pthread_mutex_unlock(&t->lock);
    for (struct blind_seat *s = draining ? t->open : NULL; s; s = s->next)
        if (s->client && blind_client_waiting(s->client) == 0) seat_end(s, BLIND_CODE_DRAINING);
}

/* Until something changed, or the first command's time has come. 1: stop. */
static int wait_for_news(struct blind_thread *t) {
    pthread_mutex_lock(&t->lock);
    blind_worker_count(t->worker, &t->counts);
    while (!t->news && !t->stopping) {
        if (!t->head) {
            pthread_cond_wait(&t->news_cond, &t->lock);
            continue;
        }
        struct timespec at = {.tv_sec = (time_t)(t->head->due_us / 1000000), .tv_nsec = (long)(t->head->due_us % 1000000) * 1000};
        if (pthread_cond_timedwait(&t->news_cond, &t->lock, &at) != 0) break;
    }
    t->news = 0;
    int stopping = t->stopping;
    pthread_mutex_unlock(&t->lock);
    return stopping;
}

static void *run(void *arg) {
    struct blind_thread *t = arg;
    for (;;) {
        struct seat_command *c;
        while ((c = command_next(t))) command_do(t, c);
        end_idle(t); /* also while others keep the worker busy */
        if (blind_worker_step(t->worker)) continue;
        if (wait_for_news(t)) return NULL;
    }
}

/* ---- birth and death ---- */

static void drop_all(struct blind_thread *t) {
    for (struct seat_command *c; (c = t->head);) {
        t->head = c->next;
        command_do(t, c); /* what is closed is freed by it; the rest is wiped */
    }
}

int blind_thread_new(struct blind_thread **out, const struct blind_worker_opts *o, uint32_t delay_us) {
    struct blind_thread *t = mem_zalloc(1, sizeof *t);
    pthread_condattr_t attr;
    *out = NULL;
    if (!t) return ERR_NOMEM;
    t->delay_us = delay_us;
    pthread_mutex_init(&t->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&t->news_cond, &attr);
    pthread_condattr_destroy(&attr);
    int r = blind_worker_new(&t->worker, o);
    if (r == 0) t->seats_max = blind_worker_clients_max(t->worker);
    if (r == 0 && pthread_create(&t->thread, NULL, run, t) != 0) r = ERR_NOMEM;
    if (r == 0)
        t->started = 1, *out = t;
    else
        blind_thread_free(t);
    return r;
}

void blind_thread_free(struct blind_thread *t) {
    if (!t) return;
    pthread_mutex_lock(&t->lock);
    t->stopping = 1;
    pthread_cond_signal(&t->news_cond);
    pthread_mutex_unlock(&t->lock);
    if (t->started) pthread_join(t->thread, NULL);
    drop_all(t);
    blind_worker_free(t->worker);
    pthread_cond_destroy(&t->news_cond);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

/* ---- any thread ---- */

void thread_tell(struct blind_thread *t) {
    t->news = 1;
    pthread_cond_signal(&t->news_cond);
}

void blind_thread_drain(struct blind_thread *t) {
    pthread_mutex_lock(&t->lock);
    t->draining = 1;
    thread_tell(t);
    pthread_mutex_unlock(&t->lock);
}

void blind_thread_count(struct blind_thread *t, struct blind_worker_counts *out) {
    pthread_mutex_lock(&t->lock);
    *out = t->counts;
    pthread_mutex_unlock(&t->lock);
}
