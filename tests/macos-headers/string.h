/* See README.md. */
#ifndef STUB_STRING_H
#define STUB_STRING_H
#include <stddef.h>
int memcmp(const void *a, const void *b, size_t n);
void *memcpy(void *to, const void *from, size_t n);
size_t strlen(const char *s);
int strncmp(const char *a, const char *b, size_t n);
#endif
