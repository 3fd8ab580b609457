/* gateway/gw_blind.h - tier blind: the models that were prepared for it, each with its workers and an engine thread. Experimental
 * construction, not yet reviewed.
 *
 * It keeps a connection to the coordinator of its own, on a thread of its own (gateway/blind_net.h): a token takes megabytes of sealed
 * bytes, which must not stand in the way of apps, and at the end links must be closed while their loop still runs. */
#ifndef GATEWAY_GW_BLIND_H
#define GATEWAY_GW_BLIND_H

#include "gateway/gw_blind_engine.h"
#include "gateway/gw_blind_half.h"
#include "gateway/gw_blind_workers.h"
#include "gateway/gw_opts.h"
#include "seal/manifest.h"

enum { GW_BLIND_MODELS_MAX = OPT_LIST_MAX };
struct gw_blind_model {
    struct manifest shown; /* as lists show it: name, file, profile, context */
    uint64_t since_s;      /* unix: when it was opened */
    const uint8_t *digest; /* of the blind manifest */
    enum gw_blind_mode mode;
    struct gw_blind_half half;
    struct gw_blind_engine *engine;
    struct gw_blind_workers *workers;
    /* for gw_blind.c */
    struct prepared *prepared;
    struct model *model;
    struct gen_pool *pool;
};
struct gw_blind {
    struct blind_net *net;
    struct gw_blind_model models[GW_BLIND_MODELS_MAX];
    size_t count;
    struct gw_blind_request *requests; /* gw_blind_request.c: newest first */
    uint64_t next_job;
};
/* Opens every folder of o->blind; events come on the loop's thread. ERR_USAGE for a model that is prepared twice; why names the folder. */
int gw_blind_open(struct gw_blind **out, const struct gw_opts *o, struct loop *l,
                  void (*on_event)(void *arg, const struct gw_blind_event *e), void *arg, struct why *why);
/* Cancels what runs, joins, wipes: all but b itself, which requests point to until loop_free has released them. NULL is fine. */
void gw_blind_stop(struct gw_blind *b);
void gw_blind_free(struct gw_blind *b); /* after loop_free; NULL is fine */

/* The model that a full name means: itself or, for NAME:latest, the only one called NAME. NULL: none; b may be NULL. */
struct gw_blind_model *gw_blind_find(struct gw_blind *b, const char *name);
/* 1 if the name stands for several prepared models: then it is to be refused, not taken for one that is served with less secrecy. */
int gw_blind_unclear(struct gw_blind *b, const char *name);
/* Appends a JSON array: model, mode, workers listed for each role, requests. Nothing of their content. */
int gw_blind_show(struct gw_blind *b, struct buf *out);

#endif
