/* base/child_proc.c - see child_proc.h. */
#include "base/child_proc.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/secret.h"

static _Noreturn void be_child(int fd, const char *name, void (*run)(void *arg), void *arg) {
    prctl(PR_SET_NAME, name, 0, 0, 0);
    signal(SIGINT, SIG_IGN); /* a terminal's Ctrl-C reaches all of them */
    signal(SIGTERM, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    secret_harden_process();
    if (dup2(fd, CHILD_FD) != CHILD_FD || close_range(CHILD_FD + 1, ~0U, 0) != 0) _exit(1);
    run(arg);
    _exit(0);
}

int child_proc_start(struct child_proc *c, const char *name, void (*run)(void *arg), void *arg, struct why *why) {
    int fds[2];
    *c = (struct child_proc){.fd = -1};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
        return why_set(why, ERR_IO, "socketpair: %s", strerror(errno));
    c->pid = fork();
    if (c->pid == 0) be_child(fds[1], name, run, arg);
    close(fds[1]);
    c->fd = fds[0];
    if (c->pid > 0) return 0;
    int r = why_set(why, ERR_IO, "fork: %s", strerror(errno));
    child_proc_stop(c);
    return r;
}

void child_proc_stop(struct child_proc *c) {
    if (c->fd >= 0) close(c->fd);
    if (c->pid > 0) waitpid(c->pid, NULL, 0);
    *c = (struct child_proc){.fd = -1};
}

int child_proc_say(int fd, const void *p, size_t n) {
    ssize_t sent;
    do sent = fd < 0 ? -1 : send(fd, p, n, MSG_NOSIGNAL);
    while (sent < 0 && fd >= 0 && errno == EINTR);
    return sent == (ssize_t)n ? 0 : ERR_LOST;
}

int child_proc_hear_some(int fd, void *p, size_t cap, size_t *n) {
    ssize_t got;
    do got = fd < 0 ? -1 : recv(fd, p, cap, 0);
    while (got < 0 && fd >= 0 && errno == EINTR);
    *n = got > 0 ? (size_t)got : 0;
    return got > 0 ? 0 : ERR_LOST;
}

int child_proc_hear(int fd, void *p, size_t n) {
    size_t got;
    int r = child_proc_hear_some(fd, p, n, &got);
    return r == 0 && got != n ? ERR_LOST : r;
}

int child_proc_ended(const struct child_proc *c) {
    char byte;
    return c->fd < 0 || recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

void child_proc_wait(const struct child_proc *c, int seconds) {
    struct timeval wait = {.tv_sec = seconds};
    (void)setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
}
