/* model/forward_parts.h - stages of a forward pass that its two orders share: forward.c, forward_fold.c. */
#ifndef MODEL_FORWARD_PARTS_H
#define MODEL_FORWARD_PARTS_H

#include "model/engine_parts.h"

static inline uint32_t q_width(const struct engine *e) { return e->m->hp.n_head * e->m->hp.head_dim; }
static inline uint32_t kv_width(const struct engine *e) { return e->m->hp.n_kv * e->m->hp.head_dim; }

struct row_job {
    struct engine *e;
    const struct products *next; /* the products that read what this stage makes */
    float *add;                  /* added to x first, on the way normed (post_norm) and scaled; NULL: nothing */
    const float *post_norm;      /* NULL: none */
    const float *norm;
    const struct layer *layer;
    uint32_t layer_index;
};

/* Per-head norms, RoPE, and K and V into the pages. For by_rows; arg: struct row_job, of which the layer counts. */
void forward_heads(void *arg, uint32_t begin, uint32_t end);
/* For pool_range over tiles times kv heads. Likewise. */
void forward_attend(void *arg, uint32_t begin, uint32_t end);
/* Last norm, output matrix, logits. 0, or what products_run returns. */
int forward_head(struct engine *e, struct row_job *j);

/* The whole pass in the order of profile C1-row8-fold (forward_fold.c). As forward_run. */
int forward_fold(struct engine *e);

#endif
