/* See README.md. */
#ifndef STUB_DLFCN_H
#define STUB_DLFCN_H
#define RTLD_DEFAULT ((void *)-2)
void *dlsym(void *handle, const char *symbol);
#endif
