/* model/ngram.h - guesses what comes next in a text from what came next there before: the last NGRAM ids are looked up among
 * the earlier ones, and the ids that followed them are the guess. Answers that quote their prompt or repeat themselves (code,
 * JSON, lists) are guessed well. A guess is only ever a proposal: the engine computes what is right. */
#ifndef MODEL_NGRAM_H
#define MODEL_NGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { NGRAM = 3 };

struct ngram {
    uint32_t *after; /* by hash of an n-gram: the place behind its last occurrence; 0: none */
    uint32_t slots;  /* a power of two */
    uint32_t seen;   /* n-grams that end before this place are in the table */
};
/* For a text of at most ids_max ids. ERR_NOMEM. */
int ngram_init(struct ngram *n, uint32_t ids_max);
void ngram_release(struct ngram *n); /* wipes; fine on a zeroed one */
/* Writes up to `most` guesses behind the `count` ids, where the caller has room for them, and returns how many. Between calls
 * the text may only grow. The time taken does not depend on count, but for ids that are new. */
uint32_t ngram_guess(struct ngram *n, int32_t *ids, uint32_t count, uint32_t most);

/* How much guessing is worth right now. A guess that fails costs a little time, so after failures the next try waits, twice as
 * long each time, and is shorter; after successes it grows. */
struct guess_pace {
    uint32_t most;  /* guesses at a time, at most */
    uint32_t now;   /* guesses at a time, at present */
    uint32_t wait;  /* tokens to let pass */
    uint32_t pause; /* the last such wait */
};
enum { GUESS_PAUSE_MAX = 32 };
void guess_pace_init(struct guess_pace *p, uint32_t most);
/* Called once for each step of one token: how many guesses to try in it. */
uint32_t guess_pace_next(struct guess_pace *p);
/* `right` of `tried` guesses were what the model said. */
void guess_pace_learn(struct guess_pace *p, uint32_t tried, uint32_t right);

#endif
