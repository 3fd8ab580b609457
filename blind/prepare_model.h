/* blind/prepare_model.h - a model file as the source of blind/prepare.h. */
#ifndef BLIND_PREPARE_MODEL_H
#define BLIND_PREPARE_MODEL_H

#include "blind/prepare.h"
#include "math/kv_page.h"
#include "math/pool.h"

struct prepare_model_opts {
    const char *name;  /* full form */
    enum kv_format kv; /* of the client's cache: part of the profile */
    uint32_t context;  /* as model_opts: part of the profile of some models */
    int folded;        /* ARITH_ROW8_FOLD: prepare_model_dir opens the file so */
    struct pool *pool; /* whose threads fold; NULL: one of its own, a thread per core */
    /* [stack], for prepare_model_manifest: stacks that the caller has packed already (data NULL: not this one), and the scales of
     * their rows; their rows are taken from there. NULL: none. */
    const struct row8 *held;
    float *const *held_scales;
    void (*progress)(void *arg, uint64_t weights_done, uint64_t weights_all);
    void *arg;
};
/* Prepares dir for the model file at path: `lull blind prepare`. Besides prepare_dir's errors those of model_open: ERR_UNSUPPORTED for a
 * mixture of experts, whose choice of experts would tell the workers the tokens. */
int prepare_model_dir(const char *dir, const char *path, const struct prepare_model_opts *o, struct why *why);
/* The same of an opened model (ARITH_ROW8 or ARITH_ROW8_FOLD, its stacks packed or streamed). o->folded is the model's. */
int prepare_opened_dir(const char *dir, const struct model *m, const struct prepare_model_opts *o, struct why *why);
/* A model's integers as a source: of hints (blind/hint_make.h) as well. out works as long as s and m do. ERR_NOMEM. */
struct prepare_model_source {
    const struct model *m; /* ARITH_ROW8 or ARITH_ROW8_FOLD, its stacks packed or streamed */
    struct pool *own;      /* NULL: the pool is the caller's */
    struct linear_rows *rows;
    const struct row8 *held; /* as in prepare_model_opts */
    float *const *held_scales;
};
/* pool: whose threads fold rows, which nobody else may use while one is asked for; NULL: one of its own. */
int prepare_model_source_init(struct prepare_model_source *s, const struct model *m, struct pool *pool,
                              struct prepare_source *out);
void prepare_model_source_release(struct prepare_model_source *s); /* fine on a zeroed one */
/* The manifest of an opened model (ARITH_ROW8 or ARITH_ROW8_FOLD, its stacks packed or streamed): what a worker's answers are held to.
 * o->folded is the model's. */
int prepare_model_manifest(struct blind_manifest *out, const struct model *m, const struct prepare_model_opts *o,
                           const char *temp_dir, struct why *why);

#endif
