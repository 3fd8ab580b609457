/* blind/prepare_model.h - a model file as the source of blind/prepare.h. */
#ifndef BLIND_PREPARE_MODEL_H
#define BLIND_PREPARE_MODEL_H

#include "blind/prepare.h"
#include "math/kv_page.h"

struct prepare_model_opts {
    const char *name;  /* full form */
    enum kv_format kv; /* of the client's cache: part of the profile */
    uint32_t context;  /* as model_opts: part of the profile of some models */
    void (*progress)(void *arg, uint64_t weights_done, uint64_t weights_all);
    void *arg;
};
/* Prepares dir for the model file at path: `lull blind prepare`. Besides prepare_dir's errors those of model_open: ERR_UNSUPPORTED for a
 * mixture of experts, whose choice of experts would tell the workers the tokens. */
int prepare_model_dir(const char *dir, const char *path, const struct prepare_model_opts *o, struct why *why);
/* The manifest of an opened model (ARITH_ROW8, its stacks packed or streamed): what a worker's answers are held to. */
int prepare_model_manifest(struct blind_manifest *out, const struct model *m, const struct prepare_model_opts *o,
                           const char *temp_dir, struct why *why);

#endif
