/* gateway/gw_link.h - the one HTTP/2 connection to the coordinator, kept up for ever, and the directory fetched over it.
 *
 * Lost: redialled after 50 ms, doubling to 2 s, with jitter. The directory is fetched at once when the link is up, then every
 * two seconds, and sooner on demand. */
#ifndef GATEWAY_GW_LINK_H
#define GATEWAY_GW_LINK_H

#include "base/err.h"
#include "net/h2.h"

struct gw_link;
struct gw_link_opts {
    const char *where; /* HOST:PORT; these texts must outlive the link */
    const char *ca_file, *pin;
    const char *bearer; /* value of `authorization` on every request to the coordinator; NULL: none */
    void (*on_directory)(void *arg, const uint8_t *body, size_t n); /* a whole body, status 200 */
    void (*on_down)(void *arg, int err);                            /* once for each link that was up */
    void *arg;
};
int gw_link_open(struct gw_link **out, struct loop *l, const struct gw_link_opts *o, struct why *why);
void gw_link_close(struct gw_link *k); /* streams get H2_LOST; NULL is fine */
/* Fields of a request: out holds two. With content_type NULL and no key there are none. */
struct h2_headers gw_link_headers(const struct gw_link *k, const char *content_type, struct h2_header out[2]);
/* NULL while it is down. */
struct h2 *gw_link_h2(const struct gw_link *k);
/* Fetches the directory now, but not more often than every 100 ms. */
void gw_link_refresh(struct gw_link *k);

#endif
