/* net/listen.h - a listening TCP socket. When the process is out of descriptors it pauses 200 ms instead of spinning. */
#ifndef NET_LISTEN_H
#define NET_LISTEN_H

#include "net/addr.h"
#include "net/loop.h"

struct listener;
typedef void listener_fn(void *arg, int fd, const struct addr *peer); /* fd is the callee's, non-blocking, TCP_NODELAY set */
/* where: "127.0.0.1:0", "[::]:7443" (numeric host, or "localhost"). why names the address and what is wrong. */
int listener_open(struct listener **out, struct loop *l, const char *where, listener_fn *fn, void *arg, struct why *why);
void listener_close(struct listener *x);            /* NULL is fine */
void listener_pause(struct listener *x, int pause); /* 1: stop accepting */
/* The bound address: with port 0, the one that was given. */
void listener_addr(const struct listener *x, char out[ADDR_TEXT_BYTES]);

#endif
