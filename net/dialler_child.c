/* net/dialler_child.c - the process that makes connections: look up, connect (each address in turn), pass it on. It has no secret, so
 * what it is kept from is being of use to an attacker: other files, other ports, other programs. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/child_proc.h"
#include "base/clock.h"
#include "base/landlock.h"
#include "base/measures.h"
#include "base/syscalls.h"
#include "net/dialler_parts.h"

enum { CONNECT_MS = 8000 /* within a link's handshake time */, DNS_PORT = 53 };

/* A connected socket, or -1 and errno. The limit is for all addresses together. */
static int connect_one(const struct addrinfo *a, uint64_t until_ms) {
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), e = errno;
    if (fd < 0) return -1;
    socklen_t n = sizeof e;
    e = connect(fd, a->ai_addr, a->ai_addrlen) == 0 ? 0 : errno;
    while (e == EINPROGRESS) {
        uint64_t now = clock_mono_ms();
        struct pollfd p = {.fd = fd, .events = POLLOUT};
        int ready = now < until_ms ? poll(&p, 1, (int)(until_ms - now)) : 0;
        if (ready < 0 && errno == EINTR) continue;
        if (ready <= 0)
            e = ETIMEDOUT;
        else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &n) != 0)
            e = errno;
    }
    if (e == 0) return fd;
    close(fd);
    errno = e;
    return -1;
}

static int connect_any(const char *host, const char *port, struct dialler_answer *a) {
    struct addrinfo *all = NULL, hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    uint64_t until_ms = clock_mono_ms() + CONNECT_MS;
    int fd = -1;
    if (getaddrinfo(host, port, &hints, &all) != 0) return -1;
    for (const struct addrinfo *i = all; i && fd < 0; i = i->ai_next) {
        if (i->ai_addrlen > sizeof a->peer.sa) continue;
        fd = connect_one(i, until_ms);
        a->error = fd < 0 ? errno : 0;
        memcpy(&a->peer.sa, i->ai_addr, i->ai_addrlen);
        a->peer.len = i->ai_addrlen;
    }
    freeaddrinfo(all);
    return fd;
}

static int answer(int to, struct dialler_answer *a, int fd) {
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {{0}};
    struct iovec v = {a, sizeof *a};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    if (fd >= 0) {
        m.msg_control = control.bytes;
        m.msg_controllen = sizeof control.bytes;
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &fd, sizeof fd);
    }
    ssize_t n = sendmsg(to, &m, MSG_NOSIGNAL);
    if (fd >= 0) close(fd);
    return n == (ssize_t)sizeof *a ? 0 : ERR_LOST;
}

static void confine(uint16_t port, struct measures *m) {
    static const struct landlock_path paths[] = {/* what looking up a name reads */
                                                 {"/etc", 0},   {"/usr", 0}, {"/lib", 0},
                                                 {"/lib64", 0}, {"/run", 0}, {"/var/run", 0}};
    const uint16_t ports[] = {port, DNS_PORT};
    struct landlock_rules rules = {paths, sizeof paths / sizeof *paths, 1, ports, 2};
    struct why why = {{0}};
    int tcp = 0, r = landlock_confine(&rules, &tcp, &why);
    measure_note_result(m, "dialler_files", r, &why,
                        "the process that connects reads what looking up a name needs, writes nothing");
    if (tcp)
        measure_note(m, "dialler_ports", MEASURE_GIVEN, "it connects to port %u and to name servers alone", (unsigned)port);
    else
        measure_note(m, "dialler_ports", MEASURE_MISSING, "limits on ports need Linux 6.7 with Landlock");
    r = syscalls_confine(SYSCALLS_DIAL, &why);
    measure_note_result(m, "dialler_calls", r, &why, "it starts no program and sees no other process");
}

void dialler_child(void *arg) {
    const struct dialler_place *at = arg;
    struct measures m = {.count = 0};
    struct dialler_question q;
    char service[8];
    snprintf(service, sizeof service, "%u", (unsigned)at->port);
    confine(at->port, &m);
    if (child_proc_say(CHILD_FD, &m, sizeof m) != 0) return;
    while (child_proc_hear(CHILD_FD, &q, sizeof q) == 0) {
        struct dialler_answer a = {.number = q.number};
        if (answer(CHILD_FD, &a, connect_any(at->host, service, &a)) != 0) return;
    }
}
