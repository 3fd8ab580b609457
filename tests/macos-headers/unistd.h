/* See README.md. */
#ifndef STUB_UNISTD_H
#define STUB_UNISTD_H
#include <sys/types.h>
pid_t fork(void);
pid_t getpid(void);
int close(int fd);
int execve(const char *path, char *const argv[], char *const envp[]);
_Noreturn void _exit(int status);
#endif
