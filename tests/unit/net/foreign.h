/* tests/unit/net/foreign.h - a client that is not ours, in a child process: it may block, stop, and speak nonsense. */
#ifndef TESTS_NET_FOREIGN_H
#define TESTS_NET_FOREIGN_H

#include "tests/unit/net/pair.h"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/wait.h>

static inline int raw_connect(const char *where) {
    char host[ADDR_HOST_BYTES];
    uint16_t port;
    struct addr a;
    if (addr_split(where, 0, host, &port) != 0 || addr_numeric(&a, host, port) != 0) _exit(1);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a.sa, a.len) != 0) _exit(1);
    return fd;
}
struct foreign {
    int max_version;
    const char *alpn; /* wire form; NULL: none */
    size_t alpn_len;
    const char *text; /* written once TLS stands */
    size_t text_len;
    int then_stop;          /* SIGSTOP to itself */
    void (*talk)(SSL *ssl); /* instead of text; its return is a clean end */
};
/* Exit status 0: the handshake worked. */
static inline pid_t foreign_start(const struct pair *p, const struct foreign *f) {
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid) return pid;
    int fd = raw_connect(p->where);
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    if (f->max_version) SSL_CTX_set_max_proto_version(ctx, f->max_version);
    if (f->alpn) SSL_CTX_set_alpn_protos(ctx, (const unsigned char *)f->alpn, (unsigned)f->alpn_len);
    SSL *ssl = SSL_new(ctx);
    SSL_set_fd(ssl, fd);
    if (SSL_connect(ssl) != 1) _exit(2);
    if (f->talk) {
        f->talk(ssl);
        _exit(0);
    }
    if (f->text_len && SSL_write(ssl, f->text, (int)f->text_len) <= 0) _exit(3);
    if (f->then_stop) raise(SIGSTOP);
    char in[4096];
    while (SSL_read(ssl, in, sizeof in) > 0) continue;
    _exit(0);
}
static inline int foreign_end(pid_t pid) {
    int status;
    kill(pid, SIGCONT);
    CHECK_INT(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#endif
