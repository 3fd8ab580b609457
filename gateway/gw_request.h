/* gateway/gw_request.h - one request of an app, from its JSON to its last chunk, over as many attempts as it takes. */
#ifndef GATEWAY_GW_REQUEST_H
#define GATEWAY_GW_REQUEST_H

#include "api/request.h"
#include "gateway/gw.h"

/* Takes over r and answers it, now or later. */
void gw_request_start(struct gateway *g, struct http_req *r, enum api_endpoint endpoint);
/* The directory has changed or the link is up: whoever waits tries again. */
void gw_requests_wake(struct gateway *g);
/* Ends all of them with this code. */
void gw_requests_fail(struct gateway *g, enum api_code code);
/* Appends the JSON objects of all running requests, with commas: ids, counts and nodes, no content. */
int gw_requests_show(const struct gateway *g, struct buf *out);

#endif
