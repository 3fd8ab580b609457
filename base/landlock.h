/* base/landlock.h - which files a process may still open (Linux, Landlock; linux/landlock.h and the kernel's
 * Documentation/userspace-api/landlock.rst). Files that are open already stay open. */
#ifndef BASE_LANDLOCK_H
#define BASE_LANDLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* A file or folder (then all beneath it) that stays open to the process. */
struct landlock_path {
    const char *path; /* one that does not exist is passed over */
    int may_write;    /* create, write, rename and remove too */
};
struct landlock_rules {
    const struct landlock_path *paths;
    size_t path_count;
    int limit_tcp; /* 1: TCP connections only to these ports, and no port may be bound (kernel 6.7 on) */
    const uint16_t *ports;
    size_t port_count;
};

/* The kernel's version of the interface; 0: it has none. */
int landlock_version(void);
/* For this thread and all that it starts afterwards, for ever: call it before there are others. 0; ERR_UNSUPPORTED: this kernel has no
 * Landlock, or sanitizers are in the program; nothing changed; ERR_IO with why. *tcp_limited tells whether ports are limited too (may be NULL). */
int landlock_confine(const struct landlock_rules *r, int *tcp_limited, struct why *why);

#endif
