/* node/job.h - one request being answered: what job.c (receiving, starting) and job_answer.c (frames out) share. */
#ifndef NODE_JOB_H
#define NODE_JOB_H

#include "node/node_parts.h"
#include "seal/stream.h"

enum job_state { JOB_RECEIVING, JOB_RUNNING, JOB_ENDED };
struct job {
    struct job *next;
    struct node *node;
    uint64_t number;
    struct h2_stream *stream; /* NULL once it is closed */
    enum job_state state;
    struct buf envelope;
    struct timer *quiet;    /* heartbeat after a second without a frame; with a frame clock, the clock */
    struct timer *deadline; /* the client's */
    struct served *model;
    struct stream_writer out;
    struct buf queue; /* with a frame clock: work events not sent yet */
    /* for the receipt */
    struct receipt receipt;
    uint8_t receipt_secret[SIGN_SECRET_BYTES];
    uint8_t salt[32];
    struct sha256 text_hash; /* of all text that the stream carries */
    uint32_t from, next_position;
    uint16_t pacing_ms;
};

/* ---- job.c ---- */
struct job *job_find(struct node *n, uint64_t number);
void job_free(struct job *j); /* cancels, unlinks, wipes; the stream must be closed or reset */

/* ---- job_answer.c ---- */
/* Opens the answer: status 200, stream start, timers. */
int job_answer_begin(struct job *j, const struct opened *o);
void job_answer_event(struct job *j, const struct work_event *e);
/* The sealed error frame and the end of the stream. */
void job_answer_error(struct job *j, enum code code);

#endif
