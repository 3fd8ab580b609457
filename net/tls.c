/* net/tls.c - TLS 1.3 contexts; see tls.h. Certificate files are made in tls_files.c, connections live in tls_conn.c, and
 * tls_fault.c says why a handshake failed. */
#include "net/tls.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "net/tls_conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct tls {
    SSL_CTX *ctx;
    int is_server;
    int pinned;
    uint8_t pin[SHA256_BYTES];
};

static const unsigned char alpn_node[] = "\6lull/1", alpn_gateway[] = "\2h2", alpn_both[] = "\6lull/1\2h2";

static const char *ssl_reason(void) {
    const char *s = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return s ? s : "unknown reason";
}

static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in, unsigned in_len,
                   void *arg) {
    (void)ssl, (void)arg;
    unsigned char *chosen = NULL;
    if (SSL_select_next_proto(&chosen, out_len, alpn_both, sizeof alpn_both - 1, in, in_len) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/* SHA-256 of the DER SubjectPublicKeyInfo. */
static int spki_hash(X509 *cert, uint8_t out[SHA256_BYTES]) {
    unsigned char *der = NULL;
    int n = cert ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der) : -1;
    if (n <= 0) return ERR_FORMAT;
    sha256_of(out, der, (size_t)n);
    OPENSSL_free(der);
    return 0;
}

/* Pinned: the peer's key is the proof, its chain, name and dates are not looked at. TLS itself shows that it holds the key. */
static int on_verify_pin(X509_STORE_CTX *x, void *arg) {
    const struct tls *t = arg;
    uint8_t h[SHA256_BYTES];
    if (spki_hash(X509_STORE_CTX_get0_cert(x), h) == 0 && mem_equal_ct(h, t->pin, sizeof h)) {
        X509_STORE_CTX_set_error(x, X509_V_OK);
        return 1;
    }
    X509_STORE_CTX_set_error(x, X509_V_ERR_APPLICATION_VERIFICATION);
    (void)tls_on_verify(0, x);
    return 0;
}

static int new_context(struct tls **out, int is_server, struct why *why) {
    struct tls *t = mem_zalloc(1, sizeof *t);
    if (!t) return ERR_NOMEM;
    t->is_server = is_server;
    t->ctx = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
    if (!t->ctx || SSL_CTX_set_min_proto_version(t->ctx, TLS1_3_VERSION) != 1) {
        tls_free(t);
        return why_set(why, ERR_NOMEM, "TLS does not start: %s", ssl_reason());
    }
    SSL_CTX_set_session_cache_mode(t->ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(t->ctx, 0);
    SSL_CTX_set_options(t->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
    SSL_CTX_set_mode(t->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    *out = t;
    return 0;
}

int tls_server_new(struct tls **out, const char *cert_file, const char *key_file, struct why *why) {
    struct tls *t = NULL;
    int r = new_context(&t, 1, why);
    if (r != 0) return r;
    SSL_CTX_set_alpn_select_cb(t->ctx, on_alpn, NULL);
    r = file_check(cert_file, 0, why);
    if (r == 0) r = file_check(key_file, 0, why);
    if (r == 0 && SSL_CTX_use_certificate_chain_file(t->ctx, cert_file) != 1)
        r = why_set(why, ERR_FORMAT, "%.200s: no usable certificate: %s", cert_file, ssl_reason());
    else if (r == 0 &&
             (SSL_CTX_use_PrivateKey_file(t->ctx, key_file, SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(t->ctx) != 1))
        r = why_set(why, ERR_FORMAT, "%.200s: no usable key for the certificate: %s", key_file, ssl_reason());
    if (r != 0) {
        tls_free(t);
        return r;
    }
    *out = t;
    return 0;
}

static int pin_read(uint8_t out[SHA256_BYTES], const char *text, struct why *why) {
    static const char scheme[] = "sha256:";
    size_t n = sizeof scheme - 1;
    if (strncmp(text, scheme, n) != 0 || hex_decode(out, SHA256_BYTES, text + n, strlen(text + n)) != 0)
        return why_set(why, ERR_USAGE, "a pin is sha256: and 64 hexadecimal digits");
    return 0;
}

static int set_trust(struct tls *t, const struct tls_client_opts *o, struct why *why) {
    SSL_CTX_set_verify(t->ctx, SSL_VERIFY_PEER, tls_on_verify);
    if (o->pin) {
        t->pinned = 1;
        SSL_CTX_set_cert_verify_callback(t->ctx, on_verify_pin, t);
        return pin_read(t->pin, o->pin, why);
    }
    int r = o->ca_file ? file_check(o->ca_file, 0, why) : 0;
    if (r != 0) return r;
    int ok = o->ca_file ? SSL_CTX_load_verify_file(t->ctx, o->ca_file) : SSL_CTX_set_default_verify_paths(t->ctx);
    if (ok == 1) return 0;
    return why_set(why, ERR_FORMAT, "%.200s: no usable root certificates: %s", o->ca_file ? o->ca_file : "system", ssl_reason());
}

int tls_client_new(struct tls **out, const struct tls_client_opts *o, struct why *why) {
    struct tls *t = NULL;
    int r = new_context(&t, 0, why);
    if (r != 0) return r;
    r = set_trust(t, o, why);
    int node = o->proto == TLS_NODE;
    /* This call, unlike all others of OpenSSL, returns 0 for success. */
    if (r == 0 && SSL_CTX_set_alpn_protos(t->ctx, node ? alpn_node : alpn_gateway,
                                          (unsigned)(node ? sizeof alpn_node : sizeof alpn_gateway) - 1) != 0)
        r = ERR_NOMEM;
    if (r != 0) {
        tls_free(t);
        return r;
    }
    *out = t;
    return 0;
}

void tls_free(struct tls *t) {
    if (!t) return;
    if (t->ctx) SSL_CTX_free(t->ctx);
    free(t);
}

int tls_is_server(const struct tls *t) { return t->is_server; }

SSL *tls_ssl_new(struct tls *t, const char *host, struct tls_fault *fault) {
    SSL *ssl = SSL_new(t->ctx);
    if (!ssl) return NULL;
    if (t->is_server) {
        SSL_set_accept_state(ssl);
        return ssl;
    }
    SSL_set_connect_state(ssl);
    SSL_set_app_data(ssl, fault);
    unsigned char ip[16];
    int numeric = inet_pton(AF_INET, host, ip) == 1 || inet_pton(AF_INET6, host, ip) == 1;
    char name[ADDR_HOST_BYTES]; /* a copy, because OpenSSL's macro drops the const */
    snprintf(name, sizeof name, "%s", host);
    int ok = numeric || SSL_set_tlsext_host_name(ssl, name) == 1; /* RFC 6066: no addresses in SNI */
    if (ok && !t->pinned) {
        SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        ok = SSL_set1_host(ssl, host) == 1;
    }
    if (!ok) {
        SSL_free(ssl);
        return NULL;
    }
    return ssl;
}

int tls_pin_of_file(const char *cert_file, char out[TLS_PIN_BYTES], struct why *why) {
    uint8_t h[SHA256_BYTES];
    if (file_check(cert_file, 0, why) != 0) return ERR_FORMAT;
    FILE *f = fopen(cert_file, "re");
    X509 *cert = f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;
    if (f) fclose(f);
    int r = spki_hash(cert, h);
    X509_free(cert);
    if (r != 0) return why_set(why, ERR_FORMAT, "%.200s: no certificate in PEM form", cert_file);
    memcpy(out, "sha256:", 7);
    hex_encode(out + 7, h, sizeof h);
    return 0;
}
