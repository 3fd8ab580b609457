/* base/secret.c - see secret.h. Libraries free buffers that held prompts; their memory goes through wiped_*. */
#include "base/secret.h"
#include "base/err.h"
#include "base/mem.h"

#include <jansson.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

void *wiped_malloc(size_t n) { return malloc(n); }

void wiped_free(void *p) {
    if (!p) return;
    mem_wipe(p, malloc_usable_size(p));
    free(p);
}

void *wiped_realloc(void *p, size_t n) {
    if (!p) return malloc(n);
    if (n == 0) {
        wiped_free(p);
        return NULL;
    }
    void *moved = malloc(n);
    if (!moved) return NULL;
    size_t had = malloc_usable_size(p);
    memcpy(moved, p, had < n ? had : n);
    wiped_free(p);
    return moved;
}

static void *ssl_malloc(size_t n, const char *file, int line) {
    (void)file, (void)line;
    return n ? wiped_malloc(n) : NULL;
}

static void *ssl_realloc(void *p, size_t n, const char *file, int line) {
    (void)file, (void)line;
    return wiped_realloc(p, n);
}

static void ssl_free(void *p, const char *file, int line) {
    (void)file, (void)line;
    wiped_free(p);
}

int secret_setup(void) {
    CRYPTO_set_mem_functions(ssl_malloc, ssl_realloc, ssl_free); /* works only before OpenSSL's first allocation */
    json_set_alloc_funcs(wiped_malloc, wiped_free);
    struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
    return sodium_init() < 0 ? ERR_INTERNAL : 0;
}

void secret_harden_process(void) { (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }

void *secret_alloc(size_t n) { return sodium_malloc(n); }
void secret_free(void *p) { sodium_free(p); }

/* head page (how long it all is; not wiped in a child, which may free it) | guard | the caller's pages | guard */
struct pages_head {
    size_t all, inner;
};

void *secret_pages(size_t n) {
#ifdef MADV_WIPEONFORK
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (n == 0 || n > SIZE_MAX / 2) return NULL;
    struct pages_head head = {.inner = (n + page - 1) & ~(page - 1)};
    head.all = head.inner + 3 * page;
    uint8_t *at = mmap(NULL, head.all, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) return NULL;
    uint8_t *inner = at + 2 * page;
    int failed = mprotect(at, page, PROT_READ | PROT_WRITE) != 0 || mprotect(inner, head.inner, PROT_READ | PROT_WRITE) != 0 ||
                 madvise(inner, head.inner, MADV_WIPEONFORK) != 0 || madvise(inner, head.inner, MADV_DONTDUMP) != 0;
    if (failed) {
        munmap(at, head.all);
        return NULL;
    }
    (void)mlock(inner, head.inner); /* as far as the limit allows */
    memcpy(at, &head, sizeof head);
    return inner;
#else
    (void)n;
    return NULL;
#endif
}

void secret_pages_free(void *p) {
    if (!p) return;
    uint8_t *at = (uint8_t *)p - 2 * (size_t)sysconf(_SC_PAGESIZE);
    struct pages_head head;
    memcpy(&head, at, sizeof head);
    mem_wipe(p, head.inner);
    munmap(at, head.all); /* unlocks too */
}

void random_bytes(void *out, size_t n) { randombytes_buf(out, n); }
