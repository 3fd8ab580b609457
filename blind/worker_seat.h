/* blind/worker_seat.h - what the thread of a worker (worker_thread.c) and its seats (worker_seat.c) share. Private to them.
 *
 * One lock guards the queue of commands and every seat's queue of answers. Commands are done in the order they came, so a seat's last one,
 * its close, finds nothing of it left and frees it. The worker itself is touched by the thread alone. */
#ifndef BLIND_WORKER_SEAT_H
#define BLIND_WORKER_SEAT_H

#include <pthread.h>

#include "blind/worker_thread.h"

enum { SEAT_IN_MAX = BLIND_MESSAGE_MAX + (1 << 20) };
enum seat_command_kind { COMMAND_OPEN, COMMAND_MESSAGE, COMMAND_FAIL, COMMAND_CLOSE };
struct seat_command {
    struct seat_command *next;
    struct blind_seat *seat;
    enum seat_command_kind kind;
    enum blind_code code;
    uint64_t due_us;
    uint8_t *message;
    size_t n;
};
struct seat_answer {
    struct seat_answer *next;
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
    struct seat_answer *head, *tail; /* lock */
    size_t out_bytes, in_bytes;      /* lock */
    int starved;                     /* lock: no room was found to put */
    int crowded;                     /* lock: the worker found less than all room */
    int lost;                        /* lock: an answer could not be kept */
    struct seat_command *close;      /* made with the seat: closing cannot fail */
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
    struct seat_command *head, *tail;  /* lock */
    struct blind_worker_counts counts; /* lock */
};

void thread_tell(struct blind_thread *t); /* lock held: wakes the thread */
/* worker_seat.c: the sink of a seat's client; arg is the seat. */
void seat_sink_put(void *arg, const uint8_t *message, size_t n, int final);
size_t seat_sink_room(void *arg);
void seat_answer_free(struct seat_answer *a);
void seat_command_free(struct seat_command *c); /* wipes */

#endif
