/* evidence/x509.c - see x509.h. */
#include "evidence/x509.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/hash.h"
#include "evidence/pinned.h"

/* ---- reading ---- */

static int keep(struct ev_certs *c, X509 *cert) {
    if (!cert) return ERR_FORMAT;
    if (c->count == EV_CERTS_MAX) {
        X509_free(cert);
        return ERR_LIMIT;
    }
    c->cert[c->count++] = cert;
    return 0;
}

static int all_zero(const uint8_t *p, const uint8_t *end) {
    while (p < end && *p == 0) p++;
    return p == end;
}

static int add_der(struct ev_certs *c, const uint8_t *p, size_t n, int padded) {
    if (n > EV_CERT_BYTES_MAX) return ERR_LIMIT;
    const unsigned char *at = p;
    X509 *cert = d2i_X509(NULL, &at, (long)n);
    if (cert && at != p + n && !(padded && all_zero(at, p + n))) {
        X509_free(cert);
        cert = NULL;
    }
    return keep(c, cert);
}

/* OpenSSL skips what is between the certificates, and so do people who comment their files. */
static int add_pem(struct ev_certs *c, struct ev_bytes text, int padded) {
    BIO *in = BIO_new_mem_buf(text.p, (int)text.n);
    int r = in ? 0 : ERR_NOMEM;
    unsigned found = 0;
    while (r == 0) {
        char *name = NULL, *header = NULL;
        unsigned char *der = NULL;
        long n = 0;
        if (PEM_read_bio(in, &name, &header, &der, &n) != 1) break;
        r = strcmp(name, "CERTIFICATE") != 0 ? ERR_FORMAT : n < 0 ? ERR_FORMAT : add_der(c, der, (size_t)n, padded);
        found += r == 0;
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(der);
    }
    unsigned long why = ERR_peek_last_error();
    if (r == 0 && (found == 0 || ERR_GET_REASON(why) != PEM_R_NO_START_LINE)) r = ERR_FORMAT; /* stopped before the end */
    BIO_free(in);
    return r;
}

static int add(struct ev_certs *c, struct ev_bytes text, int padded) {
    if (text.n == 0) return ERR_FORMAT;
    if (text.n > (size_t)EV_CERTS_MAX * 2 * EV_CERT_BYTES_MAX) return ERR_LIMIT;
    ERR_clear_error();
    int r = text.p[0] == 0x30 ? add_der(c, text.p, text.n, padded) : add_pem(c, text, padded);
    ERR_clear_error();
    return r;
}

int ev_certs_add(struct ev_certs *c, struct ev_bytes text) { return add(c, text, 0); }

static int add_all(struct ev_certs *c, const struct ev_input *in, struct ev_report *r, int padded) {
    *c = (struct ev_certs){.count = 0};
    for (unsigned i = 0; i < in->chain_count; i++) {
        int e = add(c, in->chain[i], padded);
        if (e == ERR_LIMIT)
            return ev_fail(r, "certificates", EV_UNSUPPORTED, "number %u: over %d bytes, or over %d certificates", i + 1,
                           EV_CERT_BYTES_MAX, EV_CERTS_MAX);
        if (e != 0) return ev_fail(r, "certificates", EV_UNSUPPORTED, "number %u is no certificate in DER or PEM", i + 1);
    }
    return 1;
}

int ev_certs_of(struct ev_certs *c, const struct ev_input *in, struct ev_report *r) { return add_all(c, in, r, 0); }
int ev_certs_of_padded(struct ev_certs *c, const struct ev_input *in, struct ev_report *r) { return add_all(c, in, r, 1); }

void ev_certs_release(struct ev_certs *c) {
    for (unsigned i = 0; i < c->count; i++) X509_free(c->cert[i]);
    *c = (struct ev_certs){.count = 0};
}

/* ---- chains ---- */

struct ev_anchors ev_pinned(enum ev_roots roots) {
    return (struct ev_anchors){pinned_roots(roots), pinned_intermediates(roots)};
}

/* All that one check of a chain needs. */
struct chain {
    X509_STORE *store;
    X509_STORE_CTX *ctx;
    STACK_OF(X509) * others;
    STACK_OF(X509_CRL) * crls;
    struct ev_certs pinned; /* roots, then intermediates */
    unsigned roots;
};

static int read_pinned(struct chain *c, const char *const *pem) {
    int r = 0;
    for (; *pem && r == 0; pem++) r = ev_certs_add(&c->pinned, (struct ev_bytes){(const uint8_t *)*pem, strlen(*pem)});
    return r;
}

static int add_crls(struct chain *c, const struct ev_bytes *crls, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        const unsigned char *at = crls[i].p;
        X509_CRL *crl = crls[i].n > 0 && crls[i].n <= EV_CRL_BYTES_MAX ? d2i_X509_CRL(NULL, &at, (long)crls[i].n) : NULL;
        if (!crl) return ERR_FORMAT;
        if (at != crls[i].p + crls[i].n || !sk_X509_CRL_push(c->crls, crl)) {
            X509_CRL_free(crl);
            return ERR_FORMAT;
        }
    }
    return 0;
}

static int chain_init(struct chain *c, const struct ev_certs *others, const struct ev_anchors *anchors,
                      const struct ev_bytes *crls, unsigned crl_count) {
    *c = (struct chain){
        .store = X509_STORE_new(), .ctx = X509_STORE_CTX_new(), .others = sk_X509_new_null(), .crls = sk_X509_CRL_new_null()};
    if (!c->store || !c->ctx || !c->others || !c->crls) return ERR_NOMEM;
    int r = read_pinned(c, anchors->roots);
    c->roots = c->pinned.count;
    if (r == 0) r = read_pinned(c, anchors->intermediates);
    for (unsigned i = 0; i < c->pinned.count && r == 0; i++) {
        int good = i < c->roots ? X509_STORE_add_cert(c->store, c->pinned.cert[i]) : sk_X509_push(c->others, c->pinned.cert[i]);
        if (!good) r = ERR_NOMEM;
    }
    for (unsigned i = 0; i < others->count && r == 0; i++)
        if (!sk_X509_push(c->others, others->cert[i])) r = ERR_NOMEM;
    return r == 0 ? add_crls(c, crls, crl_count) : ERR_INTERNAL;
}

static void chain_release(struct chain *c) {
    X509_STORE_CTX_free(c->ctx);
    X509_STORE_free(c->store);
    sk_X509_free(c->others);
    sk_X509_CRL_pop_free(c->crls, X509_CRL_free);
    ev_certs_release(&c->pinned);
}

static int run(struct chain *c, X509 *leaf, const int64_t *now, int with_crls) {
    X509_VERIFY_PARAM *p = X509_VERIFY_PARAM_new();
    X509_STORE_CTX_cleanup(c->ctx);
    if (!p || X509_STORE_CTX_init(c->ctx, c->store, leaf, c->others) != 1) {
        X509_VERIFY_PARAM_free(p);
        return X509_V_ERR_OUT_OF_MEM;
    }
    if (now) X509_VERIFY_PARAM_set_time(p, (time_t)*now);
    X509_VERIFY_PARAM_set_depth(p, EV_CHAIN_MAX);
    X509_VERIFY_PARAM_set_purpose(p, X509_PURPOSE_ANY);
    /* without TRUSTED_FIRST a chain could end in a root of the evidence's that only looks like ours */
    /* with PARTIAL_CHAIN a pinned root need not sign itself: STMicroelectronics' is signed by another maker's */
    X509_VERIFY_PARAM_set_flags(p, (now ? X509_V_FLAG_USE_CHECK_TIME : X509_V_FLAG_NO_CHECK_TIME) | X509_V_FLAG_TRUSTED_FIRST |
                                       X509_V_FLAG_PARTIAL_CHAIN |
                                       (with_crls ? X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL : 0));
    X509_STORE_CTX_set0_param(c->ctx, p);
    X509_STORE_CTX_set0_crls(c->ctx, c->crls);
    ERR_clear_error();
    int good = X509_verify_cert(c->ctx) == 1;
    int e = good ? X509_V_OK : X509_STORE_CTX_get_error(c->ctx);
    ERR_clear_error();
    return good || e != X509_V_OK ? e : X509_V_ERR_UNSPECIFIED;
}

static int is_date(int e) {
    return e == X509_V_ERR_CERT_HAS_EXPIRED || e == X509_V_ERR_CERT_NOT_YET_VALID || e == X509_V_ERR_CRL_HAS_EXPIRED ||
           e == X509_V_ERR_CRL_NOT_YET_VALID;
}

static int note_chain(struct ev_report *r, int e, int depth) {
    const char *text = X509_verify_cert_error_string(e);
    if (is_date(e)) return ev_fail(r, "dates", EV_INVALID, "certificate %d of the chain: %s", depth, text);
    switch (e) {
    case X509_V_OK: ev_check(r, "chain", 1, EV_INVALID, " "); return ev_check(r, "dates", 1, EV_INVALID, " ");
    case X509_V_ERR_CERT_REVOKED: return ev_fail(r, "revoked", EV_INVALID, "certificate %d of the chain: %s", depth, text);
    case X509_V_ERR_OUT_OF_MEM: return ev_fail(r, "chain", EV_INTERNAL, "no memory");
    default: return ev_fail(r, "chain", EV_INVALID, "certificate %d of the chain: %s", depth, text);
    }
}

int ev_chain_check(struct ev_report *r, X509 *leaf, const struct ev_certs *others, const struct ev_anchors *anchors, int64_t now,
                   const struct ev_bytes *crls, unsigned crl_count) {
    struct chain c;
    int e = chain_init(&c, others, anchors, crls, crl_count), good;
    if (e == ERR_FORMAT)
        good = ev_fail(r, "revocation_list", EV_UNSUPPORTED, "a revocation list is not in DER, or is too large");
    else if (e != 0)
        good = ev_fail(r, "chain", EV_INTERNAL, "the pinned roots cannot be read");
    else {
        e = run(&c, leaf, &now, crl_count > 0);
        good = note_chain(r, e, X509_STORE_CTX_get_error_depth(c.ctx));
        /* OpenSSL stops at the first thing, from the root down: an issuer's date would hide a leaf that it never signed */
        int other = is_date(e) ? run(&c, leaf, NULL, crl_count > 0) : X509_V_OK;
        if (other != X509_V_OK) note_chain(r, other, X509_STORE_CTX_get_error_depth(c.ctx));
    }
    chain_release(&c);
    return good;
}

/* ---- single things ---- */

int ev_extension(const X509 *cert, const char *oid, struct ev_bytes *out) {
    *out = (struct ev_bytes){0};
    ASN1_OBJECT *o = OBJ_txt2obj(oid, 1);
    if (!o) return ERR_NOMEM;
    int at = X509_get_ext_by_OBJ(cert, o, -1), again = at < 0 ? -1 : X509_get_ext_by_OBJ(cert, o, at);
    ASN1_OBJECT_free(o);
    if (at < 0) return ERR_NOTFOUND;
    if (again >= 0) return ERR_FORMAT;
    const ASN1_OCTET_STRING *s = X509_EXTENSION_get_data(X509_get_ext(cert, at));
    *out = (struct ev_bytes){ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s)};
    return 0;
}

int ev_der_uint(struct ev_bytes der, uint64_t *out) {
    if (der.n < 3 || der.p[0] != 2 || der.p[1] != der.n - 2) return ERR_FORMAT;
    const uint8_t *p = der.p + 2;
    size_t n = der.n - 2;
    if (p[0] & 0x80) return ERR_RANGE; /* negative */
    if (p[0] == 0 && n > 1) {
        if (!(p[1] & 0x80)) return ERR_FORMAT; /* not the shortest form */
        p++, n--;
    }
    if (n > 8) return ERR_RANGE;
    *out = 0;
    for (size_t i = 0; i < n; i++) *out = *out << 8 | p[i];
    return 0;
}

void ev_cert_digest(const X509 *cert, uint8_t out[32]) {
    unsigned char *der = NULL;
    int n = i2d_X509((X509 *)(uintptr_t)cert, &der);
    memset(out, 0, 32);
    if (n > 0) sha256_of(out, der, (size_t)n);
    OPENSSL_free(der);
}

int ev_ecdsa_verify(EVP_PKEY *key, const char *digest, const uint8_t *r, const uint8_t *s, size_t n, struct ev_bytes message) {
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *br = BN_bin2bn(r, (int)n, NULL), *bs = BN_bin2bn(s, (int)n, NULL);
    unsigned char *der = NULL;
    int result = ERR_INTERNAL, len = 0;
    if (sig && br && bs && ECDSA_SIG_set0(sig, br, bs) == 1) {
        br = bs = NULL;
        len = i2d_ECDSA_SIG(sig, &der);
    }
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (len > 0 && ctx) {
        result = EVP_DigestVerifyInit_ex(ctx, NULL, digest, NULL, NULL, key, NULL) == 1 &&
                 EVP_DigestVerify(ctx, der, (size_t)len, message.p, message.n) == 1;
    }
    EVP_MD_CTX_free(ctx);
    OPENSSL_free(der);
    BN_free(br);
    BN_free(bs);
    ECDSA_SIG_free(sig);
    ERR_clear_error();
    return result;
}

EVP_PKEY *ev_ec_key(const char *curve, const uint8_t *x, const uint8_t *y, size_t n) {
    unsigned char point[1 + 2 * 66] = {4};
    EVP_PKEY *key = NULL;
    if (n > 66) return NULL;
    memcpy(point + 1, x, n);
    memcpy(point + 1 + n, y, n);
    OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
    OSSL_PARAM *params = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (b && ctx && OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME, curve, 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * n) == 1 &&
        (params = OSSL_PARAM_BLD_to_param(b)) != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) == 1) {
        EVP_PKEY_CTX *check = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
        if (!check || EVP_PKEY_public_check(check) != 1) {
            EVP_PKEY_free(key);
            key = NULL;
        }
        EVP_PKEY_CTX_free(check);
    }
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(b);
    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    return key;
}
