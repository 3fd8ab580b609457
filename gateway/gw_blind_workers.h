/* gateway/gw_blind_workers.h - where mode pair finds its workers: those that the coordinator lists for one blind manifest, by role.
 *
 * The coordinator is believed in nothing but that a worker may be reachable: records are verified, who may serve a role is the user's list
 * of operators, and in which order workers are tried is a draw of this process, so that listing many of them steers nothing. */
#ifndef GATEWAY_GW_BLIND_WORKERS_H
#define GATEWAY_GW_BLIND_WORKERS_H

#include "blind/operators.h"
#include "blind/roster.h"
#include "gateway/blind_net.h"

struct gw_blind_workers;
/* net must outlive it. direct: a connection of our own to a worker that names an address. policy is copied. ERR_NOMEM. */
int gw_blind_workers_new(struct gw_blind_workers **out, struct blind_net *net, const uint8_t manifest[32],
                         const struct operators *policy, int direct);
void gw_blind_workers_free(struct gw_blind_workers *w); /* after its links; NULL is fine */
/* For pair_opts: two threads may ask at once. */
struct blind_source gw_blind_workers_source(struct gw_blind_workers *w);
/* From now on all links are lost, within a tenth of a second, and none is opened. Any thread. */
void gw_blind_workers_stop(struct gw_blind_workers *w);

/* How many are listed now that may serve the role. Any thread. */
size_t gw_blind_workers_count(struct gw_blind_workers *w, enum pair_role role);
/* The operator of a worker that a link was opened to: 1, or 0 when it is not known any more. Any thread. */
int gw_blind_workers_operator(struct gw_blind_workers *w, const uint8_t identity[32], uint8_t operator_id[32]);

#endif
