/* gateway/gw_blind_request.h - one request of an app that tier blind answers, from its parsed form to its last chunk. Loop's thread. */
#ifndef GATEWAY_GW_BLIND_REQUEST_H
#define GATEWAY_GW_BLIND_REQUEST_H

#include "gateway/gw.h"
#include "gateway/gw_blind.h"

/* Takes over http and q, which asks for m, and answers, now or later. */
void gw_blind_request_start(struct gateway *g, struct gw_blind_model *m, struct http_req *http, struct api_request *q);
/* For gw_blind_open; arg: the gateway. */
void gw_blind_request_event(void *arg, const struct gw_blind_event *e);
/* Ends all of them with this code. */
void gw_blind_requests_fail(struct gateway *g, enum api_code code);
/* Appends the JSON objects of all running requests, with commas, as gw_requests_show does. first: none stands before. */
int gw_blind_requests_show(const struct gateway *g, struct buf *out, int first);

#endif
