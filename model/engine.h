/* model/engine.h - the forward pass over a mixed batch: tokens of several sequences, prompt chunks and single tokens alike.
 *
 * Rows of the batch are independent, so what a sequence gets depends on its own tokens alone: not on the batch, on how its
 * tokens were cut into steps, on threads or on kernels. Everything is allocated by engine_new. One engine belongs to one
 * thread; it has its compute threads below it. */
#ifndef MODEL_ENGINE_H
#define MODEL_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "math/kern.h"
#include "model/kv.h"
#include "model/model.h"
#include "model/profile.h"

struct engine;
struct device_ops; /* model/device.h */
struct linear_ops; /* model/linear.h */

struct engine_opts {
    uint32_t threads;                /* 0: one per core */
    uint32_t rows_max;               /* tokens of one step, over all sequences */
    uint32_t logits_max;             /* rows of one step that may ask for logits */
    uint32_t kv_pages;               /* of KV_PAGE positions each */
    enum kv_format kv;               /* format of keys and values: part of the profile */
    const struct kern *kern;         /* NULL: the model's */
    const struct device_ops *device; /* runs the steps; NULL: this processor */
    const struct linear_ops *linear; /* computes the stacks of a model of ARITH_ROW8; NULL: this processor */
    void *linear_state;
};
/* Memory that engine_new takes beside the KV pages. */
size_t engine_buffer_bytes(const struct model *m, const struct engine_opts *o);
/* The model must outlive the engine. ERR_RANGE, ERR_NOMEM, ERR_UNSUPPORTED (the model's heads do not fit the KV format; a device with
 * ARITH_ROW8), ERR_USAGE (linear with a model of another arithmetic, or none for one whose stacks are not here). */
int engine_new(struct engine **out, const struct model *m, const struct engine_opts *o, struct why *why);
void engine_free(struct engine *e); /* NULL is fine; release sequences before */
/* Wipes what steps have left in the engine's own memory: ids, activations, logits. Not the sequences' pages. A few milliseconds. */
void engine_forget(struct engine *e);
struct kv_pool *engine_kv(struct engine *e);
struct pool *engine_threads(struct engine *e); /* for work between steps */
const struct kern *engine_kern(const struct engine *e);
const char *engine_kernels(const struct engine *e);                /* name of the kernels in use: "avx2"; of the device, if any */
size_t engine_page_bytes(const struct model *m, enum kv_format f); /* memory of one KV page; model_kv_check passed */

/* Bytes that one decoded token at this position reads from memory when nothing is cached: weights, keys and values. */
uint64_t engine_token_bytes(const struct engine *e, uint32_t position);

/* Part of a batch: the next `count` tokens of one sequence, which must have pages for them. */
struct engine_part {
    struct kv_seq *seq;
    const int32_t *ids;
    uint32_t count;       /* >= 1 */
    uint32_t logits_from; /* rows logits_from..count-1 of this part yield logits; count: none */
    float *logits;        /* out: the first of those rows, n_vocab each, the caller's to change until the next step */
    int err; /* out: 0, or ERR_NONFINITE (or integers that cannot be bounded, row8_token): the sequence is of no more use, others
                are not affected */
};
/* Runs one step and raises each sequence's length. A sequence may occur in one part only. ERR_RANGE (an id, or more rows than
 * the engine has), ERR_CONTEXT (pages missing, or past the model's last position): nothing was done. ERR_IO: the device failed, and
 * all that the engine's sequences stored is lost. With linear_ops also what their product returned: no sequence has become longer, logits
 * and err are meaningless, and the same step or another may be run next; it gives the bits that it would have given. */
int engine_step(struct engine *e, struct engine_part *part, size_t parts);

#endif
