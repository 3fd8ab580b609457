/* coordinator/limits.h - what one peer address may use at once and per second: links, requests, and their rate.
 *
 * Addresses are keys of ADDR_KEY_BYTES (net/addr.h: IPv6 counts by /64). An address that uses nothing and has its full
 * allowance back is forgotten, so memory is bounded by `addresses`; when all entries are in use, new addresses are refused. */
#ifndef COORDINATOR_LIMITS_H
#define COORDINATOR_LIMITS_H

#include <stddef.h>
#include <stdint.h>

struct limits_opts {
    uint32_t addresses;  /* known at once */
    uint32_t links;      /* connections of one address */
    uint32_t requests;   /* of one address, running or queued */
    uint32_t rate_per_s; /* of new requests and new links of one address, over time */
    uint32_t rate_burst; /* and at once */
};
struct limits;
int limits_new(struct limits **out, const struct limits_opts *o);
void limits_free(struct limits *l); /* NULL is fine */
/* 0: counted, give it back with the matching _end. ERR_LIMIT: too many at once; ERR_BUSY: too many per second, or no entry. */
int limits_link_begin(struct limits *l, const uint8_t addr[16], uint64_t now_ms);
void limits_link_end(struct limits *l, const uint8_t addr[16], uint64_t now_ms);
int limits_request_begin(struct limits *l, const uint8_t addr[16], uint64_t now_ms);
void limits_request_end(struct limits *l, const uint8_t addr[16], uint64_t now_ms);
/* A request that holds nothing (the directory): counts against the rate only. */
int limits_ask(struct limits *l, const uint8_t addr[16], uint64_t now_ms);
size_t limits_known(const struct limits *l);

#endif
