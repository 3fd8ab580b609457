/* base/secret.h - long-lived secrets in guarded, locked memory (libsodium), and the one call that readies the process. */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stddef.h>

/* First call of main and of every test: sodium_init, allocators of jansson, OpenSSL and nghttp2's users wiped on free,
 * core dumps off. Returns 0 or ERR_INTERNAL. */
int secret_setup(void);
/* Makes the process unreadable to others of the same user (PR_SET_DUMPABLE 0): daemons call it before they hold secrets. */
void secret_harden_process(void);
/* Guarded pages, locked as far as the system's limit allows, never in a core file. NULL when there is no memory. */
void *secret_alloc(size_t n);
void secret_free(void *p); /* wipes; NULL is fine */
/* The same for many bytes or for state that a copy of the process must not share: zeroed, page-aligned, and all zero in a forked
 * child. NULL also where the system cannot do that (Linux before 4.14). */
void *secret_pages(size_t n);
void secret_pages_free(void *p); /* wipes; NULL is fine */
/* Wiping allocator, for libraries that take one: same contract as malloc, realloc, free. */
void *wiped_malloc(size_t n);
void *wiped_realloc(void *p, size_t n);
void wiped_free(void *p);
/* n random bytes from the system (libsodium's randombytes). */
void random_bytes(void *out, size_t n);

#endif
