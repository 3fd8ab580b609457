/* gateway/gw_opts.h - the options of `lull gateway`, checked. */
#ifndef GATEWAY_GW_OPTS_H
#define GATEWAY_GW_OPTS_H

#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "evidence/policy.h"
#include "gateway/gw_blind_opts.h"
#include "gateway/gw_draw.h"

struct gw_opts {
    const char *listen, *coordinator, *ca, *pin, *data, *receipts;
    const char *forget_pin;     /* a model's name: forget which file it stood for, and exit. NULL: serve */
    const char *policy_file;    /* of tier attested; NULL: none */
    struct ev_policy *attested; /* read from it */
    struct opt_list releases;   /* files with proofs */
    uint32_t candidates, max_queue;
    struct gw_policy policy;
    struct buf key;             /* of --api-key-file, NUL-terminated; empty: no key */
    struct buf coordinator_key; /* of --coordinator-key-file, likewise */
    char bearer[1040];          /* "Bearer KEY" of it, or "" */
    int keep_nothing;           /* nodes keep no KV pages of these requests */
    struct gw_blind_opts blind;
    int beyond_loopback; /* --listen is not this machine alone */
};
/* 0; OPT_HELP_SHOWN; ERR_*, with why. */
int gw_opts_parse(struct gw_opts *o, int argc, char **argv, struct why *why);
void gw_opts_release(struct gw_opts *o);

#endif
