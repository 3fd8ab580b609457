/* gateway/blind_gate.h - what the two threads of a link to a blind worker share. Private to blind_dial.c and blind_gate.c.
 *
 * The caller's thread owns the session (blind_gate.c), the loop's owns the stream (blind_dial.c). Sealed bytes lie between them in two
 * bounded buffers under one lock. The caller posts the loop's job when it left bytes, took bytes or closed; the loop wakes the caller when
 * bytes came, room came or the stream went. The gate goes when both have let go of it. */
#ifndef GATEWAY_BLIND_GATE_H
#define GATEWAY_BLIND_GATE_H

#include <pthread.h>

#include "base/mem.h"
#include "blind/message.h"
#include "gateway/blind_dial.h"
#include "seal/session.h"

enum {
    GATE_WINDOW = 1 << 20,
    GATE_WRITE_MAX = 2 << 20,
    GATE_IN_MAX = 2 * GATE_WINDOW, /* more than a window cannot come */
    GATE_OUT_MAX = SESSION_MESSAGE_MAX + SESSION_OVERHEAD + (1 << 20),
    GATE_RX_MAX = SESSION_MESSAGE_MAX + SESSION_OVERHEAD + GATE_IN_MAX
};
struct gate {
    struct blind_dialer d;
    uint8_t key_id[32], identity[32]; /* of the worker */
    /* the caller's thread */
    struct session *session; /* guarded */
    struct buf rx;           /* sealed bytes taken over; the front may be an opened message */
    size_t opened;           /* bytes at the front of rx that the last receive gave out */
    int replied;
    /* shared */
    pthread_mutex_t lock;
    pthread_cond_t news_cond;
    struct buf in, out; /* lock */
    size_t taken;       /* lock: bytes of in that the caller has, their window not yet given back */
    int lost, closed;   /* lock: the stream is; the caller has let go */
    int posted;         /* lock: the loop's job is on its way */
    struct loop_job job;
    /* the loop's thread */
    struct h2_stream *stream;
    int asked;
    char at[WORKER_AT_BYTES]; /* "": through the coordinator */
    struct tls *tls;          /* for at */
    struct h2 *own;           /* to at */
};

/* blind_gate.c: a gate with its session begun and the start in out; the loop has not heard of it. ERR_AUTH, ERR_NOMEM. */
int gate_new(struct gate **out, const struct blind_dialer *d, const struct keystmt *worker);
void gate_free(struct gate *g); /* nobody else may have it any more */
void gate_post(struct gate *g); /* lock held: the loop's job runs soon */
extern const struct blind_link_ops gate_ops;

#endif
