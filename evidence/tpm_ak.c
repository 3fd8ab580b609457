/* evidence/tpm_ak.c - see tpm_ak.h. */
#include "evidence/tpm_ak.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include "evidence/vouched.h"
#include "evidence/x509.h"

/* ---- reading ---- */

static EVP_PKEY *of_certificate(struct ev_bytes bytes) {
    struct ev_certs certs = {.count = 0};
    EVP_PKEY *key = NULL;
    if (ev_certs_add(&certs, bytes) == 0 && certs.count == 1) key = X509_get_pubkey(certs.cert[0]);
    ev_certs_release(&certs);
    return key;
}

static EVP_PKEY *of_der(struct ev_bytes bytes) {
    const unsigned char *at = bytes.p;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)bytes.n);
    if (key && at != bytes.p + bytes.n) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    return key ? key : of_certificate(bytes);
}

static EVP_PKEY *of_pem(struct ev_bytes bytes) {
    BIO *in = BIO_new_mem_buf(bytes.p, (int)bytes.n);
    EVP_PKEY *key = in ? PEM_read_bio_PUBKEY(in, NULL, NULL, NULL) : NULL;
    BIO_free(in);
    return key ? key : of_certificate(bytes);
}

int tpm_ak_read(struct ev_bytes bytes, struct tpm_ak *out) {
    *out = (struct tpm_ak){.key = NULL};
    if (bytes.n < 4 || bytes.n > TPM_KEY_FILE_BYTES_MAX) return ERR_FORMAT;
    ERR_clear_error();
    int e = tpm_public_of(bytes, &out->public_area);
    out->has_public = e == 0;
    if (e == 0)
        out->key = tpm_public_key(&out->public_area);
    else if (bytes.p[0] == 0x30)
        out->key = of_der(bytes);
    else if (memmem(bytes.p, bytes.n, "-----BEGIN ", 11))
        out->key = of_pem(bytes);
    else
        return ERR_FORMAT;
    ERR_clear_error();
    if (out->key && tpm_key_allowed(out->key)) return 0;
    e = out->key || out->has_public ? ERR_UNSUPPORTED : ERR_FORMAT;
    tpm_ak_release(out);
    return e;
}

void tpm_ak_release(struct tpm_ak *ak) {
    EVP_PKEY_free(ak->key);
    *ak = (struct tpm_ak){.key = NULL};
}

/* ---- attributes ---- */

int tpm_ak_attributes(struct ev_report *r, int vouched, const struct tpm_public *p, const struct tpm_signature *sig) {
    const uint32_t set = TPM_FIXED_TPM | TPM_FIXED_PARENT | TPM_SENSITIVE_DATA_ORIGIN | TPM_RESTRICTED | TPM_SIGN;
    uint32_t missing = set & ~p->attributes, extra = p->attributes & TPM_DECRYPT;
    if (missing || extra)
        return ev_check_vouched(r, vouched, "ak_attributes", 0, EV_INVALID,
                                "%08x: lacks %08x, should not have %08x; an AK is fixed to its TPM, restricted, and signs only",
                                p->attributes, missing, extra);
    if (p->name_alg != TPM_ALG_SHA256)
        return ev_check_vouched(r, vouched, "ak_attributes", 0, EV_UNSUPPORTED, "its name is not made with SHA-256");
    int scheme = p->scheme != TPM_ALG_NULL && (sig->scheme == 0 || p->scheme == sig->scheme) && p->scheme_hash == sig->hash;
    return ev_check_vouched(r, vouched, "ak_attributes", scheme, EV_INVALID,
                            "made for signatures of scheme %04x with hash %04x, and this is one of %04x with %04x", p->scheme,
                            p->scheme_hash, sig->scheme, sig->hash);
}
