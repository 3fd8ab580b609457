/* net/tls_files.c - makes a server's own certificate and key when it has none: P-256, self-signed, ten years. */
#include "base/file.h"
#include "base/mem.h"
#include "net/tls.h"

#include <arpa/inet.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { YEARS = 10, SAN_BYTES = 4096, PEM_BYTES_MAX = 65536 };

/* Only characters of host names and addresses, so that a name cannot carry OpenSSL's extension syntax. */
static int name_plain(const char *s) {
    return s[0] && strlen(s) < 254 &&
           strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:_*") == strlen(s);
}

static int san_add(struct buf *b, const char *name) {
    unsigned char ip[16];
    int numeric = inet_pton(AF_INET, name, ip) == 1 || inet_pton(AF_INET6, name, ip) == 1;
    return buf_addf(b, "%s%s:%s", b->len ? "," : "", numeric ? "IP" : "DNS", name);
}

static int san_text(struct buf *b, const char *const *names, size_t count, struct why *why) {
    static const char *const always[] = {"localhost", "127.0.0.1", "::1"};
    char own[256] = "";
    int r = 0;
    buf_init(b, SAN_BYTES);
    for (size_t i = 0; r == 0 && i < sizeof always / sizeof always[0]; i++) r = san_add(b, always[i]);
    if (r == 0 && gethostname(own, sizeof own - 1) == 0 && name_plain(own)) r = san_add(b, own);
    for (size_t i = 0; r == 0 && i < count; i++) {
        if (!name_plain(names[i])) return why_set(why, ERR_USAGE, "%.80s: not a host name or address", names[i]);
        r = san_add(b, names[i]);
    }
    return r == 0 ? buf_add(b, "", 1) : r;
}

static int add_extension(X509 *cert, int nid, const char *value) {
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    int ok = ext && X509_add_ext(cert, ext, -1) == 1;
    X509_EXTENSION_free(ext);
    return ok;
}

static int fill(X509 *cert, EVP_PKEY *key, const char *san) {
    unsigned char serial[16];
    if (RAND_bytes(serial, sizeof serial) != 1) return 0;
    serial[0] = (unsigned char)((serial[0] & 0x7f) | 0x40); /* positive, and always 16 bytes */
    BIGNUM *n = BN_bin2bn(serial, sizeof serial, NULL);
    int ok = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(cert)) != NULL;
    BN_free(n);
    X509_NAME *name = X509_get_subject_name(cert);
    ok = ok && X509_set_version(cert, 2) == 1 && X509_gmtime_adj(X509_getm_notBefore(cert), -86400L) &&
         X509_time_adj_ex(X509_getm_notAfter(cert), YEARS * 365, 0, NULL) && X509_set_pubkey(cert, key) == 1 &&
         X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"lull", -1, -1, 0) == 1 &&
         X509_set_issuer_name(cert, name) == 1;
    return ok && add_extension(cert, NID_subject_alt_name, san) &&
           add_extension(cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
           add_extension(cert, NID_key_usage, "critical,digitalSignature,keyCertSign") &&
           add_extension(cert, NID_ext_key_usage, "serverAuth") && X509_sign(cert, key, EVP_sha256()) > 0;
}

static int write_bio(BIO *bio, const char *path, unsigned mode, struct why *why) {
    char *p = NULL;
    long n = BIO_get_mem_data(bio, &p);
    return n > 0 ? file_write(path, p, (size_t)n, mode, why) : ERR_NOMEM;
}

static int make(const char *cert_file, const char *key_file, const char *san, struct why *why) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    BIO *key_pem = BIO_new(BIO_s_mem()), *cert_pem = BIO_new(BIO_s_mem());
    int r = ERR_NOMEM;
    if (key && cert && key_pem && cert_pem && fill(cert, key, san) &&
        PEM_write_bio_PKCS8PrivateKey(key_pem, key, NULL, NULL, 0, NULL, NULL) == 1 && PEM_write_bio_X509(cert_pem, cert) == 1) {
        r = write_bio(key_pem, key_file, 0600, why);
        if (r == 0) r = write_bio(cert_pem, cert_file, 0644, why);
    }
    BIO_free(key_pem);
    BIO_free(cert_pem);
    X509_free(cert);
    EVP_PKEY_free(key);
    return r;
}

int tls_files_make(const char *cert_file, const char *key_file, const char *const *names, size_t name_count, struct why *why) {
    if (access(cert_file, F_OK) == 0 && access(key_file, F_OK) == 0) return 0;
    struct buf san;
    int r = san_text(&san, names, name_count, why);
    if (r == 0) r = make(cert_file, key_file, (const char *)san.data, why);
    buf_release(&san);
    return r;
}
