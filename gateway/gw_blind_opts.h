/* gateway/gw_blind_opts.h - the options of `lull gateway` that belong to tier blind, checked. Experimental construction, not yet
 * reviewed. */
#ifndef GATEWAY_GW_BLIND_OPTS_H
#define GATEWAY_GW_BLIND_OPTS_H

#include <stdint.h>

#include "api/request.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/opt.h"
#include "blind/operators.h"

enum { BLIND_GUESS_MAX = 7 }; /* a pool steps 8 rows of an answer at a time */
enum gw_blind_mode { GW_BLIND_PAIR, GW_BLIND_LATTICE, GW_BLIND_MODES };
/* "pair", "lattice". */
const char *gw_blind_mode_name(enum gw_blind_mode m);
/* ERR_NOTFOUND. */
int gw_blind_mode_named(enum gw_blind_mode *out, const char *name);

struct gw_blind_opts {
    const char *tier, *mode_name; /* as written */
    const char *token_file[PAIR_ROLES], *lattice_token_file;
    struct opt_list dirs, operators[PAIR_ROLES], lattice_operators;
    uint32_t threads;
    uint32_t keep, keep_minutes;     /* conversations kept between turns, and for how long */
    uint32_t guess;                  /* ids guessed ahead in every pass after the prompt, 0..BLIND_GUESS_MAX */
    uint32_t masks_mb;               /* lattice: memory for masks ahead of their use, in MiB; 0: the client's own bound */
    int pair_direct, lattice_direct; /* a connection of our own to workers that name an address */
    /* what gw_blind_opts_check makes of them */
    enum gw_blind_mode mode;
    enum api_tier least;          /* of every request; API_TIER_SEALED or API_TIER_BLIND */
    struct operators policy;      /* lattice: PAIR_A, whose workers see masked inputs */
    struct buf token[PAIR_ROLES]; /* secret; empty: none; by role likewise */
    int direct;
};
/* 0, or ERR_USAGE and what reading the token files gave. Without folders nothing else may be set, but for a tier of sealed; nor may
 * options of another mode. */
int gw_blind_opts_check(struct gw_blind_opts *o, struct why *why);
void gw_blind_opts_release(struct gw_blind_opts *o); /* wipes */

#endif
