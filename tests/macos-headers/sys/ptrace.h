/* See ../README.md. */
#ifndef STUB_SYS_PTRACE_H
#define STUB_SYS_PTRACE_H
#include <sys/types.h>
#define PT_DETACH      11
#define PT_ATTACHEXC   14
#define PT_DENY_ATTACH 31
int ptrace(int request, pid_t pid, caddr_t addr, int data);
#endif
