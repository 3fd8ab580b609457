/* model/sampler.h - logits to one token id: rule 12 of the profile.
 *
 * The draw for an output position depends on seed, position and choice alone, and weights are integers, so the same logits
 * give the same id anywhere. Everything else the rule needs (which ids were seen) is recomputed from the ids. */
#ifndef MODEL_SAMPLER_H
#define MODEL_SAMPLER_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/gen_request.h"

/* 0, or ERR_RANGE: NaN or infinite values, temperature < 0, repeat_penalty <= 0, top_p or min_p outside 0..1, top_k < 0,
 * repeat_last_n < -1, bias ids outside 0..n_vocab-1, more than GEN_BIAS_MAX of them. why names the parameter. */
int sampling_check(const struct gen_sampling *p, const struct gen_bias *bias, size_t bias_count, uint32_t n_vocab,
                   struct why *why);

struct gram_run; /* model/grammar_run.h */

struct sampler_seen {
    int32_t id;
    uint32_t count;
};
struct sampler {
    struct gen_sampling p;
    uint8_t key[32];
    uint32_t n_vocab;
    struct gen_bias *bias;
    size_t bias_count;
    /* Penalties: the distinct ids of the window and how often each occurs. NULL when no penalty is on. */
    struct sampler_seen *seen;
    uint32_t seen_count;
    uint32_t *seen_at; /* id -> 1 + index into seen, 0: not in the window */
    int32_t *ring;     /* the window itself; NULL when it never drops an id */
    uint32_t window, ring_at, ring_used;
    uint64_t *heap;           /* n_vocab candidates; NULL when greedy */
    struct gram_run *grammar; /* what the answer must match; NULL: anything */
};
/* Checks, copies the bias list and takes all memory that picking needs. ids_max: most ids that will ever be accepted. */
int sampler_init(struct sampler *s, uint32_t n_vocab, const struct gen_sampling *p, const struct gen_bias *bias,
                 size_t bias_count, uint32_t ids_max, struct why *why);
void sampler_release(struct sampler *s); /* wipes: ids are content; fine on a zeroed sampler */
/* To be called between the prompt's ids and the answer's: only what the grammar allows is picked. g becomes s's. */
void sampler_constrain(struct sampler *s, struct gram_run *g);
/* Tells of the next id of prompt or answer, in order. id in range. */
void sampler_accept(struct sampler *s, int32_t id);
/* Whether the ids of the answer so far, and with is_end its end here, are allowed by the grammar: 0, ERR_RANGE, or ERR_LIMIT. */
int sampler_check(const struct sampler *s, int is_end);
/* Picks an id for output position `position` (0 = first of the whole answer). l[n_vocab] is finite and is changed (bias,
 * penalties, and -infinity for what the grammar forbids). choice numbers parallel answers, 0 for one. 0; ERR_NONFINITE if
 * bias or penalties leave the range of binary32; with a grammar what gram_run_mask returns. Allocates nothing. */
int sampler_pick(struct sampler *s, float *l, uint32_t position, uint32_t choice, int32_t *id);

/* The draw R: the first 8 bytes, little-endian, of the ChaCha20 block with this key. */
uint64_t sampler_draw(const uint8_t key[32], uint32_t position, uint32_t choice);
/* SHA-256("lull sampler v1" || seed as u64 little-endian). */
void sampler_key(uint8_t key[32], uint64_t seed);

#endif
