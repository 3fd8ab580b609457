/* coordinator/store.h - what a coordinator keeps: accounting of jobs, and the nodes and operators it has known.
 *
 * Two parts. `struct store_ops` is a database behind blocking calls (store_sqlite.c; a cluster puts another one there).
 * `struct store` is the thread that alone calls it and commits in batches (store_thread.c): the loop never waits for a disk.
 *
 * Nothing accepted is lost quietly: a place in the thread's queue is reserved before a request is taken, so that its row
 * always fits; while the database cannot write, rows stay queued, places run out, and new requests are told `busy`. */
#ifndef COORDINATOR_STORE_H
#define COORDINATOR_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "seal/names.h"
#include "seal/usage.h"

enum outcome {                        /* stored values: never reuse one */
               OUTCOME_DONE = 1,      /* ended whole, with a valid usage statement */
               OUTCOME_UNSTATED = 2,  /* ended whole, but without one: the answer ended in an error */
               OUTCOME_REFUSED = 3,   /* the node did not take it; code says why */
               OUTCOME_LOST = 4,      /* the node or its link went away, or it reset the job */
               OUTCOME_CANCELLED = 5, /* the gateway left */
               OUTCOME_BROKEN = 6,    /* the gateway's envelope ended early or ran over */
               OUTCOME_END
};
const char *outcome_name(unsigned outcome); /* "done"; NULL for unknown numbers */

struct store_job { /* no gateway address, nothing of the content */
    uint8_t id[JOB_ID_BYTES], node[32], operator_id[32], manifest_hash[32];
    char model[MODEL_NAME_BYTES];
    uint32_t size_class, frame_bytes;
    uint64_t frames, bytes;                      /* of the response */
    uint64_t start_ms, first_frame_ms, end_ms;   /* unix; first 0: no frame came */
    uint8_t outcome, code;                       /* enum outcome, enum code */
    uint8_t stated;                              /* 1: usage holds a statement whose signature was right */
    uint32_t prompt_tokens, output_tokens, from; /* of the statement, 0 without one */
    uint8_t usage[USAGE_BYTES];
};
struct store_node {
    uint8_t identity[32], operator_id[32];
    uint64_t seen_ms;
};

enum { STORE_OPERATORS_SHOWN = 32 };
struct store_tally {
    uint64_t jobs, done, prompt_tokens, output_tokens;
};
struct store_totals {
    uint64_t day; /* days since 1970 in UTC, which `today` and `operators` are of */
    struct store_tally today, ever;
    uint64_t nodes_known, operators_known;
    size_t operator_count; /* those with the most output tokens today */
    struct {
        uint8_t id[32];
        struct store_tally tally;
    } operators[STORE_OPERATORS_SHOWN];
};

struct store_ops {
    int (*begin)(void *self);
    int (*commit)(void *self);
    void (*rollback)(void *self);                          /* fine without a transaction */
    int (*put_job)(void *self, const struct store_job *j); /* a job id that is there already changes nothing */
    int (*put_node)(void *self, const struct store_node *n);
    int (*totals)(void *self, uint64_t day, struct store_totals *out);
    /* Forgets at most `max` jobs that ended before before_ms; sums are kept. *count: how many. */
    int (*forget)(void *self, uint64_t before_ms, uint32_t max, uint32_t *count);
    void (*close)(void *self);
};
struct store_backend {
    const struct store_ops *ops;
    void *self;
};
int store_sqlite_open(struct store_backend *out, const char *path, struct why *why);

struct store;
/* Takes b over, also on failure. rows_max: queued and reserved at once. keep_days 0: jobs are kept for ever. */
int store_start(struct store **out, const struct store_backend *b, uint32_t rows_max, uint32_t keep_days, struct why *why);
int store_reserve(struct store *s); /* 0: one place is the caller's; ERR_BUSY */
void store_unreserve(struct store *s);
/* Each uses up one reserved place. Neither waits. */
void store_put_job(struct store *s, const struct store_job *j);
void store_put_node(struct store *s, const struct store_node *n);
void store_totals(struct store *s, struct store_totals *out); /* as of the last commit */
uint64_t store_written(struct store *s);                      /* rows committed so far: they survive a crash from here on */
uint32_t store_waiting(struct store *s);
/* Writes what is queued, for at most limit_ms, then stops the thread and closes. Returns the rows that could not be written. */
uint32_t store_stop(struct store *s, uint32_t limit_ms); /* NULL is fine */

#endif
