/* net/tls_fault.c - a failed connection in words that help: which of the certificate's properties is wrong, what speaks there. */
#include "net/tls_conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

/* Letters of host names and addresses only: the text goes to a log. */
static void add_name(struct tls_fault *f, const char *name, size_t n) {
    size_t at = strlen(f->names);
    if (n == 0 || n >= 64 || at + n + 2 > sizeof f->names) return;
    for (size_t i = 0; i < n; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:_*", name[i]) || !name[i]) return;
    snprintf(f->names + at, sizeof f->names - at, "%s%.*s", at ? "," : "", (int)n, name);
}

static void add_general(struct tls_fault *f, const GENERAL_NAME *g, int loopback) {
    char text[INET6_ADDRSTRLEN];
    const char *name = text;
    size_t n = 0;
    if (g->type == GEN_DNS) {
        name = (const char *)ASN1_STRING_get0_data(g->d.dNSName);
        n = (size_t)ASN1_STRING_length(g->d.dNSName);
    } else if (g->type == GEN_IPADD) {
        int bytes = ASN1_STRING_length(g->d.iPAddress);
        if ((bytes == 4 || bytes == 16) &&
            inet_ntop(bytes == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(g->d.iPAddress), text, sizeof text))
            n = strlen(text);
    }
    int local = (n == 9 && memcmp(name, "localhost", 9) == 0) || (n == 9 && memcmp(name, "127.0.0.1", 9) == 0) ||
                (n == 3 && memcmp(name, "::1", 3) == 0);
    if (local == loopback) add_name(f, name, n);
}

/* Those of the loopback stand in every certificate that we make: last, since there is little room. */
static void note_names(struct tls_fault *f, X509 *cert) {
    GENERAL_NAMES *all = cert ? X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL) : NULL;
    f->names[0] = 0;
    for (int loopback = 0; loopback < 2; loopback++)
        for (int i = 0; i < sk_GENERAL_NAME_num(all); i++) add_general(f, sk_GENERAL_NAME_value(all, i), loopback);
    GENERAL_NAMES_free(all);
}

int tls_on_verify(int ok, X509_STORE_CTX *x) {
    const SSL *ssl = X509_STORE_CTX_get_ex_data(x, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls_fault *f = ssl ? SSL_get_app_data(ssl) : NULL;
    if (ok || !f || f->text) return ok;
    switch (X509_STORE_CTX_get_error(x)) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        f->text =
            "the certificate there is for other names: dial one of them, add yours by the coordinator's --name, or give --pin";
        note_names(f, X509_STORE_CTX_get0_cert(x));
        break;
    case X509_V_ERR_APPLICATION_VERIFICATION: f->text = "the key there is not the one of --pin"; break;
    case X509_V_ERR_CERT_NOT_YET_VALID:
    case X509_V_ERR_CERT_HAS_EXPIRED: f->text = "the certificate there is not valid today: see both clocks"; break;
    default:
        f->text =
            "the certificate there is of no issuer that is trusted: give the coordinator's tls.crt as --ca, or its key as --pin";
        break;
    }
    return ok;
}

void tls_fault_of_error(struct tls_fault *f, unsigned long code) {
    if (f->text || ERR_GET_LIB(code) != ERR_LIB_SSL) return;
    switch (ERR_GET_REASON(code)) {
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
    case SSL_R_BAD_RECORD_TYPE:
    case SSL_R_UNEXPECTED_MESSAGE:
        f->text = "what answers there does not speak TLS: is that the coordinator's --listen port?";
        break;
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION: f->text = "what answers there does not speak TLS 1.3: no lull coordinator"; break;
    default: f->text = "what answers there is no lull coordinator"; break;
    }
}

const char *tls_connect_text(int e) {
    switch (e) {
    case ECONNREFUSED: return "connection refused: nobody listens there";
    case ENETUNREACH:
    case EHOSTUNREACH: return "no route to that address";
    case ETIMEDOUT: return "no answer from that address";
    default: return "cannot be reached";
    }
}
