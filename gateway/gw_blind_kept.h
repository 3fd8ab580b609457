/* gateway/gw_blind_kept.h - conversations of tier blind between their turns: the keys and values of the last few, so that a turn sends
 * its new columns only. The engine thread's own.
 *
 * A request goes on with a conversation only if its messages are, word for word, those of that conversation up to an answer as it was
 * given here; the longest such beginning counts. It is found by a hash under a key of this table:
 *     at(0)   = SHA-256("lull blind conversation v1" || key)
 *     at(n+1) = SHA-256(at(n) || role of message n, one byte || SHA-256 of its text)
 * So nothing is matched before there was an answer: two conversations that begin with the same words have nothing in common, nor
 * has a first question asked twice. Whoever goes on with an earlier answer, or asks the same again, forgets what came after it: a
 * conversation is one thread of turns, and of two branches the later one is kept.
 *
 * A conversation goes, wiped, when it was not used for so long, when there are more of them than may be kept, when its pages are needed,
 * and at the end. */
#ifndef GATEWAY_GW_BLIND_KEPT_H
#define GATEWAY_GW_BLIND_KEPT_H

#include "base/hash.h"
#include "model/gen.h"

enum {
    KEPT_MAX = 64,        /* conversations */
    KEPT_ANSWERS_MAX = 32 /* of a conversation that a request may go on with: the last ones */
};

struct gw_kept_answer {
    uint8_t at[SHA256_BYTES]; /* the messages up to it, and itself */
    uint32_t ids;             /* so many were fed then */
};
struct gw_conversation {
    struct gen_past *past;
    struct gw_kept_answer answer[KEPT_ANSWERS_MAX];
    uint32_t answers;
    uint64_t used_ms;
};
struct gw_blind_kept {
    uint8_t key[32];
    uint32_t most, count;
    uint64_t idle_ms;
    struct gw_conversation at[KEPT_MAX];
};
/* most: 0 keeps nothing, more than KEPT_MAX are KEPT_MAX. */
void gw_blind_kept_init(struct gw_blind_kept *k, uint32_t most, uint64_t idle_ms);
void gw_blind_kept_release(struct gw_blind_kept *k); /* wipes; before the pool goes; fine on a zeroed one */

/* 1 if an answer to this request is kept: it has messages, and none of the extras (tools, options), which the hash does not cover. */
int gw_blind_kept_takes(const struct gw_blind_kept *k, const struct gen_request *r);
/* at: the place of its messages, for gw_blind_kept_add. Takes the conversation that it goes on with out of the table, with no answer
 * after the one that it goes on from; c->past NULL: there is none. */
void gw_blind_kept_find(struct gw_blind_kept *k, const struct gen_request *r, uint8_t at[SHA256_BYTES],
                        struct gw_conversation *c);
/* The place behind an answer. */
void gw_blind_kept_answered(uint8_t at[SHA256_BYTES], const uint8_t text_hash[SHA256_BYTES]);
/* Notes an answer of `ids` ids at a place. */
void gw_conversation_add(struct gw_conversation *c, const uint8_t at[SHA256_BYTES], uint32_t ids);
/* Notes that only the first `ids` ids are what they were. */
void gw_conversation_cut(struct gw_conversation *c, uint32_t ids);
/* Puts a conversation back, or a new one, in place of the one that was not used for the longest time, if need be. c is empty
 * afterwards; without a past or an answer it is dropped. */
void gw_blind_kept_put(struct gw_blind_kept *k, struct gw_conversation *c, uint64_t now_ms);

/* Drops the one that was not used for the longest time: 1, or 0: none is left. */
int gw_blind_kept_drop(struct gw_blind_kept *k);
/* Drops what was not used for too long. When the next one is to go: on that clock, or 0: none is left. */
uint64_t gw_blind_kept_expire(struct gw_blind_kept *k, uint64_t now_ms);

#endif
