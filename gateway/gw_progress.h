/* gateway/gw_progress.h - how far one answer has come, and what to do when the node that makes it is lost.
 *
 * Pure: no clocks, sockets or crypto; times and events are given. An answer's ids and text survive any number of attempts; the
 * next node gets them and goes on. This module decides when to seal anew, to whom rather not, and when to give up.
 *
 *     WAIT --sent--> RUN --done--> DONE        WAIT, RUN --(final code, deadline, too many tries)--> FAILED
 *      ^--------------lost----------'
 *
 * The text of an id that ends the answer (the end id, or the last one that max_tokens allows) is held until the receipt is
 * there: if the stream breaks in between, that id is forgotten and made again, so the next node always has something to make. */
#ifndef GATEWAY_GW_PROGRESS_H
#define GATEWAY_GW_PROGRESS_H

#include <stddef.h>
#include <stdint.h>

#include "api/errors.h"
#include "base/mem.h"
#include "seal/frame.h"
#include "seal/idlist.h"

enum {
    PROGRESS_IDENTITIES_MAX = 16,     /* that may ever see one prompt */
    PROGRESS_SILENCE_MS = 5000,       /* without a frame, once the first one came */
    PROGRESS_QUEUE_MS = 25000,        /* for the first frame: the coordinator queues 20 s at most */
    PROGRESS_BUSY_AT_ONCE_MS = 10000, /* busy sooner than this means a full queue */
    PROGRESS_TRIES_START = 8,         /* failed attempts in a row before any token */
    PROGRESS_TRIES_RUNNING = 60,      /* and after one */
    PROGRESS_ATTEMPTS_MAX = 250,
    PROGRESS_TEXT_HELD_MAX = 65536, /* bytes of text that wait for the receipt */
    PROGRESS_TEXT_MAX = 2097152     /* bytes of text of a whole answer: what a RECEIPT file takes */
};

enum progress_state { PROGRESS_WAIT, PROGRESS_RUN, PROGRESS_DONE, PROGRESS_FAILED };
enum progress_cause {
    CAUSE_LOST,    /* stream or link broke, or no frame came in time */
    CAUSE_REFUSED, /* the coordinator answered with a code instead of a stream */
    CAUSE_ERROR,   /* the node sealed an error frame */
    CAUSE_BAD      /* what came does not verify */
};

struct progress_identity {
    uint8_t id[32];
    int bad; /* answered wrongly or failed inside: not asked again */
};
struct progress {
    enum progress_state state;
    enum api_code failed;       /* FAILED: why */
    uint64_t deadline_ms;       /* monotonic, as all times here */
    uint64_t send_at_ms;        /* WAIT: not before */
    uint64_t sent_ms, frame_ms; /* RUN: when sealed, and when the last frame came */
    int opened;                 /* RUN: a frame has come */
    uint32_t max_tokens;        /* 0: no limit known here */
    uint32_t attempts, fails;   /* fails: in a row, without a token that was not there before */
    uint32_t furthest;          /* most ids there ever were: the last one may have to be made again */

    struct buf ids;      /* u32 big-endian each, the whole answer */
    struct buf digests;  /* 32 bytes for each position from `from` on */
    struct buf text;     /* the whole answer's; what is beyond text_bytes waits for the receipt */
    uint32_t from;       /* first position of this attempt */
    uint64_t text_from;  /* first byte of its text */
    uint64_t text_bytes; /* released to the app so far */
    int ending;          /* the newest id ends the answer */
    int end_id;          /* because it is an id that ends generation */

    int has_prompt;
    uint32_t prompt_tokens;
    uint8_t prompt_hash[32];

    struct progress_identity tried[PROGRESS_IDENTITIES_MAX];
    uint32_t tried_count;
    uint8_t last[32]; /* who failed last; zeros: nobody yet */
};

void progress_init(struct progress *p, uint64_t now_ms, uint64_t deadline_ms, uint32_t max_tokens);
void progress_release(struct progress *p); /* wipes */
uint32_t progress_count(const struct progress *p);
struct id_list progress_ids(const struct progress *p);

/* Would one more identity still be allowed to see the prompt? 1 also for those that saw it already, unless they are bad. */
int progress_may_ask(const struct progress *p, const uint8_t identity[32]);
int progress_was_asked(const struct progress *p, const uint8_t identity[32]);

/* An envelope to these identities has left. */
void progress_sent(struct progress *p, uint64_t now_ms, const uint8_t (*identities)[32], size_t count);
/* Every frame, heartbeats too. */
void progress_frame(struct progress *p, uint64_t now_ms);
/* ERR_AUTH: other prompt ids than an earlier node had; the attempt must be dropped with CAUSE_BAD. */
int progress_accepted(struct progress *p, const struct frame_accepted *a);
/* *text, *n: what may go to the app now (points into t or is empty). ERR_LIMIT, ERR_WRONG_STATE (after the end), ERR_NOMEM: CAUSE_BAD. */
int progress_token(struct progress *p, const struct frame_token *t, const uint8_t **text, size_t *n);
/* Text after the last id: held. ERR_LIMIT. */
int progress_text(struct progress *p, const uint8_t *text, size_t n);
/* Text that waits for the receipt; *n may be 0. */
const uint8_t *progress_held(const struct progress *p, size_t *n);
/* The receipt is verified: held text may go out (ask for it before), the answer is complete. */
void progress_done(struct progress *p);

/* The attempt is over without a receipt. who: the node that answered it, NULL when none did. Moves to WAIT or FAILED. */
void progress_lost(struct progress *p, uint64_t now_ms, const uint8_t *who, enum progress_cause cause, enum api_code code);
/* Gives up for a reason outside (no node, shutdown). */
void progress_fail(struct progress *p, enum api_code code);

/* 1 when RUN has been silent for too long: cancel the attempt and call progress_lost. Fails the answer at its deadline. */
int progress_tick(struct progress *p, uint64_t now_ms);
/* When to tick next. */
uint64_t progress_due(const struct progress *p);

#endif
