/* cli/first_token.h - what sealing, relaying and opening add to the first token: the same prompts through a gateway and on the
 * same engine already loaded in this process, one after the other, interleaved. */
#ifndef CLI_FIRST_TOKEN_H
#define CLI_FIRST_TOKEN_H

#include <stdint.h>

#include "base/err.h"

enum { FIRST_TOKEN_RUNS_MAX = 2000 };
struct first_token {
    /* in */
    const char *gateway, *model_name; /* HOST:PORT and the name there */
    const char *model_file;
    uint32_t runs, threads;
    /* out: milliseconds */
    double added_p50, added_p99; /* percentile through the gateway minus the same percentile of the local engine */
    double network_p50, network_p99, local_p50, local_p99;
};
int first_token_measure(struct first_token *f, struct why *why);

#endif
