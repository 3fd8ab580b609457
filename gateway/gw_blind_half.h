/* gateway/gw_blind_half.h - the client's half of a model in tier blind, in either mode: the products that its engine asks of workers, and
 * for mode `lattice` the hint and what is derived from the manifest. Experimental construction, not yet reviewed. */
#ifndef GATEWAY_GW_BLIND_HALF_H
#define GATEWAY_GW_BLIND_HALF_H

#include "blind/lattice_client.h"
#include "blind/pair.h"
#include "gateway/gw_blind_engine.h"
#include "gateway/gw_blind_opts.h"

struct gw_blind_half {
    const struct gw_blind_client *client; /* for the engine */
    const struct linear_ops *linear;      /* for its pool */
    void *state;                          /* of both */
    const char *params;                   /* of lattice: a name of blind/lattice_params.h; else NULL */
    /* for gw_blind_half.c */
    struct pair *pair;
    struct lattice_client *lattice;
    struct lattice_public a;
    struct hint hint;
};
struct gw_blind_half_opts { /* all of it must outlive the half */
    const char *dir;        /* the prepared folder */
    const struct prepared *prepared;
    struct blind_source workers;
    const struct gw_blind_opts *blind; /* checked */
};
/* Connects to nobody yet. Mode lattice reads and hashes the whole hint (2 s for 3 GB). What pair_new and lattice_client_new return;
 * ERR_NOTFOUND: the folder was not prepared for mode lattice; ERR_AUTH and what else prepared_hint_open returns. On failure *h is
 * empty. */
int gw_blind_half_open(struct gw_blind_half *h, const struct gw_blind_half_opts *o, struct why *why);
void gw_blind_half_close(struct gw_blind_half *h); /* fine on an empty one */

#endif
