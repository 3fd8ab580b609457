/* net/tls_conn.h - one TLS connection on a non-blocking socket: connect, handshake, bytes in, bytes out. Used by h2 only.
 *
 * OpenSSL is driven directly: a write goes to the kernel in the same turn of the loop, and an end of file, an error and a
 * silent peer all end in the one call on_gone. */
#ifndef NET_TLS_CONN_H
#define NET_TLS_CONN_H

#include <openssl/types.h>

#include "net/addr.h"
#include "net/loop.h"
#include "net/tls.h"

/* A session that knows its role and, for clients, whom to expect and where to note what is wrong with the certificate (fault
 * outlives it); NULL: no memory. Inside net/ only. */
SSL *tls_ssl_new(struct tls *t, const char *host, struct tls_fault *fault);
/* OpenSSL's verify callback: changes nothing, notes why not. What a failed handshake's OpenSSL error means, unless the certificate was the reason. Inside net/ only. */
int tls_on_verify(int ok, X509_STORE_CTX *x);
void tls_fault_of_error(struct tls_fault *fault, unsigned long code);
int tls_is_server(const struct tls *t);

struct tls_conn;
struct tls_conn_events {
    void (*on_open)(void *arg, enum tls_proto proto); /* handshake done, certificate and ALPN checked */
    void (*on_bytes)(void *arg, const uint8_t *p, size_t n);
    void (*on_room)(void *arg); /* all output has gone to the kernel */
    /* Last call. ERR_NOTFOUND: could not connect; ERR_AUTH: handshake; ERR_LOST. Free the connection. */
    void (*on_gone)(void *arg, int err);
};
enum { TLS_CONN_OUT_MAX = 1 << 20 };

/* fd is taken over, also on failure. For clients fd is a connecting socket, and host is checked against the certificate. */
int tls_conn_new(struct tls_conn **out, struct loop *l, struct tls *t, int fd, const char *host, const struct tls_conn_events *ev,
                 void *arg);
/* Closes without a word; also from inside callbacks, none follows. NULL is fine. */
void tls_conn_free(struct tls_conn *c);
/* Queues n bytes (0 or ERR_NOMEM over TLS_CONN_OUT_MAX); tls_conn_flush writes what the kernel takes. */
int tls_conn_add(struct tls_conn *c, const void *p, size_t n);
void tls_conn_flush(struct tls_conn *c);
size_t tls_conn_waiting(const struct tls_conn *c);
/* close_notify and the end of our side; what was flushed still arrives. */
void tls_conn_finish(struct tls_conn *c);
/* In on_gone: more about ERR_NOTFOUND and ERR_AUTH. */
const struct tls_fault *tls_conn_fault(const struct tls_conn *c);
const char *tls_connect_text(int error_number); /* of a connect() that failed */
int tls_conn_exporter(struct tls_conn *c, const char *label, uint8_t *out, size_t n);

#endif
