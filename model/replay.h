/* model/replay.h - checks an answer against the model: every sampled id and every logits row, bit for bit.
 *
 * Decoding and prefill give the same bits, so a replay is one pass over prompt and answer with the sampler run again at each
 * output position: several times faster than the answer was. */
#ifndef MODEL_REPLAY_H
#define MODEL_REPLAY_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/digest.h"
#include "model/gen_request.h"
#include "model/profile.h"

struct model;

struct replay {
    const int32_t *prompt;
    size_t prompt_count;
    struct gen_sampling sampling;
    const struct gen_bias *bias;
    size_t bias_count;
    struct gen_format format; /* that the answer had to have */
    int at_start;             /* gen_at_start of its request */
    const int32_t *ids;       /* every sampled id from output position 0 on, a closing end-of-generation id included */
    size_t count;
    size_t from;                                          /* first position that is checked; ids before it are taken as given */
    const uint8_t *salt;                                  /* DIGEST_BYTES that the chain starts from; NULL: zeros */
    const uint8_t *digests;                               /* (count - from) * DIGEST_BYTES, or NULL: not compared */
    const uint8_t *chain;                                 /* the chain after the last row, or NULL: not compared */
    enum kv_format kv;                                    /* as the answer's profile says (model_profile_kv) */
    uint32_t threads;                                     /* 0: one per core */
    void (*progress)(void *arg, size_t done, size_t all); /* tokens; may be NULL */
    void *arg;
};
enum replay_verdict {
    REPLAY_EXACT,
    REPLAY_ID,     /* the sampler picks another id at `position` */
    REPLAY_DIGEST, /* the logits at `position` have another digest */
    REPLAY_CHAIN,  /* ids agree, the chain over the logits does not; where is not known */
};
struct replay_result {
    enum replay_verdict verdict;
    size_t position;             /* output position of the first mismatch; count when exact */
    uint8_t chain[DIGEST_BYTES]; /* over the rows from `from` up to position */
};
/* 0 when it was judged, whatever the verdict. ERR_RANGE (ids, parameters, no ids to check), ERR_CONTEXT, ERR_NONFINITE,
 * ERR_UNSUPPORTED (the KV format), ERR_NOMEM otherwise. */
int replay_run(struct model *m, const struct replay *in, struct replay_result *out, struct why *why);

#endif
