/* gateway/gw_answer.h - the state of one request, shared by gw_request.c (when to send, when to give up) and gw_answer.c (what
 * comes back). Inside gateway/ only. */
#ifndef GATEWAY_GW_ANSWER_H
#define GATEWAY_GW_ANSWER_H

#include "api/request.h"
#include "gateway/gw.h"
#include "gateway/gw_attempt.h"
#include "gateway/gw_out.h"
#include "gateway/gw_progress.h"
#include "seal/content.h"
#include "seal/transcript.h"

struct gw_request {
    struct gateway *gw;
    struct gw_request *next, **at; /* at: what points to us */
    struct api_request q;
    struct content content; /* body points into the app's request, so_far into progress */
    uint8_t manifest[32];
    int has_manifest;
    char why_no_node[512]; /* "": the table's words */
    struct progress progress;
    struct gw_attempt *attempt; /* NULL: none under way */
    struct gw_out out;
    struct timer *timer;
    struct later later;
    int gone, finished;
    enum ev_class weakest;                       /* tier attested: of all nodes that it was sealed to; EV_CLASS_NONE: none yet */
    struct transcript_shown shown;               /* of the node that answers, as it was when it took the request */
    uint64_t evidence_ms;                        /* since when evidence is waited for; 0: it is not */
    uint64_t started_ms, started_ns, no_node_ms; /* no_node_ms: since when a fresh directory has nobody; 0: it has */
    int headers_added;
    struct frame_usage usage;
    struct receipt receipt; /* valid in PROGRESS_DONE */
    uint64_t closing_ms;    /* when the receipt came; then only the countersignature is waited for */
};

/* gw_answer.c */
extern const struct gw_attempt_events gw_answer_events;
/* Response headers that say who answers; before the first byte goes out. */
void gw_answer_headers(struct gw_request *r);
/* The receipt is here: keep it, and give the app its end. countersign may be NULL. */
void gw_answer_complete(struct gw_request *r, const char *countersign);

/* gw_request.c */
/* Only nodes that have shown what the policy asks may get it. */
int gw_request_attested(const struct gw_request *r);
void gw_request_fail(struct gw_request *r, enum api_code code);
/* All was said: the request goes away once the app has taken it. */
void gw_request_settle(struct gw_request *r);
/* Look at it again as soon as the running callback has returned. */
void gw_request_wake(struct gw_request *r);

#endif
