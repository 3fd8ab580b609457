/* model/gen_parts.h - an answer and its pool, for gen_start.c (a request becomes an answer), gen_past.c (what it leaves for the
 * next one), gen_plan.c (who takes part in a step) and gen.c (steps and events). */
#ifndef MODEL_GEN_PARTS_H
#define MODEL_GEN_PARTS_H

#include "base/mem.h"
#include "model/digest.h"
#include "model/engine.h"
#include "model/gen.h"
#include "model/grammar_run.h"
#include "model/ngram.h"
#include "model/prefix.h"
#include "model/sampler.h"
#include "model/textout.h"

enum {
    GEN_SLOTS_MAX = 64,
    GEN_CHUNK_MAX = 1024,
    GEN_CHUNK_SHARE = 4, /* beside answers in the making a chunk is so much smaller: they wait for the step */
    GEN_GUESS_ROWS = 8,  /* rows of a step up to which one more costs little: guesses do not go beyond */
};

struct gen {
    struct gen_pool *pool;
    void *user;
    uint64_t serial; /* order of arrival */
    struct kv_seq seq;
    struct sampler sampler;
    struct textout out;
    int32_t *ids; /* prompt, then answer; ids_max of them fit */
    uint32_t prompt_count, count, ids_max;
    uint32_t resumed; /* ids of the answer that were there at the start */
    uint8_t *text;    /* what the step's events show: released text and, at the end, what was held back */
    size_t text_len, text_max;
    struct buf before; /* text of the resumed ids */
    int digests;
    uint8_t chain[DIGEST_BYTES];
    enum gen_stop stop; /* other than NONE: complete */
    int done, err;      /* done: the last event is out */
    struct gen_times times;
    uint64_t served; /* the last step with a part of the prompt in it; 0: none */
    int keeps;       /* its pages are kept for later prompts, and others' are taken, along this path */
    struct prefix_path path;
    struct ngram grams;
    struct guess_pace pace;
    int plainly; /* the next step makes no guesses: what it says counts */

    /* of the step that runs */
    float *logits;             /* a row for each id fed: the last one known, then guesses */
    uint32_t guesses, samples; /* samples: ids picked, 1 and one more for each guess that was right */
    int32_t sampled[GEN_GUESSES_MAX + 1];
    uint8_t digest[GEN_GUESSES_MAX + 1][DIGEST_BYTES];
};

struct gen_pool {
    struct model *m;
    struct engine *engine;
    struct prefix prefix;
    struct gram_trie *trie; /* made when the first answer asks for a format */
    uint32_t slots, context_max, chunk, guesses;
    int guess_always;
    uint64_t next_serial, steps, now_ms;
    struct gen *slot[GEN_SLOTS_MAX];

    /* of the step that runs */
    struct engine_part part[GEN_SLOTS_MAX];
    struct gen *part_gen[GEN_SLOTS_MAX];
    size_t parts;
    struct gen *sampling[GEN_SLOTS_MAX];
    size_t samplings;
};

/* gen_plan.c: fills part[] for the next step, whose events are at most cap. */
void gen_plan(struct gen_pool *p, size_t cap);
/* Takes over kept pages for ids[0..count), of which the last one at least is left to be fed. */
void gen_adopt_pages(struct gen *g, const int32_t *ids, uint32_t count);
/* Offers the pages that are full now to later prompts. */
void gen_keep_pages(struct gen *g);
/* They were used until now. */
void gen_touch_pages(struct gen *g);

/* gen_past.c: pages for `positions`, the first of them of *past, which is NULL afterwards. ERR_BUSY: nothing has changed. */
int gen_take_past(struct gen *g, struct gen_past **past, uint32_t most, uint32_t positions);

#endif
