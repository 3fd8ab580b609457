/* blind/conversation.h - one session with one worker, from the client's side: hello and ready, products and orders out,
 * answers in, column by column into struct answer. Whatever the worker does wrong ends it, and *fault says what.
 *
 * A conversation belongs to one thread. Answers are taken strictly in the order of what was asked, each piece where it is due. */
#ifndef BLIND_CONVERSATION_H
#define BLIND_CONVERSATION_H

#include <stddef.h>
#include <stdint.h>

#include "blind/answer.h"
#include "blind/fault.h"
#include "blind/link.h"
#include "blind/message.h"
#include "model/linear.h"

struct conversation {
    struct blind_link link;
    int open; /* else the link is closed, and there is nothing to close */
    enum blind_role role;
    uint32_t seq; /* the last number that was given out */
    struct blind_ready ready;
    uint64_t quota; /* columns that this session may still ask for, as far as we know */
    uint8_t *out;   /* the message that is sent next: secret pages, as orders hold keys */
    size_t out_max;
    uint64_t bytes_up, bytes_down, messages_up, messages_down; /* of sealed chunks; they go on over the links of one role */
};
/* Who says hello, and to what. */
struct conversation_opts {
    enum blind_role role;
    uint8_t manifest[32]; /* digest of the blind manifest */
    const uint8_t *token; /* of the quota; token_n 0: none */
    uint8_t token_n;
    const struct linear *stacks;
    uint32_t stack_count;
    uint32_t from, to;        /* stacks from .. to - 1 must be held; others may be */
    uint32_t columns, ranges; /* that a product or range may have; that may be unanswered at once (B) */
    uint32_t products;        /* that may be unanswered at once (A, lattice), BLIND_MESSAGE_MAX bytes in all when more than one */
    uint32_t wait_ms;         /* for ready */
};
/* Room for the longest message of these stacks. ERR_NOMEM. */
int conversation_init(struct conversation *c, const struct conversation_opts *o);
void conversation_release(struct conversation *c); /* closes too; fine on a zeroed one */

/* Takes over the link and greets the worker. 0; ERR_LOST with *fault and *code, or ERR_NOTFOUND, FAULT_NONE: it does not hold those stacks, which
 * is no fault; either way the link is closed. */
int conversation_open(struct conversation *c, const struct blind_link *link, const struct conversation_opts *o,
                      enum blind_fault *fault, uint8_t *code);
/* Says bye if it can, and closes the link. Fine when it is not open. */
void conversation_close(struct conversation *c);

/* 1: the worker holds all of stacks from .. to - 1. */
int conversation_holds(const struct conversation *c, uint32_t from, uint32_t to);

/* Sends count columns that are packed already. 0, or ERR_LOST: the connection is gone. *seq: the answer's number. */
int conversation_product(struct conversation *c, uint32_t stack, uint32_t count, const uint8_t *packed, size_t n, uint32_t *seq);
/* Orders the ranges, and grants the bytes of their answers, both in one go. */
int conversation_order(struct conversation *c, uint32_t grant, const struct blind_batch *keys, unsigned key_count,
                       const struct blind_range *ranges, unsigned range_count, uint32_t *seq);

/* How long the answer of count columns of a stack may take: answer_ms, and a second more for each CONVERSATION_SLOWEST bytes. */
enum { CONVERSATION_SLOWEST = 64000 };
uint64_t conversation_allowed_ms(const struct linear *l, uint32_t count, uint32_t answer_ms);

/* An answer that is due. */
struct awaited {
    uint32_t seq;
    uint16_t item;
    uint32_t count;
    struct answer *column; /* [count], begun */
};
/* Takes one piece of the answer that is due first. 1: it was the last, every column has passed; 0: there is more to come;
 * ERR_MORE: none within wait_ms; ERR_LOST with *fault and *code: the worker is not to be listened to any more (the caller
 * closes). */
int conversation_piece(struct conversation *c, const struct awaited *due, uint32_t wait_ms, enum blind_fault *fault,
                       uint8_t *code);

#endif
