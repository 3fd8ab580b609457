/* base/syscalls.h - which system calls a process may still make (Linux, seccomp; the kernel's Documentation/userspace-api/
 * seccomp_filter.rst). Everything that is not on the list fails with EPERM. */
#ifndef BASE_SYSCALLS_H
#define BASE_SYSCALLS_H

#include <stddef.h>

#include "base/err.h"

/* Sets of calls; each contains those before it. */
enum syscall_set {
    SYSCALLS_TALK, /* memory, time, randomness, and descriptors that are open: nothing is opened, bound, connected or started */
    SYSCALLS_WORK, /* besides: threads, files (as far as Landlock lets), and taking connections on sockets that listen already */
    SYSCALLS_DIAL  /* besides: sockets, and connecting them */
};
/* For all threads of the process, and for ever. Never allowed, in any set: execve, ptrace, other processes' memory, new processes,
 * mounts, modules, bpf, keys; executable memory only in SYSCALLS_DIAL. 0; ERR_UNSUPPORTED: not with this kernel, architecture or build (sanitizers need what
 * the list forbids); ERR_IO with why. */
int syscalls_confine(enum syscall_set set, struct why *why);

#endif
