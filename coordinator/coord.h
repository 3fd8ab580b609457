/* coordinator/coord.h - the state that the coordinator's parts share. All of it belongs to the loop's thread.
 *
 *   coord.c         birth, the accepted connections, the tick, draining, death
 *   node_link.c     a node's link: registration, heartbeats, drain
 *   gateway_link.c  a gateway's link: directory, requests
 *   relay.c         one request: header, choice or queue, bytes both ways, accounting
 *   tunnel.c        one worker session: a stream open both ways; places.c says who may have one
 *   evidence_relay.c  a gateway's nonce to a node, the node's evidence back
 *   status_page.c   the public numbers */
#ifndef COORDINATOR_COORD_H
#define COORDINATOR_COORD_H

#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "coordinator/admit.h"
#include "coordinator/config.h"
#include "coordinator/directory.h"
#include "coordinator/limits.h"
#include "coordinator/queue.h"
#include "coordinator/route.h"
#include "coordinator/store.h"
#include "net/h2.h"
#include "net/listen.h"
#include "net/loop.h"
#include "net/tls.h"
#include "seal/linkmsg.h"
#include "seal/sign.h"

struct coord;
struct job;
struct tunnel;
struct evidence_ask;
struct httpd;

enum link_state { LINK_OPENING, LINK_SERVING, LINK_LEAVING }; /* of a node: before and after its first register; going */

struct peer { /* one accepted connection */
    struct coord *c;
    struct peer *prev, *next;
    struct h2 *h;
    uint8_t addr[ADDR_KEY_BYTES];
    enum tls_proto proto;
    int ready; /* proto is known */
    /* nodes only */
    enum link_state state;
    struct h2_stream *stream; /* the link stream; NULL before it is open and after it is gone */
    struct buf in;            /* link records not read yet */
    struct dir_node node;
    struct route_local way;
    uint64_t since_ms;
};

struct coord {
    struct config o;
    struct loop *loop;
    struct tls *tls;
    char cert[600], pin[TLS_PIN_BYTES]; /* what nodes and gateways trust it by */
    int cert_reissued;                  /* for a new --name, at this start */
    struct listener *listener;
    struct peer *peers;
    struct job *jobs;
    uint32_t job_count;
    struct tunnel *tunnels;
    uint32_t tunnel_count;
    struct evidence_ask *evidence;
    uint32_t evidence_count;
    struct directory dir;
    struct queue queue;
    struct limits *limits;
    struct admit_list operators, clients;
    struct store *store;
    struct httpd *status;
    struct timer *tick, *due; /* due: the queue's next deadline */
    struct later serve_later;
    uint8_t *secret; /* Ed25519 secret key, guarded */
    uint8_t public_key[SIGN_PUBLIC_BYTES];
    int draining;
    uint64_t drain_by_ms;
    uint64_t started_ms;
};

/* coord.c */
/* Everything but running the loop; what was made is released by coord_close, also after a failure. */
int coord_open(struct coord *c, struct loop *l, const struct config *o, const char *data_dir, struct why *why);
void coord_drain(struct coord *c); /* SIGTERM: ends with loop_stop */
/* Rows that the store could not write: 0 when all is well. */
uint32_t coord_close(struct coord *c);
void peer_forget(struct peer *p);       /* after its link is gone */
void coord_serve_soon(struct coord *c); /* a slot may be free: the queue is looked at once the running callback is over */

/* node_link.c */
void node_link_start(struct peer *p);
void node_link_gone(struct peer *p);
void node_link_tick(struct peer *p, uint64_t now_ms);
void node_link_drain(struct peer *p); /* the coordinator is leaving: jobs of now may end, none will follow */
void node_link_bye(struct peer *p);   /* closes the link in good order */
extern const struct h2_events node_events;

/* gateway_link.c */
extern const struct h2_events gateway_events;
/* Answers with a code and nothing else. s may not be used afterwards. */
void gateway_refuse(struct h2_stream *s, enum code code);

/* relay.c */
void relay_begin(struct peer *gateway, struct h2_stream *s, const struct h2_request *r);
void relay_serve_queue(struct coord *c);
void relay_tick(struct coord *c, uint64_t now_ms);
void relay_refuse_queued(struct coord *c, enum code code);
void relay_end_all(struct coord *c); /* no link may be left */

/* tunnel.c */
void tunnel_begin(struct peer *gateway, struct h2_stream *s, const struct h2_request *r);
void tunnel_tick(struct coord *c, uint64_t now_ms);
void tunnel_end_all(struct coord *c);

/* evidence_relay.c */
/* activation 0: for evidence. */
void evidence_relay_begin(struct peer *gateway, struct h2_stream *s, const struct h2_request *r, int activation);
void evidence_relay_tick(struct coord *c, uint64_t now_ms);
void evidence_relay_end_all(struct coord *c);

/* status_page.c */
int status_open(struct coord *c, struct why *why);

#endif
