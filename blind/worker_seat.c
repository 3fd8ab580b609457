/* blind/worker_seat.c - seats at a worker's thread: see worker_thread.h. */
#include "blind/worker_seat.h"
#include "base/clock.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* ---- answers: from the worker's thread ---- */

void seat_answer_free(struct seat_answer *a) {
    blind_out_free(&a->out);
    free(a);
}

void blind_out_free(struct blind_out *o) {
    if (o->message) mem_wipe(o->message, o->n);
    free(o->message);
    *o = (struct blind_out){0};
}

static struct seat_answer *answer_new(const uint8_t *message, size_t n, int final) {
    struct seat_answer *a = mem_zalloc(1, sizeof *a);
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

void seat_sink_put(void *arg, const uint8_t *message, size_t n, int final) {
    struct blind_seat *s = arg;
    struct seat_answer *a = answer_new(message, n, final);
    pthread_mutex_lock(&s->t->lock);
    if (!a || s->lost) {
        s->lost = 1;
        if (a) seat_answer_free(a);
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

size_t seat_sink_room(void *arg) {
    struct blind_seat *s = arg;
    pthread_mutex_lock(&s->t->lock);
    size_t used = s->out_bytes;
    s->crowded = used > 0;
    pthread_mutex_unlock(&s->t->lock);
    return used < BLIND_SINK_ROOM ? BLIND_SINK_ROOM - used : 0;
}

/* ---- commands: from any thread ---- */

/* Lock held. */
static void command_add(struct blind_thread *t, struct seat_command *c) {
    c->due_us = t->delay_us ? clock_mono_us() + t->delay_us : 0;
    if (t->tail)
        t->tail->next = c;
    else
        t->head = c;
    t->tail = c;
    thread_tell(t);
}

void seat_command_free(struct seat_command *c) {
    if (c->message) mem_wipe(c->message, c->n);
    free(c->message);
    free(c);
}

static struct seat_command *command_new(struct blind_seat *s, enum seat_command_kind kind) {
    struct seat_command *c = mem_zalloc(1, sizeof *c);
    if (c) *c = (struct seat_command){.seat = s, .kind = kind};
    return c;
}

int blind_seat_open(struct blind_seat **out, struct blind_thread *t, struct blind_account *account, void (*wake)(void *arg),
                    void *arg) {
    struct blind_seat *s = mem_zalloc(1, sizeof *s);
    struct seat_command *c = command_new(s, COMMAND_OPEN), *close = command_new(s, COMMAND_CLOSE);
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
    size_t room = s->in_bytes < SEAT_IN_MAX ? SEAT_IN_MAX - s->in_bytes : 0;
    if (room < BLIND_MESSAGE_MAX) s->starved = 1;
    pthread_mutex_unlock(&s->t->lock);
    return room < BLIND_MESSAGE_MAX ? room : BLIND_MESSAGE_MAX;
}

int blind_seat_put(struct blind_seat *s, const uint8_t *message, size_t n) {
    struct blind_thread *t = s->t;
    struct seat_command *c = command_new(s, COMMAND_MESSAGE);
    if (!c || !(c->message = malloc(n ? n : 1))) {
        free(c);
        return ERR_NOMEM;
    }
    memcpy(c->message, message, n);
    c->n = n;
    pthread_mutex_lock(&t->lock);
    int r = n > SEAT_IN_MAX - s->in_bytes ? ERR_BUSY : 0;
    if (r == 0) {
        s->in_bytes += n;
        command_add(t, c);
    } else {
        s->starved = 1;
    }
    pthread_mutex_unlock(&t->lock);
    if (r != 0) seat_command_free(c);
    return r;
}

void blind_seat_fail(struct blind_seat *s, enum blind_code code) {
    struct seat_command *c = command_new(s, COMMAND_FAIL);
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
    struct seat_answer *a = s->head;
    int lost = s->lost;
    if (a) {
        s->head = a->next;
        if (!s->head) s->tail = NULL;
        s->out_bytes -= BLIND_SINK_MESSAGE(a->out.n);
        if (s->crowded) thread_tell(t); /* it may go on with this client now */
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
