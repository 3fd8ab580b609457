/* net/tls_files.c - makes a server's own certificate and key when it has none: P-256, self-signed, ten years. A name that is
 * wanted later gets a new certificate of the same key. */
#include "base/file.h"
#include "base/mem.h"
#include "net/tls.h"

#include <arpa/inet.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { YEARS = 10, SAN_BYTES = 4096, PEM_BYTES_MAX = 65536 };

/* Only characters of host names and addresses, so that a name cannot carry OpenSSL's extension syntax. */
static int name_plain(const char *s) {
    return s[0] && strlen(s) < 254 &&
           strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:_*") == strlen(s);
}

/* The list is "DNS:a,IP:b", with a NUL behind it that is not counted. 1: added; 0: it was there; ERR_NOMEM. */
static int san_add(struct buf *b, const char *name) {
    unsigned char ip[16];
    char text[INET6_ADDRSTRLEN], entry[300];
    int family = inet_pton(AF_INET, name, ip) == 1 ? AF_INET : inet_pton(AF_INET6, name, ip) == 1 ? AF_INET6 : 0;
    if (family && inet_ntop(family, ip, text, sizeof text)) name = text; /* one spelling */
    size_t n = (size_t)snprintf(entry, sizeof entry, "%s:%.254s", family ? "IP" : "DNS", name);
    for (const char *at = b->len ? (const char *)b->data : NULL; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if (strncasecmp(at, entry, n) == 0 && (at[n] == ',' || at[n] == 0)) return 0;
    int r = buf_addf(b, "%s%s", b->len ? "," : "", entry);
    if (r == 0) r = buf_add(b, "", 1);
    if (r != 0) return r;
    b->len--;
    return 1;
}

static int san_add_all(struct buf *b, const char *const *names, size_t count, struct why *why) {
    int added = 0;
    for (size_t i = 0; i < count; i++) {
        if (!name_plain(names[i])) return why_set(why, ERR_USAGE, "%.80s: not a host name or address", names[i]);
        int r = san_add(b, names[i]);
        if (r < 0) return r;
        added |= r;
    }
    return added;
}

/* What every certificate of ours has. */
static int san_start(struct buf *b) {
    static const char *const always[] = {"localhost", "127.0.0.1", "::1"};
    char own[256] = "";
    int r = san_add_all(b, always, sizeof always / sizeof always[0], NULL);
    if (r >= 0 && gethostname(own, sizeof own - 1) == 0 && name_plain(own)) r = san_add(b, own);
    return r;
}

/* The names that a certificate has; one that we could not have put there is left out. */
static int san_of(struct buf *b, X509 *cert) {
    GENERAL_NAMES *all = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    int r = 0;
    for (int i = 0; r >= 0 && i < sk_GENERAL_NAME_num(all); i++) {
        const GENERAL_NAME *g = sk_GENERAL_NAME_value(all, i);
        char text[256] = "";
        int bytes = g->type == GEN_IPADD ? ASN1_STRING_length(g->d.iPAddress) : 0;
        if (g->type == GEN_DNS)
            snprintf(text, sizeof text, "%.*s", ASN1_STRING_length(g->d.dNSName),
                     (const char *)ASN1_STRING_get0_data(g->d.dNSName));
        if (bytes == 4 || bytes == 16)
            (void)inet_ntop(bytes == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(g->d.iPAddress), text, sizeof text);
        if (name_plain(text)) r = san_add(b, text);
    }
    GENERAL_NAMES_free(all);
    return r < 0 ? r : 0;
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

/* key_file NULL: the key is there already. */
static int write_files(EVP_PKEY *key, const char *cert_file, const char *key_file, const char *san, struct why *why) {
    X509 *cert = X509_new();
    BIO *key_pem = BIO_new(BIO_s_mem()), *cert_pem = BIO_new(BIO_s_mem());
    int r = ERR_NOMEM;
    if (key && cert && key_pem && cert_pem && fill(cert, key, san) &&
        PEM_write_bio_PKCS8PrivateKey(key_pem, key, NULL, NULL, 0, NULL, NULL) == 1 && PEM_write_bio_X509(cert_pem, cert) == 1) {
        r = key_file ? write_bio(key_pem, key_file, 0600, why) : 0;
        if (r == 0) r = write_bio(cert_pem, cert_file, 0644, why);
    }
    BIO_free(key_pem);
    BIO_free(cert_pem);
    X509_free(cert);
    return r;
}

/* Self-signed, under the name that fill() gives, and of this key. */
static int made_here(X509 *cert, EVP_PKEY *key) {
    char name[16];
    return cert && key && X509_self_signed(cert, 0) == 1 && X509_check_private_key(cert, key) == 1 &&
           X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, name, sizeof name) == 4 &&
           strcmp(name, "lull") == 0;
}

/* Both files are there. */
static int reissue(const char *cert_file, const char *key_file, const char *const *names, size_t count, struct buf *san,
                   struct why *why) {
    FILE *c = fopen(cert_file, "re"), *k = fopen(key_file, "re");
    X509 *cert = c ? PEM_read_X509(c, NULL, NULL, NULL) : NULL;
    EVP_PKEY *key = k ? PEM_read_PrivateKey(k, NULL, NULL, NULL) : NULL;
    int r = cert ? san_of(san, cert) : why_set(why, ERR_FORMAT, "%.200s: no certificate in PEM form", cert_file);
    if (r == 0) r = san_add_all(san, names, count, why); /* 1: some are new */
    if (r == 1 && !made_here(cert, key))
        r = why_set(why, ERR_EXISTS,
                    "%.120s: lacks a name of --name (%.80s%s), and was not made here: make it anew, or give it as --tls-cert",
                    cert_file, names[0], count > 1 ? ", ..." : "");
    if (r == 1) {
        r = write_files(key, cert_file, NULL, (const char *)san->data, why);
        if (r == 0) r = TLS_FILES_REISSUED;
    }
    ERR_clear_error();
    EVP_PKEY_free(key);
    X509_free(cert);
    if (c) fclose(c);
    if (k) fclose(k);
    return r;
}

int tls_files_make(const char *cert_file, const char *key_file, const char *const *names, size_t name_count, struct why *why) {
    int there = access(cert_file, F_OK) == 0 && access(key_file, F_OK) == 0, r = 0;
    if (there && (r = file_check(cert_file, 0, why)) == 0) r = file_check(key_file, 077, why);
    if (r != 0 || (there && !name_count)) return r;
    struct buf san;
    buf_init(&san, SAN_BYTES);
    if (there)
        r = reissue(cert_file, key_file, names, name_count, &san, why);
    else {
        r = san_start(&san);
        if (r >= 0) r = san_add_all(&san, names, name_count, why);
        EVP_PKEY *key = r >= 0 ? EVP_EC_gen("P-256") : NULL;
        if (r >= 0) r = write_files(key, cert_file, key_file, (const char *)san.data, why);
        EVP_PKEY_free(key);
    }
    buf_release(&san);
    return r;
}
