/* blind/local_link.h - a worker in a thread of this process, and links to it: what tests and `lull blind bench` use. Sessions are
 * sealed as they are over a network, so that their cost is the same but for sockets. */
#ifndef BLIND_LOCAL_LINK_H
#define BLIND_LOCAL_LINK_H

#include "blind/blind_worker.h"
#include "blind/link.h"

struct blind_local;
/* Starts the thread; o and what it points to must outlive it. delay_us: how long every message takes each way (0: no time), to see what
 * a network's round trip does. The identity is made up for this process. ERR_NOMEM and what blind_worker_new returns. */
int blind_local_new(struct blind_local **out, const struct blind_worker_opts *o, uint32_t delay_us);
void blind_local_free(struct blind_local *l); /* after its links are closed; NULL is fine */
/* A new session. From any thread; the link then belongs to one. */
int blind_local_link(struct blind_local *l, struct blind_link *out);
/* What the worker has done so far. */
void blind_local_counts(struct blind_local *l, struct blind_worker_counts *out);

#endif
