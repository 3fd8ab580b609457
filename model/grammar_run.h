/* model/grammar_run.h - one answer under a grammar: which token ids may come next.
 *
 * A pure function of the grammar, the vocabulary and the answer's ids so far: feeding the same ids rebuilds the same state,
 * so a resumed answer, a replay and a speculative pass agree. Ids that end the answer are allowed exactly where the grammar
 * may end; others when the text can be completed after their bytes. Limits on work and memory can make an answer
 * fail; they never change what is allowed. */
#ifndef MODEL_GRAMMAR_RUN_H
#define MODEL_GRAMMAR_RUN_H

#include "model/grammar_format.h"
#include "model/grammar_match.h"
#include "model/grammar_trie.h"

enum { GRAM_MASKS = 8 }; /* kept */

struct gram_mask {
    uint32_t state, emptied; /* of the matcher; state GRAM_FULL: none */
    uint32_t age;            /* clock of its last use */
    uint32_t allowed;        /* how many bits are set */
    uint32_t *bits;
};
struct gram_run {
    struct grammar *g;
    const struct gram_trie *trie;
    const struct vocab *v;
    struct gram_match *m;
    int err;        /* other than 0: the answer has failed */
    int skip_blank; /* a blank that comes first is not part of the text (model/textout.h) */
    uint32_t clock;
    struct gram_mask mask[GRAM_MASKS];
    uint32_t *state; /* of the walk: [depth] */
    uint8_t *path;
};
/* Takes g over, also on failure. trie and v (the one it was made from) must outlive it. at_start: as in textout_opts.
 * Takes all memory. */
int gram_run_new(struct gram_run **out, struct grammar *g, const struct gram_trie *trie, const struct vocab *v, int at_start);
int gram_run_new_in(struct gram_run **out, struct grammar *g, const struct gram_trie *trie, const struct vocab *v, int at_start,
                    const struct gram_room *room);
void gram_run_free(struct gram_run *r); /* wipes; NULL is fine */
/* Tells of the answer's next id; forbidden ones set r->err to ERR_RANGE. An end changes nothing. */
void gram_run_accept(struct gram_run *r, int32_t id);
/* 1 where the answer may end. */
int gram_run_may_end(const struct gram_run *r);
/* Bit id % 32 of bits[id / 32] is set when id is allowed; valid until the next call. 0; r->err; ERR_UNSUPPORTED: no token of
 * the vocabulary goes on here; ERR_LIMIT: too much work. */
int gram_run_mask(struct gram_run *r, const uint32_t **bits);

/* What a request asks for, ready to run: NULL for FORMAT_TEXT. *trie is made from v when it is NULL, and stays the caller's. */
int gram_run_of_format(struct gram_run **out, const struct gen_format *f, struct gram_trie **trie, const struct vocab *v,
                       int at_start, struct why *why);

#endif
