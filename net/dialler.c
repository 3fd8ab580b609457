/* net/dialler.c - the loop's side of dialler.h. One packet asks, one packet answers, with the socket in its ancillary data; each
 * carries the question's number, so that what was given up is known when it comes, and closed. */
#include "net/dialler.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/child_proc.h"
#include "base/mem.h"
#include "net/dialler_parts.h"
#include "net/tls_conn.h"

struct dialler {
    struct child_proc child;
    struct event *ev;
    uint32_t number;                                                             /* of the last question */
    void (*done)(void *arg, int fd, const struct addr *peer, const char *fault); /* NULL: nobody waits */
    void *arg;
};

/* One answer. *got: its socket, or -1. */
static ssize_t receive(int fd, struct dialler_answer *a, int *got) {
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec v = {a, sizeof *a};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
    struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
    *got = -1;
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)))
        memcpy(got, CMSG_DATA(c), sizeof *got);
    return n;
}

static void give(struct dialler *d, int fd, const struct addr *peer, const char *fault) {
    void (*done)(void *, int, const struct addr *, const char *) = d->done;
    d->done = NULL;
    if (done)
        done(d->arg, fd, peer, fault);
    else if (fd >= 0)
        close(fd);
}

static void on_readable(evutil_socket_t fd, short what, void *arg) {
    struct dialler *d = arg;
    struct dialler_answer a;
    int got;
    (void)what;
    ssize_t n = receive(fd, &a, &got);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n != (ssize_t)sizeof a) { /* the process has ended */
        event_del(d->ev);
        if (got >= 0) close(got);
        give(d, -1, NULL, "the process that makes connections has ended; start the node again");
        return;
    }
    if (a.number != d->number || !d->done) {
        if (got >= 0) close(got);
        return;
    }
    if (got >= 0) (void)fcntl(got, F_SETFL, O_NONBLOCK);
    give(d, got, &a.peer, got >= 0 ? NULL : a.error == 0 ? "unknown host" : tls_connect_text(a.error));
}

int dialler_ask(struct dialler *d, void (*done)(void *arg, int fd, const struct addr *peer, const char *fault), void *arg) {
    struct dialler_question q = {.number = ++d->number};
    d->done = NULL;
    if (child_proc_say(d->child.fd, &q, sizeof q) != 0) return ERR_LOST;
    d->done = done;
    d->arg = arg;
    return 0;
}

void dialler_forget(struct dialler *d) { d->done = NULL; }

int dialler_ended(const struct dialler *d) { return child_proc_ended(&d->child); }

/* ---- birth and death ---- */

int dialler_start(struct dialler **out, const char *where, struct measures *m, struct why *why) {
    struct dialler_place at;
    struct measures theirs; /* the child says how it is set up before it takes questions */
    *out = NULL;
    if (addr_split(where, 0, at.host, &at.port) != 0) return why_set(why, ERR_FORMAT, "\"%.80s\" is no HOST:PORT", where);
    struct dialler *d = mem_zalloc(1, sizeof *d);
    if (!d) return ERR_NOMEM;
    int r = child_proc_start(&d->child, "lull-dialler", dialler_child, &at, why);
    if (r == 0 && (r = child_proc_hear(d->child.fd, &theirs, sizeof theirs)) != 0)
        (void)why_set(why, r, "the process that makes connections does not start");
    if (r == 0 && m) measures_add(m, &theirs);
    if (r == 0)
        *out = d;
    else
        dialler_stop(d);
    return r;
}

int dialler_attach(struct dialler *d, struct loop *l) {
    (void)fcntl(d->child.fd, F_SETFL, O_NONBLOCK);
    d->ev = event_new(loop_base(l), d->child.fd, EV_READ | EV_PERSIST, on_readable, d);
    return d->ev && event_add(d->ev, NULL) == 0 ? 0 : ERR_NOMEM;
}

void dialler_stop(struct dialler *d) {
    if (!d) return;
    if (d->ev) event_free(d->ev);
    child_proc_stop(&d->child);
    free(d);
}
