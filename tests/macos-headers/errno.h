/* See README.md. */
#ifndef STUB_ERRNO_H
#define STUB_ERRNO_H
int *__error(void);
#define errno  (*__error())
#define EPERM  1
#define EACCES 13
#endif
