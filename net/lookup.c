/* net/lookup.c - names to addresses without stopping the loop: getaddrinfo may take seconds, so it has a thread of its own,
 * which is detached and hands its answer back through loop_post. A cancelled look-up is only marked: the thread's answer,
 * when it comes, frees it. loop_free must not run before: lookups hold a count on nothing but themselves, so a daemon that
 * stops mid-look-up leaves the thread behind and exits. */
#include "base/mem.h"
#include "net/addr.h"
#include "net/loop.h"

#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct lookup {
    struct loop_job job;
    struct later later;
    struct loop *loop;
    void (*done)(void *arg, const struct addr *list, size_t count); /* NULL: cancelled; loop thread only */
    void *arg;
    char host[ADDR_HOST_BYTES];
    uint16_t port;
    struct addr list[ADDR_MANY];
    size_t count;
};

static void deliver(struct lookup *k) {
    if (k->done) k->done(k->arg, k->list, k->count);
    free(k);
}

static void on_job(struct loop_job *j) { deliver((struct lookup *)(void *)j); } /* job is the first member */
static void on_later(void *arg) { deliver(arg); }

static void *resolve(void *arg) {
    struct lookup *k = arg;
    char port[8];
    struct addrinfo *all = NULL, hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    snprintf(port, sizeof port, "%u", (unsigned)k->port);
    if (getaddrinfo(k->host, port, &hints, &all) == 0) {
        for (const struct addrinfo *i = all; i && k->count < ADDR_MANY; i = i->ai_next) {
            if (i->ai_addrlen > sizeof k->list[0].sa) continue;
            memcpy(&k->list[k->count].sa, i->ai_addr, i->ai_addrlen);
            k->list[k->count++].len = i->ai_addrlen;
        }
        freeaddrinfo(all);
    }
    loop_post(k->loop, &k->job);
    return NULL;
}

int lookup_start(struct lookup **out, struct loop *l, const char *host, uint16_t port,
                 void (*done)(void *arg, const struct addr *list, size_t count), void *arg) {
    if (strlen(host) >= ADDR_HOST_BYTES) return ERR_FORMAT;
    struct lookup *k = mem_zalloc(1, sizeof *k);
    if (!k) return ERR_NOMEM;
    k->loop = l;
    k->done = done;
    k->arg = arg;
    k->port = port;
    k->job.fn = on_job;
    k->later = (struct later){.fn = on_later, .arg = k};
    snprintf(k->host, sizeof k->host, "%s", host);
    if (addr_numeric(&k->list[0], host, port) == 0) {
        k->count = 1;
        loop_later(l, &k->later);
        *out = k;
        return 0;
    }
    pthread_attr_t attr;
    pthread_t thread;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    int r = pthread_create(&thread, &attr, resolve, k);
    pthread_attr_destroy(&attr);
    if (r != 0) {
        free(k);
        return ERR_NOMEM;
    }
    *out = k;
    return 0;
}

void lookup_cancel(struct lookup *k) {
    if (k) k->done = NULL;
}
