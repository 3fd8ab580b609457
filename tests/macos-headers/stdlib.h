/* See README.md. */
#ifndef STUB_STDLIB_H
#define STUB_STDLIB_H
void free(void *p);
#endif
