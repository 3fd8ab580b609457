/* node/blind_served.h - the models whose products a node computes blindly: their packed stacks, each with a worker thread of its own.
 * Nothing else of the model stays in memory. */
#ifndef NODE_BLIND_SERVED_H
#define NODE_BLIND_SERVED_H

#include "base/file.h"
#include "blind/worker_thread.h"
#include "seal/worker_entry.h"

struct blind_served {
    struct worker_entry entry; /* for the record */
    struct row8 *stacks;       /* [stack_count]; data NULL: not held */
    uint32_t stack_count;
    struct pool *pool;
    struct blind_thread *thread;
};
struct blind_served_opts {
    uint32_t threads;       /* 0: one per core */
    uint32_t sessions;      /* at once */
    uint64_t columns_quota; /* of one session; 0: no end */
    int folded;             /* of profile C1-row8-fold: half as many rounds, about twice the memory (model/row8_fold.h) */
    const char *layers;     /* "FIRST-LAST", counted from 0: hold these alone, the output matrix with the last; NULL: all */
    const char *kernels;    /* as kern_select takes it */
    const char *at;         /* where the node listens for workers' clients; NULL: nowhere */
    const uint8_t *at_pin;  /* 32 bytes, with at */
};
/* spec is FILE or FILE=NAME, as served_open takes it. Packs the stacks, then makes the blind manifest, which covers every row: of
 * those that are packed here, and for the others reads the file again. ERR_UNSUPPORTED for a mixture of experts; ERR_USAGE for layers that the model has not. */
int blind_served_open(struct blind_served *s, const char *spec, const struct blind_served_opts *o, const struct data_dir *dir,
                      struct why *why);
void blind_served_close(struct blind_served *s); /* after its seats; fine on a zeroed one */

#endif
