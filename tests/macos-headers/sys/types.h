/* See ../README.md. */
#ifndef STUB_SYS_TYPES_H
#define STUB_SYS_TYPES_H
typedef int pid_t;
typedef char *caddr_t;
#endif
