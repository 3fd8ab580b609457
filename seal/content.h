/* seal/content.h - the content of a request, which only gateway and candidates see: the app's own HTTP-like request, options
 * and resume state. Padded with zeros to its size class before it is sealed. */
#ifndef SEAL_CONTENT_H
#define SEAL_CONTENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"
#include "seal/idlist.h"

enum {
    CONTENT_VERSION = 1,
    CONTENT_BODY_MAX = 8 * 1024 * 1024,
    CONTENT_METHOD_BYTES = 17,
    CONTENT_PATH_BYTES = 257,
    CONTENT_TYPE_BYTES = 129,
    CONTENT_ATTEMPT_MAX = 255,
    CACHE_SALT_BYTES = 16,
    REQUEST_ID_BYTES = 16
};

struct content {
    uint8_t request_id[REQUEST_ID_BYTES]; /* the same over all attempts */
    uint8_t attempt;                      /* 0 for the first */
    uint64_t time_s;                      /* unix seconds when sealed */
    uint8_t salt[32];                     /* random, the same over all attempts: receipts and chains begin with it */
    char method[CONTENT_METHOD_BYTES], path[CONTENT_PATH_BYTES], type[CONTENT_TYPE_BYTES];
    const uint8_t *body;                  /* borrowed */
    uint32_t body_n;                      /* <= CONTENT_BODY_MAX */
    uint64_t seed;                        /* of the sampler (PROTOCOL.md, Sampler); the gateway draws one if the app gave none */
    uint64_t template_time;               /* unix seconds, fixed at the first attempt */
    uint8_t cache_salt[CACHE_SALT_BYTES]; /* zeros: keep no KV after the answer */
    uint16_t pacing_ms;                   /* fixed frame clock; 0: frames as tokens come */
    uint32_t deadline_ms;                 /* the client waits so long from now on; 0: no limit of its own */
    struct id_list so_far;                /* resume: ids of the answer that the gateway holds; count 0 at the first attempt */
    uint64_t text_delivered;              /* bytes of their text that the client has */
    uint8_t prompt_hash[32];              /* prompt_ids_hash that an earlier attempt reported; zeros: none yet */
};
/* Bytes before padding. */
size_t content_bytes(const struct content *c);
/* Writes and pads to exactly out_n bytes (a size class). ERR_LIMIT, ERR_FORMAT, ERR_RANGE; out is wiped then. */
int content_write(uint8_t *out, size_t out_n, const struct content *c);
/* Reads padded content; pointers go into p. ERR_FORMAT also for padding that is not zero. */
int content_read(const uint8_t *p, size_t n, struct content *out);

#endif
