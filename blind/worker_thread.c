/* blind/worker_thread.c - see worker_thread.h.
 *
 * One lock guards the queue of commands and every seat's queue of answers. Commands are done in the order they came, so a seat's last one,
 * its close, finds nothing of it left and frees it. The worker itself is touched by the thread alone. */
#include "blind/worker_thread.h"
#include "base/clock.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { IN_MAX = BLIND_MESSAGE_MAX + (1 << 20) };
enum command_kind { COMMAND_OPEN, COMMAND_MESSAGE, COMMAND_FAIL, COMMAND_CLOSE };
struct command {
    struct command *next;
    struct blind_seat *seat;
    enum command_kind kind;
    enum blind_code code;
    uint64_t due_us;
    uint8_t *message;
    size_t n;
};
struct answer {
    struct answer *next;
    struct blind_out out;
};
struct blind_seat {
    struct blind_thread *t;
    struct blind_seat *prev, *next; /* thread: those that are open */
    struct blind_client *client;    /* thread */
    int ended;                      /* thread: the client has */
    struct blind_account *account;
    void (*wake)(void *arg); /* lock; NULL: closed */
    void *arg;
    struct answer *head, *tail; /* lock */
    size_t out_bytes, in_bytes; /* lock */
    int starved, crowded,
        lost;              /* lock: no room was found to put; the worker found less than all room; an answer could not be kept */
    struct command *close; /* made with the seat: closing cannot fail */
};
struct blind_thread {
    struct blind_worker *worker; /* thread */
    struct blind_seat *open;     /* thread */
    uint32_t delay_us, seats_max;
    pthread_t thread;
    int started;
    pthread_mutex_t lock;
    pthread_cond_t news_cond;
    int news, stopping, draining;      /* lock */
    uint32_t seats;                    /* lock */
    struct command *head, *tail;       /* lock */
    struct blind_worker_counts counts; /* lock */
};

/* ---- answers: from the worker's thread ---- */

static void answer_free(struct answer *a) {
    blind_out_free(&a->out);
    free(a);
}

void blind_out_free(struct blind_out *o) {
    if (o->message) mem_wipe(o->message, o->n);
    free(o->message);
    *o = (struct blind_out){0};
}

static struct answer *answer_new(const uint8_t *message, size_t n, int final) {
    struct answer *a = mem_zalloc(1, sizeof *a);
    uint8_t *copy = malloc(n ? n : 1);
    if (!a || !copy) {
        free(a);
        free(copy);
        return NULL;
    }
    memcpy(copy, message, n);
    a->out = (struct blind_out){.message = copy, .n = n, .final = final, .since_us = clock_mono_us()};
    return a;
}

static void on_put(void *arg, const uint8_t *message, size_t n, int final) {
    struct blind_seat *s = arg;
    struct answer *a = answer_new(message, n, final);
    pthread_mutex_lock(&s->t->lock);
    if (!a || s->lost) {
        s->lost = 1;
        if (a) answer_free(a);
    } else {
        if (s->tail)
            s->tail->next = a;
        else
            s->head = a;
        s->tail = a;
        s->out_bytes += BLIND_SINK_MESSAGE(n);
    }
    if (s->wake) s->wake(s->arg);
    pthread_mutex_unlock(&s->t->lock);
}

static size_t on_room(void *arg) {
    struct blind_seat *s = arg;
    pthread_mutex_lock(&s->t->lock);
    size_t used = s->out_bytes;
    s->crowded = used > 0;
    pthread_mutex_unlock(&s->t->lock);
    return used < BLIND_SINK_ROOM ? BLIND_SINK_ROOM - used : 0;
}

/* ---- commands: on the worker's thread ---- */

static void seat_begin(struct blind_thread *t, struct blind_seat *s) {
    struct blind_sink sink = {.put = on_put, .room = on_room, .arg = s};
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
        struct answer *a = s->head;
        s->head = a->next;
        answer_free(a);
    }
    free(s);
    pthread_mutex_lock(&t->lock);
    t->seats--;
    pthread_mutex_unlock(&t->lock);
}

/* The message's memory goes to the client. */
static void seat_message(struct blind_thread *t, struct blind_seat *s, struct command *c) {
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

static void command_free(struct command *c) {
    if (c->message) mem_wipe(c->message, c->n);
    free(c->message);
    free(c);
}

static void command_do(struct blind_thread *t, struct command *c) {
    switch (c->kind) {
    case COMMAND_OPEN: seat_begin(t, c->seat); break;
    case COMMAND_MESSAGE: seat_message(t, c->seat, c); break;
    case COMMAND_FAIL: seat_end(c->seat, c->code); break;
    case COMMAND_CLOSE: seat_free(t, c->seat); break;
    }
    command_free(c);
}

/* The first command whose time has come; NULL: none. */
static struct command *command_next(struct blind_thread *t) {
    pthread_mutex_lock(&t->lock);
    struct command *c = t->head;
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
        struct command *c;
        while ((c = command_next(t))) command_do(t, c);
        if (blind_worker_step(t->worker)) continue;
        end_idle(t);
        if (wait_for_news(t)) return NULL;
    }
}

/* ---- birth and death ---- */

static void drop_all(struct blind_thread *t) {
    for (struct command *c; (c = t->head);) {
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

static void tell(struct blind_thread *t) { /* lock held */
    t->news = 1;
    pthread_cond_signal(&t->news_cond);
}

/* Lock held. */
static void command_add(struct blind_thread *t, struct command *c) {
    c->due_us = t->delay_us ? clock_mono_us() + t->delay_us : 0;
    if (t->tail)
        t->tail->next = c;
    else
        t->head = c;
    t->tail = c;
    tell(t);
}

static struct command *command_new(struct blind_seat *s, enum command_kind kind) {
    struct command *c = mem_zalloc(1, sizeof *c);
    if (c) *c = (struct command){.seat = s, .kind = kind};
    return c;
}

int blind_seat_open(struct blind_seat **out, struct blind_thread *t, struct blind_account *account, void (*wake)(void *arg),
                    void *arg) {
    struct blind_seat *s = mem_zalloc(1, sizeof *s);
    struct command *c = command_new(s, COMMAND_OPEN), *close = command_new(s, COMMAND_CLOSE);
    int r = s && c && close ? 0 : ERR_NOMEM;
    *out = NULL;
    pthread_mutex_lock(&t->lock);
    if (r == 0 && t->draining) r = ERR_WRONG_STATE;
    if (r == 0 && t->seats == t->seats_max) r = ERR_BUSY;
    if (r == 0) {
        *s = (struct blind_seat){.t = t, .account = account, .wake = wake, .arg = arg, .close = close};
        t->seats++;
        command_add(t, c);
        *out = s;
    }
    pthread_mutex_unlock(&t->lock);
    if (r != 0) {
        free(s);
        free(c);
        free(close);
    }
    return r;
}

size_t blind_seat_room(struct blind_seat *s) {
    pthread_mutex_lock(&s->t->lock);
    size_t room = s->in_bytes < IN_MAX ? IN_MAX - s->in_bytes : 0;
    if (room < BLIND_MESSAGE_MAX) s->starved = 1;
    pthread_mutex_unlock(&s->t->lock);
    return room < BLIND_MESSAGE_MAX ? room : BLIND_MESSAGE_MAX;
}

int blind_seat_put(struct blind_seat *s, const uint8_t *message, size_t n) {
    struct blind_thread *t = s->t;
    struct command *c = command_new(s, COMMAND_MESSAGE);
    if (!c || !(c->message = malloc(n ? n : 1))) {
        free(c);
        return ERR_NOMEM;
    }
    memcpy(c->message, message, n);
    c->n = n;
    pthread_mutex_lock(&t->lock);
    int r = n > IN_MAX - s->in_bytes ? ERR_BUSY : 0;
    if (r == 0) {
        s->in_bytes += n;
        command_add(t, c);
    } else {
        s->starved = 1;
    }
    pthread_mutex_unlock(&t->lock);
    if (r != 0) command_free(c);
    return r;
}

void blind_seat_fail(struct blind_seat *s, enum blind_code code) {
    struct command *c = command_new(s, COMMAND_FAIL);
    pthread_mutex_lock(&s->t->lock);
    if (c) {
        c->code = code;
        command_add(s->t, c);
    } else {
        s->lost = 1;
        if (s->wake) s->wake(s->arg);
    }
    pthread_mutex_unlock(&s->t->lock);
}

size_t blind_seat_next(struct blind_seat *s, uint64_t *since_us) {
    pthread_mutex_lock(&s->t->lock);
    size_t n = s->head ? s->head->out.n : 0;
    if (s->head && since_us) *since_us = s->head->out.since_us;
    pthread_mutex_unlock(&s->t->lock);
    return n;
}

int blind_seat_take(struct blind_seat *s, struct blind_out *out) {
    struct blind_thread *t = s->t;
    pthread_mutex_lock(&t->lock);
    struct answer *a = s->head;
    int lost = s->lost;
    if (a) {
        s->head = a->next;
        if (!s->head) s->tail = NULL;
        s->out_bytes -= BLIND_SINK_MESSAGE(a->out.n);
        if (s->crowded) tell(t); /* it may go on with this client now */
        s->crowded = 0;
    }
    pthread_mutex_unlock(&t->lock);
    if (!a) return lost ? ERR_NOMEM : ERR_MORE;
    *out = a->out;
    free(a);
    return 0;
}

void blind_seat_close(struct blind_seat *s) {
    if (!s) return;
    struct blind_thread *t = s->t;
    pthread_mutex_lock(&t->lock);
    s->wake = NULL;
    command_add(t, s->close);
    pthread_mutex_unlock(&t->lock);
}

void blind_thread_drain(struct blind_thread *t) {
    pthread_mutex_lock(&t->lock);
    t->draining = 1;
    tell(t);
    pthread_mutex_unlock(&t->lock);
}

void blind_thread_count(struct blind_thread *t, struct blind_worker_counts *out) {
    pthread_mutex_lock(&t->lock);
    *out = t->counts;
    pthread_mutex_unlock(&t->lock);
}
