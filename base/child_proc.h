/* base/child_proc.h - a process of our own beside this one, which alone holds a key, a device or the right to make connections; the two
 * talk over one socketpair, a packet a message. Both are the same program, so whole structs may travel.
 *
 * Start it before any thread, event loop or other socket. It ends when its socket does, however this process ended. */
#ifndef BASE_CHILD_PROC_H
#define BASE_CHILD_PROC_H

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

enum { CHILD_FD = 3 }; /* the socket, in the child */
struct child_proc {
    int fd; /* -1: none */
    pid_t pid;
};
/* Forks. In the child, run(arg) is called, after which it exits: it has that name (15 bytes count), ignores Ctrl-C and SIGTERM (this
 * process says when it is over), can be traced and read by nobody of its user, and has no descriptor but the standard ones and
 * CHILD_FD: whatever else was open is not its business, and a socket of another child that it kept would never end. ERR_IO with why. */
int child_proc_start(struct child_proc *c, const char *name, void (*run)(void *arg), void *arg, struct why *why);
/* Waits for the end; fine on {.fd = -1}. */
void child_proc_stop(struct child_proc *c);

/* One packet, at either end. ERR_LOST: the other one is gone, took too long (child_proc_wait), or sent another length. */
int child_proc_say(int fd, const void *p, size_t n);
int child_proc_hear(int fd, void *p, size_t n);
/* The same for packets of any length up to cap; *n: how long it was. */
int child_proc_hear_some(int fd, void *p, size_t cap, size_t *n);
/* 1: the other process is gone, or was given up: nothing will be answered any more. Asks no question, waits for nothing. */
int child_proc_ended(const struct child_proc *c);
/* So long child_proc_hear waits at our end. */
void child_proc_wait(const struct child_proc *c, int seconds);

#endif
