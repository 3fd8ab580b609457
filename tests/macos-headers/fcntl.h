/* See README.md. */
#ifndef STUB_FCNTL_H
#define STUB_FCNTL_H
#define O_RDONLY  0
#define O_CLOEXEC 0x01000000
int open(const char *path, int flags, ...);
#endif
