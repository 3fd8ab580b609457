/* blind/slots.h - which columns a client has ever masked, so that no mask is used twice.
 *
 * A slot is (session, stack, n): n counts the columns of a stack over a session, padding and guesses included, and stands for one mask. Two
 * inputs under one mask would show their difference. So:
 * - a slot is spent before anything is sent, for good: the counters only grow, on error paths too, and nothing gives a slot back;
 * - what is sent for a slot is written once, into a ticket, and only a ticket can be sent: a resend is those very bytes and spends nothing;
 * - a session is made for one connection to the worker that sees inputs, and its tickets go over that one alone. Once it is lost, a ticket
 *   is thrown away, answered or not, and its inputs are masked again with a fresh session's keys. So what a copy of the machine masks for
 *   a connection that it does not have goes nowhere else (what stays open: docs/blind.md);
 * - a session lives in this process's memory alone. Its key comes from the system's generator and is never stored, so a crash or restart is
 *   a new session; a forked child finds the session gone.
 * A session belongs to one thread. */
#ifndef BLIND_SLOTS_H
#define BLIND_SLOTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/linear.h"

enum {
    SLOTS_COLUMNS_MAX = 1024, /* in one ticket */
    SLOTS_N_MAX = 1u << 30,   /* columns of one stack in a session; then it takes a new session */
    SLOTS_SESSION_BYTES = 16  /* of a session's public name */
};

struct
    blind_session; /* in memory that is locked as far as the system allows, kept out of core files and zero in a forked child */
/* A fresh key and name, all counters at 0. stacks: [count], must outlive the session. ERR_NOMEM, ERR_RANGE. */
int blind_session_new(struct blind_session **out, const struct linear *stacks, uint32_t count);
/* No further slot is spent or filled. Tickets keep their bytes, for their answers' checks. */
void blind_session_end(struct blind_session *s);
void blind_session_free(struct blind_session *s); /* wipes; NULL is fine. Tickets live on. */
/* 1 while slots can be spent: not ended, and this is the process that made it. */
int blind_session_alive(const struct blind_session *s);
/* A random name, which is no secret: of messages about slots of this session. */
void blind_session_name(const struct blind_session *s, uint8_t name[SLOTS_SESSION_BYTES]);
/* The n that the next spent slot of the stack will have: what to order ahead from here on. */
uint32_t blind_session_next(const struct blind_session *s, uint32_t stack);

/* Ticket: count columns n = first.. of one stack, spent, and the bytes to send for them. */
struct slots {
    uint32_t stack, first, count;
    uint32_t filled; /* columns that have their bytes; what follows is for slots.c alone */
    const struct linear *linear;
    uint8_t name[SLOTS_SESSION_BYTES];
    size_t column_bytes;
    uint8_t *bytes;
};
/* Spends the stack's next count slots. ERR_WRONG_STATE: the session is not alive; ERR_RANGE: no such stack, count 0 or over its
 * maximum; ERR_LIMIT: SLOTS_N_MAX; ERR_NOMEM: spent all the same. *out is the caller's, NULL on failure. */
int slots_spend(struct blind_session *s, uint32_t stack, uint32_t count, struct slots **out);
void slots_free(struct slots *t); /* wipes: once every column has a checked answer. NULL is fine */
/* Fixes what is sent for the ticket's next column (number `filled`): u, cols residues. Once and for good. ERR_WRONG_STATE: all are filled,
 * the session is not alive or not the ticket's; ERR_RANGE: a value >= p; then the slot is lost: no column of the ticket can be filled. */
int slots_fill(struct blind_session *s, struct slots *t, const uint32_t *u);
/* What to send: count columns of residues_bytes(cols) each, the same at every call. ERR_WRONG_STATE until all columns are filled. */
int slots_bytes(const struct slots *t, const uint8_t **bytes, size_t *n);
/* Column i of the bytes as residues: the input that its answer is checked against. ERR_RANGE, ERR_WRONG_STATE. */
int slots_column(const struct slots *t, uint32_t i, uint32_t *u);

#endif
