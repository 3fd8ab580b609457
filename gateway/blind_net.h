/* gateway/blind_net.h - a coordinator's blind workers for a program that has no loop of its own: a thread that keeps the link up and the
 * directory fresh, and dials sessions. A gateway has both already and uses blind_dial.h alone. */
#ifndef GATEWAY_BLIND_NET_H
#define GATEWAY_BLIND_NET_H

#include "gateway/blind_dial.h"
#include "gateway/gw_dir.h"

struct blind_net_opts { /* the texts must outlive the net */
    const char *coordinator, *ca, *pin, *bearer;
};
struct blind_net;
/* Starts the thread; the coordinator need not answer yet. What gw_link_open returns, or ERR_NOMEM. */
int blind_net_open(struct blind_net **out, const struct blind_net_opts *o, struct why *why);
void blind_net_close(struct blind_net *n); /* after its links; NULL is fine */
/* Records of workers of that blind manifest, verified, into out; their number, at most max. */
size_t blind_net_workers(struct blind_net *n, const uint8_t manifest_hash[32], struct record *out, size_t max);
/* The same, but waits until there are `want` of them, at most wait_ms. */
size_t blind_net_wait(struct blind_net *n, const uint8_t manifest_hash[32], struct record *out, size_t want, uint32_t wait_ms);
const struct blind_dialer *blind_net_dialer(const struct blind_net *n);

#endif
