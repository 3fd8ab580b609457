/* net/addr.h - HOST:PORT texts, socket addresses, and names looked up without stopping the loop. */
#ifndef NET_ADDR_H
#define NET_ADDR_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"

enum { ADDR_HOST_BYTES = 256, ADDR_TEXT_BYTES = 64, ADDR_KEY_BYTES = 16, ADDR_MANY = 8 };

/* "host:port", "1.2.3.4:port", "[::1]:port"; ":port" is refused. port_default 0: a port must be given. ERR_FORMAT. */
int addr_split(const char *text, uint16_t port_default, char host[ADDR_HOST_BYTES], uint16_t *port);

struct addr {
    struct sockaddr_storage sa;
    socklen_t len;
};
/* Numeric host only: 0 or ERR_FORMAT. */
int addr_numeric(struct addr *a, const char *host, uint16_t port);
/* "127.0.0.1:7443", "[::1]:7443"; "?" for an unknown family. */
void addr_text(const struct addr *a, char out[ADDR_TEXT_BYTES]);
/* The address without its port, IPv4 mapped into IPv6: what limits per peer address are counted by. An IPv6 address is cut to
 * its /64, the least that one site is given. */
void addr_key(const struct addr *a, uint8_t out[ADDR_KEY_BYTES]);
int addr_is_loopback(const struct addr *a);
void addr_nodelay(int fd); /* TCP_NODELAY; errors do not matter */

struct loop;
struct lookup;
/* Resolves on a thread of its own (numeric hosts: at once, still through the loop). done is called exactly once on the loop,
 * unless lookup_cancel came first; count 0: not found. */
int lookup_start(struct lookup **out, struct loop *l, const char *host, uint16_t port,
                 void (*done)(void *arg, const struct addr *list, size_t count), void *arg);
void lookup_cancel(struct lookup *k); /* not after done; NULL is fine */

#endif
