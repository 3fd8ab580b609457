/* gateway/gw_blind_judge.h - a kept receipt of tier blind, read back and held against itself.
 *
 * Nobody has signed it (gateway/gw_blind_receipt.h): what can be found is whether it is one, whole, and whether what it says can be true
 * all at once. That it is true is the gateway's word. Version 1, of gateways that kept nothing between turns, has other members than
 * version 2; each is read with its own and no others. Pure. */
#ifndef GATEWAY_GW_BLIND_JUDGE_H
#define GATEWAY_GW_BLIND_JUDGE_H

#include <stddef.h>
#include <stdint.h>

#include "gateway/gw_blind_opts.h"
#include "seal/names.h"

struct gw_blind_judged {
    int readable;    /* 0: no such receipt: members missing, unknown, or of another kind or form */
    const char *bad; /* NULL: it is consistent; else what is not, or why it could not be read */
    char member[32]; /* where, or "" */
    /* of a readable one */
    enum gw_blind_mode mode;
    char model[MODEL_NAME_BYTES], profile[PROFILE_BYTES], manifest[65];
    uint32_t tokens, workers;
    uint64_t products, verified;
};
void gw_blind_judge(struct gw_blind_judged *out, const void *file, size_t n);

#endif
