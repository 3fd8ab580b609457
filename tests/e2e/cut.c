/* tests/e2e/cut.c - see cut.h. One poll loop; SIGUSR1 means cut. */
#include "tests/e2e/cut.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAIRS_MAX = 16 };
struct pair {
    int fd[2]; /* the one who dialled, the one we dialled; 0: unused */
};

static _Atomic uint64_t *moved; /* shared with who started the relay */
static volatile sig_atomic_t wanted;
static void on_usr1(int sig) {
    (void)sig;
    wanted = 1;
}

static struct sockaddr_in address(const char *text) {
    struct sockaddr_in a = {.sin_family = AF_INET};
    const char *colon = strrchr(text, ':');
    a.sin_port = htons((uint16_t)(colon ? atoi(colon + 1) : 0));
    inet_pton(AF_INET, "127.0.0.1", &a.sin_addr);
    return a;
}

static void close_pair(struct pair *p, int reset) {
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    for (int i = 0; i < 2; i++) {
        if (reset) setsockopt(p->fd[i], SOL_SOCKET, SO_LINGER, &now, sizeof now);
        close(p->fd[i]);
        p->fd[i] = 0;
    }
}

static void accept_pair(int listener, struct pair *pairs, const struct sockaddr_in *to, const struct sockaddr_in *from) {
    int in = accept(listener, NULL, NULL), one = 1;
    int out = socket(AF_INET, SOCK_STREAM, 0);
    if (from->sin_addr.s_addr && bind(out, (const struct sockaddr *)from, sizeof *from) != 0) {
        close(out);
        out = -1;
    }
    for (int i = 0; i < PAIRS_MAX && in >= 0 && out >= 0; i++) {
        if (pairs[i].fd[0]) continue;
        if (connect(out, (const struct sockaddr *)to, sizeof *to) != 0) break;
        setsockopt(in, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        setsockopt(out, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        pairs[i] = (struct pair){{in, out}};
        return;
    }
    if (in >= 0) close(in);
    if (out >= 0) close(out);
}

/* Moves what is there from one end to the other; blocking writes are the back-pressure. 0 when the pair has ended. */
static int move(int from, int to) {
    char bytes[16384];
    ssize_t n = read(from, bytes, sizeof bytes);
    for (ssize_t at = 0; at < n;) {
        ssize_t put = write(to, bytes + at, (size_t)(n - at));
        if (put < 0 && errno == EINTR && !wanted) continue;
        if (put <= 0) return 0;
        at += put;
        *moved += (uint64_t)put;
    }
    return n > 0 || (n < 0 && errno == EINTR);
}

static void relay(int listener, const struct sockaddr_in *to, const struct sockaddr_in *from) {
    struct pair pairs[PAIRS_MAX] = {0};
    for (;;) {
        struct pollfd f[1 + 2 * PAIRS_MAX] = {{.fd = listener, .events = POLLIN}};
        for (int i = 0; i < PAIRS_MAX; i++)
            for (int k = 0; k < 2; k++)
                f[1 + 2 * i + k] = (struct pollfd){.fd = pairs[i].fd[0] ? pairs[i].fd[k] : -1, .events = POLLIN};
        int n = poll(f, 1 + 2 * PAIRS_MAX, -1);
        if (wanted) {
            wanted = 0;
            for (int i = 0; i < PAIRS_MAX; i++)
                if (pairs[i].fd[0]) close_pair(&pairs[i], 1);
            continue;
        }
        if (n <= 0) continue;
        for (int i = 0; i < PAIRS_MAX; i++)
            for (int k = 0; k < 2; k++)
                if (pairs[i].fd[0] && f[1 + 2 * i + k].revents && !move(pairs[i].fd[k], pairs[i].fd[1 - k]))
                    close_pair(&pairs[i], 0);
        if (f[0].revents) accept_pair(listener, pairs, to, from);
    }
}

int cut_start(struct cut *c, const char *to) { return cut_start_from(c, to, NULL); }

int cut_start_from(struct cut *c, const char *to, const char *from) {
    struct sockaddr_in source = {.sin_family = AF_INET}; /* any port */
    if (from && inet_pton(AF_INET, from, &source.sin_addr) != 1) return -1;
    struct sockaddr_in here = address("127.0.0.1:0"), there = address(to);
    socklen_t len = sizeof here;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&here, sizeof here) != 0 || listen(listener, 16) != 0 ||
        getsockname(listener, (struct sockaddr *)&here, &len) != 0)
        return -1;
    snprintf(c->at, sizeof c->at, "127.0.0.1:%u", ntohs(here.sin_port));
    c->bytes = mmap(NULL, sizeof *c->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (c->bytes == MAP_FAILED) return -1;
    moved = c->bytes;
    struct sigaction act = {.sa_handler = on_usr1};
    sigaction(SIGUSR1, &act, NULL); /* before the fork: a cut must not come too early */
    c->pid = fork();
    if (c->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGPIPE, SIG_IGN);
        relay(listener, &there, &source);
    }
    close(listener);
    return c->pid > 0 ? 0 : -1;
}

uint64_t cut_bytes(const struct cut *c) { return *c->bytes; }

void cut_now(const struct cut *c) { kill(c->pid, SIGUSR1); }

void cut_stop(struct cut *c) {
    if (c->pid > 0) {
        kill(c->pid, SIGKILL);
        waitpid(c->pid, NULL, 0);
    }
    c->pid = 0;
}
