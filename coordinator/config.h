/* coordinator/config.h - options of `lull coordinator`, and what they may be. */
#ifndef COORDINATOR_CONFIG_H
#define COORDINATOR_CONFIG_H

#include <stdint.h>

#include "base/opt.h"

struct config {
    const char *listen, *status; /* status "off": no page */
    const char *data;            /* NULL: the role's default */
    const char *tls_cert, *tls_key;
    const char *admit, *client_keys;
    const char *log_level, *log_format;
    struct opt_list names;
    uint32_t nodes_max, nodes_each;     /* in all; of one operator */
    uint32_t links_each, requests_each; /* of one peer address */
    uint32_t rate_each;                 /* requests and links a second of one peer address */
    uint32_t queue_max, queue_each;     /* waiting in all; of one address */
    uint32_t queue_ms;                  /* how long one waits */
    uint32_t keep_days;                 /* job rows; 0: for ever */
    uint32_t drain_ms;                  /* for running jobs at SIGTERM */
};
void config_defaults(struct config *c);
/* 0, OPT_HELP_SHOWN, ERR_USAGE. */
int config_parse(struct config *c, int argc, char **argv, struct why *why);

#endif
