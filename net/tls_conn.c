/* net/tls_conn.c - see tls_conn.h. */
#include "net/tls_conn.h"
#include "base/mem.h"

#include <errno.h>
#include <event2/event.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_BYTES = 16384 /* one TLS record */, READS_PER_TURN = 16 /* then other sockets get theirs */ };

enum state { CONNECTING, SHAKING, OPEN, BROKEN };

struct tls_conn {
    struct loop *loop;
    const struct tls_conn_events *ev;
    void *arg;
    SSL *ssl;
    int fd;
    int is_server;
    enum state state;
    struct event *readable, *writable;
    struct later gone_later, free_later;
    int err; /* what on_gone will say */
    struct tls_fault fault;
    int dead; /* tls_conn_free was called */
    struct buf out;
    size_t out_at; /* bytes of out that the kernel has */
    uint8_t in[READ_BYTES];
};

static void on_free(void *arg) {
    struct tls_conn *c = arg;
    if (c->readable) event_free(c->readable);
    if (c->writable) event_free(c->writable);
    SSL_free(c->ssl);
    if (c->fd >= 0) close(c->fd);
    buf_release(&c->out);
    mem_wipe(c->in, sizeof c->in);
    free(c);
}

static void on_gone(void *arg) {
    struct tls_conn *c = arg;
    if (!c->dead) c->ev->on_gone(c->arg, c->err);
}

/* The owner is told from a fresh stack, never from inside its own call to tls_conn_flush. */
static void fail(struct tls_conn *c, int err) {
    if (c->state == BROKEN) return;
    c->state = BROKEN;
    c->err = err;
    event_del(c->readable);
    event_del(c->writable);
    loop_later(c->loop, &c->gone_later);
}

/* What an OpenSSL call wants next; 1: go on waiting, 0: it has failed. */
static int wants(struct tls_conn *c, int ret) {
    switch (SSL_get_error(c->ssl, ret)) {
    case SSL_ERROR_WANT_READ: return 1;
    case SSL_ERROR_WANT_WRITE: event_add(c->writable, NULL); return 1;
    default: return 0;
    }
}

static int alpn_of(SSL *ssl, enum tls_proto *out) {
    const unsigned char *p = NULL;
    unsigned n = 0;
    SSL_get0_alpn_selected(ssl, &p, &n);
    if (n == 6 && memcmp(p, "lull/1", 6) == 0)
        *out = TLS_NODE;
    else if (n == 2 && memcmp(p, "h2", 2) == 0)
        *out = TLS_GATEWAY;
    else
        return ERR_AUTH; /* the peer did not offer or choose any */
    return 0;
}

/* A peer that vanished mid-handshake is lost; one that we, or that, refused is ERR_AUTH. */
static int handshake_error(struct tls_conn *c, int ret) {
    int e = SSL_get_error(c->ssl, ret);
    unsigned long code = ERR_peek_error();
    int eof = e != SSL_ERROR_SSL || ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
    if (!eof) tls_fault_of_error(&c->fault, code);
    ERR_clear_error();
    return eof ? ERR_LOST : ERR_AUTH;
}

static void shake(struct tls_conn *c) {
    ERR_clear_error();
    int r = SSL_do_handshake(c->ssl);
    if (r != 1) {
        if (!wants(c, r)) fail(c, handshake_error(c, r));
        return;
    }
    enum tls_proto proto;
    if (alpn_of(c->ssl, &proto) != 0) {
        c->fault.text = "what answers there is no lull coordinator";
        fail(c, ERR_AUTH);
        return;
    }
    c->state = OPEN;
    c->ev->on_open(c->arg, proto);
}

static void read_some(struct tls_conn *c) {
    for (int i = 0; i < READS_PER_TURN && c->state == OPEN && !c->dead; i++) {
        ERR_clear_error();
        int n = SSL_read(c->ssl, c->in, (int)sizeof c->in);
        if (n <= 0) {
            if (!wants(c, n)) fail(c, ERR_LOST); /* close_notify, end of file and errors alike */
            ERR_clear_error();
            return;
        }
        c->ev->on_bytes(c->arg, c->in, (size_t)n);
    }
    /* Bytes that OpenSSL already holds raise no event at the socket. */
    if (c->state == OPEN && !c->dead && SSL_has_pending(c->ssl)) event_active(c->readable, EV_READ, 0);
}

static void on_readable(evutil_socket_t fd, short what, void *arg) {
    (void)fd, (void)what;
    struct tls_conn *c = arg;
    if (c->state == SHAKING) shake(c);
    if (c->state == OPEN && !c->dead) read_some(c);
    if (c->state == OPEN && !c->dead && tls_conn_waiting(c)) tls_conn_flush(c); /* a write may have waited for a read */
}

static void connected(struct tls_conn *c) {
    int e = 0;
    socklen_t n = sizeof e;
    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &e, &n) != 0 || e != 0) {
        c->fault.text = tls_connect_text(e);
        fail(c, ERR_NOTFOUND);
        return;
    }
    c->state = SHAKING;
    event_add(c->readable, NULL);
    shake(c);
}

static void on_writable(evutil_socket_t fd, short what, void *arg) {
    (void)fd, (void)what;
    struct tls_conn *c = arg;
    if (c->state == CONNECTING) {
        connected(c);
    } else if (c->state == SHAKING) {
        shake(c);
    } else if (c->state == OPEN) {
        tls_conn_flush(c);
        if (c->state == OPEN && !c->dead && tls_conn_waiting(c) == 0) c->ev->on_room(c->arg);
    }
}

int tls_conn_new(struct tls_conn **out, struct loop *l, struct tls *t, int fd, const char *host, const struct tls_conn_events *ev,
                 void *arg) {
    struct tls_conn *c = mem_zalloc(1, sizeof *c);
    if (!c) {
        close(fd);
        return ERR_NOMEM;
    }
    *c = (struct tls_conn){.loop = l, .ev = ev, .arg = arg, .fd = fd, .is_server = tls_is_server(t)};
    c->gone_later = (struct later){.fn = on_gone, .arg = c};
    c->free_later = (struct later){.fn = on_free, .arg = c};
    buf_init(&c->out, TLS_CONN_OUT_MAX);
    addr_nodelay(fd);
    c->readable = event_new(loop_base(l), fd, EV_READ | EV_PERSIST, on_readable, c);
    c->writable = event_new(loop_base(l), fd, EV_WRITE, on_writable, c);
    c->ssl = tls_ssl_new(t, host, &c->fault);
    c->state = c->is_server ? SHAKING : CONNECTING;
    if (!c->readable || !c->writable || !c->ssl || SSL_set_fd(c->ssl, fd) != 1 ||
        event_add(c->is_server ? c->readable : c->writable, NULL) != 0) {
        on_free(c);
        return ERR_NOMEM;
    }
    *out = c;
    return 0;
}

void tls_conn_free(struct tls_conn *c) {
    if (!c || c->dead) return;
    c->dead = 1;
    event_del(c->readable);
    event_del(c->writable);
    loop_later(c->loop, &c->free_later);
}

int tls_conn_add(struct tls_conn *c, const void *p, size_t n) {
    if (c->out_at == c->out.len) c->out.len = c->out_at = 0;
    if (c->out_at > 65536) {
        buf_drop(&c->out, c->out_at);
        c->out_at = 0;
    }
    return buf_add(&c->out, p, n);
}

size_t tls_conn_waiting(const struct tls_conn *c) { return c->out.len - c->out_at; }

void tls_conn_flush(struct tls_conn *c) {
    while (c->state == OPEN && !c->dead && tls_conn_waiting(c)) {
        size_t n = tls_conn_waiting(c);
        ERR_clear_error();
        int r = SSL_write(c->ssl, c->out.data + c->out_at, n > INT_MAX ? INT_MAX : (int)n);
        if (r <= 0) {
            if (!wants(c, r)) fail(c, ERR_LOST);
            ERR_clear_error();
            return;
        }
        c->out_at += (size_t)r;
    }
}

void tls_conn_finish(struct tls_conn *c) {
    if (c->state != OPEN) return;
    ERR_clear_error();
    (void)SSL_shutdown(c->ssl); /* one way: we do not wait for the peer's */
    ERR_clear_error();
    (void)shutdown(c->fd, SHUT_WR);
}

const struct tls_fault *tls_conn_fault(const struct tls_conn *c) { return &c->fault; }

int tls_conn_exporter(struct tls_conn *c, const char *label, uint8_t *out, size_t n) {
    if (c->state != OPEN) return ERR_WRONG_STATE;
    return SSL_export_keying_material(c->ssl, out, n, label, strlen(label), NULL, 0, 0) == 1 ? 0 : ERR_INTERNAL;
}
