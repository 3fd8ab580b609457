/* model/gen_parts.h - an answer and its pool, for gen_start.c (a request becomes an answer) and gen.c (steps and events). */
#ifndef MODEL_GEN_PARTS_H
#define MODEL_GEN_PARTS_H

#include "base/mem.h"
#include "model/digest.h"
#include "model/engine.h"
#include "model/gen.h"
#include "model/grammar_run.h"
#include "model/sampler.h"
#include "model/textout.h"

enum { GEN_SLOTS_MAX = 64, GEN_CHUNK_MAX = 1024 };

struct gen {
    struct gen_pool *pool;
    void *user;
    uint64_t serial; /* order of arrival */
    struct kv_seq seq;
    struct sampler sampler;
    struct textout out;
    int32_t *ids; /* prompt, then answer; ids_max of them fit */
    uint32_t prompt_count, count, ids_max;
    uint32_t resumed;  /* ids of the answer that were there at the start */
    uint8_t *text;     /* what the last event shows: released text and, at the end, what was held back */
    struct buf before; /* text of the resumed ids */
    int digests;
    uint8_t chain[DIGEST_BYTES];
    enum gen_stop stop; /* other than NONE: complete */
    int done, err;      /* done: the last event is out */
    struct gen_times times;

    /* of the step that runs */
    float *logits;
    int32_t sampled;
    uint8_t digest[DIGEST_BYTES];
};

struct gen_pool {
    struct model *m;
    struct engine *engine;
    uint32_t slots, context_max, chunk;
    uint64_t next_serial;
    struct gram_trie *trie; /* made when the first answer asks for a format */
    struct gen *slot[GEN_SLOTS_MAX];

    /* of the step that runs */
    struct engine_part part[GEN_SLOTS_MAX + 1];
    struct gen *part_gen[GEN_SLOTS_MAX + 1];
    size_t parts;
    struct gen *sampling[GEN_SLOTS_MAX];
    size_t samplings;
};

#endif
