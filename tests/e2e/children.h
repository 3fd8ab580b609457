/* tests/e2e/children.h - the processes that a daemon has started beside itself, and its own end. */
#ifndef TESTS_E2E_CHILDREN_H
#define TESTS_E2E_CHILDREN_H

#include <stddef.h>
#include <sys/types.h>

#include "cli/proc.h"

/* Its first children, at most max; how many they are. */
size_t children_of(pid_t pid, pid_t *out, size_t max);
/* The one that has this name (15 bytes of it); 0: none. */
pid_t child_named(pid_t pid, const char *name);
/* The exit status of a daemon that ends by itself within ms; -1: it does not, or a signal ended it. */
int ended_with(struct proc *p, int ms);

#endif
