/* net/h2_dial.c - from HOST:PORT to a connecting socket, or to a connected one that another process makes (net/dialler.h). A name may have several addresses, of which some may not answer
 * (localhost is often ::1 first): they are tried in turn, within the handshake's time. */
#include "net/dialler.h"
#include "net/h2_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct dial {
    struct lookup *lookup; /* NULL once answered */
    char host[ADDR_HOST_BYTES];
    struct addr list[ADDR_MANY];
    size_t count, next;
    struct dialler *dialler; /* NULL once it has answered, or when this process connects itself */
};

void h2_dial_free(struct dial *d) {
    if (!d) return;
    lookup_cancel(d->lookup);
    if (d->dialler) dialler_forget(d->dialler);
    free(d);
}

int h2_dial_next(struct h2 *h) {
    struct dial *d = h->dial;
    while (d->next < d->count) {
        const struct addr *a = &d->list[d->next++];
        int fd = socket(a->sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0) continue;
        if (connect(fd, (const struct sockaddr *)&a->sa, a->len) != 0 && errno != EINPROGRESS) {
            h->fault.text = tls_connect_text(errno);
            close(fd);
            continue;
        }
        h->peer = *a;
        return h2_start_conn(h, fd, d->host);
    }
    return ERR_NOTFOUND;
}

static void on_found(void *arg, const struct addr *list, size_t count) {
    struct h2 *h = arg;
    struct dial *d = h->dial;
    d->lookup = NULL;
    d->count = count;
    if (count == 0) h->fault.text = "unknown host";
    memcpy(d->list, list, count * sizeof *list);
    int r = h2_dial_next(h);
    if (r != 0) h2_fail(h, r);
}

/* The other process has tried every address. */
static void on_dialled(void *arg, int fd, const struct addr *peer, const char *fault) {
    struct h2 *h = arg;
    h->dial->dialler = NULL;
    h->fault.text = fault;
    if (fd >= 0) h->peer = *peer;
    int r = fd >= 0 ? h2_start_conn(h, fd, h->dial->host) : ERR_NOTFOUND;
    if (r != 0) h2_fail(h, r);
}

static int ask_dialler(struct h2 *h, struct dialler *by) {
    int r = dialler_ask(by, on_dialled, h);
    if (r == 0) h->dial->dialler = by;
    return r;
}

int h2_dial_start(struct h2 *h, const char *where) {
    uint16_t port;
    struct dial *d = mem_zalloc(1, sizeof *d);
    if (!d) return ERR_NOMEM;
    h->dial = d;
    int r = addr_split(where, 0, d->host, &port);
    if (r == 0 && h->opts[0].dialler) return ask_dialler(h, h->opts[0].dialler);
    return r == 0 ? lookup_start(&d->lookup, h->loop, d->host, port, on_found, h) : r;
}
