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

struct gw_blind_opts {
    const char *tier, *mode; /* as written */
    const char *token_file[PAIR_ROLES];
    struct opt_list dirs, operators[PAIR_ROLES];
    uint32_t threads;
    int direct; /* a connection of our own to workers that name an address */
    /* what gw_blind_opts_check makes of them */
    enum api_tier least; /* of every request; API_TIER_SEALED or API_TIER_BLIND */
    struct operators policy;
    struct buf token[PAIR_ROLES]; /* secret; empty: none */
};
/* 0, or ERR_USAGE and what reading the token files gave. Without folders nothing else may be set, but for a tier of sealed. */
int gw_blind_opts_check(struct gw_blind_opts *o, struct why *why);
void gw_blind_opts_release(struct gw_blind_opts *o); /* wipes */

#endif
