/* net/listen.c - see listen.h. */
#include "net/listen.h"
#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PAUSE_MS = 200, BACKLOG = 256 };

struct listener {
    struct evconnlistener *ev;
    struct timer *again;
    listener_fn *fn;
    void *arg;
    int paused; /* by the owner, not for want of descriptors */
};

/* Out of descriptors, accept fails at once and for ever: without the pause this is a loop at full speed. */
static void on_error(struct evconnlistener *ev, void *arg) {
    int e = errno;
    struct listener *x = arg;
    evconnlistener_disable(ev);
    timer_start_ms(x->again, PAUSE_MS);
    log_event(LOG_WARN, "listen", "paused", LOG_COUNT("errno", e), LOG_MS("for", PAUSE_MS));
}

static void on_again(void *arg) {
    struct listener *x = arg;
    if (!x->paused) evconnlistener_enable(x->ev);
}

static void on_accept(struct evconnlistener *ev, evutil_socket_t fd, struct sockaddr *sa, int len, void *arg) {
    (void)ev;
    struct listener *x = arg;
    struct addr peer = {.len = (socklen_t)len};
    if (len < 0 || (size_t)len > sizeof peer.sa) {
        close(fd);
        return;
    }
    memcpy(&peer.sa, sa, (size_t)len);
    addr_nodelay(fd);
    x->fn(x->arg, fd, &peer);
}

int listener_open(struct listener **out, struct loop *l, const char *where, listener_fn *fn, void *arg, struct why *why) {
    char host[ADDR_HOST_BYTES];
    uint16_t port;
    struct addr a;
    if (addr_split(where, 0, host, &port) != 0) return why_set(why, ERR_USAGE, "%.80s: not an ADDRESS:PORT", where);
    if (strcmp(host, "localhost") == 0) strcpy(host, "127.0.0.1");
    if (addr_numeric(&a, host, port) != 0) return why_set(why, ERR_USAGE, "%.80s: not a numeric address of this machine", where);
    struct listener *x = mem_zalloc(1, sizeof *x);
    if (!x) return ERR_NOMEM;
    x->fn = fn;
    x->arg = arg;
    int r = timer_new(&x->again, l, on_again, x);
    if (r == 0) {
        x->ev = evconnlistener_new_bind(loop_base(l), on_accept, x,
                                        LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE, BACKLOG,
                                        (struct sockaddr *)&a.sa, (int)a.len);
        if (!x->ev) r = why_set(why, ERR_IO, "cannot listen on %.80s: %s", where, strerror(errno));
    }
    if (r != 0) {
        listener_close(x);
        return r;
    }
    evconnlistener_set_error_cb(x->ev, on_error);
    *out = x;
    return 0;
}

void listener_close(struct listener *x) {
    if (!x) return;
    timer_free(x->again);
    if (x->ev) evconnlistener_free(x->ev);
    free(x);
}

void listener_pause(struct listener *x, int pause) {
    x->paused = pause;
    if (pause)
        evconnlistener_disable(x->ev);
    else if (!timer_running(x->again))
        evconnlistener_enable(x->ev);
}

void listener_addr(const struct listener *x, char out[ADDR_TEXT_BYTES]) {
    struct addr a = {.len = sizeof a.sa};
    if (getsockname(evconnlistener_get_fd(x->ev), (struct sockaddr *)&a.sa, &a.len) != 0) a.sa.ss_family = AF_UNSPEC;
    addr_text(&a, out);
}
