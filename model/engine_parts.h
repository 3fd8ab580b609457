/* model/engine_parts.h - the engine's buffers, for engine.c (what to run) and forward.c (running it). */
#ifndef MODEL_ENGINE_PARTS_H
#define MODEL_ENGINE_PARTS_H

#include "base/mem.h"
#include "math/pool.h"
#include "model/device.h"
#include "model/engine.h"
#include "model/linear.h"
#include "model/model_parts.h"
#include "model/moe.h"
#include "model/products.h"

enum { TILE_TOKENS = ACTS_PANEL };

/* Up to TILE_TOKENS consecutive rows of one part: the unit of attention, times kv heads. */
struct tile {
    uint32_t part, row, tokens, position;
};

/* Tokens as integers, of the stage that runs (row8_products.c): of one of the stacks that it asks for. */
struct row8_room {
    int32_t *x;    /* [rows][cols] */
    float *scale;  /* [rows] */
    int32_t *sums; /* [rows][rows of a stack] */
    uint8_t *cols_mem;
    struct row8_cols cols;
};

struct engine {
    const struct model *m;
    const struct kern *kern;
    struct pool *pool;
    enum kv_format format;
    struct kv_pool kv;
    uint32_t rows_max, logits_max;
    const struct device_ops *device; /* NULL: none */
    void *device_state;
    const struct linear_ops *linear; /* NULL: none */
    void *linear_state;

    struct arena mem;                                     /* everything below */
    float *x;                                             /* [rows][n_embd]: the residual stream */
    float *h;                                             /* [rows][n_embd]: normed */
    float *proj;                                          /* [rows][n_embd]: what a block adds to x */
    float *q, *att;                                       /* [rows][n_head * head_dim] */
    float *k, *v;                                         /* [rows][n_kv * head_dim] */
    float *gate, *up;                                     /* [rows][n_ff] */
    float *rope_cos[ROPE_TABLES], *rope_sin[ROPE_TABLES]; /* [rows][n_rot / 2] */
    float *logits;                                        /* [logits_max][n_vocab] */
    uint8_t *acts_mem[ACT_KINDS];
    struct acts acts[ACT_KINDS]; /* of the stage that runs */
    struct moe moe;              /* mixtures of experts */
    struct row8_room row8[2];    /* with stacks; the second one folded only */
    float *folded;               /* [rows][2 * n_ff, or all of q, k, v]: what the folded rows yield; folded only */

    /* the step that runs */
    struct engine_part *part;
    uint32_t rows, tiles, logits_rows;
    int32_t *row_id;
    uint32_t *row_part, *row_position;
    uint32_t *logits_row; /* rows that yield logits */
    struct tile *tile;
    uint32_t *device_first, *device_page; /* struct device_step's; only with a device */
    uint8_t *bad;                         /* by row; written by the thread that has the row */
    uint8_t *bad_att;                     /* by part; set with atomic stores: several threads share a part's heads */
    uint8_t *bad_head;                    /* by number among logits_rows; zero between uses */
};

/* Runs the forward pass of e's batch: fills pages, bad flags and the logits of logits_rows (model/forward.c). 0, or what linear_ops
 * returned: it is then left where it was. */
int forward_run(struct engine *e);
/* Its beginning and its end, for a device that does what lies between: embeddings and angles of the rows; logits divided, tested and
 * capped. */
void forward_embed(struct engine *e);
void forward_logits(struct engine *e);
/* The same pass by the device (model/engine_device.c). 0 or ERR_IO. */
int device_run(struct engine *e);
/* gate = act(gate) * up for one row, with the family's function. */
void forward_gate(const struct engine *e, float *gate, const float *up);

#endif
