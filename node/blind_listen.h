/* node/blind_listen.h - a port of the node's own for blind clients that can reach it: the same HTTP/2 request and the same sealed session as
 * through the coordinator, without its detour. The certificate is made at first start; clients pin its key, which the record names. */
#ifndef NODE_BLIND_LISTEN_H
#define NODE_BLIND_LISTEN_H

#include <stdint.h>

#include "base/err.h"
#include "seal/worker_entry.h"

struct node;
struct blind_listen;
/* n->o.blind_listen, blind_announce. at and pin: for the record. */
int blind_listen_open(struct blind_listen **out, struct node *n, char at[WORKER_AT_BYTES], uint8_t pin[32], struct why *why);
void blind_listen_pause(struct blind_listen *l); /* takes no new connections; NULL is fine */
void blind_listen_close(struct blind_listen *l); /* and its connections; NULL is fine */

#endif
