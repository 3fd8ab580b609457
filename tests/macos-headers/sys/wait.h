/* See ../README.md. */
#ifndef STUB_SYS_WAIT_H
#define STUB_SYS_WAIT_H
#include <sys/types.h>
pid_t waitpid(pid_t pid, int *status, int options);
#define WIFEXITED(s)   (((s) & 0x7f) == 0)
#define WEXITSTATUS(s) (((s) >> 8) & 0xff)
#define WIFSIGNALED(s) (((s) & 0x7f) != 0 && ((s) & 0x7f) != 0x7f)
#endif
