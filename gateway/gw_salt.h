/* gateway/gw_salt.h - cache salts: which of this gateway's requests may share kept KV pages on a node.
 *
 * A salt that were the same for all would tell a node which requests come from one gateway. So it is drawn from a secret and
 * how the request begins: requests that could share a page have the same salt, others have nothing in common, and a node learns
 * only that two requests with the same beginning, which it reads anyway, have one sender. After an hour even that ends: the
 * secret is drawn anew. */
#ifndef GATEWAY_GW_SALT_H
#define GATEWAY_GW_SALT_H

#include <stdint.h>

#include "model/gen_request.h"
#include "seal/content.h"

enum { SALT_SECRET_MS = 3600 * 1000, SALT_BEGIN_BYTES = 192 };
struct gw_salt { /* zeroed at first */
    uint8_t secret[32];
    uint64_t until_ms;
};
/* The salt of a request for this model: from the first SALT_BEGIN_BYTES of its first message or raw prompt. */
void gw_salt_of(struct gw_salt *s, uint8_t out[CACHE_SALT_BYTES], const char *model, const struct gen_request *r,
                uint64_t now_ms);

#endif
