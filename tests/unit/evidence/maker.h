/* tests/unit/evidence/maker.h - a manufacturer for tests: certificates with keys of our own, where a signed field must change and the
 * signature be good all the same. The verifiers' inner functions take its root as their anchor. */
#ifndef TESTS_MAKER_H
#define TESTS_MAKER_H

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "evidence/x509.h"
#include "tests/check.h"

struct maker_cert {
    X509 *cert;
    EVP_PKEY *key;
    uint8_t der[8192];
    size_t n;
};
struct maker_opts {
    const char *name, *curve; /* NULL: "P-384" */
    int64_t from, to;         /* its dates */
    int ca;                   /* -1: says nothing about it */
    const char *usage;        /* NULL: keyCertSign for a CA, else digitalSignature; "": says nothing */
    const char *oid;          /* one extension more, not critical */
    const void *ext;
    size_t ext_n;
    EVP_PKEY *key; /* the key to use, in place of a new one */
};

static inline void maker_extend(X509 *cert, int nid, const char *value) {
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    CHECK(e && X509_add_ext(cert, e, -1) == 1);
    X509_EXTENSION_free(e);
}

static inline void maker_extend_raw(X509 *cert, const char *oid, const void *p, size_t n) {
    ASN1_OBJECT *o = OBJ_txt2obj(oid, 1);
    ASN1_OCTET_STRING *s = ASN1_OCTET_STRING_new();
    CHECK(o && s && ASN1_OCTET_STRING_set(s, p, (int)n) == 1);
    X509_EXTENSION *e = X509_EXTENSION_create_by_OBJ(NULL, o, 0, s);
    CHECK(e && X509_add_ext(cert, e, -1) == 1);
    X509_EXTENSION_free(e);
    ASN1_OBJECT_free(o);
    ASN1_OCTET_STRING_free(s);
}

/* issuer NULL: signs itself. */
static inline void maker_make(struct maker_cert *out, const struct maker_cert *issuer, const struct maker_opts *o) {
    static long serial = 1;
    *out = (struct maker_cert){.cert = X509_new(), .key = o->key};
    if (o->key)
        EVP_PKEY_up_ref(o->key);
    else
        out->key = EVP_EC_gen(o->curve ? o->curve : "P-384");
    CHECK(out->cert && out->key);
    CHECK(X509_set_version(out->cert, 2) == 1 && ASN1_INTEGER_set(X509_get_serialNumber(out->cert), serial++) == 1);
    X509_NAME *name = X509_get_subject_name(out->cert);
    CHECK(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)o->name, -1, -1, 0) == 1);
    CHECK(X509_set_issuer_name(out->cert, issuer ? X509_get_subject_name(issuer->cert) : name) == 1);
    CHECK(ASN1_TIME_set(X509_getm_notBefore(out->cert), (time_t)o->from) &&
          ASN1_TIME_set(X509_getm_notAfter(out->cert), (time_t)o->to));
    CHECK(X509_set_pubkey(out->cert, out->key) == 1);
    if (o->ca >= 0) maker_extend(out->cert, NID_basic_constraints, o->ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    const char *usage = o->usage ? o->usage : o->ca == 1 ? "critical,keyCertSign" : "critical,digitalSignature";
    if (*usage) maker_extend(out->cert, NID_key_usage, usage);
    if (o->oid) maker_extend_raw(out->cert, o->oid, o->ext, o->ext_n);
    CHECK(X509_sign(out->cert, issuer ? issuer->key : out->key, EVP_sha384()) > 0);
    unsigned char *at = out->der;
    int n = i2d_X509(out->cert, NULL);
    CHECK(n > 0 && (size_t)n <= sizeof out->der);
    out->n = (size_t)i2d_X509(out->cert, &at);
}

static inline void maker_release(struct maker_cert *c) {
    X509_free(c->cert);
    EVP_PKEY_free(c->key);
    *c = (struct maker_cert){0};
}

/* PEM of the certificate, for anchors. */
static inline void maker_pem(const struct maker_cert *c, char *out, size_t cap) {
    BIO *b = BIO_new(BIO_s_mem());
    char *text;
    CHECK(b && PEM_write_bio_X509(b, c->cert) == 1);
    long n = BIO_get_mem_data(b, &text);
    CHECK(n > 0 && (size_t)n < cap);
    memcpy(out, text, (size_t)n);
    out[n] = 0;
    BIO_free(b);
}

/* r || s, each of `half` bytes, over SHA-384. */
static inline void maker_sign(EVP_PKEY *key, const void *p, size_t n, uint8_t *out, size_t half) {
    unsigned char der[256];
    const unsigned char *at = der;
    size_t len = sizeof der;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    CHECK(ctx && EVP_DigestSignInit_ex(ctx, NULL, "SHA384", NULL, NULL, key, NULL) == 1 &&
          EVP_DigestSign(ctx, der, &len, p, n) == 1);
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)len);
    CHECK(sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, (int)half) == (int)half &&
          BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + half, (int)half) == (int)half);
    ECDSA_SIG_free(sig);
    EVP_MD_CTX_free(ctx);
}

/* A file of tests/data/evidence, from the repository's root. Returns its length. */
static inline size_t maker_file(const char *path, uint8_t *out, size_t cap) {
    char full[256];
    snprintf(full, sizeof full, "tests/data/evidence/%s", path);
    FILE *f = fopen(full, "rb");
    CHECK(f != NULL);
    size_t n = fread(out, 1, cap, f);
    CHECK(n > 0 && n < cap);
    fclose(f);
    return n;
}

/* ---- what a report says ---- */

static inline const char *report_fact(const struct ev_report *r, const char *name) {
    for (unsigned i = 0; i < r->facts; i++)
        if (strcmp(r->fact[i].name, name) == 0) return r->fact[i].text;
    return "";
}
static inline int report_unchecked(const struct ev_report *r, const char *name) {
    for (unsigned i = 0; i < r->uncheckeds; i++)
        if (strcmp(r->unchecked[i], name) == 0) return 1;
    return 0;
}
static inline int report_noted_good(const struct ev_report *r, const char *name) {
    for (unsigned i = 0; i < r->factors; i++)
        if (strcmp(r->factor[i].name, name) == 0 && r->factor[i].ok) return 1;
    return 0;
}

/* One row of a table of mutations: what must come of it. factor NULL: nothing fails. Prints what came, when it is another. */
static inline int maker_judged(const char *what, const struct ev_report *r, enum ev_verdict want, const char *factor) {
    int good = ev_report_verdict(r) == want && (factor ? ev_report_failed(r, factor) != NULL : 1);
    for (unsigned i = 0; i < r->factors && !good; i++)
        if (!r->factor[i].ok) printf("# %s: %s (%d): %s\n", what, r->factor[i].name, r->factor[i].as, r->factor[i].why);
    if (!good) printf("# %s: verdict %d, wanted %d by %s\n", what, ev_report_verdict(r), want, factor ? factor : "nothing");
    return good;
}

#endif
