/* net/dialler.h - a process that alone makes sockets and connects them, to one HOST:PORT and nowhere else, and passes each to us. So the
 * process that sees prompts needs neither socket() nor connect(), and can be forbidden both (base/syscalls.h).
 *
 * dialler_start comes before any thread, event loop or other socket; all else belongs to the loop's thread. */
#ifndef NET_DIALLER_H
#define NET_DIALLER_H

#include "base/measures.h"
#include "net/addr.h"
#include "net/loop.h"

struct dialler;
/* Forks. where: HOST:PORT, looked up anew for each connection. What the child did to itself is added to *m (may be NULL). ERR_FORMAT: where
 * is no HOST:PORT; ERR_IO, ERR_NOMEM. */
int dialler_start(struct dialler **out, const char *where, struct measures *m, struct why *why);
/* From here on answers come on this loop. */
int dialler_attach(struct dialler *d, struct loop *l);
void dialler_stop(struct dialler *d); /* the child ends; before the loop is freed; NULL is fine */

/* Asks for a connection; done is called once, later, on the loop, unless dialler_forget came first: with a connected socket that is the
 * callee's and its address, or with -1 and what was wrong (a literal, as tls_connect_text). A second question takes the place of the
 * first. ERR_LOST: the process is gone. */
int dialler_ask(struct dialler *d, void (*done)(void *arg, int fd, const struct addr *peer, const char *fault), void *arg);
void dialler_forget(struct dialler *d);
int dialler_ended(const struct dialler *d); /* 1: the process is gone */

#endif
