/* model/moe.h - the feed-forward part of a layer with experts (rule 14): who goes where, and the products of the chosen.
 *
 * Pairs of a row and an expert are handled in waves: as many experts, in order of their ids, as have no more pairs together than
 * there is room for. So prefill runs few large products, and one decoded token all of its experts at once. */
#ifndef MODEL_MOE_H
#define MODEL_MOE_H

#include <stdint.h>

#include "math/matrix.h"

struct engine;
struct layer;

enum { ACT_KINDS = 3 };

/* One expert of a wave: its pairs, and their activations on the way in, then between the two products. */
struct moe_run {
    uint32_t expert, first, count;
    struct acts acts[ACT_KINDS];
};
/* Up to ACTS_PANEL pairs of one run: what one thread prepares at a time. */
struct moe_panel {
    uint32_t run, begin, end; /* pairs, counted within the run */
};

struct moe {
    uint32_t pairs_max, runs_max, panels_max;
    float *logits;    /* [rows][n_expert] */
    uint32_t *chosen; /* [rows][n_expert_used], ascending */
    float *weight;    /* the same */
    uint32_t *pair;   /* the same: where this row's part of that expert is, in the wave that runs */
    uint32_t *start;  /* [n_expert]: pairs of the expert; in its wave, the next free pair */

    uint32_t *pair_row; /* [pairs_max] */
    float *in, *out;    /* [pairs_max][n_embd] */
    float *gate, *up;   /* [pairs_max][n_ff] */
    uint8_t *bad;       /* [pairs_max] */
    uint8_t *acts_mem[ACT_KINDS];
    struct moe_run *run;
    struct moe_panel *panel;

    /* the wave */
    uint32_t runs, panels, pairs, first_expert, end_expert;
    const struct layer *layer;
};

/* Hands out the buffers of e->moe through plan(ctx, count, size); called twice, as engine.c does. */
void moe_layout(struct engine *e, void *(*plan)(void *ctx, size_t count, size_t size), void *ctx);
/* From the normed rows in e->h, with e->moe.logits filled in, to their sums over experts in e->proj. */
void moe_run(struct engine *e, const struct layer *y);

/* The `used` largest of n logits, by (logit, then lower id), as ascending ids and weights that sum to about 1.
 * 0, or ERR_NONFINITE; id and weight are set then too, as experts 0, 1, .. with weight 0. */
int moe_choose(const float *logits, uint32_t n, uint32_t used, uint32_t *id, float *weight);

#endif
