/* tests/e2e/cut.h - a TCP relay in a process of its own whose connections can be cut at any moment. */
#ifndef TESTS_E2E_CUT_H
#define TESTS_E2E_CUT_H

#include <stdint.h>
#include <sys/types.h>

struct cut {
    pid_t pid;
    char at[64]; /* where it listens */
    _Atomic uint64_t *bytes;
};
/* Relays 127.0.0.1:PORT (its own, any) to `to` ("127.0.0.1:7443"). 0 or -1. */
int cut_start(struct cut *c, const char *to);
/* The same, but dials from that address of this machine ("127.0.0.7"), as if somebody else did. */
int cut_start_from(struct cut *c, const char *to, const char *from);
uint64_t cut_bytes(const struct cut *c); /* that it has moved since it was started, either way */
void cut_now(const struct cut *c);       /* every connection is reset on both sides; new ones are relayed again */
void cut_stop(struct cut *c);

#endif
